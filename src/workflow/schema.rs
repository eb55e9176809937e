//! The JSON schema for a script's output: a run whose output does not fit it has failed. Pure.

use crate::domain::report::{Run, RunVerdict};
use crate::domain::settings::Settings;
use crate::domain::text::{fenced, one_line};
use jsonschema::Validator;
use serde_json::Value;

/// Maximum number of places that an error names.
const NAMED: usize = 3;
/// Maximum length of each of them, in characters.
const WIDTH: usize = 200;

/// Parses a schema and returns it as JSON on one line.
///
/// # Errors
/// If it is not a valid schema. References to schemas elsewhere are not fetched.
pub fn read(text: &str) -> Result<String, String> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    validator(&schema)?;
    Ok(schema.to_string())
}

fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::validator_for(schema)
        .map_err(|error| format!("it is no JSON schema: {}", one_line(&error.to_string(), WIDTH)))
}

/// The part of a prompt that states the session's schema, or `None` if it has none.
#[must_use]
pub fn words(settings: &Settings) -> Option<String> {
    let schema = fenced(&settings.schema, "json");
    let told = "It has to print one JSON value, and nothing else, that fits this JSON schema:";
    (!settings.schema.is_empty()).then(|| format!("{told}\n{schema}"))
}

/// The task with the schema appended.
#[must_use]
pub fn told(settings: &Settings, task: &str) -> String {
    words(settings)
        .map_or_else(|| task.to_owned(), |words| format!("{}\n\n{words}", task.trim_end()))
}

/// The run, marked as failed if it ended well and its output does not fit the session's schema.
#[must_use]
pub fn checked(settings: &Settings, run: Run, printed: &str) -> Run {
    if settings.schema.is_empty() || run.verdict != RunVerdict::Ok {
        return run;
    }
    let Err(wrong) = fits(&settings.schema, printed, run.stdout_bytes) else { return run };
    let message = format!("what it printed does not fit the JSON schema: {wrong}");
    let hint = "print one JSON value, by `print(json.dumps(value))`, and nothing else".to_owned();
    run.unfit(message, hint)
}

/// Checks output against a schema. `printed` is what was kept of `bytes` bytes. The error says what
/// is wrong.
fn fits(schema: &str, printed: &str, bytes: u64) -> Result<(), String> {
    let value: Value = serde_json::from_str(printed.trim()).map_err(|error| {
        let cut = usize::try_from(bytes).is_ok_and(|bytes| bytes > printed.len());
        let cut = if cut {
            format!(" ({} of {bytes} bytes were kept)", printed.len())
        } else {
            String::new()
        };
        format!("it is no JSON: {error}{cut}")
    })?;
    let schema = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    let validator = validator(&schema)?;
    let errors = validator.iter_errors(&value).take(NAMED);
    let wrong: Vec<String> = errors
        .map(|error| {
            let place = error.instance_path().to_string();
            let place =
                if place.is_empty() { "the value".to_owned() } else { format!("`{place}`") };
            one_line(&format!("{place}: {error}"), WIDTH)
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": { "sum": { "type": "number" }, "names": { "items": { "type": "string" } } },
        "required": ["sum"]
    }"#;

    fn counted(printed: &str, verdict: RunVerdict) -> Run {
        let settings = Settings { schema: read(SCHEMA).unwrap(), ..Settings::default() };
        let bytes = printed.len() as u64;
        checked(&settings, Run { stdout_bytes: bytes, ..Run::not_run(verdict, "") }, printed)
    }

    #[test]
    fn a_run_succeeds_only_if_its_output_fits_the_schema() {
        use RunVerdict::{Failed, Ok, Refused, Timeout};
        for (printed, verdict, counts, says) in [
            ("{\"sum\": 3.5}\n", Ok, Ok, ""),
            ("\n{\"sum\": 1, \"names\": [\"a\"], \"more\": null}", Ok, Ok, ""),
            ("{\"sum\": \"3\"}", Ok, Failed, "`/sum`: \"3\" is not of type \"number\""),
            ("{\"sum\": 1, \"names\": [1]}", Ok, Failed, "`/names/0`"),
            ("{}", Ok, Failed, "the value: \"sum\" is a required property"),
            ("[1]", Ok, Failed, "the value"),
            ("sum: 3", Ok, Failed, "it is no JSON"),
            ("{\"sum\": NaN}", Ok, Failed, "it is no JSON"),
            ("{\"sum\": 1} {\"sum\": 2}", Ok, Failed, "it is no JSON"),
            ("", Ok, Failed, "it is no JSON"),
            ("", Timeout, Timeout, ""),
            ("", Refused, Refused, ""),
        ] {
            let run = counted(printed, verdict);
            assert_eq!(run.verdict, counts, "{printed}");
            let message = run.error.map(|error| error.message).unwrap_or_default();
            assert!(message.contains(says), "{printed}: {message}");
        }
        let cut = fits("true", "[1, 2", 9_000_000).unwrap_err();
        assert!(cut.contains("5 of 9000000 bytes were kept"), "{cut}");
        let free = checked(&Settings::default(), Run::not_run(Ok, ""), "words");
        assert_eq!(free.verdict, Ok);
    }

    #[test]
    fn a_schema_must_be_valid_and_self_contained() {
        assert_eq!(read("{ \"type\":\n \"object\" }").unwrap(), "{\"type\":\"object\"}");
        assert_eq!(read("true").unwrap(), "true");
        for wrong in [
            "",
            "type: object",
            "{\"type\": \"thing\"}",
            "{\"$ref\": \"https://example.org/schema.json\"}",
            "{\"$ref\": \"file:///etc/passwd\"}",
            "3",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_request_includes_the_schema_if_there_is_one() {
        let settings = Settings { schema: "{\"type\":\"object\"}".into(), ..Settings::default() };
        let told = told(&settings, "add up\n");
        assert!(told.starts_with("add up\n\nIt has to print one JSON value"), "{told}");
        assert!(told.contains("```json\n{\"type\":\"object\"}\n```"), "{told}");
        assert_eq!(super::told(&Settings::default(), "add up\n"), "add up\n");
    }
}
