//! `redraft serve`: the real server, tested with raw HTTP, as browsers send it and as they do not.

use crate::support::model_server::Reply;
use crate::support::pty::Pty;
use crate::support::served::{Answer, Served};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// Starts the server with these additional arguments.
fn start(world: &World, more: &[&str]) -> Served {
    let mut child = world.start(&[&["serve", "--listen", "127.0.0.1:0"][..], more].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.find_map(|line| line.unwrap().strip_prefix("http://").map(str::to_owned));
    let url = url.expect("an address");
    let (address, token) = url.split_once("/?token=").expect("a token");
    Served { address: address.to_owned(), token: token.to_owned(), child }
}

impl Served {
    fn ask(&self, head: &str, body: &str) -> Answer {
        let length = body.len();
        let request =
            format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        self.exchange(&request).expect("a whole answer")
    }

    /// A browser that opened the printed URL.
    fn browser(&self) -> Browser<'_> {
        let head = format!("GET /?token={} HTTP/1.1\r\nHost: {}", self.token, self.address);
        let answer = self.ask(&head, "");
        assert_eq!(answer.status, 303, "{answer:?}");
        assert!(answer.head.contains("location: /\r\n") || answer.head.ends_with("location: /"));
        let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.expect("a cookie");
        assert!(cookie.contains("httponly") && cookie.contains("samesite=strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Browser { served: self, cookie }
    }
}

struct Browser<'a> {
    served: &'a Served,
    cookie: String,
}

impl Browser<'_> {
    fn head(&self, method: &str, path: &str) -> String {
        let (address, cookie) = (&self.served.address, &self.cookie);
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}")
    }

    #[track_caller]
    fn get(&self, path: &str, status: u16) -> Answer {
        let answer = self.served.ask(&self.head("GET", path), "");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer
    }

    #[track_caller]
    fn post(&self, path: &str, value: &Value, status: u16) -> Answer {
        let head = self.head("POST", path);
        let origin = &self.served.address;
        let head = format!("{head}\r\nOrigin: http://{origin}\r\nContent-Type: application/json");
        let answer = self.served.ask(&head, &value.to_string());
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer
    }

    /// The messages of a session from now on.
    fn follow(&self, name: &str) -> Messages {
        let head = self.head("GET", &format!("/sessions/{name}/events"));
        Messages { lines: BufReader::new(self.served.send(&format!("{head}\r\n\r\n"))) }
    }

    fn answer(&self, name: &str, question: &Value, answer: &Value, status: u16) -> Answer {
        let value = json!({ "question": question["id"], "answer": answer });
        self.post(&format!("/sessions/{name}/answer"), &value, status)
    }
}

struct Messages {
    lines: BufReader<TcpStream>,
}

impl Messages {
    fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the messages ended");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).expect(data);
            }
        }
    }

    /// All messages up to the first one of this kind, which comes last.
    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut seen = vec![self.next()];
        while seen[seen.len() - 1]["message"] != kind {
            assert_ne!(seen[seen.len() - 1]["message"], "ended", "{seen:?}");
            seen.push(self.next());
        }
        seen
    }

    fn question(&mut self, gate: &str) -> Value {
        let question = self.until("question").pop().unwrap();
        assert_eq!(question["gate"], gate);
        question
    }
}

fn counting() -> World {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')\nprint('two')")], &[ACCEPT]);
    world.write("more.yaml", "sandbox: { mode: 'off' }\n");
    world
}

const CONFIG: [&str; 2] = ["--config", "more.yaml"];

#[test]
fn only_browsers_with_the_token_and_the_server_s_origin_get_in() {
    let world = World::empty();
    let served = start(&world, &[]);
    let browser = served.browser();
    let (own, port) = (served.address.as_str(), served.port());
    let [origin, other] = [own, "evil.example"].map(|host| format!("http://{host}"));
    let [named, local] = ["evil.example", "localhost"].map(|name| format!("{name}:{port}"));
    let (cookie, origin, other) = (browser.cookie.as_str(), origin.as_str(), other.as_str());
    let (named, local) = (named.as_str(), local.as_str());
    let json = "application/json";
    for (what, method, path, host, cookie, origin, kind, status) in [
        ("no token", "GET", "/", own, "", "", "", 403),
        ("no token, a post", "POST", "/sessions", own, "", origin, json, 403),
        ("a wrong token", "GET", "/?token=0", own, "", "", "", 403),
        ("a wrong cookie", "GET", "/", own, "redraft=1", "", "", 403),
        ("no token for an asset", "GET", "/page.js", own, "", "", "", 403),
        ("no token for what is not there", "GET", "/nothing", own, "", "", "", 403),
        ("the cookie", "GET", "/", own, cookie, "", "", 200),
        ("another name of this machine", "GET", "/", local, cookie, "", "", 200),
        ("a name of somebody's", "GET", "/", named, cookie, "", "", 403),
        ("no port", "GET", "/", "127.0.0.1", cookie, "", "", 403),
        ("another page", "POST", "/sessions", own, cookie, other, json, 403),
        ("another page looks", "GET", "/", own, cookie, other, "", 403),
        ("a page without an origin", "POST", "/sessions", own, cookie, "null", json, 403),
        ("a form", "POST", "/sessions", own, cookie, origin, "text/plain", 415),
        ("no type", "POST", "/sessions", own, cookie, origin, "", 415),
        ("no change by looking", "GET", "/sessions", own, cookie, "", "", 405),
        ("an odd method", "DELETE", "/sessions/s", own, cookie, origin, json, 405),
    ] {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}");
        for (name, value) in [("Cookie", cookie), ("Origin", origin), ("Content-Type", kind)] {
            if !value.is_empty() {
                head.push_str(&format!("\r\n{name}: {value}"));
            }
        }
        let answer = served.ask(&head, "{}");
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{what}");
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{what}");
    }
    assert!(!world.file("sessions").exists(), "nothing was made");
}

#[test]
fn a_browser_takes_a_session_from_task_to_accepted_script() {
    let world = counting();
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    let new = json!({
        "request": "count to two",
        "name": "s",
        "preset": "guided",
        "data": [{ "name": "a.txt", "base64": "b25l" }],
    });
    let made = browser.post("/sessions", &new, 201);
    assert_eq!(made.body, r#"{"name":"s"}"#);
    assert_eq!(world.read("sessions/s/data/a.txt"), "one");
    let mut messages = browser.follow("s");
    let plan = messages.question("plan");
    let gate = browser.get("/sessions/s/gate", 200).body;
    assert!(gate.contains("Is this the plan?") && gate.contains("It prints one."), "{gate}");
    browser.answer("s", &plan, &json!({ "answer": "accept" }), 422);
    browser.answer("s", &plan, &json!({ "answer": "approve" }), 200);
    let until = messages.until("question");
    let news: Vec<&str> = until.iter().filter_map(|message| message["news"].as_str()).collect();
    for kind in ["calling", "text", "called", "written", "checked", "ran", "reviewed"] {
        assert!(news.contains(&kind), "{kind}: {news:?}");
    }
    let text: String = until.iter().filter_map(|message| message["text"].as_str()).collect();
    assert!(text.contains("print('two')"), "{text}");
    let version = until.last().unwrap();
    let broken = json!({ "answer": "edit", "value": "print(" });
    let refused = browser.answer("s", version, &broken, 422);
    assert!(refused.body.contains("line 1"), "{}", refused.body);
    browser.answer("s", version, &json!({ "answer": "accept" }), 200);
    let ended = messages.until("ended").pop().unwrap();
    assert_eq!(ended["end"], json!({ "accepted": 1 }));
    assert_eq!(ended["exit_code"], 0);
    let page = browser.get("/sessions/s", 200).body;
    assert!(page.contains("accepted v1"), "{page}");
    assert!(browser.get("/", 200).body.contains("accepted v1"));
    let version = browser.get("/sessions/s/versions/1", 200).body;
    assert!(version.contains("&#39;two&#39;"), "{version}");
    let ran = browser.post("/sessions/s/versions/1/run", &json!({}), 200);
    let ran: Value = serde_json::from_str(&ran.body).unwrap();
    assert_eq!((&ran["verdict"], &ran["stdout"]), (&json!("ok"), &json!("one\ntwo\n")));
}

#[test]
fn a_browser_sees_the_progress_of_answers() {
    for (candidates, kind) in [("1", "progress"), ("3", "sampled")] {
        let world = World::with(|request| match agent(request) {
            Asking::Planner => Reply::to(request, PLAN),
            _ => Reply::to(request, &fenced("print('one')")).cut_to(3).then_hang(),
        });
        world.write("more.yaml", &format!("candidates: {candidates}\n"));
        let served = start(&world, &CONFIG);
        let browser = served.browser();
        browser.post("/sessions", &json!({ "request": "count to two", "name": "s" }), 201);
        let mut messages = browser.follow("s");
        let plan = messages.question("plan");
        browser.answer("s", &plan, &json!({ "answer": "approve" }), 200);
        let told = loop {
            let message = messages.next();
            assert_ne!(message["message"], "ended", "nothing was told of it");
            if message["phase"] == "writing" {
                break message;
            }
        };
        assert_eq!(told["news"], kind, "{told}");
        assert!(told["words"].as_str().unwrap().starts_with("writing, "), "{told}");
        browser.post("/sessions/s/stop", &json!({}), 200);
        messages.until("ended");
    }
}

#[test]
fn the_first_answer_of_two_browsers_counts_and_the_other_gets_409() {
    let world = counting();
    let served = start(&world, &CONFIG);
    let (one, two) = (served.browser(), served.browser());
    one.post("/sessions", &json!({ "request": "count to two", "name": "s" }), 201);
    let mut of_one = one.follow("s");
    let question = of_one.question("plan");
    // A client that connects later gets the open question first.
    let mut of_two = two.follow("s");
    assert_eq!(of_two.next(), question);
    two.answer("s", &question, &json!({ "answer": "quit" }), 200);
    let refused = one.answer("s", &question, &json!({ "answer": "approve" }), 409);
    assert!(refused.body.contains("answered before"), "{}", refused.body);
    for messages in [&mut of_one, &mut of_two] {
        let closed = messages.until("closed").pop().unwrap();
        assert_eq!((&closed["question"], &closed["answer"]), (&question["id"], &json!("quit")));
        assert_eq!(messages.until("ended").pop().unwrap()["exit_code"], 3);
    }
    // A paused session is resumed, and stopped with a button.
    one.post("/sessions/s/resume", &json!({}), 200);
    let mut messages = two.follow("s");
    let again = messages.question("plan");
    two.post("/sessions/s/stop", &json!({}), 200);
    assert_eq!(messages.until("ended").pop().unwrap()["end"], json!("interrupted"));
    one.answer("s", &again, &json!({ "answer": "approve" }), 409);
    one.post("/sessions/s/stop", &json!({}), 409);
    assert_eq!(world.received().len(), 1, "the plan was paid for once");
}

#[test]
fn a_session_of_another_process_can_be_watched_but_not_controlled() {
    let world = counting();
    world.run_with(&["new", "count to two", "--name", "s", "--no-run"], "").expect(3);
    let mut other = world.start(&["resume", "s"]);
    let mut out = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap().contains("plan gate:")));
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    let who = format!("process {} works on", other.id());
    assert!(browser.post("/sessions/s/resume", &json!({}), 409).body.contains(&who));
    assert!(browser.get("/", 200).body.contains(">live<"));
    let page = browser.get("/sessions/s", 200).body;
    assert!(page.contains(&format!("{who} it, and is answered there")), "{page}");
    assert!(!page.contains("data-post=\"resume\""), "{page}");
    // A program with piped input can be watched but not answered.
    let mut messages = browser.follow("s");
    let question = messages.question("plan");
    browser.get("/sessions/s/gate", 204);
    browser.answer("s", &question, &json!({ "answer": "approve" }), 409);
    browser.post("/sessions/s/stop", &json!({}), 409);
    drop(other.stdin.take());
    assert_eq!(messages.until("ended").pop().unwrap()["exit_code"], 3);
    other.wait().unwrap();
    browser.post("/sessions/s/resume", &json!({}), 200);
    browser.follow("s").question("plan");
}

#[test]
fn a_browser_can_answer_a_session_at_a_terminal() {
    let scripts = ["print('one')\nprint('two')", "print('one', 'two')"].map(fenced);
    let world = World::scripted(&[PLAN], &[&scripts[0], &scripts[1]], &[ACCEPT]);
    world.write("more.yaml", "sandbox: { mode: 'off' }\n");
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    let mut pty = Pty::start(&world, &["new", "count to two", "--name", "s", "--no-run"]);
    pty.expect("? Is this the plan?");
    let page = browser.get("/sessions/s", 200).body;
    assert!(page.contains("works on it; it can be answered there and here"), "{page}");
    let mut messages = browser.follow("s");
    let plan = messages.question("plan");
    let gate = browser.get("/sessions/s/gate", 200).body;
    assert!(gate.contains("Is this the plan?") && gate.contains("It prints one."), "{gate}");
    browser.answer("s", &plan, &json!({ "answer": "accept" }), 422);
    browser.answer("s", &json!({ "id": 9 }), &json!({ "answer": "approve" }), 404);
    browser.answer("s", &plan, &json!({ "answer": "approve" }), 200);
    browser.answer("s", &plan, &json!({ "answer": "quit" }), 409);
    pty.expect("answered elsewhere: approve");
    pty.expect("v1: 2 lines");
    let closed = messages.until("closed").pop().unwrap();
    assert_eq!((&closed["question"], &closed["answer"]), (&plan["id"], &json!("approve")));
    // A partly typed text is not taken for the next gate's answer.
    let version = messages.question("version");
    pty.choose("What now?", "feedback");
    pty.expect("What did you see?");
    pty.send("half a sen");
    pty.expect("half a sen");
    let broken = json!({ "answer": "edit", "value": "print(" });
    assert!(browser.answer("s", &version, &broken, 422).body.contains("line 1"));
    browser.answer("s", &version, &json!({ "answer": "iterate" }), 200);
    pty.expect("answered elsewhere: iterate");
    let version = messages.question("version");
    // The terminal is in control again: its keys work, and the browser shows the choice.
    pty.choose("What now?", "accept");
    let closed = messages.until("closed").pop().unwrap();
    assert_eq!((&closed["question"], &closed["answer"]), (&version["id"], &json!("accept")));
    browser.answer("s", &version, &json!({ "answer": "quit" }), 409);
    assert_eq!(messages.until("ended").pop().unwrap()["exit_code"], 0);
    pty.expect("accepted v2");
    pty.expect_end(0);
    assert!(!pty.text().contains("answered elsewhere: accept"), "{}", pty.text());
    assert!(browser.get("/sessions/s", 200).body.contains("accepted v2"));
    assert!(!browser.get("/", 200).body.contains(">live<"));
    let live = world.file("home/.local/state/redraft/live");
    assert_eq!(std::fs::read_dir(live).unwrap().count(), 0, "no socket is left");
}

#[test]
fn a_browser_can_stop_a_session_at_a_terminal() {
    let world = counting();
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    let mut pty = Pty::start(&world, &["new", "count to two", "--name", "s", "--no-run"]);
    pty.expect("? Is this the plan?");
    let mut messages = browser.follow("s");
    messages.question("plan");
    browser.post("/sessions/s/stop", &json!({}), 200);
    assert_eq!(messages.until("ended").pop().unwrap()["end"], json!("interrupted"));
    pty.expect_end(130);
    assert_eq!(pty.last_line(), "resume with: redraft resume s");
    assert!(pty.shows_cursor() && pty.echoes());
}

/// The session can be read from disk even if its process was killed or does not respond.
#[test]
fn a_session_without_a_socket_is_followed_on_the_disk() {
    let world = counting();
    world.run_with(&["new", "count to two", "--name", "s", "--no-run"], "").expect(3);
    // A file in place of the sockets' folder keeps the process from listening.
    let live = world.file("home/.local/state/redraft/live");
    std::fs::remove_dir_all(&live).unwrap();
    world.write("home/.local/state/redraft/live", "");
    let mut other = world.start(&["resume", "s"]);
    let mut out = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap().contains("plan gate:")));
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    assert!(browser.get("/sessions/s", 200).body.contains("and is answered there"));
    let mut messages = browser.follow("s");
    assert_eq!(messages.next()["message"], "changed");
    other.stdin.as_mut().unwrap().write_all(b"approve\n").unwrap();
    messages.until("changed");
    browser.answer("s", &json!({ "id": 1 }), &json!({ "answer": "approve" }), 409);
    other.kill().unwrap();
    other.wait().unwrap();
    messages.until("ended");
}

/// Not even one with read access to the folder of the sockets.
#[cfg(target_os = "linux")]
#[test]
fn a_script_in_the_sandbox_cannot_answer_a_gate() {
    let world = counting();
    let mut pty = Pty::start(&world, &["new", "count to two", "--name", "s", "--no-run"]);
    pty.expect_screen("the gate", |screen| screen.contains("? Is this the plan?"));
    let live = world.file("home/.local/state/redraft/live").canonicalize().unwrap();
    let live = live.to_str().unwrap();
    world.write(
        "attack.py",
        &format!(
            "import os, socket\n\
             for name in os.listdir('{live}'):\n    \
                 line = socket.socket(socket.AF_UNIX)\n    \
                 line.connect('{live}/' + name)\n    \
                 print('connected')\n    \
                 try:\n        \
                     line.sendall(b'{{\"ask\":\"answer\",\"question\":1,\"answer\":{{\"answer\":\"approve\"}}}}\\n')\n        \
                     print('said', line.recv(100))\n    \
                 except OSError:\n        \
                     print('said', b'')\n"
        ),
    );
    world.write("c.yaml", "safety: off\n");
    let args = ["run", "attack.py", "--config", "c.yaml", "--allow", &format!("read={live}")];
    let out = world.run(&args);
    // Scripts of root run as another user, which cannot even list the folder.
    let turned_away = out.out.contains("connected") && out.out.contains("said b''");
    assert!(turned_away || out.err.contains("PermissionError"), "{out:?}");
    pty.choose("Is this the plan?", "quit");
    pty.expect_end(3);
    assert!(!world.events("s").contains(&"plan_approved".to_owned()));
}

/// Only this user can connect, whatever the folder's permissions were before.
#[test]
fn the_socket_of_a_session_is_open_to_its_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = counting();
    let live = world.file("home/.local/state/redraft/live");
    std::fs::create_dir_all(&live).unwrap();
    std::fs::set_permissions(&live, PermissionsExt::from_mode(0o777)).unwrap();
    let mut pty = Pty::start(&world, &["new", "count to two", "--name", "s", "--no-run"]);
    pty.expect_screen("the gate", |screen| screen.contains("? Is this the plan?"));
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let socket = std::fs::read_dir(&live).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&live), mode(&socket)), (0o700, 0o600));
    // A copy of the session's folder does not lead to the socket of the original.
    let copy = world.file("sessions/copy");
    std::fs::create_dir(&copy).unwrap();
    for name in ["journal.jsonl", ".lock", "session.yaml"] {
        std::fs::copy(world.file("sessions/s").join(name), copy.join(name)).unwrap();
    }
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    let state: Value = serde_json::from_str(&browser.get("/sessions/copy/live", 200).body).unwrap();
    assert_eq!(state["live"], false);
    pty.choose("Is this the plan?", "quit");
    pty.expect_end(3);
}

#[test]
fn text_of_models_and_scripts_is_escaped_in_pages() {
    const TAG: &str = "<script>alert(1)</script>";
    const PICTURE: &str = "<img src=x onerror=alert(1)>";
    let plan = format!("{TAG}\nR1: It prints {PICTURE}. Check: look.\n");
    let script = format!("import sys\nprint('{TAG}')\nprint('{PICTURE}', file=sys.stderr)");
    let review = format!("R1: not met\nF1 [should] (R1) {TAG}\nVERDICT: ITERATE\n");
    let world = World::scripted(&[&plan], &[&fenced(&script)], &[&review]);
    world.write("more.yaml", "sandbox: { mode: 'off' }\n");
    let served = start(&world, &CONFIG);
    let browser = served.browser();
    browser.post("/sessions", &json!({ "request": format!("say {TAG}"), "name": "s" }), 201);
    let mut messages = browser.follow("s");
    let question = messages.question("plan");
    let mut pages = vec![browser.get("/sessions/s/gate", 200).body];
    browser.answer("s", &question, &json!({ "answer": "approve" }), 200);
    messages.question("version");
    for path in
        ["/", "/sessions/s", "/sessions/s/body", "/sessions/s/gate", "/sessions/s/versions/1"]
    {
        pages.push(browser.get(path, 200).body);
    }
    pages.push(browser.get("/sessions/s/diff?from=1&to=1", 200).body);
    for page in &pages {
        assert!(!page.contains(TAG) && !page.contains("<img src=x"), "{page}");
        // No page contains inline scripts.
        assert!(!page.replace("<script src=\"/page.js\" defer></script>", "").contains("<script"));
    }
    assert!(pages[0].contains("&lt;script&gt;"), "{}", pages[0]);
    assert!(pages[5].contains("&lt;img src=x"), "{}", pages[5]);
}

#[test]
fn files_are_served_from_the_session_folder_only_and_never_as_pages() {
    let world = counting();
    world.run_with(&["new", "count to two", "--name", "s", "--no-run"], "").expect(3);
    world.write("sessions/s/run_v1/files/page.html", "<script>alert(1)</script>");
    world.write("sessions/secret.txt", "secret");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", world.file("sessions/s/link")).unwrap();
    let served = start(&world, &[]);
    let browser = served.browser();
    let file = |path: &str, status| browser.get(&format!("/sessions/s/files/{path}"), status);
    let html = file("run_v1/files/page.html", 200);
    assert!(html.head.contains("content-type: application/octet-stream"), "{}", html.head);
    assert!(html.head.contains("content-disposition: attachment"), "{}", html.head);
    assert!(html.head.contains("content-security-policy: sandbox"), "{}", html.head);
    let text = file("session.yaml", 200);
    assert!(text.head.contains("content-type: text/plain"), "{}", text.head);
    for path in [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "link/passwd",
        ".lock",
        "%2fetc%2fpasswd",
        "data",
    ] {
        file(path, 404);
    }
    for path in ["/sessions/../s", "/sessions/%2e%2e", "/sessions/..%2fsessions", "/sessions/none"]
    {
        browser.get(path, 404);
    }
}
