//! The files of a session's folder that are rendered from events.

use crate::domain::chat::{Message, Outcome, Role, ToolCall};
use crate::domain::event::{Artifact, CallStarted, Event};
use crate::domain::example::Example;
use crate::domain::packages::Rules;
use crate::domain::permission::Permission;
use crate::domain::report::{Checks, Evidence, Run, Scored, Split, Test};
use crate::domain::session::Session;
use crate::domain::settings::{
    Gates, Install, Limits, LintUse, Preset, RoleSettings, Safety, Sandbox, Settings, Strategy,
};
use crate::files::yaml;
use crate::files::{self, Mode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The file of a version's script.
#[must_use]
pub fn script_file(version: u32) -> String {
    format!("script_v{version}.py")
}

/// The file with a version's check report.
#[must_use]
pub fn report_file(version: u32) -> String {
    format!("report_v{version}.yaml")
}

/// The folder with the results of a version's run: outputs, pictures, `files/`.
#[must_use]
pub fn run_folder(version: u32) -> String {
    format!("run_v{version}")
}

/// The version number in the name of a script file.
#[must_use]
pub fn script_number(file: &str) -> Option<u32> {
    file.strip_prefix("script_v")?.strip_suffix(".py")?.parse().ok()
}

/// The version number in the name of a feedback file.
#[must_use]
pub fn feedback_number(file: &str) -> Option<u32> {
    file.strip_prefix("feedback_v")?.strip_suffix(".md")?.parse().ok()
}

/// Whether the program reads back edits of this file by hand.
#[must_use]
pub fn is_taken_up(file: &str) -> bool {
    [PLAN, SESSION].contains(&file)
        || script_number(file).is_some()
        || feedback_number(file).is_some()
}

/// Scripts are written read-only, so that an edit by hand is deliberate.
#[must_use]
pub fn mode(file: &str) -> Mode {
    if script_number(file).is_some() { Mode::ReadOnly } else { Mode::Normal }
}

/// The artifact record of a file: name, hash and size.
#[must_use]
pub fn of(file: &str, content: &str) -> Artifact {
    Artifact {
        file: file.to_owned(),
        sha256: files::hash(content.as_bytes()),
        bytes: content.len() as u64,
    }
}

/// Whether a file has the recorded content. Line ends that were converted to CRLF, as by `git`, are
/// ignored.
#[must_use]
pub fn is_same(content: &[u8], artifact: &Artifact) -> bool {
    let is = |content: &[u8]| {
        content.len() as u64 == artifact.bytes && files::hash(content) == artifact.sha256
    };
    is(content) || (content.contains(&b'\r') && is(&with_line_feeds(content)))
}

/// The bytes with each CRLF replaced by a line feed.
fn with_line_feeds(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for (n, byte) in content.iter().enumerate() {
        if *byte != b'\r' || content.get(n + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}

/// The files of an event, with their content, in the order of [`Event::artifacts_mut`]. `session`
/// is the session before the event.
#[must_use]
pub fn render(event: &Event, session: &Session) -> Vec<(String, String)> {
    match event {
        Event::SessionCreated(e) => {
            vec![(SESSION.to_owned(), session_file(&e.name, &e.request, &e.settings))]
        }
        Event::SettingsChanged { request, settings, .. } => {
            let request = request.as_ref().unwrap_or(&session.request);
            vec![(SESSION.to_owned(), session_file(&session.name, request, settings))]
        }
        Event::BudgetExtended { settings, .. } => {
            vec![(SESSION.to_owned(), session_file(&session.name, &session.request, settings))]
        }
        Event::ModelCallFinished(e) => {
            let end = match e.outcome {
                _ if e.repeats => "cut off where it began to repeat itself",
                Outcome::Whole if e.enough => "whole; what followed the script was not waited for",
                Outcome::Whole => "whole",
                Outcome::Cut => "cut at the limit of its length",
                Outcome::Refused => "refused",
            };
            let answer = with_calls(&e.answer, &e.calls);
            chat(started(session, e.call), end, &e.reasoning, &answer)
        }
        Event::ModelCallFailed { call, error, partial, .. } => {
            chat(started(session, *call), error, "", partial)
        }
        Event::PlanApproved { text, .. } => vec![(PLAN.to_owned(), text.clone())],
        Event::VersionCreated { version, script, samples, .. } => {
            let mut files = vec![(script_file(*version), script.clone())];
            files.extend(candidates(*version, samples, session));
            files
        }
        Event::Checked { version, checks, .. } => {
            vec![report(*version, session, Some(checks), None, &[])]
        }
        Event::RunFinished(e) => {
            let checks = session.version(e.version).and_then(|v| v.checks.as_ref());
            let mut files = vec![report(e.version, session, checks, Some(&e.run), &[])];
            if !e.outputs.is_empty() {
                let folder = run_folder(e.version);
                files.push((format!("{folder}/stdout.txt"), e.stdout.clone()));
                files.push((format!("{folder}/stderr.txt"), e.stderr.clone()));
            }
            files
        }
        Event::TestsFinished { version, tests, .. } => {
            let known = session.version(*version);
            let (checks, run) = (known.and_then(|v| v.checks.as_ref()), known.map(|v| &v.run));
            vec![report(*version, session, checks, run.and_then(Option::as_ref), tests)]
        }
        Event::Reviewed { version, text, .. } => {
            vec![(format!("review_v{version}.md"), text.clone())]
        }
        Event::Analysed { text, .. } => vec![("analysis.md".to_owned(), text.clone())],
        Event::Interpreted { text, .. } => vec![("answer.md".to_owned(), text.clone())],
        Event::FeedbackGiven { version, text, .. } => {
            vec![(format!("feedback_v{version}.md"), text.clone())]
        }
        Event::QuestionAnswered { question, answer: said, remark, .. } => {
            vec![answer(session, *question, said.as_deref(), remark.as_deref())]
        }
        Event::Edited { text, artifact } => vec![(artifact.file.clone(), text.clone())],
        _ => Vec::new(),
    }
}

/// The approved plan.
pub const PLAN: &str = "plan.md";

/// The session's settings file.
pub const SESSION: &str = "session.yaml";

/// The content of `session.yaml`.
#[derive(Debug, Serialize)]
pub struct SessionFile {
    /// The session's name.
    pub name: String,
    /// The task, as the user wrote it.
    pub request: String,
    /// The session's settings.
    #[serde(flatten)]
    pub settings: Settings,
}

/// [`SessionFile`] for reading. With serde's `flatten`, errors lose their position, and unknown
/// keys are not detected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map of settings")]
struct Flat {
    name: String,
    request: String,
    preset: Preset,
    roles: BTreeMap<Role, RoleSettings>,
    #[serde(default)]
    limits: Limits,
    #[serde(default = "yes")]
    plan: bool,
    #[serde(default = "yes")]
    review: bool,
    #[serde(default)]
    review_before_run: bool,
    #[serde(default)]
    analysis: bool,
    #[serde(default)]
    interpretation: bool,
    #[serde(default)]
    gates: Gates,
    #[serde(default = "one")]
    candidates: u32,
    #[serde(default = "one")]
    plan_candidates: u32,
    dependency_samples: Option<u32>,
    #[serde(default = "yes")]
    check_index: bool,
    #[serde(default = "one")]
    install_attempts: u32,
    sampling_temperature_step: Option<f64>,
    #[serde(default)]
    sampling_strategy: Strategy,
    quorum: Option<u32>,
    #[serde(default)]
    edits: bool,
    #[serde(default)]
    tries: bool,
    #[serde(default)]
    accept: Evidence,
    #[serde(default)]
    lint: LintUse,
    #[serde(default = "yes")]
    run: bool,
    #[serde(default)]
    sandbox: Sandbox,
    #[serde(default)]
    allow: Vec<Permission>,
    #[serde(default)]
    install: Install,
    #[serde(default)]
    packages: Rules,
    #[serde(default)]
    safety: Safety,
    #[serde(default)]
    python: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    schema: String,
}

const fn yes() -> bool {
    true
}

const fn one() -> u32 {
    1
}

/// Parses `session.yaml`, which the user may have edited.
///
/// # Errors
/// What is wrong, and where.
pub fn read_session_file(text: &str) -> Result<SessionFile, String> {
    let read: Flat = yaml::read(text)?;
    let usual = Settings::of(read.preset);
    let settings = Settings {
        preset: read.preset,
        roles: read.roles,
        limits: read.limits,
        plan: read.plan,
        review: read.review,
        review_before_run: read.review_before_run,
        analysis: read.analysis,
        interpretation: read.interpretation,
        gates: read.gates,
        candidates: read.candidates,
        plan_candidates: read.plan_candidates,
        dependency_samples: read.dependency_samples.unwrap_or(usual.dependency_samples),
        check_index: read.check_index,
        install_attempts: read.install_attempts,
        sampling_temperature_step: read
            .sampling_temperature_step
            .unwrap_or(usual.sampling_temperature_step),
        sampling_strategy: read.sampling_strategy,
        quorum: read.quorum.unwrap_or(usual.quorum),
        edits: read.edits,
        tries: read.tries,
        accept: read.accept,
        lint: read.lint,
        run: read.run,
        sandbox: read.sandbox,
        allow: read.allow,
        install: read.install,
        packages: read.packages,
        safety: read.safety,
        python: read.python,
        args: read.args,
        stdin: read.stdin,
        examples: read.examples,
        schema: read.schema,
    };
    Ok(SessionFile { name: read.name, request: read.request, settings })
}

fn session_file(name: &str, request: &str, settings: &Settings) -> String {
    let file = SessionFile {
        name: name.to_owned(),
        request: request.to_owned(),
        settings: settings.clone(),
    };
    yaml(&file)
}

/// Serialises to YAML. Plain data with string keys always serialises.
fn yaml(value: &impl Serialize) -> String {
    quote_words(&serde_yaml::to_string(value).unwrap_or_default())
}

/// Quotes values that YAML 1.1 parsers, such as Python's, read as booleans. Only whole values are
/// affected; lines of a block scalar are left as they are.
fn quote_words(yaml: &str) -> String {
    let mut out = String::with_capacity(yaml.len());
    // Indentation of the line that opened a block scalar.
    let mut block: Option<usize> = None;
    for line in yaml.lines() {
        let indent = line.len() - line.trim_start().len();
        if line.trim().is_empty() || block.is_some_and(|outer| indent > outer) {
            let _ = writeln!(out, "{line}");
            continue;
        }
        let (before, value) = line.rsplit_once(' ').unwrap_or(("", line));
        block = value.starts_with(['|', '>']).then_some(indent);
        let word = ["y", "n", "yes", "no", "on", "off"];
        let plain = before.ends_with(':') || before.ends_with('-');
        if plain && word.contains(&value.to_ascii_lowercase().as_str()) {
            let _ = writeln!(out, "{before} '{value}'");
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// The open call with this number, which the event ends.
fn started(session: &Session, call: u32) -> Option<&CallStarted> {
    session.calls.open.iter().find(|open| open.call == call)
}

/// The files of the candidates that were not chosen, with the scores of all.
fn candidates(version: u32, scores: &[Scored], session: &Session) -> Vec<(String, String)> {
    if scores.is_empty() {
        return Vec::new();
    }
    let folder = candidates_folder(version);
    let chosen = |number: u32| scores.iter().any(|s| s.chosen && s.sample == number);
    let others = session.samples.iter().filter(|sample| !chosen(sample.number));
    let scripts = others.map(|sample| {
        (format!("{folder}/sample_{}.py", sample.number), sample.version.script.clone())
    });
    scripts.chain([(format!("{folder}/scores.yaml"), yaml(&scores))]).collect()
}

/// The folder of the candidates that were not chosen.
#[must_use]
pub fn candidates_folder(version: u32) -> String {
    format!("candidates_v{version}")
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    syntax: &'a str,
    lint_score: f64,
    #[serde(flatten)]
    checks: &'a Checks,
    run: Option<&'a Run>,
    tests: &'a [Test],
    #[serde(skip_serializing_if = "<[Scored]>::is_empty")]
    samples: &'a [Scored],
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<Differ<'a>>,
}

/// How candidates differ: for one input, the output of each group.
#[derive(Serialize)]
struct Differ<'a> {
    given: &'a str,
    sides: Vec<Gave<'a>>,
}

#[derive(Serialize)]
struct Gave<'a> {
    samples: &'a [u32],
    shows: &'a str,
}

impl<'a> From<&'a Split> for Differ<'a> {
    fn from(split: &'a Split) -> Self {
        let sides = split.sides.iter();
        let sides = sides.map(|side| Gave { samples: &side.samples, shows: &side.shows });
        Self { given: &split.given, sides: sides.collect() }
    }
}

fn report(
    version: u32,
    session: &Session,
    checks: Option<&Checks>,
    run: Option<&Run>,
    tests: &[Test],
) -> (String, String) {
    let none = Checks::default();
    let checks = checks.unwrap_or(&none);
    let syntax =
        if checks.errors.iter().any(|e| e.rule.contains("syntax")) { "error" } else { "ok" };
    let known = session.version(version);
    let samples = known.map_or(&[][..], |v| &v.samples);
    let split = known.and_then(|v| v.split.as_ref()).map(Differ::from);
    let lint_score = checks.lint_score();
    let report = Report { version, syntax, lint_score, checks, run, tests, samples, split };
    (report_file(version), yaml(&report))
}

/// A chat file: the complete prompt and answer. Fences are longer than any fence inside, so that a
/// Markdown viewer shows each message as it was sent.
fn chat(
    started: Option<&CallStarted>,
    end: &str,
    reasoning: &str,
    answer: &str,
) -> Vec<(String, String)> {
    let Some(started) = started else { return Vec::new() };
    let mut text = format!(
        "# Call {}: {}\n\nModel `{}`, temperature {}, at most {} tokens. The answer: {end}.\n",
        started.call,
        started.agent.name(),
        started.model,
        started.temperature,
        started.max_tokens,
    );
    for Message { role, content, calls, .. } in &started.messages {
        section(&mut text, role.name(), &with_calls(content, calls));
    }
    if !reasoning.is_empty() {
        section(&mut text, "reasoning", reasoning);
    }
    section(&mut text, "answer", answer);
    vec![(format!("chats/{:04}-{}.md", started.call, started.agent.name()), text)]
}

/// The text of a message, with its tool calls. Code is shown as it is, not as JSON.
fn with_calls<'a>(said: &'a str, calls: &[ToolCall]) -> Cow<'a, str> {
    if calls.is_empty() {
        return said.into();
    }
    let mut text = said.to_owned();
    for call in calls {
        let begin = if text.is_empty() { "" } else { "\n\n" };
        let _ = match call.arguments["code"].as_str() {
            Some(code) => write!(text, "{begin}[calls {} ({})]\n{code}", call.name, call.id),
            None => write!(text, "{begin}[calls {} ({})] {}", call.name, call.id, call.arguments),
        };
    }
    text.into()
}

/// The file of a question and its answer.
fn answer(
    session: &Session,
    number: u32,
    answer: Option<&str>,
    remark: Option<&str>,
) -> (String, String) {
    let asked = session.dialogue.as_ref().and_then(|dialogue| dialogue.open());
    let (question, runs) = asked.map_or(("", Vec::new()), |question| {
        (question.text.trim(), question.versions().map(script_file).collect())
    });
    let mut text = format!("# Question {number}\n\n{question}\n\n## Answer\n\n");
    text.push_str(answer.unwrap_or("None.").trim());
    text.push('\n');
    if let Some(remark) = remark {
        let _ = write!(text, "\n{remark}\n");
    }
    if !runs.is_empty() {
        let _ = write!(text, "\nCode for it: {}.\n", runs.join(", "));
    }
    (format!("answer_{number}.md"), text)
}

fn section(text: &mut String, title: &str, content: &str) {
    let mut longest = 0;
    let mut run = 0;
    for c in content.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(3) + 1);
    let _ = write!(text, "\n## {title}\n\n{fence}\n{content}\n{fence}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_unchanged_if_only_lf_became_crlf() {
        for (written, found, same) in [
            ("a\nb\n", "a\nb\n", true),
            ("a\nb\n", "a\r\nb\r\n", true),
            ("a\nb\n", "a\r\nb\n", true),
            ("a\nb\n", "a\rb\r", false),
            ("a\nb\n", "a\r\nb\r\n\r\n", false),
            ("a\nb\n", "a\r\nc\r\n", false),
            ("a\r\nb\n", "a\r\nb\n", true),
            ("a\r\nb\n", "a\r\nb\r\n", false),
            ("", "\r\n", false),
        ] {
            assert_eq!(is_same(found.as_bytes(), &of("f", written)), same, "{written:?} {found:?}");
        }
    }

    #[test]
    fn yaml_words_that_python_reads_as_booleans_are_quoted() {
        for (yaml, expected) in [
            ("a: off\n", "a: 'off'\n"),
            ("- No\n- not\n", "- 'No'\n- not\n"),
            ("a: 'b: off'\n", "a: 'b: off'\n"),
            ("a: 'off'\nb: turned off\n", "a: 'off'\nb: turned off\n"),
            ("a: |-\n  b: off\n\n  - no\nc: yes\n", "a: |-\n  b: off\n\n  - no\nc: 'yes'\n"),
        ] {
            assert_eq!(quote_words(yaml), expected);
        }
    }
}
