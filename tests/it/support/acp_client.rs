//! An ACP client without a client library. It panics on any message, field or value that version 1
//! of the protocol does not define.

use super::world::World;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// A running `redraft acp` and the messages it sent.
pub(crate) struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last: u64,
    /// The result of `initialize`.
    pub hello: Value,
    /// The `session/update` notifications, in order.
    pub shown: Vec<Value>,
    /// The permission requests, in order.
    pub asked: Vec<Value>,
    /// The options to select, one per permission request. `closed` answers that the dialog was
    /// cancelled, `none` answers with an error, as an editor without dialogs.
    pub choices: Vec<&'static str>,
}

impl Editor {
    /// Starts the agent in this world; `choices` are the options to select, in order.
    pub(crate) fn start(world: &World, choices: &[&'static str]) -> Self {
        Self::start_as(world, choices, &json!({}))
    }

    /// Like [`Self::start`], with these client capabilities.
    pub(crate) fn start_as(world: &World, choices: &[&'static str], capabilities: &Value) -> Self {
        let mut command = world.command(&["acp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut editor = Self {
            child,
            input,
            output,
            last: 0,
            hello: Value::Null,
            shown: Vec::new(),
            asked: Vec::new(),
            choices: choices.to_vec(),
        };
        let hello = json!({
            "protocolVersion": 1,
            "clientCapabilities": capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        });
        editor.hello = editor.ask("initialize", &hello);
        editor
    }

    /// Sends a raw line.
    pub(crate) fn line(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("an open connection"), "{line}").unwrap();
    }

    /// Sends a request and returns its id.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.last += 1;
        let id = self.last;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.line(&request.to_string());
        id
    }

    /// Reads the next message of the agent.
    pub(crate) fn receive(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the agent is gone");
        let message: Value = serde_json::from_str(&line).expect(&line);
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    /// Waits for the response to a request. Meanwhile, collects updates and answers permission
    /// requests.
    pub(crate) fn finish(&mut self, id: u64) -> Result<Value, Value> {
        loop {
            let message = self.receive();
            let params = &message["params"];
            match message["method"].as_str() {
                Some("session/update") => {
                    has(params, &["sessionId", "update"], &[]);
                    check_update(&params["update"]);
                    self.shown.push(params["update"].clone());
                }
                Some("session/request_permission") => {
                    check_permission(params);
                    self.asked.push(params.clone());
                    let reply = match self.choices.remove(0) {
                        "none" => json!({ "error": { "code": -32601, "message": "no dialogs" } }),
                        "closed" => json!({ "result": { "outcome": { "outcome": "cancelled" } } }),
                        option => json!({
                            "result": { "outcome": { "outcome": "selected", "optionId": option } },
                        }),
                    };
                    let mut answer = json!({ "jsonrpc": "2.0", "id": message["id"] });
                    answer.as_object_mut().unwrap().extend(reply.as_object().unwrap().clone());
                    self.line(&answer.to_string());
                }
                Some(other) => panic!("no client has to know {other}"),
                None => {
                    assert_eq!(message["id"], id, "{message}");
                    if message.get("error").is_some() {
                        has(&message["error"], &["code", "message"], &[]);
                        return Err(message["error"].clone());
                    }
                    return Ok(message["result"].clone());
                }
            }
        }
    }

    /// Sends a request that must succeed; returns its result.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.finish(id).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Sends a request that must fail; returns its error.
    #[track_caller]
    pub(crate) fn fail(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.finish(id).expect_err(method)
    }

    /// Starts a session in the world's folder; returns its id.
    #[track_caller]
    pub(crate) fn open(&mut self, world: &World) -> String {
        let params = json!({ "cwd": world.path(), "mcpServers": [] });
        self.ask("session/new", &params)["sessionId"].as_str().unwrap().to_owned()
    }

    /// Sends a prompt and waits for the end of the turn; returns the stop reason.
    #[track_caller]
    pub(crate) fn say(&mut self, session: &str, text: &str) -> String {
        let answer = self.ask("session/prompt", &prompt(session, text));
        has(&answer, &["stopReason"], &[]);
        let reason = one_of(&answer["stopReason"], &STOP_REASONS);
        reason.to_owned()
    }

    /// The text of all messages of the agent, concatenated.
    pub(crate) fn said(&self) -> String {
        self.texts("agent_message_chunk")
    }

    /// The text of all chunks of this kind, concatenated.
    pub(crate) fn texts(&self, kind: &str) -> String {
        let chunks = self.shown.iter().filter(|update| update["sessionUpdate"] == kind);
        chunks.map(|update| update["content"]["text"].as_str().unwrap()).collect()
    }

    /// The updates of this kind.
    pub(crate) fn updates(&self, kind: &str) -> Vec<&Value> {
        self.shown.iter().filter(|update| update["sessionUpdate"] == kind).collect()
    }

    /// Closes the connection and waits for the program to exit; returns its exit code and standard
    /// error.
    pub(crate) fn leave(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

/// The parameters of a `session/prompt` with this text.
pub(crate) fn prompt(session: &str, text: &str) -> Value {
    json!({ "sessionId": session, "prompt": [{ "type": "text", "text": text }] })
}

const STOP_REASONS: [&str; 5] =
    ["end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled"];
const TOOL_KINDS: [&str; 10] = [
    "read",
    "edit",
    "delete",
    "move",
    "search",
    "execute",
    "think",
    "fetch",
    "switch_mode",
    "other",
];
const TOOL_STATES: [&str; 4] = ["pending", "in_progress", "completed", "failed"];

#[track_caller]
fn one_of<'v>(value: &'v Value, known: &[&str]) -> &'v str {
    let word = value.as_str().unwrap_or_default();
    assert!(known.contains(&word), "{value} is none of {known:?}");
    word
}

/// Fails unless the value is an object with all `needed` fields and no fields but these and
/// `possible`.
#[track_caller]
fn has(value: &Value, needed: &[&str], possible: &[&str]) {
    let fields = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for name in needed {
        assert!(fields.contains_key(*name), "no {name}: {value}");
    }
    for name in fields.keys() {
        assert!([needed, possible].concat().contains(&name.as_str()), "{name}: {value}");
    }
}

#[track_caller]
fn check_update(update: &Value) {
    match update["sessionUpdate"].as_str().unwrap() {
        "user_message_chunk" | "agent_message_chunk" | "agent_thought_chunk" => {
            has(update, &["sessionUpdate", "content"], &[]);
            check_text(&update["content"]);
        }
        "plan" => {
            has(update, &["sessionUpdate", "entries"], &[]);
            for entry in update["entries"].as_array().unwrap() {
                has(entry, &["content", "priority", "status"], &[]);
                one_of(&entry["priority"], &["high", "medium", "low"]);
                one_of(&entry["status"], &["pending", "in_progress", "completed"]);
            }
        }
        "tool_call" => {
            check_tool(update, &["sessionUpdate", "toolCallId", "title", "kind", "status"]);
        }
        "tool_call_update" => check_tool(update, &["sessionUpdate", "toolCallId"]),
        other => panic!("version 1 has no update {other}"),
    }
}

#[track_caller]
fn check_tool(call: &Value, needed: &[&str]) {
    has(call, needed, &["title", "kind", "status", "content", "locations"]);
    if let Some(kind) = call.get("kind") {
        one_of(kind, &TOOL_KINDS);
    }
    if let Some(status) = call.get("status") {
        one_of(status, &TOOL_STATES);
    }
    for content in call["content"].as_array().into_iter().flatten() {
        if one_of(&content["type"], &["content", "diff"]) == "content" {
            has(content, &["type", "content"], &[]);
            check_text(&content["content"]);
        } else {
            has(content, &["type", "path", "newText", "oldText"], &[]);
            assert!(std::path::Path::new(content["path"].as_str().unwrap()).is_absolute());
            assert!(content["newText"].is_string(), "{content}");
        }
    }
}

#[track_caller]
fn check_text(content: &Value) {
    has(content, &["type", "text"], &[]);
    assert_eq!(content["type"], "text");
    harmless(content["text"].as_str().unwrap());
}

#[track_caller]
fn check_permission(params: &Value) {
    has(params, &["sessionId", "toolCall", "options"], &[]);
    check_tool(&params["toolCall"], &["toolCallId", "title"]);
    harmless(params["toolCall"]["title"].as_str().unwrap());
    for option in params["options"].as_array().unwrap() {
        has(option, &["optionId", "name", "kind"], &[]);
        one_of(&option["kind"], &["allow_once", "allow_always", "reject_once", "reject_always"]);
    }
}

/// Fails if the text contains control characters, which could change a terminal's state.
#[track_caller]
pub(crate) fn harmless(text: &str) {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!text.contains(steers), "{text:?}");
}
