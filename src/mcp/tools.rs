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

/// A way of working.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "schemars", inline)]
pub enum Way {
    /// Plan, versions, reviews.
    Guided,
    /// No plan and no review.
    Quick,
    /// Several samples, the best is taken.
    Sampler,
    /// A question about files of data.
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

/// How far work may go. It narrows what the user's configuration says, and never widens it.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars", inline)]
pub struct Limits {
    /// Versions in all.
    pub max_versions: Option<u32>,
    /// Repairs in a row.
    pub repairs: Option<u32>,
    /// Tokens in all.
    pub budget_tokens: Option<u64>,
    /// US dollars in all.
    pub budget_usd: Option<f64>,
}

/// See [`Call::WriteScript`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct WriteScript {
    /// What the script should do, in plain words.
    pub request: String,
    /// Paths of files for the script; each is copied into the session.
    #[serde(default)]
    pub data: Vec<String>,
    /// Examples that every version is checked against, as `input: 5 -> 120` or `arguments: 10 km -> 6.21`.
    #[serde(default)]
    pub examples: Vec<String>,
    /// The way of working: `guided` plans and reviews, `quick` only repairs until it runs, `sampler` takes
    /// the best of several, `analyst` is for questions about data.
    pub preset: Option<Way>,
    /// Decide at all gates by rule and come back with a script, instead of asking about plan and versions.
    #[serde(default)]
    pub auto: bool,
    /// How far the work may go.
    pub limits: Option<Limits>,
    /// A name for the session; one is made from the request otherwise.
    pub name: Option<String>,
}

/// See [`Call::ContinueSession`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ContinueSession {
    /// The session's name.
    pub session: String,
    /// Decide at all gates by rule.
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
    /// One of the answers that the waiting gate lists.
    pub answer: String,
    /// The text that belongs to the answer, where it needs one.
    pub text: Option<String>,
    /// The gate that is meant; the answer is refused if another one waits.
    pub gate: Option<String>,
}

/// See [`Call::GiveFeedback`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct GiveFeedback {
    /// The session's name.
    pub session: String,
    /// What was seen: what is wrong, what is missing.
    pub text: String,
    /// The number of the version that it is about; the latest otherwise.
    pub version: Option<u32>,
}

/// See [`Call::RunScript`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct RunScript {
    /// The session's name.
    pub session: String,
    /// The number of the version; the latest otherwise.
    pub version: Option<u32>,
    /// Command-line arguments; what the session's runs are given otherwise.
    pub arguments: Option<Vec<String>>,
    /// What it reads from standard input.
    pub input: Option<String>,
}

/// See [`Call::RunPython`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct RunPython {
    /// The Python code, a whole script. Print what you want to know.
    pub code: String,
    /// What it reads from standard input.
    pub input: Option<String>,
    /// Paths of files that it may read, as copies in its folder `data/`.
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
    /// How many at most, the ones last worked on first; 20 otherwise.
    pub limit: Option<usize>,
}

/// See [`Call::ShowSession`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ShowSession {
    /// The session's name.
    pub session: String,
    /// The number of a version, to see its script and all that was found in it.
    pub version: Option<u32>,
}

/// See [`Call::DiffVersions`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct DiffVersions {
    /// The session's name.
    pub session: String,
    /// The older version's number; the one that the newer was written from otherwise.
    pub from: Option<u32>,
    /// The newer version's number; the latest otherwise.
    pub to: Option<u32>,
}

/// See [`Call::ExportScript`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct ExportScript {
    /// The session's name.
    pub session: String,
    /// The number of the version; the accepted one otherwise, else the latest.
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
            "Writes a Python script for a request: plans, writes, checks, runs and reviews it, in a new \
             session. Comes back when the script is accepted or a decision is needed; then `gate` says \
             which answers there are, and `answer_gate` gives one. `auto` decides by rule.",
            session_output(),
            Works,
        ),
        tool::<ContinueSession>(
            "continue_session",
            "Goes on with a session where it stopped: after feedback, a cancelled call or a limit.",
            session_output(),
            Works,
        ),
        tool::<AnswerGate>(
            "answer_gate",
            "Answers the gate that a session waits at, and goes on until it is accepted or the next \
             decision is needed.",
            session_output(),
            Works,
        ),
        tool::<GiveFeedback>(
            "give_feedback",
            "Records what a test of a version showed. `continue_session` writes the next version with it.",
            output(&json!({
                "session": text("The session's name"),
                "version": number("The version that it was noted for"),
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
            "Runs Python code in a strict sandbox: no network, no files but copies of `data`, limits on \
             time and memory. Nothing is kept. No packages are installed for it.",
            run_output(),
            Reads,
        ),
        tool::<Lint>(
            "lint",
            "Checks Python code without running it: syntax, likely mistakes, security, and what it asks \
             for (network, files, processes).",
            output(&json!({
                "ok": { "type": "boolean", "description": "No error that would stop it" },
                "errors": list_of("Errors that stop it"),
                "findings": list_of("Other findings"),
                "security": list_of("Findings of the security rules"),
                "capabilities": list_of("What the code asks for"),
                "dependencies": list_of("Packages that it needs"),
            })),
            Reads,
        ),
        tool::<ListSessions>(
            "list_sessions",
            "Lists the sessions and where each stands, the one last worked on first.",
            output(&json!({
                "sessions": list_of("The sessions"),
                "more": number("How many others there are"),
            })),
            Reads,
        ),
        tool::<ShowSession>(
            "show_session",
            "Shows a session: plan, requirements, versions, findings, costs; or one version with its script.",
            output(&json!({
                "session": { "type": "object", "description": "The session" },
                "version": { "type": "object", "description": "The version, where one was asked for" },
                "gate": { "type": "object", "description": "The gate that waits, if one does" },
            })),
            Reads,
        ),
        tool::<DiffVersions>(
            "diff_versions",
            "Shows what changed between two versions of a session's script.",
            output(&json!({
                "from": number("The older version; left out if there is none"),
                "to": number("The newer version"),
                "added": number("Lines added"),
                "removed": number("Lines removed"),
                "diff": text("The change as a unified diff"),
            })),
            Reads,
        ),
        tool::<ExportScript>(
            "export_script",
            "Gives a script with its dependencies declared (PEP 723), as `uv run` takes it.",
            output(&json!({
                "session": text("The session's name"),
                "version": number("The version"),
                "dependencies": list_of("Packages that it needs"),
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
    properties["error"] =
        text("What failed, and what to do; nothing else is given then but what helps");
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
        "state": text("The same in words"),
        "version": number("The latest or accepted version"),
        "script": text("Its script"),
        "evidence": text("How much was seen of it: tested, agreed or ran; left out if it never ran"),
        "run": text("How its run ended"),
        "output": text("What it printed"),
        "errors": text("What it wrote as errors"),
        "gate": { "type": "object", "description": "The gate that waits: what it asks and which answers there are" },
        "notes": { "type": "array", "items": { "type": "string" }, "description": "What else happened" },
        "next": text("What to do next"),
    }))
}

fn run_output() -> JsonObject {
    output(&json!({
        "verdict": text("How it ended: ok, failed, timeout, window, waits (for input), refused, skipped"),
        "output": text("What it printed"),
        "errors": text("What it wrote as errors"),
        "run": { "type": "object", "description": "All that was seen of the run" },
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    #[test]
    fn every_tool_takes_what_its_schema_names_and_nothing_else() {
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
