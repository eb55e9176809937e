//! Proxies from environment variables, through the real program: a proxy's errors are attributed to
//! the proxy.

use crate::support::model_server::{ModelServer, Reply};
use crate::support::world::{Output, World, feed};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// A host that only a proxy can reach.
const THERE: &str = "model.invalid";

/// Runs the program with a server at this URL and these environment variables.
fn asking(url: &str, retries: u32, variables: &[(&str, &str)]) -> Output {
    let world = World::empty();
    world.write(
        "redraft.yaml",
        &format!(
            "model: p/m\nproviders: {{p: {{kind: openai, base_url: '{url}', retries: {retries}, \
             retry_seconds: 0.001}}}}\n"
        ),
    );
    let mut command = world.command(&["new", "x", "--name", "s", "--auto", "--no-run"]);
    command.env_remove("NO_PROXY").envs(variables.iter().copied());
    feed(command, b"").expect(4)
}

/// A server on a free port that handles each connection with `serve`. Returns its address and the
/// request heads it received.
fn serving(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join("\n");
            seen.lock().unwrap().push(head);
            serve(stream);
        }
    });
    (address, heads)
}

/// A server that answers each request with this status, content type and body.
fn answering(status: &str, label: &str, body: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {label}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    serving(move |mut stream| {
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        // Read the rest: unread data would make the system reset the connection and drop the
        // response.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

#[test]
fn a_proxy_that_refuses_a_tunnel_is_reported_with_its_words() {
    // After each failed try, redraft connects once more to learn the reason.
    for (status, body, words, asked) in [
        ("403 Filtered", "<html>", "403 Filtered\n", 2),
        ("403 Filtered", "Ask the keeper.\x1b[2J", "403 Filtered: Ask the keeper.", 2),
        ("403 Forbidden", r#"{"error": {"message": "not here"}}"#, "403 Forbidden: not here", 2),
        ("407 Log in", "", "407 Log in", 2),
        ("499 ", "", "499 no reason given", 2),
        ("502 Bad Gateway", "no such host", "502 Bad Gateway: no such host", 4),
    ] {
        let (address, heads) = answering(status, "text/plain", body);
        let proxy = format!("http://me:secret@{address}");
        let out = asking(&format!("https://{THERE}/v1"), 1, &[("https_proxy", &proxy)]);
        let named = format!("the proxy of `https_proxy` opens no way to `{THERE}`: {words}");
        assert!(out.err.contains(&named), "{status}: {}", out.err);
        assert!(!out.err.contains("secret") && !out.err.contains('\x1b'), "{}", out.err);
        let heads = heads.lock().unwrap();
        assert_eq!(heads.len(), asked, "{heads:?}");
        for head in heads.iter() {
            assert!(head.starts_with(&format!("CONNECT {THERE}:443 ")), "{heads:?}");
            assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{heads:?}");
        }
    }
}

#[test]
fn a_proxy_that_hangs_up_is_reported() {
    let (address, _) = serving(|_| ());
    let proxy = format!("http://{address}");
    let out = asking(&format!("https://{THERE}/v1"), 0, &[("https_proxy", &proxy)]);
    let named = format!("the proxy of `https_proxy` opens no way to `{THERE}`: unexpected end");
    assert!(out.err.contains(&named), "{}", out.err);
}

/// A proxy that opens every tunnel and answers in it with a certificate that is not trusted.
const OPENS_TLS: &str = r"
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1], flush=True)
count = 0
while True:
    connection = server.accept()[0]
    head = b''
    while b'\r\n\r\n' not in head:
        head += connection.recv(1000)
    if head.startswith(b'END'):
        print(count, flush=True)
        break
    count += 1
    connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
    try:
        context.wrap_socket(connection, server_side=True)
    except (ssl.SSLError, OSError):
        pass
";

#[test]
fn an_untrusted_certificate_behind_a_proxy_is_reported_with_what_to_set() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/nobody_trusts_this.pem");
    let mut python = Command::new("python3");
    python.args(["-c", OPENS_TLS, file]).stdout(Stdio::piped());
    let mut server = python.spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap());
    let mut port = String::new();
    said.read_line(&mut port).unwrap();
    let proxy = format!("http://127.0.0.1:{}", port.trim());
    let out = asking(&format!("https://{THERE}/v1"), 3, &[("HTTPS_PROXY", &proxy)]);
    let mut end = TcpStream::connect(proxy.trim_start_matches("http://")).unwrap();
    end.write_all(b"END\r\n\r\n").unwrap();
    let mut count = String::new();
    said.read_line(&mut count).unwrap();
    server.wait().unwrap();
    assert!(out.err.contains(&format!("can't trust `{THERE}`: ")), "{}", out.err);
    assert!(out.err.contains("certificate") && out.err.contains("`SSL_CERT_FILE`"), "{}", out.err);
    assert_eq!(count.trim(), "1", "it was tried again");
}

#[test]
fn an_invalid_proxy_address_is_reported_and_not_ignored() {
    for value in ["http//me:secret@p:3128", "ftp://me:secret@p", "http://me:secret@p:port"] {
        let out = asking(&format!("http://{THERE}/v1"), 3, &[("HTTP_PROXY", value)]);
        let words = "the proxy of `HTTP_PROXY` can't be used: write it as http://HOST:PORT";
        assert!(out.err.contains(words), "{value}: {}", out.err);
        assert!(!out.err.contains("secret") && !out.out.contains("again"), "{}", out.err);
    }
}

#[test]
fn a_no_proxy_entry_can_name_a_port() {
    let (proxy, heads) = answering("418 x", "application/json", r#"{"message": "by the proxy"}"#);
    let proxy = format!("http://{proxy}");
    for (excepted, words) in [
        ("model.invalid:8080", "can't reach `model.invalid:8080`"),
        ("a.example, .invalid:8080", "can't reach `model.invalid:8080`"),
        ("model.invalid:1", "answered 418: by the proxy"),
    ] {
        let url = format!("http://{THERE}:8080/v1");
        let out = asking(&url, 0, &[("http_proxy", &proxy), ("NO_PROXY", excepted)]);
        assert!(out.err.contains(words), "{excepted}: {}", out.err);
    }
    assert_eq!(heads.lock().unwrap().len(), 1);
}

#[test]
fn a_proxy_s_403_page_is_not_reported_as_a_refused_key() {
    let (proxy, _) = answering("403 Filtered", "text/html", "<html>");
    let url = format!("http://{THERE}/v1");
    let out = asking(&url, 0, &[("http_proxy", &format!("http://{proxy}"))]);
    assert!(
        out.err.contains("403: Filtered") && out.err.contains("proxy of `http_proxy`"),
        "{}",
        out.err
    );
    assert!(!out.err.contains("the key"), "{}", out.err);
}

#[test]
fn header_names_are_sent_in_title_case() {
    let (address, heads) = answering("418 x", "application/json", r#"{"message": "m"}"#);
    asking(&format!("http://{address}/v1"), 0, &[]);
    let heads = heads.lock().unwrap();
    for name in ["Content-Length: ", "Content-Type: ", "Host: "] {
        assert_eq!(heads[0].matches(name).count(), 1, "{heads:?}");
    }
}

#[test]
fn a_socks_proxy_carries_requests() {
    let server = ModelServer::start(|_| Reply::refusal(418, "it came through"));
    let behind = server.base_url().trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("socks5h://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        let mut greeting = [0; 2];
        client.read_exact(&mut greeting).unwrap();
        let mut ways = vec![0; usize::from(greeting[1])];
        client.read_exact(&mut ways).unwrap();
        client.write_all(&[5, 0]).unwrap();
        let mut head = [0; 5];
        client.read_exact(&mut head).unwrap();
        let mut name = vec![0; usize::from(head[4]) + 2];
        client.read_exact(&mut name).unwrap();
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut there = TcpStream::connect(behind).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), there.try_clone().unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut there, &mut client);
        String::from_utf8_lossy(&name[..name.len() - 2]).into_owned()
    });
    let out = asking(&format!("http://{THERE}/v1"), 0, &[("ALL_PROXY", &proxy)]);
    assert!(out.err.contains("answered 418: it came through"), "{}", out.err);
    drop(server);
    assert_eq!(asked.join().unwrap(), THERE);
}
