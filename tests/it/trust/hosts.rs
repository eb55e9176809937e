//! Scripts with access to some hosts that try to reach others. Each row reaches the forbidden
//! server only if it is allowed, or as an unconfined child, without which the test could not fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redraft::domain::settings::SandboxMode;
use redraft::python::interpreter::{Interpreter, find};
use redraft::sandbox::{Content, Done, Input, Job, Limits, RunnerError, runner_by};
use tokio_util::sync::CancellationToken;

/// The servers' responses.
const ALLOWED: &str = "from the allowed server";
const REACHED: &str = "from the other server";

/// How a row shows that it does harm when nothing prevents it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// When the other server is allowed too.
    OnTheList,
    /// As an unconfined child.
    Bare,
}
use Harm::{Bare, OnTheList};

/// The beginning of every script: the servers' ports, and two ways to send requests.
const PRELUDE: &str = r"
import os, socket, sys, http.client, urllib.request
PROXY = int(os.environ.get('HTTP_PROXY', 'http://x:0').rsplit(':', 1)[1])
def get(url, **more):
    try:
        print(urllib.request.urlopen(url, timeout=20, **more).read().decode())
    except Exception as error:
        print('ERROR', error, getattr(error, 'read', bytes)().decode())
def raw(text, port=PROXY, host='127.0.0.1'):
    try:
        with socket.create_connection((host, port), timeout=20) as s:
            s.sendall(text.replace('\n', '\r\n').encode())
            while chunk := s.recv(4096):
                print(chunk.decode(), end='')
    except Exception as error:
        print('ERROR', error)
";

/// The attacker's gain, how it is shown, the script, and the reported hosts; `B` is the other
/// server's port.
type Row = (&'static str, Harm, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    ("any host, by plain HTTP", OnTheList, "get(f'http://127.0.0.1:{B}/')", &["127.0.0.1:B"]),
    (
        "any host, by a tunnel",
        OnTheList,
        "raw(f'CONNECT 127.0.0.1:{B} HTTP/1.1\\n\\nGET / HTTP/1.1\\n\\n')",
        &["127.0.0.1:B"],
    ),
    (
        "any host, by a client that knows nothing of proxies",
        Bare,
        "raw('GET / HTTP/1.1\\n\\n', B)",
        &[],
    ),
    (
        "any host, by a client that is told of none",
        Bare,
        "urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))\n\
         get(f'http://127.0.0.1:{B}/')",
        &[],
    ),
    (
        "any host, by this machine's other names of itself",
        Bare,
        "for host in 'localhost', '127.1.2.3', '0.0.0.0', '::ffff:127.0.0.1':\n\
         \x20   raw('GET / HTTP/1.1\\n\\n', B, host)",
        &[],
    ),
    (
        "a way out by datagrams, as names are looked up with",
        Bare,
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         try: s.sendto(b'secret', ('127.0.0.1', UDP))\n\
         except OSError as error: print('ERROR', error)",
        &[],
    ),
    (
        "a host that an allowed one sends it to",
        OnTheList,
        "get(f'http://127.0.0.1:{A}/to/{B}')",
        &["127.0.0.1:B"],
    ),
    (
        "a host behind the first one, on the same connection",
        OnTheList,
        "c = http.client.HTTPConnection('127.0.0.1', PROXY, timeout=20)\n\
         for port in A, B:\n\
         \x20   try:\n\
         \x20       c.request('GET', f'http://127.0.0.1:{port}/', headers={'Proxy-Connection': 'keep-alive'})\n\
         \x20       print(c.getresponse().read().decode())\n\
         \x20   except Exception as error: print('ERROR', error)",
        &["127.0.0.1:B"],
    ),
    (
        "a host behind a user's name that looks like an allowed one",
        OnTheList,
        // Without the user name, the request gets there if that host is allowed.
        "raw(f'GET http://127.0.0.1:{A}@127.0.0.1:{B}/ HTTP/1.1\\n\\n')\n\
         raw(f'GET http://127.0.0.1:{B}/ HTTP/1.1\\n\\n')",
        &["127.0.0.1:B"],
    ),
    (
        "this machine by its name, where its address is allowed at one port",
        OnTheList,
        "get(f'http://LocalHost.:{B}/')\n",
        &["localhost:B"],
    ),
    (
        "an address that is written as one number",
        OnTheList,
        "get(f'http://2130706433:{B}/')\nget(f'http://0x7f.1:{B}/')",
        &["127.0.0.1:B"],
    ),
    (
        "an address of IPv4 that is written as one of IPv6",
        OnTheList,
        "raw(f'GET http://[::ffff:127.0.0.1]:{B}/ HTTP/1.1\\n\\n')\n\
         raw(f'CONNECT [::ffff:7f00:1]:{B} HTTP/1.1\\n\\nGET / HTTP/1.1\\n\\n')",
        &["127.0.0.1:B"],
    ),
    (
        "a host by a process that it starts",
        OnTheList,
        "import subprocess\n\
         code = f'import urllib.request as r; print(r.urlopen(\"http://127.0.0.1:{B}/\").read())'\n\
         subprocess.run([sys.executable, '-c', code])",
        &["127.0.0.1:B"],
    ),
    (
        "a host in a second request that it sends ahead",
        OnTheList,
        "raw(f'GET http://127.0.0.1:{A}/ HTTP/1.1\\nHost: x\\n\\nGET http://127.0.0.1:{B}/ HTTP/1.1\\n\\n')\n\
         get(f'http://127.0.0.1:{B}/')",
        &["127.0.0.1:B"],
    ),
    (
        "an open handle of the way out, to accept its own requests by",
        Bare,
        "open_ones = [int(n) for n in os.listdir('/proc/self/fd')]\n\
         def is_socket(n):\n\
         \x20   try: return os.readlink(f'/proc/self/fd/{n}').startswith('socket:')\n\
         \x20   except OSError: return False\n\
         if any(map(is_socket, open_ones)): print('SOCKET')\n\
         raw('GET / HTTP/1.1\\n\\n', B)",
        &[],
    ),
];

/// A web server with a fixed response that redirects `/to/PORT` to that port and records its
/// requests.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(says: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, says, &kept));
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, says: &str, asked: &Mutex<Vec<String>>) {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while lines.read_line(&mut head).is_ok_and(|n| n > 2) {}
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    lines.read_exact(&mut body).unwrap();
    asked.lock().unwrap().push(head.clone());
    let to = head.strip_prefix("GET /to/").and_then(|rest| rest.split(' ').next());
    let (status, more) = match to {
        Some(port) => ("302 Found", format!("Location: http://127.0.0.1:{port}/\r\n")),
        None => ("200 OK", String::new()),
    };
    let length = says.len();
    let answer = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\n\r\n{says}");
    // In one write, after reading the whole request: otherwise closing may discard the response.
    let _ = stream.write_all(answer.as_bytes());
}

fn job(python: &Interpreter, script: &str, hosts: &[String]) -> Job {
    Job {
        program: python.path.clone(),
        args: ["script.py"].map(Into::into).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        inputs: vec![Input { name: "script.py".into(), content: Content::Text(script.to_owned()) }],
        readable: python.files(),
        hosts: hosts.to_vec(),
        programs: true,
        stdin: Vec::new(),
        limits: Limits {
            time: Duration::from_mins(1),
            memory: 1 << 30,
            processes: 64,
            disk: 64 << 20,
        },
        keep: 64 << 10,
        keep_files_in: None,
        stop: CancellationToken::new(),
        attached: false,
        terminal: false,
        hands: None,
        counted: Vec::new(),
    }
}

async fn run(mode: SandboxMode, job: Job) -> Result<Done, RunnerError> {
    let runner = runner_by(env!("CARGO_BIN_EXE_redraft"), mode);
    runner.run(job, &CancellationToken::new()).await
}

#[tokio::test]
async fn a_script_reaches_only_the_hosts_on_its_list() {
    let python = find(None).unwrap();
    let mut complaints = Vec::new();
    for (what, harm, script, told) in ROWS {
        let (allowed, other) = (Server::start(ALLOWED), Server::start(REACHED));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        let (a, b) = (allowed.port, other.port);
        let known = format!("A, B, UDP = {a}, {b}, {}\n", udp.local_addr().unwrap().port());
        let script = format!("{known}{PRELUDE}{script}\n");
        let reached = || {
            let datagram = udp.recv(&mut [0; 9]).is_ok();
            datagram || !other.asked().is_empty()
        };
        let hosts = vec![format!("127.0.0.1:{a}")];

        let done = run(SandboxMode::Strict, job(&python, &script, &hosts)).await.unwrap();
        let said = format!("{}{}", done.stdout.text, done.stderr.text);
        if reached() || said.contains(REACHED) || said.contains("SOCKET") {
            complaints.push(format!("{what}: got there\n{said}"));
        }
        let told: Vec<String> = told.iter().map(|t| t.replace('B', &b.to_string())).collect();
        if done.refused_hosts != told {
            complaints.push(format!("{what}: told is {:?}\n{said}", done.refused_hosts));
        }

        let (mode, hosts) = match harm {
            Bare => (SandboxMode::Off, hosts),
            OnTheList => {
                let others = [format!("127.0.0.1:{b}"), format!("localhost:{b}")];
                (SandboxMode::Strict, [hosts, others.to_vec()].concat())
            }
        };
        let done = run(mode, job(&python, &script, &hosts)).await.unwrap();
        if !reached() {
            let said = format!("{}{}", done.stdout.text, done.stderr.text);
            complaints.push(format!("{what}: can do no harm where it is let\n{said}"));
        }
    }
    assert!(ROWS.len() >= 15);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The client's action, its script, and its output.
const CLIENTS: &[(&str, &str, &str)] = &[
    ("asks an allowed host", "get(f'http://127.0.0.1:{A}/')", ALLOWED),
    ("writes it otherwise", "get(f'http://2130706433:{A}/x?y')", ALLOWED),
    (
        "asks by a tunnel",
        "raw(f'CONNECT 127.0.0.1:{A} HTTP/1.1\\n\\nGET / HTTP/1.1\\n\\n')",
        ALLOWED,
    ),
    (
        "sends a body",
        "get(urllib.request.Request(f'http://127.0.0.1:{A}/', data=b'x' * 100_000, method='PUT'))",
        ALLOWED,
    ),
    (
        "asks for what an allowed host knows of another one",
        "raw(f'GET http://127.0.0.1:{A}/ HTTP/1.1\\nHost: other.org\\n\\n')",
        ALLOWED,
    ),
    (
        "asks twice",
        "for _ in range(2):\n\
         \x20   c = http.client.HTTPConnection('127.0.0.1', PROXY)\n\
         \x20   c.request('GET', f'http://127.0.0.1:{A}/')\n\
         print(c.getresponse().read().decode())",
        ALLOWED,
    ),
    (
        "asks a hundred times at once",
        "from concurrent.futures import ThreadPoolExecutor as Pool\n\
         def one(_): return urllib.request.urlopen(f'http://127.0.0.1:{A}/').read()\n\
         with Pool(20) as pool: print(len(list(pool.map(one, range(100)))))",
        "100",
    ),
    (
        "sees why it is refused, in a tunnel too",
        "get('https://api.b.org/')",
        "Tunnel connection failed: 403 redraft: `api.b.org:443` is not allowed; allowed is `127.0.0.1:A`",
    ),
    (
        "sees why it is refused",
        "get('http://api.b.org/x')",
        "redraft: `api.b.org:80` is not allowed",
    ),
    (
        "finds the certificates of this machine",
        "import ssl\nc = ssl.create_default_context()\n\
         p = ssl.get_default_verify_paths()\n\
         print('CERTIFICATES' if p.cafile or p.capath else 'none', p)",
        "CERTIFICATES",
    ),
];

#[tokio::test]
async fn http_clients_work_through_the_proxy_or_say_why_not() {
    let python = find(None).unwrap();
    let mut complaints = Vec::new();
    for (what, script, prints) in CLIENTS {
        let allowed = Server::start(ALLOWED);
        let port = allowed.port;
        let script = format!("A = {port}\n{PRELUDE}{script}\n");
        let hosts = [format!("127.0.0.1:{port}")];
        let done = run(SandboxMode::Strict, job(&python, &script, &hosts)).await.unwrap();
        let prints = prints.replace(":A", &format!(":{port}"));
        if !done.stdout.text.contains(&prints) {
            complaints.push(format!("{what}:\n{}{}", done.stdout.text, done.stderr.text));
        }
        let own = format!("\r\nHost: 127.0.0.1:{port}\r\n");
        let strange = allowed
            .asked()
            .into_iter()
            .filter(|head| !head.contains(&own) && !script.contains("CONNECT"));
        complaints.extend(strange.map(|head| format!("{what}: {head}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A server in Python with its own certificate.
struct Tls(Child, u16);

impl Tls {
    fn start(python: &Interpreter) -> Self {
        let code = "import http.server, ssl, sys\n\
            class Says(http.server.BaseHTTPRequestHandler):\n\
            \x20   def do_GET(self):\n\
            \x20       self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[3].encode())\n\
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(*sys.argv[1:3])\n\
            s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Says)\n\
            s.socket = c.wrap_socket(s.socket, server_side=True)\n\
            print(s.server_port, flush=True); s.serve_forever()";
        let fixture =
            |name| format!("{}/tests/it/fixtures/hosts/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(&python.path)
            .args(["-c", code, &fixture("localhost.crt"), &fixture("localhost.key"), ALLOWED])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().parse().unwrap())
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_tunnel_carries_tls_to_the_host_itself() {
    let python = find(None).unwrap();
    let tls = Tls::start(&python);
    let port = tls.1;
    let certificate = include_str!("../fixtures/hosts/localhost.crt");
    let script = |host: &str| {
        format!(
            "{PRELUDE}import ssl\nget('https://{host}:{port}/', \
             context=ssl.create_default_context(cadata='''{certificate}'''))\n"
        )
    };
    for (hosts, asks, says) in [
        (format!("localhost:{port}"), "localhost", ALLOWED),
        ("LOCALHOST.".to_owned(), "localhost", ALLOWED),
        (format!("127.0.0.1:{port}"), "127.0.0.1", ALLOWED),
        (format!("127.0.0.1:{port}"), "localhost", "Tunnel connection failed: 403 redraft: "),
        (format!("localhost:{}", port ^ 1), "localhost", "Tunnel connection failed: 403 redraft: "),
    ] {
        let job = job(&python, &script(asks), std::slice::from_ref(&hosts));
        let done = run(SandboxMode::Strict, job).await.unwrap();
        let said = format!("{}{}", done.stdout.text, done.stderr.text);
        assert!(said.contains(says), "{asks} by {hosts}: {said}");
        assert_eq!(done.refused_hosts.is_empty(), says == ALLOWED, "{asks} by {hosts}");
    }
}

#[tokio::test]
async fn without_a_host_list_nothing_is_reachable_and_an_invalid_one_fails() {
    let python = find(None).unwrap();
    let server = Server::start(REACHED);
    let here = format!("127.0.0.1:{}", server.port);
    let script = format!(
        "{PRELUDE}get('http://{here}/')\nprint([n for n in os.environ if 'proxy' in n.lower()])"
    );
    let done = run(SandboxMode::Strict, job(&python, &script, &[])).await.unwrap();
    assert!(done.stdout.text.contains("Connection refused"), "{}", done.stdout.text);
    assert!(done.stdout.text.ends_with("[]\n"), "{}", done.stdout.text);
    // Without network isolation, a list of hosts has no effect.
    for mode in [SandboxMode::Network, SandboxMode::Off] {
        let hosts = ["api.example.org".to_owned()];
        let done = run(mode, job(&python, &script, &hosts)).await.unwrap();
        assert!(done.stdout.text.contains(REACHED), "{}", done.stdout.text);
        assert!(done.stdout.text.ends_with("[]\n"), "{}", done.stdout.text);
    }
    server.asked();
    for wrong in ["*", "https://a.org", "a.org:x", ""] {
        let hosts = [here.clone(), wrong.to_owned()];
        let error = run(SandboxMode::Strict, job(&python, &script, &hosts)).await.unwrap_err();
        assert!(error.to_string().contains(&format!("`{wrong}` is no host")), "{error}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_program_can_still_connect_to_itself() {
    let python = find(None).unwrap();
    let script = format!(
        "{PRELUDE}import http.server, threading\n\
         s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n\
         threading.Thread(target=s.serve_forever, daemon=True).start()\n\
         get(f'http://localhost:{{s.server_port}}/script.py')"
    );
    let hosts = ["api.example.org".to_owned()];
    let done = run(SandboxMode::Strict, job(&python, &script, &hosts)).await.unwrap();
    assert!(done.stdout.text.contains("serve_forever"), "{}", done.stdout.text);
}

#[tokio::test]
async fn tunnels_are_closed_when_the_run_ends() {
    let python = find(None).unwrap();
    let server = Server::start(ALLOWED);
    // The script exits while a response is in transit, and leaves a process behind.
    let script = format!(
        "{PRELUDE}s = socket.create_connection(('127.0.0.1', PROXY))\n\
         s.sendall(b'CONNECT 127.0.0.1:{} HTTP/1.1\\r\\n\\r\\n')\nprint(s.recv(99))\n\
         if os.fork() == 0: s.recv(99)",
        server.port
    );
    let hosts = [format!("127.0.0.1:{}", server.port)];
    let done = run(SandboxMode::Strict, job(&python, &script, &hosts)).await.unwrap();
    assert!(done.stdout.text.contains("200 Connection established"), "{}", done.stdout.text);
    // No tunnel to the server remains: state 01 is an open connection.
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let to = format!("0100007F:{:04X}", server.port);
    let tunnel = table.lines().find(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(2) == Some(&to.as_str()) && words.get(3) == Some(&"01")
    });
    assert_eq!(tunnel, None);
}
