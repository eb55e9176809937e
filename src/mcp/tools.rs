//! The tools: input, output and descriptions for models.

use crate::domain::settings::Preset;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::{self, JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// A call of a tool.
#[derive(Debug)]
pub enum Call {
    /// Creates a session.
    WriteScript(WriteScript),
    /// Continues a session.
    ContinueSession(ContinueSession),
    /// Answers a gate.
    AnswerGate(AnswerGate),
    /// Records feedback on a version.
    GiveFeedback(GiveFeedback),
    /// Runs a version.
    RunScript(RunScript),
    /// Runs code.
    RunPython(RunPython),
    /// Checks code.
    Lint(Lint),
    /// Lists sessions.
    ListSessions(ListSessions),
    /// Shows a session or a version.
    ShowSession(ShowSession),
    /// Compares versions.
    DiffVersions(DiffVersions),
    /// Exports a script with its dependencies.
    ExportScript(ExportScript),
}

/// A workflow.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "schemars", inline)]
pub enum Way {
    /// Plan, write, run and review.
    Guided,
    /// Write and run; no plan and no review.
    Quick,
    /// Write several candidates and take the best.
    Sampler,
    /// Answer a question about data files.
    Analyst,
}

impl From<Way> for Preset {
    fn from(way: Way) -> Self {
        match way {
            Way::Guided => Self::Guided,
            Way::Quick => Self::Quick,
            Way::Sampler => Self::Sampler,
            Way::Analyst => Self::Analyst,
        }
    }
}

/// Limits of the work. They can only lower those of the user's configuration.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars", inline)]
pub struct Limits {
    /// Maximum number of versions.
    pub max_versions: Option<u32>,
    /// Maximum number of successive repairs.
    pub repairs: Option<u32>,
    /// Maximum number of tokens.
    pub budget_tokens: Option<u64>,
    /// Maximum cost in US dollars.
    pub budget_usd: Option<f64>,
}

/// See [`Call::WriteScript`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct WriteScript {
    /// What the script should do, in plain words.
    pub request: String,
    /// Paths of data files for the script. Each is copied into the session.
    #[serde(default)]
    pub data: Vec<String>,
    /// Examples that every version must satisfy, as `input: 5 -> 120` or `arguments: 10 km -> 6.21`.
    #[serde(default)]
    pub examples: Vec<String>,
    /// The workflow: `guided` plans and reviews, `quick` writes and repairs until the script runs, `sampler`
    /// takes the best of several candidates, `analyst` answers questions about data.
    pub preset: Option<Way>,
    /// Let rules answer all gates and return a script, instead of asking about the plan and the versions.
    #[serde(default)]
    pub auto: bool,
    /// Limits of the work.
    pub limits: Option<Limits>,
    /// A name for the session. Default: one made from the request.
    pub name: Option<String>,
}

/// See [`Call::ContinueSession`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ContinueSession {
    /// The session's name.
    pub session: String,
    /// Let rules answer all gates.
    #[serde(default)]
    pub auto: bool,
}

/// See [`Call::AnswerGate`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct AnswerGate {
    /// The session's name.
    pub session: String,
    /// One of the answers that the open gate lists.
    pub answer: String,
    /// The text of the answer, if it needs one.
    pub text: Option<String>,
    /// The gate to answer. The answer is refused if another gate is open.
    pub gate: Option<String>,
}

/// See [`Call::GiveFeedback`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct GiveFeedback {
    /// The session's name.
    pub session: String,
    /// What is wrong or missing.
    pub text: String,
    /// The number of the version. Default: the latest.
    pub version: Option<u32>,
}

/// See [`Call::RunScript`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct RunScript {
    /// The session's name.
    pub session: String,
    /// The number of the version. Default: the latest.
    pub version: Option<u32>,
    /// Command-line arguments. Default: those of the session.
    pub arguments: Option<Vec<String>>,
    /// Text on standard input.
    pub input: Option<String>,
}

/// See [`Call::RunPython`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct RunPython {
    /// A whole Python script. Print what you want to know.
    pub code: String,
    /// Text on standard input.
    pub input: Option<String>,
    /// Paths of files that the code may read. It finds copies of them in `data/`.
    #[serde(default)]
    pub data: Vec<String>,
}

/// See [`Call::Lint`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Lint {
    /// The Python code.
    pub code: String,
}

/// See [`Call::ListSessions`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ListSessions {
    /// Maximum number of sessions, most recently used first. Default: 20.
    pub limit: Option<usize>,
}

/// See [`Call::ShowSession`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ShowSession {
    /// The session's name.
    pub session: String,
    /// The number of a version, to show its script and its findings.
    pub version: Option<u32>,
}

/// See [`Call::DiffVersions`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct DiffVersions {
    /// The session's name.
    pub session: String,
    /// The number of the older version. Default: the one that the newer was written from.
    pub from: Option<u32>,
    /// The number of the newer version. Default: the latest.
    pub to: Option<u32>,
}

/// See [`Call::ExportScript`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ExportScript {
    /// The session's name.
    pub session: String,
    /// The number of the version. Default: the accepted one, else the latest.
    pub version: Option<u32>,
}

/// Parses a call; `None` if there is no such tool.
#[must_use]
pub fn read(name: &str, arguments: Option<JsonObject>) -> Option<Result<Call, String>> {
    fn of<A: DeserializeOwned>(
        arguments: Option<JsonObject>,
        call: fn(A) -> Call,
    ) -> Result<Call, String> {
        serde_json::from_value(Value::Object(arguments.unwrap_or_default()))
            .map(call)
            .map_err(|error| format!("the arguments can't be used: {error}"))
    }
    Some(match name {
        "write_script" => of(arguments, Call::WriteScript),
        "continue_session" => of(arguments, Call::ContinueSession),
        "answer_gate" => of(arguments, Call::AnswerGate),
        "give_feedback" => of(arguments, Call::GiveFeedback),
        "run_script" => of(arguments, Call::RunScript),
        "run_python" => of(arguments, Call::RunPython),
        "lint" => of(arguments, Call::Lint),
        "list_sessions" => of(arguments, Call::ListSessions),
        "show_session" => of(arguments, Call::ShowSession),
        "diff_versions" => of(arguments, Call::DiffVersions),
        "export_script" => of(arguments, Call::ExportScript),
        _ => return None,
    })
}

/// Side effects of a tool.
#[derive(Clone, Copy)]
enum Effect {
    /// None, or only inside the strict sandbox.
    Reads,
    /// Calls models and writes into a session, or runs a script with its permissions.
    Works,
}

/// All tools, always in the same order.
#[must_use]
pub fn list() -> Vec<Tool> {
    use Effect::{Reads, Works};
    vec![
        tool::<WriteScript>(
            "write_script",
            "Writes a Python script for a request in a new session: plans, writes, checks, runs and reviews \
             it. Returns when the script is accepted or a decision is needed. In the latter case `gate` \
             lists the possible answers; give one with `answer_gate`. With `auto`, rules decide.",
            session_output(),
            Works,
        ),
        tool::<ContinueSession>(
            "continue_session",
            "Continues a session where it stopped, for example after feedback, a cancelled call or a limit.",
            session_output(),
            Works,
        ),
        tool::<AnswerGate>(
            "answer_gate",
            "Answers the open gate of a session, and continues until a script is accepted or the next \
             decision is needed.",
            session_output(),
            Works,
        ),
        tool::<GiveFeedback>(
            "give_feedback",
            "Records feedback on a version. `continue_session` then writes the next version with it.",
            output(&json!({
                "session": text("The session's name"),
                "version": number("The version that the feedback is about"),
                "next": text("What to do next"),
            })),
            Works,
        ),
        tool::<RunScript>(
            "run_script",
            "Runs a version of a session's script in the session's sandbox.",
            run_output(),
            Works,
        ),
        tool::<RunPython>(
            "run_python",
            "Runs Python code in a strict sandbox: no network, no files except copies of `data`, limits on \
             time and memory. Nothing is stored, and no packages are installed.",
            run_output(),
            Reads,
        ),
        tool::<Lint>(
            "lint",
            "Checks Python code without running it: syntax, likely mistakes, security, and the access that \
             it needs (network, files, processes).",
            output(&json!({
                "ok": { "type": "boolean", "description": "True if the code has no errors" },
                "errors": list_of("Errors"),
                "findings": list_of("Other findings"),
                "security": list_of("Findings of the security rules"),
                "capabilities": list_of("The access that the code needs"),
                "dependencies": list_of("Required packages"),
            })),
            Reads,
        ),
        tool::<ListSessions>(
            "list_sessions",
            "Lists the sessions with their states, the most recently used first.",
            output(&json!({
                "sessions": list_of("The sessions"),
                "more": number("Number of sessions that are not listed"),
            })),
            Reads,
        ),
        tool::<ShowSession>(
            "show_session",
            "Shows a session: plan, requirements, versions, findings, costs; or one version with its script.",
            output(&json!({
                "session": { "type": "object", "description": "The session" },
                "version": { "type": "object", "description": "The version, if one was requested" },
                "gate": { "type": "object", "description": "The open gate, if there is one" },
            })),
            Reads,
        ),
        tool::<DiffVersions>(
            "diff_versions",
            "Shows what changed between two versions of a session's script.",
            output(&json!({
                "from": number("The older version; omitted if there is none"),
                "to": number("The newer version"),
                "added": number("Lines added"),
                "removed": number("Lines removed"),
                "diff": text("The change as a unified diff"),
            })),
            Reads,
        ),
        tool::<ExportScript>(
            "export_script",
            "Returns a script with its dependencies declared in a PEP 723 block, for `uv run`.",
            output(&json!({
                "session": text("The session's name"),
                "version": number("The version"),
                "dependencies": list_of("Required packages"),
                "script": text("The script"),
            })),
            Reads,
        ),
    ]
}

fn tool<A: JsonSchema>(
    name: &'static str,
    description: &'static str,
    output: JsonObject,
    effect: Effect,
) -> Tool {
    let hints = ToolAnnotations::new()
        .read_only(matches!(effect, Effect::Reads))
        .destructive(false)
        .open_world(matches!(effect, Effect::Works));
    Tool::new(name, description, input::<A>())
        .with_raw_output_schema(Arc::new(output))
        .with_annotations(hints)
}

/// The input schema of a tool. Optional fields may be omitted but not null, since not every
/// client's model supports two types for one field.
fn input<A: JsonSchema>() -> JsonObject {
    let mut schema: Value = SchemaGenerator::default().into_root_schema_for::<A>().into();
    plain(&mut schema);
    for key in ["$schema", "title", "description"] {
        schema.as_object_mut().map(|fields| fields.remove(key));
    }
    schema.as_object().cloned().unwrap_or_default()
}

/// Removes null types, defaults and formats from a schema; they tell a model nothing.
fn plain(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.remove("default");
    fields.remove("format");
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    for alternatives in ["anyOf", "oneOf"] {
        let Some(Value::Array(all)) = fields.get_mut(alternatives) else { continue };
        all.retain(|one| one["type"] != "null");
        let constants: Option<Vec<Value>> =
            all.iter().map(|one| one.get("const").cloned()).collect();
        let replaced = match (constants, all.as_slice()) {
            (Some(words), [_, ..]) => json!({ "type": "string", "enum": words }),
            (None, [only]) => only.clone(),
            _ => continue,
        };
        fields.remove(alternatives);
        if let Value::Object(replaced) = replaced {
            for (key, value) in replaced {
                fields.entry(key).or_insert(value);
            }
        }
        // The inserted schema may itself need this.
        return plain(schema);
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(plain);
    }
    if let Some(items) = fields.get_mut("items") {
        plain(items);
    }
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "description": description })
}

fn list_of(description: &str) -> Value {
    json!({ "type": "array", "items": {}, "description": description })
}

/// The output schema of a tool: some of these properties, or an error.
fn output(properties: &Value) -> JsonObject {
    let mut properties = properties.clone();
    properties["error"] = text(
        "What failed, and what to do about it. The other fields are then omitted, unless they help",
    );
    let schema = json!({ "type": "object", "properties": properties });
    schema.as_object().cloned().unwrap_or_default()
}

fn session_output() -> JsonObject {
    output(&json!({
        "session": text("The session's name"),
        "status": {
            "type": "string",
            "enum": ["accepted", "waiting", "paused", "failed"],
            "description": "accepted: the script is the result; waiting: a gate needs an answer; paused: \
                            a limit was reached or the work was interrupted; failed: see `error`",
        },
        "state": text("The status as a sentence"),
        "version": number("The latest or accepted version"),
        "script": text("The script of that version"),
        "evidence": text("The evidence that it is right: tested, agreed or ran; omitted if it never ran"),
        "run": text("How the run of the script ended"),
        "output": text("Standard output"),
        "errors": text("Standard error"),
        "gate": { "type": "object", "description": "The open gate: its question and the possible answers" },
        "notes": { "type": "array", "items": { "type": "string" }, "description": "Other messages" },
        "next": text("What to do next"),
    }))
}

fn run_output() -> JsonObject {
    output(&json!({
        "verdict": text("How the run ended: ok, failed, timeout, window, waits (for input), refused, skipped"),
        "output": text("Standard output"),
        "errors": text("Standard error"),
        "run": { "type": "object", "description": "All data of the run" },
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    #[test]
    fn every_tool_accepts_exactly_the_arguments_of_its_schema() {
        for tool in list() {
            let properties = tool.input_schema["properties"].as_object().unwrap();
            let value = |schema: &Value| match schema["type"].as_str() {
                _ if schema.get("enum").is_some() => schema["enum"][0].clone(),
                Some("integer") => json!(1),
                Some("boolean") => json!(true),
                Some("array") => json!([]),
                Some("object") => json!({}),
                _ => json!("text"),
            };
            let all: JsonObject =
                properties.iter().map(|(key, schema)| (key.clone(), value(schema))).collect();
            let read_with = |arguments: JsonObject| read(&tool.name, Some(arguments)).unwrap();
            assert!(read_with(all.clone()).is_ok(), "{}: {:?}", tool.name, read_with(all));
            let mut more = all.clone();
            more.insert("other".to_owned(), json!(1));
            assert!(read_with(more).is_err(), "{}", tool.name);
            let required = tool.input_schema.get("required").and_then(Value::as_array);
            for key in required.into_iter().flatten() {
                let mut less = all.clone();
                less.remove(key.as_str().unwrap());
                assert!(read_with(less).is_err(), "{} without {key}", tool.name);
            }
            let written = serde_json::to_string(&tool).unwrap();
            for word in ["null", "$ref", "anyOf", "oneOf", "$defs"] {
                assert!(!written.contains(word), "{}: {word}", tool.name);
            }
        }
        assert!(read("rm", None).is_none());
    }
}
