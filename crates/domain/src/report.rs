//! Results of the checks, the run and the tests of a version: `report_vN.yaml`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::text::one_line;

/// One finding of a static check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// The rule's code, such as `F821`.
    pub rule: String,
    /// Line in the script, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Access outside the run folder that the code needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Kind of access.
    pub kind: CapabilityKind,
    /// Line in the script, from 1.
    pub line: usize,
    /// The code that needs it, such as `subprocess.run`.
    pub what: String,
    /// The host, the resolved path of an existing file or folder, or the name of the environment
    /// variable, if it is a literal in the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The path as the script has it, if it resolves to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
}

/// Kinds of access that a script can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapabilityKind {
    /// Files outside the run folder.
    Files,
    /// Network connections.
    Network,
    /// Other processes.
    Processes,
    /// Environment variables.
    Environment,
    /// Code made at run time.
    DynamicCode,
    /// Native code.
    NativeCode,
}

impl CapabilityKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Files,
        Self::Network,
        Self::Processes,
        Self::Environment,
        Self::DynamicCode,
        Self::NativeCode,
    ];

    /// Text for the user.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Files => "files outside its run folder",
            Self::Network => "the network",
            Self::Processes => "other processes",
            Self::Environment => "environment variables",
            Self::DynamicCode => "code made at run time",
            Self::NativeCode => "native code",
        }
    }
}

/// A model's judgement on a version's safety.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Whether it is safe to run.
    pub safe: bool,
    /// Why, or why not.
    pub reason: String,
}

/// The static checks of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Errors that stop the script when they are reached: they send the version to repair.
    pub errors: Vec<Lint>,
    /// Other lint findings.
    pub lint: Vec<Lint>,
    /// Findings of the security rules.
    pub security: Vec<Lint>,
    /// Access that the code needs.
    pub capabilities: Vec<Capability>,
    /// Top-level modules that it imports.
    pub imports: Vec<String>,
    /// Packages outside the standard library that provide these modules.
    pub dependencies: Vec<String>,
    /// Packages that the script can do without, with the modules that it tries first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub optional: BTreeMap<String, Vec<String>>,
    /// The script opens a window.
    #[serde(default)]
    pub window: bool,
    /// The script draws on a terminal, or reads keys from one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
    /// Number of statements in the script.
    #[serde(default)]
    pub statements: usize,
    /// Top-level functions and classes of the previous version that are missing, although nobody
    /// asked to remove them.
    #[serde(rename = "vanished", default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Functions that the user's tests call and that use none of their parameters.
    #[serde(rename = "heedless", default, skip_serializing_if = "Vec::is_empty")]
    pub ignores_parameters: Vec<String>,
}

/// Points that an error takes off the lint score; any other finding takes 1.
const ERROR: f64 = 5.0;

/// Rule code of a comparison of a value with itself.
const SAME: &str = "PLR0124";

impl Checks {
    /// Comparisons of a value with itself, which always have the same result. `x != x` is left out:
    /// it tests for NaN.
    pub fn same(&self) -> impl Iterator<Item = &Lint> {
        self.lint.iter().filter(|lint| lint.rule == SAME && !lint.message.contains("!="))
    }

    /// Lint score from 0 to 10 in steps of 0.01: 10 minus ten times the findings per statement,
    /// where an error counts five times. Pylint's formula, over the rules here.
    #[must_use]
    pub fn lint_score(&self) -> f64 {
        let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let found = number(self.errors.len()) * ERROR
            + number(self.lint.len())
            + number(self.security.len());
        let score = 10.0 - 10.0 * found / number(self.statements.max(1));
        (score.max(0.0) * 100.0).round() / 100.0
    }
}

/// One of the candidates for a version, with its scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Number among the candidates of its version, from 1.
    pub sample: u32,
    /// It became the version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
    /// The model call that wrote it.
    pub call: u32,
    /// Number of the user's tests that it passed.
    pub tests_passed: usize,
    /// Number of the user's tests that it failed.
    pub tests_failed: usize,
    /// Result of its run; `None` if a check failed, or scripts are not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunVerdict>,
    /// Number of errors and security findings, plus one if the script is suspicious.
    pub findings: usize,
    /// Number of other answers with exactly the same script.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub copies: usize,
    /// Enough other candidates behave the same for it to be trusted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agreed: bool,
    /// Number of other answers that behave the same, among those with equally good results so far.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub agreeing: usize,
    /// Lint score from 0 to 10, as in the report.
    pub lint_score: f64,
}

/// Name of the trial with the user's own inputs.
pub const AS_GIVEN: &str = "as given";

impl Scored {
    /// Whether these candidates agree on it: at least `quorum` answers behave the same, including
    /// itself, and they are a majority of the answers that ran.
    #[must_use]
    pub fn is_agreed(&self, all: &[Self], quorum: usize) -> bool {
        let ran = |score: &&Self| score.run.is_some_and(RunVerdict::went_well);
        let answers: usize = all.iter().filter(ran).map(|score| 1 + score.copies).sum();
        let same = self.agreeing + 1;
        same >= quorum.max(2) && 2 * same > answers
    }
}

/// Behaviour of a candidate with one set of inputs, for comparison with other candidates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The inputs: `as given`, or the difference from them.
    pub given: String,
    /// Result of the run.
    pub verdict: RunVerdict,
    /// Its standard output, up to a limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// Files that it wrote: the content of text files, a summary of others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wrote: BTreeMap<String, String>,
}

/// A difference between the candidates of a version; the user chooses the intended behaviour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The inputs for which they differ: `as given`, or the difference from them.
    pub given: String,
    /// The behaviours: the chosen candidate and those that agree with it first.
    pub sides: Vec<Side>,
}

/// Candidates with the same behaviour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Numbers of the candidates.
    pub samples: Vec<u32>,
    /// What the first of them printed and wrote, up to a limit.
    pub shows: String,
    /// Output of the first of them, if it is short enough to be compared with others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prints: String,
    /// Script of the first of them.
    pub script: String,
}

/// Evidence that an accepted version is right, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It ran without problems. Whether its result is right is unknown.
    #[default]
    Ran,
    /// Another script, written independently, behaves the same.
    Agreed,
    /// The user's tests and examples pass, and there is at least one.
    Tested,
}

impl Evidence {
    /// Name in the configuration and in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Agreed => "agreed",
            Self::Tested => "tested",
        }
    }
}

/// How an acceptance test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was not run, or skipped itself; the message says why.
    Skipped,
    /// It passed, but the script itself could have reported that: it proves nothing.
    Unproven,
}

impl TestOutcome {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unproven => "unproven",
        }
    }

    /// Whether nothing failed; for choices that need no proof.
    #[must_use]
    pub const fn went_well(self) -> bool {
        matches!(self, Self::Passed | Self::Unproven)
    }
}

/// One acceptance test of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The file and the function or case in it, such as `test_sum.py::test_of_two`.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// The failure and its place, or why it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Wall-clock milliseconds.
    #[serde(default)]
    pub milliseconds: u64,
    /// If it fails now: the latest ancestor version in which it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_in: Option<u32>,
}

impl Test {
    /// Whether it failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome == TestOutcome::Failed
    }
}

/// Start of the reason if a run was skipped because there is no display.
pub const NO_DISPLAY: &str = "needs a display, there is none here";
/// Reason if a run read standard input and none was supplied.
pub const NO_INPUT: &str = "it waits for input, and nothing was given";
/// End of the reason if some of the files that a run wrote were not kept.
pub const NOT_KEPT: &str = "that it wrote not kept";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Exit code 0.
    Ok,
    /// It ended with an error.
    Failed,
    /// Stopped at the time limit.
    Timeout,
    /// A program with a window, stopped while its window was open.
    Window,
    /// It waits for input: it reached the end of its input, or was stopped at its terminal.
    Waits,
    /// The user or the sandbox did not let it run.
    Refused,
    /// Not run, by choice or because there is no display.
    Skipped,
}

impl RunVerdict {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Window => "window",
            Self::Waits => "waits",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }

    /// Whether the script was started and observed.
    #[must_use]
    pub const fn ran(self) -> bool {
        !matches!(self, Self::Refused | Self::Skipped)
    }

    /// Whether the script ended normally or showed its window.
    #[must_use]
    pub const fn went_well(self) -> bool {
        matches!(self, Self::Ok | Self::Window)
    }

    /// Whether missing arguments or input may be the only problem.
    #[must_use]
    pub const fn wants_more(self) -> bool {
        matches!(self, Self::Failed | Self::Waits)
    }
}

/// The error that ended a run, in parts for prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The exception's type, such as `ValueError`.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// The line of the script that raised it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The frames inside the script, outermost first: `line 3, in main: total = add(1)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
    /// A hint on the cause, if the program knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The source of a run's arguments and input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenBy {
    /// The user.
    Manager,
    /// The approved plan.
    Plan,
    /// One from the user, the other from the plan.
    Both,
    /// Verbatim from the request.
    Request,
}

/// One run of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// How it ended.
    pub verdict: RunVerdict,
    /// Why it was refused or skipped, or another remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The child's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Wall-clock milliseconds.
    #[serde(default)]
    pub milliseconds: u64,
    /// Sandbox mode: `strict`, `network` or `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The interpreter that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The source of its arguments and input; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<GivenBy>,
    /// Number of arguments.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub arguments: usize,
    /// The error that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Bytes of standard output, before truncation.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// Bytes of error output, before truncation.
    #[serde(default)]
    pub stderr_bytes: u64,
    /// Files that it wrote, relative to `run_vN/files/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// `run_vN/screenshot.png` has a picture of its window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub screenshot: bool,
    /// It ran in a terminal of its own: its standard output is the text of that screen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
    /// What the sandbox could not have prevented on this system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// The only hosts that it was allowed to connect to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts_allowed: Vec<String>,
    /// Other hosts that it tried to connect to, as `HOST:PORT`, without duplicates, up to a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts_refused: Vec<String>,
    /// Inputs that it does not use: without them, or with others in their place, it behaved the
    /// same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<String>,
    /// Blank pictures that it wrote, with one colour from edge to edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blank: Vec<String>,
    /// It printed nothing, wrote no file and had no other visible effect, although one was
    /// expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_output: bool,
    /// Printed lines with a NaN or infinite value that its inputs do not have, up to a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_numbers: Vec<String>,
    /// It failed, and it was not allowed to start the other programs that it needs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub programs_refused: bool,
}

/// Maximum number of hosts in a message.
const HOSTS_SHOWN: usize = 5;

impl Run {
    /// This run as failed because of its output, with the problem and a hint for its repair.
    #[must_use]
    pub fn unfit(self, message: String, hint: String) -> Self {
        let error = RunError { message, hint: Some(hint), ..RunError::default() };
        Self { verdict: RunVerdict::Failed, reason: None, error: Some(error), ..self }
    }

    /// A run that did not take place.
    #[must_use]
    pub fn not_run(verdict: RunVerdict, reason: impl Into<String>) -> Self {
        Self {
            verdict,
            reason: Some(reason.into()),
            exit_code: None,
            signal: None,
            milliseconds: 0,
            sandbox: None,
            python: None,
            given_by: None,
            arguments: 0,
            error: None,
            stdout_bytes: 0,
            stderr_bytes: 0,
            files: Vec::new(),
            screenshot: false,
            terminal: false,
            gaps: Vec::new(),
            hosts_allowed: Vec::new(),
            hosts_refused: Vec::new(),
            ignores: Vec::new(),
            blank: Vec::new(),
            no_output: false,
            not_numbers: Vec::new(),
            programs_refused: false,
        }
    }

    /// The problem with the result of a run that ended normally; `None` if there is none.
    #[must_use]
    pub fn no_result(&self) -> Option<String> {
        if self.no_output {
            return Some("it printed nothing and wrote no file".to_owned());
        }
        let line = self.not_numbers.first()?;
        Some(format!("it printed `{line}`, and nothing that it was given has such a value"))
    }

    /// `tried api.b.org:443, allowed is api.a.org`, if it tried to connect to other hosts.
    #[must_use]
    pub fn refused_hosts(&self) -> Option<String> {
        let list = |hosts: &[String]| {
            let more = hosts.len().saturating_sub(HOSTS_SHOWN);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let shown: Vec<String> =
                hosts.iter().take(HOSTS_SHOWN).map(|host| one_line(host, 100)).collect();
            format!("{}{more}", shown.join(", "))
        };
        let (tried, allowed) = (&self.hosts_refused, &self.hosts_allowed);
        (!tried.is_empty()).then(|| format!("tried {}, allowed is {}", list(tried), list(allowed)))
    }
}
