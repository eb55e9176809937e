//! What the machine found in a version: `report_vN.yaml`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::text::one_line;

/// One point of a static check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// The rule's code, as `F821`.
    pub rule: String,
    /// Line in the script, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Something outside the run folder that the code asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// What is asked for.
    pub kind: CapabilityKind,
    /// Line in the script, from 1.
    pub line: usize,
    /// What asks for it, as `subprocess.run`.
    pub what: String,
    /// The host, the resolved path of a file or folder that is there, or the name of the environment
    /// variable that it is given, where the script says it as a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The path as the script says it, where that resolves to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
}

/// The kinds of thing that a script can ask for.
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
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Files,
        Self::Network,
        Self::Processes,
        Self::Environment,
        Self::DynamicCode,
        Self::NativeCode,
    ];

    /// What it is, for people.
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

/// What a model says of a version's safety.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// It is safe to run.
    pub safe: bool,
    /// Why, or why not.
    pub reason: String,
}

/// The static checks of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Errors that will stop the script wherever they are reached: they send the version to repair.
    pub errors: Vec<Lint>,
    /// Other lint findings.
    pub lint: Vec<Lint>,
    /// Findings of the security rules.
    pub security: Vec<Lint>,
    /// What the code asks for.
    pub capabilities: Vec<Capability>,
    /// Top-level modules that it imports.
    pub imports: Vec<String>,
    /// Packages outside the standard library that these belong to.
    pub dependencies: Vec<String>,
    /// Those that it goes on without, with the modules that it tries before them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub optional: BTreeMap<String, Vec<String>>,
    /// The script opens a window.
    #[serde(default)]
    pub window: bool,
    /// The script draws on a terminal, or reads keys from one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
    /// How many statements it has.
    #[serde(default)]
    pub statements: usize,
    /// Functions and classes that the version before had at its top level, gone without anybody
    /// asking for it.
    #[serde(rename = "vanished", default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Functions that the Manager's tests call, and that use nothing of what they are given.
    #[serde(rename = "heedless", default, skip_serializing_if = "Vec::is_empty")]
    pub ignores_parameters: Vec<String>,
}

/// What an error takes from the lint score, where any other finding takes 1.
const ERROR: f64 = 5.0;

/// The rule that a value is compared with itself.
const SAME: &str = "PLR0124";

impl Checks {
    /// Where a value is compared with itself, so that the answer is always the same. `x != x` is left
    /// out: it asks whether `x` is no number.
    pub fn same(&self) -> impl Iterator<Item = &Lint> {
        self.lint.iter().filter(|lint| lint.rule == SAME && !lint.message.contains("!="))
    }

    /// How clean the script is, from 0 to 10 in steps of a hundredth: 10 less ten times the findings
    /// for each statement, where an error counts five times. Pylint's formula, over the rules here.
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

/// One of the samples that a version was chosen from, and what spoke for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Its number among the samples of its version, from 1.
    pub sample: u32,
    /// It became the version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
    /// The call that gave it.
    pub call: u32,
    /// The Manager's tests that it passed.
    pub tests_passed: usize,
    /// Those that it failed.
    pub tests_failed: usize,
    /// How its run ended; none if a check failed, or nothing is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunVerdict>,
    /// Errors and findings of the security rules, and one more if it can't be meant as it is.
    pub findings: usize,
    /// Further answers that gave it word by word.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub copies: usize,
    /// So many other answers do the same that it is believed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agreed: bool,
    /// Other answers that do the same, of those that are as good so far.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub agreeing: usize,
    /// From 0 to 10, as in its report.
    pub lint_score: f64,
}

/// The inputs of a trial that are the user's own.
pub const AS_GIVEN: &str = "as given";

impl Scored {
    /// Whether it is agreed on among these: so many answers do the same, itself included, and most of those
    /// that ran do.
    #[must_use]
    pub fn is_agreed(&self, all: &[Self], quorum: usize) -> bool {
        let ran = |score: &&Self| score.run.is_some_and(RunVerdict::went_well);
        let answers: usize = all.iter().filter(ran).map(|score| 1 + score.copies).sum();
        let same = self.agreeing + 1;
        same >= quorum.max(2) && 2 * same > answers
    }
}

/// What a candidate did with one set of inputs, kept to be compared with what others did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The inputs: `as given`, or what is different from that.
    pub given: String,
    /// How it ended.
    pub verdict: RunVerdict,
    /// What it printed, within a limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// The files that it wrote: what is in a text, else a summary.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wrote: BTreeMap<String, String>,
}

/// In what candidates of a version differ: which of these is meant is for the user to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The inputs with which they differ: `as given`, or what is different from that.
    pub given: String,
    /// What they did: the chosen one and those that agree with it first.
    pub sides: Vec<Side>,
}

/// Candidates that did the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Their numbers.
    pub samples: Vec<u32>,
    /// What they printed and wrote, of the first of them, within a limit.
    pub shows: String,
    /// What the first of them printed, where that is short enough to be held against others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prints: String,
    /// The script of the first of them.
    pub script: String,
}

/// How much was seen of a version that is accepted, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It ran, and nothing speaks against it. Nobody knows whether what it shows is right.
    #[default]
    Ran,
    /// Another script, written independently, does the same.
    Agreed,
    /// The user's tests and examples pass, and there is at least one.
    Tested,
}

impl Evidence {
    /// The word in the configuration and in results.
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
    /// As it should.
    Passed,
    /// Not as it should.
    Failed,
    /// It was not run, or chose not to be; its message says why.
    Skipped,
    /// It passed where the script could have reported that itself: it proves nothing.
    Unproven,
}

impl TestOutcome {
    /// The word in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unproven => "unproven",
        }
    }

    /// Whether nothing was wrong, for choices that promise nothing.
    #[must_use]
    pub const fn went_well(self) -> bool {
        matches!(self, Self::Passed | Self::Unproven)
    }
}

/// One acceptance test of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The file, and within it the function or the case, as `test_sum.py::test_of_two`.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// What was wrong and where, or why it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Wall-clock milliseconds.
    #[serde(default)]
    pub milliseconds: u64,
    /// The latest of the versions that this one was written from in which it passed, where it fails
    /// now.
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

/// How the reason begins of a run that was skipped for want of a display.
pub const NO_DISPLAY: &str = "needs a display, there is none here";
/// The reason of a run that read standard input where nothing was given.
pub const NO_INPUT: &str = "it waits for input, and nothing was given";
/// How the reason ends of a run whose files are not all known.
pub const NOT_KEPT: &str = "that it wrote not kept";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Ended with exit code 0.
    Ok,
    /// Ended with an error.
    Failed,
    /// Stopped at the time limit.
    Timeout,
    /// A program with a window that ran until it was stopped.
    Window,
    /// Waits for input that nobody gave: it met the end of its input, or was stopped at its terminal.
    Waits,
    /// The Manager or the sandbox did not let it run.
    Refused,
    /// Not run, by choice or for want of a display.
    Skipped,
}

impl RunVerdict {
    /// The word in the report.
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

    /// Whether the script was really started and seen.
    #[must_use]
    pub const fn ran(self) -> bool {
        !matches!(self, Self::Refused | Self::Skipped)
    }

    /// Whether the script came to its end, or stood there with its window.
    #[must_use]
    pub const fn went_well(self) -> bool {
        matches!(self, Self::Ok | Self::Window)
    }

    /// Whether arguments or input may be all that is missing.
    #[must_use]
    pub const fn wants_more(self) -> bool {
        matches!(self, Self::Failed | Self::Waits)
    }
}

/// An error that ended a run, in the parts that a model can use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The exception's type, as `ValueError`.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// The line of the script that it came from, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The frames inside the script, outermost first: `line 3, in main: total = add(1)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
    /// What a model should know of the cause, where the program knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Who gave the arguments and the input of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenBy {
    /// The Manager.
    Manager,
    /// The approved plan.
    Plan,
    /// The Manager gave one of them, the plan the other.
    Both,
    /// The request says so, word for word.
    Request,
}

/// One run of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// How it ended.
    pub verdict: RunVerdict,
    /// Why it was refused or skipped, or what else should be known.
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
    /// What confined it: `strict`, `network` or `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The interpreter that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Who gave its arguments and its input; none if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<GivenBy>,
    /// How many arguments it was given.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub arguments: usize,
    /// The error that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Bytes that it printed, before any cut.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// Bytes of its error output, before any cut.
    #[serde(default)]
    pub stderr_bytes: u64,
    /// Files that it wrote, relative to `run_vN/files/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// A picture of its window is in `run_vN/screenshot.png`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub screenshot: bool,
    /// It ran at a terminal of its own: its standard output is the text of that screen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
    /// What its confinement could not have stopped on this system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// Hosts that it was allowed to reach, and no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts_allowed: Vec<String>,
    /// What it tried to reach besides these, as `HOST:PORT`, each once, the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts_refused: Vec<String>,
    /// What it was given and does not use: without it, or with something else in its place, it did the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<String>,
    /// Pictures that it wrote on which nothing is drawn: one colour from edge to edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blank: Vec<String>,
    /// It printed nothing, wrote no file and did nothing else that anybody could see, where there was
    /// something to be seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_output: bool,
    /// Lines that it printed with a value that is no number, or an infinite one, where nothing that it
    /// was given has such a value; the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_numbers: Vec<String>,
    /// It failed, and was not allowed to start the other programs that it asks for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub programs_refused: bool,
}

/// Hosts that a text lists.
const HOSTS_SHOWN: usize = 5;

impl Run {
    /// This run, failed for what it left: with what is wrong with that, and what to do.
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

    /// What speaks against its result, where it ended well; none where nothing does.
    #[must_use]
    pub fn no_result(&self) -> Option<String> {
        if self.no_output {
            return Some("it printed nothing and wrote no file".to_owned());
        }
        let line = self.not_numbers.first()?;
        Some(format!("it printed `{line}`, and nothing that it was given has such a value"))
    }

    /// `tried api.b.org:443, allowed is api.a.org`, if it tried to reach what it may not.
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
