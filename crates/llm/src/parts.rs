//! Text and reasoning in content parts, which some servers send instead of plain strings.

use super::wire::Reading;
use serde_json::Value;

/// Fields with the text of a part, in order of priority.
const TEXTS: [&str; 3] = ["text", "content", "value"];

/// Fields with the text of a reasoning part.
const THOUGHTS: [&str; 6] = ["thinking", "reasoning", "text", "content", "summary", "value"];

/// Prefixes of the types of reasoning parts, such as `reasoning.text` or `thinking_delta`.
const THOUGHT: [&str; 4] = ["thinking", "reasoning", "thought", "summary_text"];

impl Reading {
    /// Adds content of an answer: a string, or parts, some of which may be reasoning or a refusal.
    /// Parts of other types count only with a text of their own: a tool's result is not part of the
    /// answer.
    pub(super) fn content(&mut self, value: &Value) {
        match value {
            Value::String(_) => self.text(value),
            Value::Array(parts) => parts.iter().for_each(|part| self.content(part)),
            Value::Object(part) => {
                let kind = value["type"].as_str().unwrap_or_default();
                let thinks = kind.is_empty() && !value["thinking"].is_null();
                if is_thought(kind) || thinks || value["thought"] == true {
                    self.thought(value);
                } else if kind == "refusal" {
                    self.refusal(&value["refusal"]);
                } else {
                    let plain = kind.is_empty() || kind.contains("text");
                    let places = if plain { &TEXTS[..] } else { &TEXTS[..1] };
                    if let Some(text) = places.iter().find_map(|place| part.get(*place)) {
                        self.content(text);
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds reasoning: a string, or parts with texts in them.
    pub(super) fn thought(&mut self, value: &Value) {
        match value {
            Value::String(_) => self.reasoning(value),
            Value::Array(parts) => parts.iter().for_each(|part| self.thought(part)),
            Value::Object(part) => {
                let said = |place: &&str| part.get(*place).filter(|text| says_something(text));
                if let Some(text) = THOUGHTS.iter().find_map(said) {
                    self.thought(text);
                }
            }
            _ => {}
        }
    }
}

fn is_thought(kind: &str) -> bool {
    THOUGHT.iter().any(|known| kind.starts_with(known))
}

/// Whether a value can contain text.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chunk;
    use serde_json::json;

    #[test]
    fn text_parts_are_the_answer_and_thinking_parts_are_kept_apart() {
        for (content, text, thought) in [
            (json!("a"), "a", ""),
            (json!(["a", "b"]), "ab", ""),
            (json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", ""),
            (json!({"type": "text", "text": "a"}), "a", ""),
            (json!([{"type": "output_text", "text": "a"}]), "a", ""),
            (json!([{"type": "text", "text": {"value": "a", "annotations": []}}]), "a", ""),
            (json!([{"text": "a"}, {"content": "b"}]), "ab", ""),
            (
                json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "a"}]),
                "a",
                "hm",
            ),
            (json!([{"type": "thinking", "thinking": "hm", "signature": "x"}]), "", "hm"),
            (json!([{"thinking": "hm"}, {"text": "a"}]), "a", "hm"),
            (json!([{"type": "reasoning", "text": "hm"}]), "", "hm"),
            (json!([{"type": "reasoning", "summary": [{"text": "hm"}]}]), "", "hm"),
            (json!([{"type": "reasoning.text", "text": "hm", "index": 0}]), "", "hm"),
            (json!([{"text": "hm", "thought": true}, {"text": "a"}]), "a", "hm"),
            (json!([{"type": "redacted_thinking", "data": "x"}]), "", ""),
            (json!([{"type": "tool_result", "content": "no"}, {"type": "image_url"}]), "", ""),
            (json!([{"type": "reference", "reference_ids": [1]}, null, 7, [], {}]), "", ""),
            (json!(null), "", ""),
        ] {
            let mut reading = Reading::default();
            reading.content(&content);
            let (mut said, mut thoughts) = (String::new(), String::new());
            for piece in &reading.chunks {
                match piece {
                    Chunk::Text(text) => said.push_str(text),
                    Chunk::Reasoning(text) => thoughts.push_str(text),
                    piece => panic!("{piece:?}"),
                }
            }
            assert_eq!((said.as_str(), thoughts.as_str()), (text, thought), "{content}");
        }
        let mut reading = Reading::default();
        reading.content(&json!([{"type": "refusal", "refusal": "no"}]));
        assert!(reading.declined);
    }
}
