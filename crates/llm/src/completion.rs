//! Endpoints that take one raw prompt. The configuration has the names of their fields; a template
//! turns the messages into the model's prompt format.

use super::Fault;
use super::reasons::{self, Meaning};
use super::template::Template;
use super::wire::{Reading, Wire, tokens};
use crate::config::Field;
use redraft_domain::chat::{Outcome, Request, Usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// JSON pointers to the finish reason, of various servers.
const REASONS: [&str; 9] = [
    "/choices/0/finish_reason",
    "/finish_reason",
    "/details/finish_reason",
    "/0/details/finish_reason",
    "/results/0/finish_reason",
    "/results/0/stop_reason",
    "/stop_type",
    "/done_reason",
    "/stop_reason",
];

/// JSON pointers to a flag that only marks the end.
const FLAGS: [&str; 2] = ["/stop", "/done"];

/// JSON pointers to the token counts of prompt and answer.
const COUNTS: [[&str; 2]; 3] = [
    ["/usage/prompt_tokens", "/usage/completion_tokens"],
    ["/tokens_evaluated", "/tokens_predicted"],
    ["/prompt_eval_count", "/eval_count"],
];

/// One model behind a raw prompt endpoint.
pub(super) struct Completion {
    model: String,
    template: Template,
    /// JSON pointer of each field; empty if the field is not sent.
    fields: BTreeMap<Field, String>,
}

impl Completion {
    /// `fields` are names or JSON pointers; fields that are left out have the names of `OpenAI`'s
    /// completions. `stop` adds to the template's stop texts.
    pub(super) fn new(
        model: String,
        mut template: Template,
        stop: &[String],
        fields: &BTreeMap<Field, String>,
    ) -> Self {
        template.stops.extend(stop.iter().filter(|stop| !stop.is_empty()).cloned());
        let usual = [
            (Field::Prompt, "prompt"),
            (Field::Model, "model"),
            (Field::MaxTokens, "max_tokens"),
            (Field::Temperature, "temperature"),
            (Field::Stop, "stop"),
            (Field::Stream, "stream"),
            (Field::Answer, "/choices/0/text"),
        ];
        let pointer = |(field, usual): (Field, &str)| {
            let name = fields.get(&field).map_or(usual, String::as_str).trim();
            let whole = name.is_empty() || name.starts_with('/');
            (field, if whole { name.to_owned() } else { format!("/{name}") })
        };
        Self { model, template, fields: usual.into_iter().map(pointer).collect() }
    }
}

impl Wire for Completion {
    fn model(&self) -> &str {
        &self.model
    }

    fn path(&self) -> String {
        // The configured address is already complete.
        String::new()
    }

    fn takes_tools(&self) -> bool {
        false
    }

    fn takes_schema(&self) -> bool {
        false
    }

    fn takes_prefill(&self) -> bool {
        true
    }

    fn ends_unsaid(&self) -> bool {
        true
    }

    fn stops(&self) -> &[String] {
        &self.template.stops
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let mut body = json!({});
        for (field, value) in [
            (Field::Prompt, self.template.prompt(&request.messages)?.into()),
            (Field::Model, self.model.as_str().into()),
            (Field::MaxTokens, request.max_tokens.into()),
            (Field::Temperature, request.temperature.into()),
            (Field::Stop, self.template.stops.clone().into()),
            (Field::Stream, true.into()),
        ] {
            put(&mut body, &self.fields[&field], value);
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Fault::in_stream(&event["error"]));
        }
        if let Some(text) = event.pointer(&self.fields[&Field::Answer]) {
            reading.content(text);
        }
        reading.more_comes = FLAGS.iter().any(|at| event.pointer(at) == Some(&Value::Bool(false)));
        end(event, reading)?;
        reading.count(usage(event));
        Ok(())
    }
}

/// Stores a value at a JSON pointer, and creates the objects on its path.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for name in pointer.split('/').skip(1) {
        // Every value on the path is an object, unless another field's value is in the way.
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    if !pointer.is_empty() {
        *place = value;
    }
}

/// Stores how the answer ended, if the event says so. A known finish reason has priority over an
/// unknown one.
fn end(event: &Value, reading: &mut Reading) -> Result<(), Fault> {
    if FLAGS.iter().any(|at| event.pointer(at) == Some(&Value::Bool(true))) {
        reading.outcome = Some(Outcome::Whole);
    }
    let given = || REASONS.iter().filter_map(|at| event.pointer(at));
    let meant = |reason: &&Value| reason.as_str().map_or(Meaning::NotYet, reasons::meaning);
    let known = given().find(|reason| !matches!(meant(reason), Meaning::NotYet | Meaning::Unknown));
    let unknown = || given().find(|reason| meant(reason) == Meaning::Unknown);
    if let Some(reason) = known.or_else(unknown) {
        reading.end(reason, event)?;
    }
    if event["stopped_limit"] == true {
        reading.outcome = Some(Outcome::Cut);
    }
    Ok(())
}

fn usage(event: &Value) -> Option<Usage> {
    COUNTS.iter().find_map(|[prompt, answer]| {
        let prompt = tokens(event.pointer(prompt)?)?;
        Some(Usage { prompt, answer: tokens(event.pointer(answer)?)?, ..Usage::default() })
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn fields_are_set_at_their_configured_json_pointer() {
        let mut body = json!({});
        for (pointer, value) in
            [("/a", 1), ("/p/max", 2), ("/p/t", 3), ("", 4), ("/p/x~y/z", 5), ("/a/b", 6)]
        {
            put(&mut body, pointer, value.into());
        }
        assert_eq!(body, json!({"a": {"b": 6}, "p": {"max": 2, "t": 3, "x~y": {"z": 5}}}));
    }

    #[test]
    fn the_end_of_an_answer_is_recognized_in_each_server_s_format() {
        for (event, outcome) in [
            (json!({"choices": [{"text": "x", "finish_reason": null}]}), None),
            (json!({"choices": [{"text": "x", "finish_reason": "stop"}]}), Some(Outcome::Whole)),
            (json!({"choices": [{"finish_reason": "length"}]}), Some(Outcome::Cut)),
            (json!({"content": "x", "stop": false}), None),
            (json!({"stop": true, "stop_type": "limit"}), Some(Outcome::Cut)),
            (json!({"stop": true, "stop_type": "eos"}), Some(Outcome::Whole)),
            (json!({"stop": false, "stop_type": "none"}), None),
            (json!({"stop": true, "stopped_limit": true}), Some(Outcome::Cut)),
            (json!({"response": "", "done": true, "done_reason": "stop"}), Some(Outcome::Whole)),
            (json!({"token": {}, "details": {"finish_reason": "eos_token"}}), Some(Outcome::Whole)),
            (json!({"token": {}, "details": null}), None),
            (json!({"stop": true, "stop_type": "abort"}), Some(Outcome::Cut)),
            (json!({"finish_reason": "stop", "stop_reason": "###"}), Some(Outcome::Whole)),
            (json!({"results": [{"stop_reason": "TOKEN_LIMIT"}]}), Some(Outcome::Cut)),
            (json!({"choices": [{"finish_reason": "content_filter"}]}), Some(Outcome::Refused)),
        ] {
            let mut reading = Reading::default();
            end(&event, &mut reading).unwrap();
            assert_eq!(reading.outcome, outcome, "{event}");
        }
    }
}
