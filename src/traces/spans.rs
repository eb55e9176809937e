//! Converts journal lines to spans. Pure.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// OTLP span kinds.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
/// OTLP status code of a failed span.
const ERROR: u8 = 2;
/// Maximum number of characters in an error message.
const MESSAGE: usize = 500;

/// The open spans of a trace.
#[derive(Debug)]
pub(super) struct Spans {
    trace: String,
    root: String,
    begun: u64,
    session: String,
    preset: &'static str,
    prompts: bool,
    open: BTreeMap<Key, Open>,
}

/// Key of an open span.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Call(u32),
    Tool(&'static str, u32),
}

#[derive(Debug)]
struct Open {
    name: String,
    kind: u8,
    begun: u64,
    attributes: Map<String, Value>,
}

/// The relevant lines of the journal. Other lines are ignored.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    ModelCallStarted {
        call: u32,
        agent: String,
        version: Option<u32>,
        model: String,
        temperature: f64,
        max_tokens: u32,
        messages: Vec<Message>,
    },
    ModelCallFinished {
        call: u32,
        outcome: String,
        answer: String,
        usage: Usage,
    },
    ModelCallFailed {
        call: u32,
        error: String,
    },
    RunStarted {
        version: u32,
    },
    RunFinished {
        version: u32,
        run: Run,
    },
    SampleTried {
        version: u32,
        sample: u32,
        run: Option<Run>,
    },
    TestsStarted {
        version: u32,
    },
    TestsFinished {
        version: u32,
        tests: Vec<Test>,
    },
    InstallStarted {
        version: u32,
    },
    InstallFinished {
        version: u32,
        error: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt: u64,
    answer: u64,
    #[serde(default)]
    cached: u64,
}

#[derive(Debug, Deserialize)]
struct Run {
    verdict: String,
    #[serde(default)]
    milliseconds: u64,
}

#[derive(Debug, Deserialize)]
struct Test {
    outcome: String,
}

impl Spans {
    /// Starts a new trace. Times are in nanoseconds since the Unix epoch.
    pub(super) fn new(session: &str, preset: &'static str, prompts: bool, now: u64) -> Self {
        Self {
            trace: format!("{:032x}", fastrand::u128(1..)),
            root: id(),
            begun: now,
            session: session.to_owned(),
            preset,
            prompts,
            open: BTreeMap::new(),
        }
    }

    /// Processes a line; returns the span that it ends, if any.
    pub(super) fn note(&mut self, line: &str, now: u64) -> Option<Value> {
        match serde_json::from_str(line).ok()? {
            Line::ModelCallStarted {
                call,
                agent,
                version,
                model,
                temperature,
                max_tokens,
                messages,
            } => {
                let (provider, name) = model.split_once('/').unwrap_or(("", &model));
                let mut attributes = attributes(json!({
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": provider_name(provider),
                    "gen_ai.request.model": name,
                    "gen_ai.request.temperature": temperature,
                    "gen_ai.request.max_tokens": max_tokens,
                    "gen_ai.agent.name": agent,
                    "gen_ai.conversation.id": self.session,
                    "redraft.version": version,
                }));
                if self.prompts {
                    let said = |m: &Message| json!({ "role": m.role, "parts": [text(&m.content)] });
                    let said: Vec<Value> = messages.iter().map(said).collect();
                    attributes.insert("gen_ai.input.messages".to_owned(), as_text(&said));
                }
                let name = format!("chat {name}");
                self.open
                    .insert(Key::Call(call), Open { name, kind: CLIENT, begun: now, attributes });
                None
            }
            Line::ModelCallFinished { call, outcome, answer, usage } => {
                let reason = match outcome.as_str() {
                    "cut" => "length",
                    "refused" => "content_filter",
                    _ => "stop",
                };
                let mut open = self.open.remove(&Key::Call(call))?;
                open.attributes.append(&mut attributes(json!({
                    "gen_ai.usage.input_tokens": usage.prompt,
                    "gen_ai.usage.output_tokens": usage.answer,
                    "gen_ai.usage.cache_read.input_tokens": (usage.cached > 0).then_some(usage.cached),
                    "gen_ai.response.finish_reasons": [reason],
                })));
                if self.prompts {
                    let said = json!({ "role": "assistant", "parts": [text(&answer)], "finish_reason": reason });
                    open.attributes.insert("gen_ai.output.messages".to_owned(), as_text(&[said]));
                }
                Some(self.span(open, now, None))
            }
            Line::ModelCallFailed { call, error } => {
                let open = self.open.remove(&Key::Call(call))?;
                Some(self.span(open, now, Some(("_OTHER", &error))))
            }
            Line::RunStarted { version } => self.begin("python", version, now),
            Line::RunFinished { version, run } => {
                let open = self.open.remove(&Key::Tool("python", version))?;
                Some(self.ran(open, &run, now))
            }
            Line::SampleTried { version, sample, run } => {
                let run = run.filter(|run| run.milliseconds > 0)?;
                let begun = now.saturating_sub(run.milliseconds.saturating_mul(1_000_000));
                let mut open = self.tool("python", version, begun);
                open.attributes.insert("redraft.candidate".to_owned(), sample.into());
                Some(self.ran(open, &run, now))
            }
            Line::TestsStarted { version } => self.begin("tests", version, now),
            Line::TestsFinished { version, tests } => {
                let mut open = self.open.remove(&Key::Tool("tests", version))?;
                let passed = tests.iter().filter(|test| test.outcome == "passed").count();
                open.attributes.append(&mut attributes(
                    json!({ "redraft.tests": tests.len(), "redraft.tests.passed": passed }),
                ));
                let failed = tests.iter().any(|test| test.outcome == "failed");
                Some(self.span(open, now, failed.then_some(("failed", ""))))
            }
            Line::InstallStarted { version } => self.begin("install", version, now),
            Line::InstallFinished { version, error } => {
                let open = self.open.remove(&Key::Tool("install", version))?;
                Some(self.span(open, now, error.as_ref().map(|error| ("failed", error.as_str()))))
            }
            Line::Other => None,
        }
    }

    /// Ends the trace: returns the open spans, marked as interrupted, and the root span.
    pub(super) fn end(&mut self, now: u64) -> Vec<Value> {
        let open = std::mem::take(&mut self.open);
        let mut spans: Vec<Value> = open
            .into_values()
            .map(|open| self.span(open, now, Some(("interrupted", ""))))
            .collect();
        let whole = Open {
            name: format!("invoke_workflow {}", self.preset),
            kind: INTERNAL,
            begun: self.begun,
            attributes: attributes(json!({
                "gen_ai.operation.name": "invoke_workflow",
                "gen_ai.workflow.name": self.preset,
                "gen_ai.conversation.id": self.session,
            })),
        };
        let mut whole = self.span(whole, now, None);
        whole["spanId"] = self.root.clone().into();
        whole["parentSpanId"] = "".into();
        spans.push(whole);
        spans
    }

    fn tool(&self, tool: &'static str, version: u32, begun: u64) -> Open {
        Open {
            name: format!("execute_tool {tool}"),
            kind: INTERNAL,
            begun,
            attributes: attributes(json!({
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool,
                "gen_ai.conversation.id": self.session,
                "redraft.version": version,
            })),
        }
    }

    fn begin(&mut self, tool: &'static str, version: u32, now: u64) -> Option<Value> {
        let open = self.tool(tool, version, now);
        self.open.insert(Key::Tool(tool, version), open);
        None
    }

    fn ran(&self, mut open: Open, run: &Run, now: u64) -> Value {
        open.attributes.insert("redraft.verdict".to_owned(), run.verdict.clone().into());
        let failed = ["failed", "timeout"].contains(&run.verdict.as_str());
        self.span(open, now, failed.then_some((run.verdict.as_str(), "")))
    }

    /// A span in OTLP's JSON encoding. `error` is its type and message.
    fn span(&self, open: Open, now: u64, error: Option<(&str, &str)>) -> Value {
        let Open { name, kind, begun, mut attributes } = open;
        let mut status = json!({});
        if let Some((kind, why)) = error {
            attributes.insert("error.type".to_owned(), kind.into());
            let why: String = why.chars().take(MESSAGE).collect();
            status = json!({ "code": ERROR, "message": why });
        }
        let attributes: Vec<Value> = attributes
            .into_iter()
            .map(|(key, value)| json!({ "key": key, "value": any(value) }))
            .collect();
        json!({
            "traceId": self.trace,
            "spanId": id(),
            "parentSpanId": self.root,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": begun.to_string(),
            "endTimeUnixNano": now.max(begun).to_string(),
            "attributes": attributes,
            "status": status,
        })
    }
}

/// A random span id.
fn id() -> String {
    format!("{:016x}", fastrand::u64(1..))
}

/// The conventions' name for a provider; the provider's own name if there is none.
fn provider_name(provider: &str) -> &str {
    match provider {
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        provider => provider,
    }
}

/// The fields of an object, without nulls.
fn attributes(value: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = value else { return Map::new() };
    fields.retain(|_, value| !value.is_null());
    fields
}

fn text(content: &str) -> Value {
    json!({ "type": "text", "content": content })
}

/// Messages as JSON text, which the conventions allow where structured values are not supported.
fn as_text(messages: &[Value]) -> Value {
    Value::String(Value::from(messages).to_string())
}

/// A value in OTLP's JSON encoding.
fn any(value: Value) -> Value {
    match value {
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Number(n) if n.is_f64() => json!({ "doubleValue": n }),
        // Protocol buffers encode 64-bit integers as JSON strings.
        Value::Number(n) => json!({ "intValue": n.to_string() }),
        Value::String(value) => json!({ "stringValue": value }),
        Value::Array(values) => {
            let values: Vec<Value> = values.into_iter().map(any).collect();
            json!({ "arrayValue": { "values": values } })
        }
        other => json!({ "stringValue": other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const STARTED: &str = r#"{"seq":3,"at":"x","event":"model_call_started","call":1,"agent":"coder","version":1,"model":"gemini/a/b","temperature":0.5,"max_tokens":9,"messages":[{"role":"user","content":"a secret"}]}"#;
    const FINISHED: &str = r#"{"seq":4,"at":"x","event":"model_call_finished","call":1,"agent":"coder","outcome":"cut","answer":"an answer","usage":{"prompt":7,"answer":5,"cached":2},"milliseconds":3}"#;

    fn spans(prompts: bool) -> Spans {
        Spans::new("clock", "guided", prompts, 100)
    }

    fn attribute<'v>(span: &'v Value, key: &str) -> &'v Value {
        let mut all = span["attributes"].as_array().unwrap().iter();
        all.find(|one| one["key"] == key).map_or(&Value::Null, |one| &one["value"])
    }

    #[test]
    fn a_call_is_a_span_of_the_conventions() {
        let mut spans = spans(false);
        assert_eq!(spans.note(STARTED, 200), None);
        let span = spans.note(FINISHED, 300).unwrap();
        assert_eq!(
            (&span["name"], &span["kind"], &span["startTimeUnixNano"], &span["endTimeUnixNano"]),
            (&json!("chat a/b"), &json!(3), &json!("200"), &json!("300"))
        );
        for (key, value) in [
            ("gen_ai.operation.name", json!({ "stringValue": "chat" })),
            ("gen_ai.provider.name", json!({ "stringValue": "gcp.gemini" })),
            ("gen_ai.request.model", json!({ "stringValue": "a/b" })),
            ("gen_ai.request.temperature", json!({ "doubleValue": 0.5 })),
            ("gen_ai.agent.name", json!({ "stringValue": "coder" })),
            ("gen_ai.conversation.id", json!({ "stringValue": "clock" })),
            ("gen_ai.usage.input_tokens", json!({ "intValue": "7" })),
            ("gen_ai.usage.output_tokens", json!({ "intValue": "5" })),
            ("gen_ai.usage.cache_read.input_tokens", json!({ "intValue": "2" })),
            (
                "gen_ai.response.finish_reasons",
                json!({ "arrayValue": { "values": [{ "stringValue": "length" }] } }),
            ),
            ("redraft.version", json!({ "intValue": "1" })),
            ("error.type", Value::Null),
        ] {
            assert_eq!(*attribute(&span, key), value, "{key}");
        }
        let whole = spans.end(400).pop().unwrap();
        assert_eq!(whole["name"], "invoke_workflow guided");
        assert_eq!(whole["spanId"], span["parentSpanId"]);
        assert_eq!(whole["traceId"], span["traceId"]);
    }

    #[test]
    fn prompts_and_answers_are_sent_only_where_they_are_asked_for() {
        for prompts in [false, true] {
            let mut spans = spans(prompts);
            spans.note(STARTED, 1);
            let span = spans.note(FINISHED, 2).unwrap().to_string();
            assert_eq!(span.contains("a secret"), prompts);
            assert_eq!(span.contains("an answer"), prompts);
        }
    }

    #[test]
    fn what_failed_and_what_was_broken_off_says_so() {
        let mut spans = spans(false);
        spans.note(STARTED, 1);
        let failed = r#"{"event":"model_call_failed","call":1,"error":"HTTP 500"}"#;
        let span = spans.note(failed, 2).unwrap();
        assert_eq!(span["status"], json!({ "code": 2, "message": "HTTP 500" }));
        for (verdict, error) in [
            ("ok", false),
            ("window", false),
            ("refused", false),
            ("failed", true),
            ("timeout", true),
        ] {
            spans.note(r#"{"event":"run_started","version":2}"#, 3);
            let line = format!(
                r#"{{"event":"run_finished","version":2,"run":{{"verdict":"{verdict}"}}}}"#
            );
            let span = spans.note(&line, 4).unwrap();
            assert_eq!(span["name"], "execute_tool python");
            assert_eq!(span["status"]["code"] == 2, error, "{verdict}");
            assert_eq!(*attribute(&span, "redraft.verdict"), json!({ "stringValue": verdict }));
        }
        spans.note(r#"{"event":"tests_started","version":2}"#, 5);
        let rest = spans.end(6);
        assert_eq!(rest.len(), 2);
        assert_eq!(*attribute(&rest[0], "error.type"), json!({ "stringValue": "interrupted" }));
    }

    #[test]
    fn a_line_that_means_nothing_here_is_left_alone() {
        for line in ["", "{}", "no json", r#"{"event":"paused","reason":"x"}"#, FINISHED] {
            assert_eq!(spans(true).note(line, 1), None, "{line}");
        }
    }
}
