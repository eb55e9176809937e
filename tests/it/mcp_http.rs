//! `redraft mcp --http`, tested with raw HTTP.

use crate::support::model_server::Reply;
use crate::support::served::{Answer, Served};
use crate::support::world::{ACCEPT, PLAN, World, fenced, wait_for};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};

impl Answer {
    /// The message with this id in an event stream.
    fn message(&self, id: u64) -> Value {
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        let mut messages = lines.filter_map(|line| serde_json::from_str::<Value>(line.trim()).ok());
        messages.find(|message| message["id"] == id).unwrap_or_else(|| panic!("{self:?}"))
    }
}

fn start(world: &World) -> Served {
    let mut child = world.start(&["mcp", "--http"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines.find_map(|line| line.strip_prefix("http://").map(str::to_owned));
    let url = url.expect("an address");
    let line = lines.next().unwrap();
    let token = line.strip_prefix("Authorization: Bearer ").expect("a token").to_owned();
    Served { child, address: url.strip_suffix("/mcp").unwrap().to_owned(), token }
}

impl Served {
    /// Posts a message with these additional header lines.
    fn post(&self, head: &str, message: &Value) -> Answer {
        let (host, body) = (&self.address, message.to_string());
        let host =
            if head.contains("Host: ") { String::new() } else { format!("Host: {host}\r\n") };
        let length = body.len();
        let request = format!(
            "POST /mcp HTTP/1.1\r\n{host}{head}Content-Type: application/json\r\nConnection: close\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        // An interrupted server does not respond.
        self.exchange(&request).unwrap_or_default()
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }
}

fn hello() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    } })
}

#[test]
fn only_requests_with_the_token_and_an_own_origin_are_answered() {
    let world = World::empty();
    let served = start(&world);
    let port = served.port();
    let bearer = served.bearer();
    let wrong = format!("Authorization: Bearer {}x\r\n", &served.token[1..]);
    for (head, status) in [
        (String::new(), 401),
        (wrong, 401),
        (format!("Cookie: redraft_{port}={}\r\n", served.token), 401),
        (format!("Authorization: Basic {}\r\n", served.token), 401),
        (format!("{bearer}Host: evil.example:{port}\r\n"), 403),
        (format!("{bearer}Origin: http://evil.example\r\n"), 403),
        (format!("{bearer}Origin: null\r\n"), 403),
        (format!("{bearer}Origin: http://{}\r\n", served.address), 200),
        (bearer, 200),
    ] {
        let answer = served.post(&head, &hello());
        assert_eq!(answer.status, status, "{head}: {answer:?}");
        assert_eq!(status == 200, answer.body.contains("protocolVersion"), "{answer:?}");
    }
    for address in ["0.0.0.0:0", "192.0.2.1:0"] {
        let out = world.run(&["mcp", "--http", address]).expect(2);
        assert!(out.err.contains("not encrypted"), "{}", out.err);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_server_leaves_a_resumable_session() {
    use nix::sys::signal::{Signal, kill};
    let world = World::with(|request| Reply::begun(request, PLAN).then_hang());
    let mut served = start(&world);
    let answer = served.post(&served.bearer(), &hello());
    let session = answer.head.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
    let head = format!("{}Mcp-Session-Id: {}\r\n", served.bearer(), session.expect("a session"));
    served.post(&head, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let params =
        json!({ "name": "write_script", "arguments": { "request": "count", "name": "s" } });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
    std::thread::scope(|scope| {
        let (there, head) = (&served, &head);
        scope.spawn(move || there.post(head, &call));
        wait_for(|| !world.received().is_empty());
        kill(nix::unistd::Pid::from_raw(there.child.id().cast_signed()), Signal::SIGINT).unwrap();
    });
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    assert_eq!(world.events("s").last().unwrap(), "paused");
}

#[test]
fn a_script_is_written_and_gates_are_answered_over_http() {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')\nprint('two')")], &[ACCEPT]);
    let served = start(&world);
    let answer = served.post(&served.bearer(), &hello());
    let session = answer.head.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
    let head = format!("{}Mcp-Session-Id: {}\r\n", served.bearer(), session.expect("a session"));
    let begun = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(served.post(&head, &begun).status, 202);
    let call = |id: u64, tool: &str, arguments: Value| {
        let params = json!({ "name": tool, "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        served.post(&head, &call).message(id)["result"]["structuredContent"].clone()
    };
    let value = call(2, "write_script", json!({ "request": "count to two", "name": "s" }));
    assert_eq!(value["gate"]["name"], "plan", "{value}");
    let value = call(3, "answer_gate", json!({ "session": "s", "answer": "approve" }));
    assert_eq!(value["gate"]["name"], "version", "{value}");
    let value = call(4, "answer_gate", json!({ "session": "s", "answer": "mean 1" }));
    assert!(value["error"].is_string(), "{value}");
    let value = call(5, "answer_gate", json!({ "session": "s", "answer": "accept" }));
    assert_eq!(value["status"], "accepted", "{value}");
    // Another client can use the session on disk.
    let other = served.post(&served.bearer(), &hello());
    assert_eq!(other.status, 200);
    assert_ne!(other.head.lines().find(|line| line.starts_with("mcp-session-id")), None);
}
