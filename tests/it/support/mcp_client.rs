//! A client of `redraft mcp` without a client library, for both versions of the protocol.

use super::world::World;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// The protocol version that the client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// 2025-11-25: a session begins with `initialize`.
    WithState,
    /// 2026-07-28: every request carries the client's information.
    Stateless,
}

/// A running server and the messages it sent.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    spoken: Spoken,
    capabilities: Value,
    last: u64,
    /// Notifications, in the order of arrival.
    pub notes: Vec<Value>,
    /// The user's answers to the gates, in order; null declines.
    pub person: Vec<Value>,
    /// The gates that the user was asked to answer.
    pub asked: Vec<Value>,
}

impl Client {
    /// Starts a server and initializes it; `forms`: the client supports elicitation.
    pub(crate) fn start(world: &World, spoken: Spoken, forms: bool, args: &[&str]) -> Self {
        Self::start_in(world, ".", spoken, forms, args)
    }

    /// Like [`Self::start`], in a folder of the world.
    pub(crate) fn start_in(
        world: &World,
        folder: &str,
        spoken: Spoken,
        forms: bool,
        args: &[&str],
    ) -> Self {
        let mut command = world.command(&[&["mcp"], args].concat());
        command.current_dir(world.file(folder));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let capabilities = if forms { json!({"elicitation": {"form": {}}}) } else { json!({}) };
        let mut client = Self {
            child,
            input,
            output,
            spoken,
            capabilities,
            last: 0,
            notes: Vec::new(),
            person: Vec::new(),
            asked: Vec::new(),
        };
        let hello = client.hello();
        let tools = &hello["capabilities"]["tools"];
        assert!(tools.is_object(), "{hello}");
        client
    }

    fn hello(&mut self) -> Value {
        match self.spoken {
            Spoken::WithState => {
                let params = json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": self.capabilities,
                    "clientInfo": {"name": "test", "version": "1"},
                });
                let hello = self.ask("initialize", params)["result"].clone();
                assert_eq!(hello["protocolVersion"], "2025-11-25");
                self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
                hello
            }
            Spoken::Stateless => {
                let hello = self.ask("server/discover", json!({}))["result"].clone();
                let versions = hello["supportedVersions"].as_array().unwrap();
                assert!(versions.contains(&json!("2026-07-28")), "{hello}");
                hello
            }
        }
    }

    /// Sends a request and returns its id.
    pub(crate) fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.last += 1;
        if self.spoken == Spoken::Stateless {
            let meta = params["_meta"].take();
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            });
            for (key, value) in meta.as_object().into_iter().flatten() {
                params["_meta"][key] = value.clone();
            }
        }
        let id = self.last;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Sends a message as one line.
    pub(crate) fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("an open connection");
        writeln!(input, "{message}").unwrap();
    }

    /// Reads the next line of the server, which must be a message of the protocol.
    pub(crate) fn receive(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server is gone");
        let message: Value = serde_json::from_str(&line).expect(&line);
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    /// Waits for the response to a request. Meanwhile, collects notifications and answers gates.
    pub(crate) fn finish(&mut self, id: u64) -> Value {
        loop {
            let message = self.receive();
            if message["method"] == "elicitation/create" {
                self.asked.push(message["params"].clone());
                let content = self.person.remove(0);
                let result = if content.is_null() {
                    json!({"action": "decline"})
                } else {
                    json!({"action": "accept", "content": content})
                };
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
            } else if message.get("id").is_none() {
                self.notes.push(message);
            } else {
                assert_eq!(message["id"], id, "{message}");
                return message;
            }
        }
    }

    /// Sends a request; returns its response.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.finish(id)
    }

    /// Calls a tool and returns its result's value. Checks that text and structured content are
    /// equal.
    #[track_caller]
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        checked(&answer, false)
    }

    /// Like [`Self::call`], for a call that must fail.
    #[track_caller]
    pub(crate) fn fail(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        let value = checked(&answer, true);
        assert!(!value["error"].as_str().unwrap().is_empty(), "{value}");
        value
    }

    /// Closes the connection and waits for the program to exit; returns its exit code and standard
    /// error.
    pub(crate) fn leave(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

/// The value of a tool's result. Fails unless text and structured content are equal.
#[track_caller]
pub(crate) fn checked(answer: &Value, failed: bool) -> Value {
    let result = &answer["result"];
    assert_eq!(result["isError"], failed, "{answer}");
    let content = result["content"].as_array().unwrap();
    assert_eq!(content.len(), 1, "{answer}");
    let value = &result["structuredContent"];
    assert!(value.is_object(), "{answer}");
    let text: Value = serde_json::from_str(content[0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(&text, value);
    value.clone()
}
