//! Calls in JSON, under the field names that servers and models use.

use super::{CODE, Call, literal};
use serde_json::Value;

/// Field names for the tool's name, for its arguments, and for an object or list that contains a
/// call.
const NAMES: [&str; 8] = [
    "name",
    "tool_name",
    "tool",
    "function_name",
    "function",
    "action",
    "recipient_name",
    "tool_call_name",
];
const ARGUMENTS: [&str; 10] = [
    "arguments",
    "args",
    "parameters",
    "params",
    "input",
    "tool_input",
    "action_input",
    "kwargs",
    "tool_args",
    "tool_arguments",
];
/// The names of the arguments that have no other meaning.
const SURE: [&str; 4] = ["arguments", "parameters", "tool_input", "action_input"];
const HOLDERS: [&str; 9] = [
    "function",
    "function_call",
    "tool_call",
    "tool",
    "action",
    "tool_calls",
    "function_calls",
    "calls",
    "tool_uses",
];

/// The JSON value at the start of a text, and its length. Also accepts the JSON of weak models:
/// line feeds in strings, trailing commas, or a Python dict.
pub(super) fn value_at(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    if let Some(Ok(value)) = values.next() {
        return Some((value, values.byte_offset()));
    }
    let (json, end) = literal::as_json(text)?;
    Some((serde_json::from_str(&json).ok()?, end))
}

/// The calls in a value.
pub(super) fn calls(value: &Value, tool: &str) -> Vec<Call> {
    calls_in(value, tool, 0)
}

fn calls_in(value: &Value, tool: &str, depth: usize) -> Vec<Call> {
    if depth > 3 {
        return Vec::new();
    }
    let inside = |value: &Value| calls_in(value, tool, depth + 1);
    match value {
        Value::Array(items) => items.iter().flat_map(inside).collect(),
        Value::Object(fields) => {
            let held = HOLDERS.iter().filter_map(|key| fields.get(*key));
            let held = held.filter(|value| value.is_object() || value.is_array());
            let held: Vec<Call> = held.flat_map(inside).collect();
            if !held.is_empty() {
                return held;
            }
            let name = NAMES.iter().find_map(|key| Some((*key, fields.get(*key)?.as_str()?)));
            let arguments = ARGUMENTS.iter().find_map(|key| Some((*key, fields.get(*key)?)));
            // A name and an input may be any object.
            let sure = |of: &str, name: &str, key: &str| {
                super::is_named(name, tool)
                    || of != "name"
                    || SURE.contains(&key)
                    || fields.contains_key("type")
            };
            match (name, arguments) {
                (Some((of, name)), Some((key, arguments))) if sure(of, name, key) => {
                    vec![call(name, arguments)]
                }
                (Some((_, name)), None) if super::is_named(name, tool) => {
                    let code = CODE.iter().find_map(|key| fields.get(*key));
                    vec![call(name, code.unwrap_or(&Value::Null))]
                }
                (None, _) => {
                    let named = fields.iter().find(|(key, _)| super::is_named(key, tool));
                    named.map(|(name, arguments)| call(name, arguments)).into_iter().collect()
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// Builds a call. Arguments given as a JSON string are parsed.
fn call(name: &str, arguments: &Value) -> Call {
    let read = arguments.as_str().and_then(|text| {
        let text = text.trim();
        text.starts_with(['{', '"']).then(|| value_at(text))?.map(|(value, _)| value)
    });
    let arguments = joined(read.unwrap_or_else(|| arguments.clone()));
    Call { name: name.to_owned(), arguments }
}

/// The arguments, with each list of lines joined into a text.
pub(in crate::agents) fn joined(mut arguments: Value) -> Value {
    for value in arguments.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        let lines = value.as_array().filter(|lines| !lines.is_empty());
        let lines: Option<Vec<&str>> =
            lines.and_then(|lines| lines.iter().map(Value::as_str).collect());
        if let Some(lines) = lines {
            let lines: Vec<&str> = lines.iter().map(|line| line.trim_end_matches('\n')).collect();
            *value = Value::from(lines.join("\n"));
        }
    }
    arguments
}
