//! State of a session, folded from the events of its journal.

use super::chat::{Agent, Outcome, Role, ToolCall, Usage};
use super::dialogue::Dialogue;
use super::event::{Artifact, CallStarted, Cause, DataFile, Escalation, Gate, RefusalKind};
use super::example::{self, Example};
use super::packages::Needs;
use super::permission::Permission;
use super::plan::Plan;
use super::report::{Checks, Evidence, Judged, Run, RunVerdict, Scored, Split, Test, Trial};
use super::review::{Answered, Finding, FindingState, Review, Status};
use super::settings::{Limits, Settings};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Modules that parse command-line arguments.
const ARGUMENT_PARSERS: [&str; 7] =
    ["argparse", "getopt", "optparse", "click", "typer", "fire", "docopt"];

/// Names of which any script that reads typed input contains one.
const READS_TYPED: [&str; 4] = ["input", "stdin", "getpass", "/dev/"];

/// The state of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Format number of its folder.
    pub format: u32,
    /// Name.
    pub name: String,
    /// The user's request, verbatim.
    pub request: String,
    /// Settings.
    pub settings: Settings,
    /// The limits before the user extended them.
    pub limits_given: Limits,
    /// Data files that the user added.
    pub data: Vec<DataFile>,
    /// The user's acceptance tests.
    pub tests: Vec<DataFile>,
    /// Examples that the user chose at a gate; others are in the settings.
    pub examples: Vec<Example>,
    /// Names of the script that the tests use.
    pub interface: Vec<String>,
    /// The session and version that it was forked from, as `NAME:vN`.
    pub forked_from: Option<String>,
    /// Time of its creation, as in the journal.
    pub created: String,
    /// Time of its last event.
    pub updated: String,
    /// Number of its last event.
    pub seq: u64,
    /// Number of the last event at which the program waited or ended, with all files written.
    pub settled: u64,
    /// The questions, if the session answers questions instead of writing a script.
    pub dialogue: Option<Dialogue>,
    /// The plan and the discussion about it.
    pub planning: Planning,
    /// The arguments and input in the request that the script is tried with, once they were read.
    pub stated: Option<Stated>,
    /// All versions; number N is at index N - 1.
    pub versions: Vec<Version>,
    /// The candidates for the next version.
    pub samples: Vec<Sample>,
    /// The version that work continues from.
    pub head: Option<u32>,
    /// The user chose the head, even if other versions are better.
    pub picked: bool,
    /// The next action on the head, as requested by the user or the rules.
    pub wish: Option<PendingAction>,
    /// The escalation to use for the next version.
    pub escalation: Option<Escalation>,
    /// Unusable answers since the last usable one.
    pub refusals: Vec<Refusal>,
    /// Total number of repairs that repeated an earlier script.
    pub copies: u32,
    /// Model calls.
    pub calls: Calls,
    /// All findings, ordered by id.
    pub ledger: Vec<Finding>,
    /// By finding id: its state after each review that changed it, oldest first.
    pub stood: BTreeMap<String, Vec<(u32, FindingState)>>,
    /// Decisions of this session on permissions outside the run folder.
    pub allowed: BTreeMap<Permission, bool>,
    /// Permissions granted elsewhere, by another user or machine: they have no effect until they
    /// are granted here.
    pub elsewhere: BTreeSet<Permission>,
    /// Decisions on packages, by name: whether each may be installed.
    pub installs: BTreeMap<String, bool>,
    /// The packages that models named for a module, one entry each time; empty if no package
    /// provides it.
    pub named: BTreeMap<String, Vec<String>>,
    /// The version whose failure was last explained, in `analysis.md`.
    pub analysed: Option<u32>,
    /// The answer to the user's question from an accepted version's output, with the version.
    pub interpreted: Option<(u32, Option<String>)>,
    /// The gate at which the session waits.
    pub gate: Option<Gate>,
    /// The accepted version.
    pub accepted: Option<Accepted>,
    /// Why the session is paused; cleared by the next event.
    pub paused: Option<String>,
    /// Files derived from the journal: by path, with the event that last wrote each.
    pub artifacts: BTreeMap<String, Placed>,
}

/// An artifact and the event that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The file.
    pub artifact: Artifact,
    /// The event's number.
    pub seq: u64,
}

/// See [`Session::stated`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Command-line arguments.
    pub args: Vec<String>,
    /// Lines of standard input.
    pub stdin: String,
}

/// See [`Session::accepted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The version.
    pub version: u32,
    /// It was never run.
    pub without_run: bool,
    /// Evidence for it, if it ran.
    pub evidence: Option<Evidence>,
}

/// The plan and the discussion about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planning {
    /// The current plan.
    pub plan: Option<Plan>,
    /// A proposed plan that waits for approval.
    pub proposal: Option<Plan>,
    /// The user's remarks since the last approval, in order.
    pub remarks: Vec<String>,
    /// The last remark is not answered yet.
    pub revise: bool,
    /// A person approved the current plan.
    pub by_manager: bool,
    /// Permissions that the current plan asks for, if it was approved at a gate here.
    pub needs: Vec<Permission>,
    /// Examples of that plan that the user approved, or stated in the request.
    pub examples: Vec<Example>,
    /// By requirement id: the first version written for the requirement in its current wording.
    pub since: BTreeMap<String, u32>,
}

impl Planning {
    /// The state after `plan` is approved; `next_version` is the number of the next version.
    #[must_use]
    pub fn approved(&self, plan: Plan, by_manager: bool, next_version: u32) -> Self {
        let before = self.plan.as_ref().map_or(&[][..], |plan| &plan.requirements);
        let since = plan.requirements.iter().map(|requirement| {
            let known = self.since.get(&requirement.id).filter(|_| before.contains(requirement));
            (requirement.id.clone(), known.copied().unwrap_or(next_version))
        });
        let since = since.collect();
        let examples = example::of_plan(&plan.text);
        Self { plan: Some(plan), by_manager, since, examples, ..Self::default() }
    }
}

/// One version.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// Why it was written.
    pub cause: Cause,
    /// The version that it was written from.
    pub base: Option<u32>,
    /// The escalation that it was written with, if the session was stuck.
    pub escalation: Option<Escalation>,
    /// The script.
    pub script: String,
    /// Corrections that were needed to extract the script from the answer.
    pub notes: Vec<String>,
    /// A model's judgement of its safety.
    pub judged: Option<Judged>,
    /// Whether it may run although it was judged unsafe.
    pub trusted: Option<bool>,
    /// The candidates that it was chosen from.
    pub samples: Vec<Scored>,
    /// How the candidates' behaviour differs, if it does.
    pub split: Option<Split>,
    /// The static checks.
    pub checks: Option<Checks>,
    /// The packages that it needs, once they were determined.
    pub needs: Option<Needs>,
    /// The run.
    pub run: Option<Run>,
    /// Standard output of the run, up to the limit.
    pub stdout: String,
    /// Error output of the run, up to the limit.
    pub stderr: String,
    /// Results of the user's tests.
    pub tests: Option<Vec<Test>>,
    /// The review.
    pub review: Option<Review>,
    /// All of the user's feedback on it.
    pub feedback: Option<String>,
    /// By requirement id: what the user observed in tests by hand.
    pub answers: BTreeMap<String, Answered>,
    /// Time of its creation.
    pub at: String,
}

impl Version {
    /// A version without any results yet.
    #[must_use]
    pub const fn new(number: u32, cause: Cause, base: Option<u32>, script: String) -> Self {
        Self {
            number,
            cause,
            base,
            escalation: None,
            script,
            notes: Vec::new(),
            judged: None,
            trusted: None,
            samples: Vec::new(),
            split: None,
            checks: None,
            needs: None,
            run: None,
            stdout: String::new(),
            stderr: String::new(),
            tests: None,
            review: None,
            feedback: None,
            answers: BTreeMap::new(),
            at: String::new(),
        }
    }

    /// Whether a check, the run or a test proves that it does not work.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.check_failed() || self.run_failed() || self.tests_failed()
    }

    /// Whether it ran, and nothing proves that it does not work.
    #[must_use]
    pub fn works(&self) -> bool {
        self.ran() && !self.failed()
    }

    /// Whether a static check proves that it does not work.
    #[must_use]
    pub fn check_failed(&self) -> bool {
        self.checks.as_ref().is_some_and(|c| !c.errors.is_empty())
    }

    /// Whether the run failed, or exceeded the time limit.
    #[must_use]
    pub fn run_failed(&self) -> bool {
        let failed = |verdict| matches!(verdict, RunVerdict::Failed | RunVerdict::Timeout);
        self.run.as_ref().is_some_and(|run| failed(run.verdict))
    }

    /// Whether the run was refused because of the permissions that it needs or a model's judgement
    /// of its safety. If this system can't sandbox a run, the refused run has its `sandbox` set
    /// instead.
    #[must_use]
    pub fn withheld(&self) -> bool {
        let withheld = |run: &Run| run.verdict == RunVerdict::Refused && run.sandbox.is_none();
        self.run.as_ref().is_some_and(withheld)
    }

    /// Whether its run ended normally, but without a usable result.
    #[must_use]
    pub fn no_result(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.no_result().is_some())
    }

    /// Whether its run ignored some of its inputs.
    #[must_use]
    pub fn ignores_given(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.ignores.is_empty())
    }

    /// Whether it imports a module that parses command-line arguments.
    #[must_use]
    pub fn parses_arguments(&self) -> bool {
        let mut imports = self.checks.iter().flat_map(|checks| &checks.imports);
        imports.any(|module| ARGUMENT_PARSERS.contains(&module.as_str()))
    }

    /// Whether its text, including comments, contains a name that reads typed input.
    #[must_use]
    pub fn names_typed(&self) -> bool {
        READS_TYPED.iter().any(|name| self.script.contains(name))
    }

    /// Whether one of the user's tests failed.
    #[must_use]
    pub fn tests_failed(&self) -> bool {
        self.tests.iter().flatten().any(Test::failed)
    }

    /// Whether it was started and observed.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.run.as_ref().is_some_and(|r| r.verdict.ran())
    }

    /// Whether it was stopped while it waited for missing input.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.verdict == RunVerdict::Waits)
    }

    /// Ids of the blockers that its review left open; none if the review was made before the run
    /// and the version ran, because then the run is known.
    #[must_use]
    pub fn blockers(&self) -> &[String] {
        let review = self.review.as_ref().filter(|review| !(review.before_run && self.ran()));
        review.map_or(&[], |review| &review.blockers)
    }

    /// Number of requirements that the Reviewer judged as met.
    #[must_use]
    pub fn requirements_met(&self) -> usize {
        let met = |r: &Review| r.judgements.iter().filter(|j| j.status == Status::Met).count();
        self.review.as_ref().map_or(0, met)
    }
}

/// One of the candidates that a version is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Number, from 1.
    pub number: u32,
    /// The model call that wrote it.
    pub call: u32,
    /// Calls that returned exactly the same script.
    pub twins: Vec<u32>,
    /// It was checked, run and tested as far as possible.
    pub tried: bool,
    /// By function name: a hash of the function's results for generated arguments; functions with
    /// equal hashes behave the same.
    pub behaviour: BTreeMap<String, String>,
    /// Its behaviour with the user's inputs, and with variations of them.
    pub trials: Vec<Trial>,
    /// The version that it would become.
    pub version: Version,
}

impl Version {
    /// Whether its script reads its command line or typed input.
    #[must_use]
    pub fn reads_inputs(&self) -> bool {
        self.reads_arguments() || self.reads_typed()
    }

    /// Whether its script reads its command line.
    #[must_use]
    pub fn reads_arguments(&self) -> bool {
        reads_arguments(&self.script)
    }

    /// Whether its script reads typed input.
    #[must_use]
    pub fn reads_typed(&self) -> bool {
        has_name(&self.script, READS_TYPED.iter())
    }
}

/// Whether a script reads its command line.
#[must_use]
pub fn reads_arguments(script: &str) -> bool {
    has_name(script, ARGUMENT_PARSERS.iter().chain(&["argv"]))
}

fn has_name<'n>(script: &str, mut names: impl Iterator<Item = &'n &'n str>) -> bool {
    let is_name = |at: usize, name: &str| {
        let of_name = |c: char| c.is_alphanumeric() || c == '_';
        !script[..at].ends_with(of_name) && !script[at + name.len()..].starts_with(of_name)
    };
    names.any(|name| script.match_indices(*name).any(|(at, name)| is_name(at, name)))
}

/// The next action on the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingAction {
    /// Write another version, for this cause.
    Iterate(Cause),
    /// Run it again.
    Rerun,
}

/// An unusable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The agent that got it.
    pub agent: Agent,
    /// Kind of problem.
    pub kind: RefusalKind,
    /// Reason that is sent to the model.
    pub reason: String,
}

/// Model calls: running calls, unread answers, and the totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The last call number in use.
    pub last: u32,
    /// Calls that were started and have not ended: they are running, or the program was killed.
    pub open: Vec<CallStarted>,
    /// Answers that were not read yet; several if candidates were requested.
    pub pending: Vec<Pending>,
    /// Number of calls in the current group that failed or whose answers were read.
    pub settled: usize,
    /// Token counts of all finished calls.
    pub usage: Usage,
    /// Cost in US dollars of all finished calls whose price is known.
    pub usd: f64,
    /// Whether the price of any call is known.
    pub priced: bool,
    /// Whether part of the cost uses the list price of a well-known model.
    pub at_usual_prices: bool,
    /// Total duration of all finished calls, each from its request to the end of its answer.
    pub milliseconds: u64,
    /// By version: the total cost of the finished calls about it.
    pub of_version: BTreeMap<u32, CallCost>,
    /// Cost of each agent's last finished call.
    pub latest: HashMap<Agent, CallCost>,
    /// Number of finished calls of each agent.
    pub finished: HashMap<Agent, usize>,
}

/// Cost of a call, measured or estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallCost {
    /// Tokens of prompt and answer.
    pub tokens: u64,
    /// US dollars, if the price is known.
    pub usd: Option<f64>,
    /// Time from the request to the end of the answer.
    pub milliseconds: u64,
}

impl CallCost {
    /// Adds the cost of another call.
    pub fn add(&mut self, other: Self) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.milliseconds = self.milliseconds.saturating_add(other.milliseconds);
        self.usd = self.usd.zip(other.usd).map(|(a, b)| a + b).or(self.usd).or(other.usd);
    }
}

/// A finished call whose answer was not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The call's number.
    pub call: u32,
    /// The agent that asked.
    pub agent: Agent,
    /// The agent's standing instructions, which weak models repeat.
    pub told: String,
    /// The version that the call is about, or that its answer is to become.
    pub version: Option<u32>,
    /// The answer.
    pub answer: String,
    /// Tool calls in the answer.
    pub calls: Vec<ToolCall>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Session {
    /// All examples of the user.
    pub fn all_examples(&self) -> impl Iterator<Item = &Example> {
        let of_plan = self.planning.examples.iter();
        self.settings.examples.iter().chain(of_plan).chain(&self.examples)
    }

    /// Whether the user supplied tests or examples.
    #[must_use]
    pub fn has_tests(&self) -> bool {
        !self.tests.is_empty() || self.all_examples().next().is_some()
    }

    /// Whether the user asked for changes since the first version, or wrote a version: then the
    /// request is no longer the full description.
    #[must_use]
    pub fn said_more(&self) -> bool {
        let by_manager = |cause: Cause| matches!(cause, Cause::Feedback | Cause::Manager);
        let wished = matches!(self.wish, Some(PendingAction::Iterate(cause)) if by_manager(cause));
        wished || self.versions.iter().any(|version| by_manager(version.cause))
    }

    /// The version with this number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The version that work continues from.
    #[must_use]
    pub fn head(&self) -> Option<&Version> {
        self.version(self.head?)
    }

    /// Number of the accepted version, else of the head.
    #[must_use]
    pub fn result(&self) -> Option<u32> {
        self.accepted.map(|accepted| accepted.version).or(self.head)
    }

    /// Number of the next version.
    #[must_use]
    pub fn next_version(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX - 1) + 1
    }

    /// Unusable answers for a role, since the last usable one.
    pub fn refusals_of(&self, role: Role) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter().filter(move |r| r.agent.role() == role)
    }

    /// Open findings.
    pub fn open_findings(&self) -> impl Iterator<Item = &Finding> {
        self.ledger.iter().filter(|f| f.state == FindingState::Open)
    }

    /// The plan's requirements; empty if there is no plan.
    #[must_use]
    pub fn requirements(&self) -> &[super::plan::Requirement] {
        self.planning.plan.as_ref().map_or(&[], |p| &p.requirements)
    }
}
