//! The proxy against servers on this machine, with names that resolve as a test says.

#![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

use std::sync::atomic::AtomicUsize;

use super::*;

/// Far more than anything here takes.
const LONG: Duration = Duration::from_mins(1);

/// A server that answers every connection with the same text and records what it received.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let place = kept.lock().unwrap().len();
                kept.lock().unwrap().push(String::new());
                tokio::spawn(async move {
                    let mut chunk = vec![0; 1 << 16];
                    while let Ok(n @ 1..) = stream.read(&mut chunk).await {
                        let text = String::from_utf8_lossy(&chunk[..n]);
                        kept.lock().unwrap()[place].push_str(&text);
                        if text.ends_with("\r\n\r\n") || text.ends_with("END") {
                            let _ = stream.write_all(answer.as_bytes()).await;
                        }
                    }
                });
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

/// A proxy for a list, for which all names have these addresses, and the number of lookups.
async fn proxy(
    list: &[String],
    names_lead_to: &[&str],
) -> (SocketAddr, Arc<Proxy>, Arc<AtomicUsize>) {
    let addresses: Vec<std::net::IpAddr> =
        names_lead_to.iter().map(|ip| ip.parse().unwrap()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve = move |_: String, port: u16| {
        count.fetch_add(1, Ordering::Relaxed);
        let found = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        async move { Ok(found) }.boxed()
    };
    let proxy = Proxy::new(list, Box::new(resolve)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(Arc::clone(&proxy).serve(listener));
    (at, proxy, asked)
}

/// The answer to a request, up to the end of the connection or up to `until`.
async fn said(at: SocketAddr, text: &str, until: &str) -> String {
    let work = async {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        loop {
            let whole = String::from_utf8_lossy(&all).into_owned();
            if !until.is_empty() && whole.contains(until) {
                return whole;
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(n @ 1..) => all.extend_from_slice(&chunk[..n]),
                _ => return whole,
            }
        }
    };
    timeout(LONG, work).await.unwrap()
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_unless_its_address_is_named() {
    let server = Server::start(FINE).await;
    let port = server.address.port();
    let name = "data.example.org".to_owned();
    for addresses in [&["127.0.0.1"][..], &["::ffff:127.0.0.1"], &["10.0.0.1", "127.0.0.1"]] {
        let (at, proxy, _) = proxy(std::slice::from_ref(&name), addresses).await;
        for ask in [
            format!("GET http://{name}:{port}/ HTTP/1.1\r\n\r\n"),
            format!("CONNECT {name}:{port} HTTP/1.1\r\n\r\n"),
        ] {
            let answer = said(at, &ask, "").await;
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("leads to"), "{answer}");
        }
        assert!(proxy.refused()[0].ends_with(&format!(":{port}")), "{:?}", proxy.refused());
    }
    assert!(server.seen().is_empty(), "{:?}", server.seen());
    let list = [name.clone(), format!("127.0.0.1:{port}")];
    let (at, proxy, asked) = proxy(&list, &["10.0.0.1", "127.0.0.1"]).await;
    let answer = said(at, &format!("GET http://{name}:{port}/ HTTP/1.1\r\n\r\n"), "fine").await;
    assert!(answer.ends_with("fine"), "{answer}");
    // A second lookup of the name could have another result.
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(proxy.refused().is_empty());
}

#[tokio::test]
async fn a_name_that_is_not_on_the_list_is_not_looked_up() {
    let (at, proxy, asked) = proxy(&["a.org".to_owned()], &["127.0.0.1"]).await;
    for n in 0..30 {
        let answer = said(at, &format!("CONNECT b{n}.org:443 HTTP/1.1\r\n\r\n"), "").await;
        let told = format!("redraft: `b{n}.org:443` is not allowed; allowed is `a.org`");
        assert!(answer.starts_with(&format!("HTTP/1.1 403 {told}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{told}\n")), "{answer}");
        said(at, "CONNECT B0.org.:443 HTTP/1.1\r\n\r\n", "").await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "a look-up tells somebody the name");
    let refused = proxy.refused();
    assert_eq!(
        (refused.len(), refused[0].as_str(), refused[19].as_str()),
        (20, "b0.org:443", "b19.org:443")
    );
}

#[tokio::test]
async fn one_connection_serves_one_request() {
    let (first, second) = (Server::start(FINE).await, Server::start(FINE).await);
    let list = [first.address.to_string()];
    let (at, proxy, _) = proxy(&list, &[]).await;
    let (one, two) = (first.address, second.address);
    for (ask, sent) in [
        (
            format!(
                "GET http://{one}/1 HTTP/1.1\r\nHost: {two}\r\n\r\nGET http://{two}/2 HTTP/1.1\r\n\r\n"
            ),
            format!("GET /1 HTTP/1.1\r\nHost: {one}\r\nConnection: close\r\n\r\n"),
        ),
        (
            format!(
                "POST http://{one}/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nENDGET /2 HTTP/1.1\r\nHost: {two}\r\n\r\n"
            ),
            format!(
                "POST / HTTP/1.1\r\nHost: {one}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nEND"
            ),
        ),
    ] {
        let before = first.seen().len();
        let answer = said(at, &ask, "fine").await;
        assert!(answer.contains("Connection: close") && answer.ends_with("fine"), "{answer}");
        assert_eq!(first.seen()[before..], [sent], "{ask}");
    }
    assert!(second.seen().is_empty());
    assert!(proxy.refused().is_empty(), "what was never looked at was not tried either");
}

#[tokio::test]
async fn a_tunnel_passes_on_what_it_is_given() {
    let server = Server::start("and back").await;
    let (at, ..) = proxy(&[format!("localhost:{}", server.address.port())], &[]).await;
    let port = server.address.port();
    let ask = format!("CONNECT LocalHost.:{port} HTTP/1.1\r\n\r\nthere END");
    let answer = said(at, &ask, "and back").await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\nand back");
    assert_eq!(server.seen(), ["there END"]);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let odd = Server::start("no HTTP at all\r\n\r\n").await;
    let (at, ..) = proxy(&["127.0.0.1".to_owned(), "a.org".to_owned()], &[]).await;
    for (ask, status) in [
        (format!("GET http://{closed}/ HTTP/1.1\r\n\r\n"), "502"),
        (format!("CONNECT {closed} HTTP/1.1\r\n\r\n"), "502"),
        (format!("GET http://{}/ HTTP/1.1\r\n\r\n", odd.address), "502"),
        ("GET http://a.org/ HTTP/1.1\r\n\r\n".to_owned(), "502"),
        ("GET http://127.0.0.1@b.org/ HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET http://a.org/ HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(100_000)), "431"),
    ] {
        let answer = said(at, &ask, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} redraft: ")), "{answer}");
    }
}

#[test]
fn a_list_with_a_mistake_is_none() {
    assert!(Proxy::of(&[]).unwrap().is_none());
    assert!(Proxy::of(&["a.org".to_owned(), "*.b.org".to_owned()]).is_err());
}

#[test]
fn a_program_may_talk_to_itself_past_the_proxy_unless_the_list_means_this_machine() {
    for (hosts, own) in [
        (&["a.org"][..], "localhost,127.0.0.1,::1"),
        (&["a.org", "localhost:80"], ""),
        (&["127.0.0.1:80"], ""),
        (&["[::1]"], ""),
    ] {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let environment = environment(&hosts, 1234);
        let get = |name: &str| {
            let found = environment.iter().find(|(is, _)| is == name);
            found.and_then(|(_, value)| value.to_str()).unwrap()
        };
        assert_eq!(
            (get("https_proxy"), get("HTTP_PROXY")),
            ("http://127.0.0.1:1234", "http://127.0.0.1:1234")
        );
        assert_eq!((get("NO_PROXY"), get("no_proxy")), (own, own), "{hosts:?}");
    }
}
