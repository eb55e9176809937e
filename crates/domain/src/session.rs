//! A session as it stands: what the events of its journal add up to.

use super::chat::{Agent, Outcome, Role, ToolCall, Usage};
use super::dialogue::Dialogue;
use super::event::{Artifact, CallStarted, Cause, DataFile, Escalation, Gate, RefusalKind};
use super::example::{self, Example};
use super::packages::Needs;
use super::permission::Permission;
use super::plan::Plan;
use super::report::{Checks, Evidence, Judged, Run, RunVerdict, Scored, Split, Test, Trial};
use super::review::{Answered, Finding, FindingState, Review, Severity, Status};
use super::settings::{Limits, Settings};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Modules that read a command line.
const ARGUMENT_PARSERS: [&str; 7] =
    ["argparse", "getopt", "optparse", "click", "typer", "fire", "docopt"];

/// What stands in any script that reads what is typed.
const READS_TYPED: [&str; 4] = ["input", "stdin", "getpass", "/dev/"];

/// The state of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The format of its folder.
    pub format: u32,
    /// Its name.
    pub name: String,
    /// The task, as given.
    pub request: String,
    /// What it runs with.
    pub settings: Settings,
    /// The limits as they were before the Manager widened them.
    pub limits_given: Limits,
    /// Files that the Manager gave.
    pub data: Vec<DataFile>,
    /// Acceptance tests that the Manager gave.
    pub tests: Vec<DataFile>,
    /// Examples that the user gave at a gate; others stand in the settings.
    pub examples: Vec<Example>,
    /// The names that these use of the script.
    pub interface: Vec<String>,
    /// Where it was forked from, as `NAME:vN`.
    pub forked_from: Option<String>,
    /// When it was made, as written in the journal.
    pub created: String,
    /// When its last event happened.
    pub updated: String,
    /// The number of its last event.
    pub seq: u64,
    /// The number of the last event at which the program waited or ended, with all files written.
    pub settled: u64,
    /// The questions, where the session answers such instead of coming to a script.
    pub dialogue: Option<Dialogue>,
    /// The plan and the talk about it.
    pub planning: Planning,
    /// What the request itself says that the script is tried with, once that was read.
    pub stated: Option<Stated>,
    /// All versions; number N stands at N - 1.
    pub versions: Vec<Version>,
    /// The samples of the version that is being written.
    pub samples: Vec<Sample>,
    /// The version that work goes on from.
    pub head: Option<u32>,
    /// The Manager chose the head, whatever others are better.
    pub picked: bool,
    /// What is to happen to the head, where the Manager or the rules said so.
    pub wish: Option<PendingAction>,
    /// What the next version is tried with.
    pub escalation: Option<Escalation>,
    /// Answers that could not be used, since the last one that could.
    pub refusals: Vec<Refusal>,
    /// How many repairs in all gave an earlier script again.
    pub copies: u32,
    /// Model calls.
    pub calls: Calls,
    /// All findings, in the order of their ids.
    pub ledger: Vec<Finding>,
    /// By id: where each finding stood after the reviews that changed it, oldest first.
    pub stood: BTreeMap<String, Vec<(u32, FindingState)>>,
    /// What scripts may reach outside their run folder, as far as that was answered here.
    pub allowed: BTreeMap<Permission, bool>,
    /// What was allowed elsewhere, by another user or machine: it counts for nothing until it is
    /// answered here.
    pub elsewhere: BTreeSet<Permission>,
    /// Packages that may be installed or not, by name, as far as that was answered.
    pub installs: BTreeMap<String, bool>,
    /// What models said, time after time, in which package a module is; empty where in none.
    pub named: BTreeMap<String, Vec<String>>,
    /// The version whose failure was explained last, in `analysis.md`.
    pub analysed: Option<u32>,
    /// What an accepted version's output says about the question, with its version.
    pub interpreted: Option<(u32, Option<String>)>,
    /// The gate that waits for a person.
    pub gate: Option<Gate>,
    /// The version that was taken.
    pub accepted: Option<Accepted>,
    /// Why the session waits, until something else happens.
    pub paused: Option<String>,
    /// The files that follow from the journal: by path, with the event that wrote each last.
    pub artifacts: BTreeMap<String, Placed>,
}

/// An artifact and the event that it came with.
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
    /// Lines that are typed.
    pub stdin: String,
}

/// See [`Session::accepted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The version.
    pub version: u32,
    /// It was never seen to run.
    pub without_run: bool,
    /// How much was seen of it, if it ran.
    pub evidence: Option<Evidence>,
}

/// The plan and the talk about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planning {
    /// The plan that stands.
    pub plan: Option<Plan>,
    /// A proposal that waits for approval.
    pub proposal: Option<Plan>,
    /// What the Manager said since the last approval, in order.
    pub remarks: Vec<String>,
    /// The last remark is not answered yet.
    pub revise: bool,
    /// A person approved the plan that stands.
    pub by_manager: bool,
    /// What that plan says that its script needs, where it was approved at a gate here.
    pub needs: Vec<Permission>,
    /// The examples of that plan that its user approved, or stated in the request.
    pub examples: Vec<Example>,
    /// The first version that was written for each requirement as it stands.
    pub since: BTreeMap<String, u32>,
}

impl Planning {
    /// What stands once a plan is approved, with the number of the next version.
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
    /// What it was tried with, when the session was stuck.
    pub escalation: Option<Escalation>,
    /// The script.
    pub script: String,
    /// How the answer had to be mended to get at the script.
    pub notes: Vec<String>,
    /// What a model says of its safety.
    pub judged: Option<Judged>,
    /// Whether it may run though it was judged to be unsafe.
    pub trusted: Option<bool>,
    /// The samples that it was chosen from.
    pub samples: Vec<Scored>,
    /// In what these differ, where they do.
    pub split: Option<Split>,
    /// The static checks.
    pub checks: Option<Checks>,
    /// The packages that it needs, where it was looked for them.
    pub needs: Option<Needs>,
    /// The run.
    pub run: Option<Run>,
    /// What it printed, within the limit.
    pub stdout: String,
    /// Its error output, within the limit.
    pub stderr: String,
    /// The Manager's tests.
    pub tests: Option<Vec<Test>>,
    /// The review.
    pub review: Option<Review>,
    /// Everything that the Manager said of it.
    pub feedback: Option<String>,
    /// What the Manager saw of its requirements in tests by hand.
    pub answers: BTreeMap<String, Answered>,
    /// When it was written.
    pub at: String,
}

impl Version {
    /// A version that nothing is known of yet.
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

    /// Whether a check, the run or a test says for certain that it does not work.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.check_failed() || self.run_failed() || self.tests_failed()
    }

    /// Whether it ran, and nothing says for certain that it does not work.
    #[must_use]
    pub fn works(&self) -> bool {
        self.ran() && !self.failed()
    }

    /// Whether a static check says for certain that it does not work.
    #[must_use]
    pub fn check_failed(&self) -> bool {
        self.checks.as_ref().is_some_and(|c| !c.errors.is_empty())
    }

    /// Whether it ran and failed, or did not come to its end in time.
    #[must_use]
    pub fn run_failed(&self) -> bool {
        let failed = |verdict| matches!(verdict, RunVerdict::Failed | RunVerdict::Timeout);
        self.run.as_ref().is_some_and(|run| failed(run.verdict))
    }

    /// Whether it was not run for what it asks for, or for what a model says of its safety; where this
    /// system can't confine a run, the run says in which sandbox.
    #[must_use]
    pub fn withheld(&self) -> bool {
        let withheld = |run: &Run| run.verdict == RunVerdict::Refused && run.sandbox.is_none();
        self.run.as_ref().is_some_and(withheld)
    }

    /// Whether its run ended well, and left nothing that could be what was asked for.
    #[must_use]
    pub fn no_result(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.no_result().is_some())
    }

    /// Whether it was seen not to use something that it was given.
    #[must_use]
    pub fn ignores_given(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.ignores.is_empty())
    }

    /// Whether it imports a module that reads a command line.
    #[must_use]
    pub fn parses_arguments(&self) -> bool {
        let mut imports = self.checks.iter().flat_map(|checks| &checks.imports);
        imports.any(|module| ARGUMENT_PARSERS.contains(&module.as_str()))
    }

    /// Whether anything in it, a comment too, names what reads what is typed.
    #[must_use]
    pub fn names_typed(&self) -> bool {
        READS_TYPED.iter().any(|name| self.script.contains(name))
    }

    /// Whether one of the Manager's tests failed.
    #[must_use]
    pub fn tests_failed(&self) -> bool {
        self.tests.iter().flatten().any(Test::failed)
    }

    /// Whether it was really started and seen.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.run.as_ref().is_some_and(|r| r.verdict.ran())
    }

    /// Whether it was stopped where it waited for input that nobody gave.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.verdict == RunVerdict::Waits)
    }

    /// Ids of the blockers that its review left open. What was expected of a run before it was made
    /// counts no more when it was seen.
    #[must_use]
    pub fn blockers(&self) -> &[String] {
        let review = self.review.as_ref().filter(|review| !(review.before_run && self.ran()));
        review.map_or(&[], |review| &review.blockers)
    }

    /// How many requirements the Reviewer called met.
    #[must_use]
    pub fn requirements_met(&self) -> usize {
        let met = |r: &Review| r.judgements.iter().filter(|j| j.status == Status::Met).count();
        self.review.as_ref().map_or(0, met)
    }
}

/// One of several scripts that a version is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its number among them, from 1.
    pub number: u32,
    /// The call that gave it.
    pub call: u32,
    /// The calls that gave it again, word by word.
    pub twins: Vec<u32>,
    /// It was checked, run and tested as far as it could be.
    pub tried: bool,
    /// A hash of what each of its functions gives for made-up arguments, by the function's name: equal
    /// ones do the same.
    pub behaviour: BTreeMap<String, String>,
    /// What it did with the inputs as they were given, and with variations of them.
    pub trials: Vec<Trial>,
    /// The version that it would be.
    pub version: Version,
}

impl Version {
    /// Whether its script reads its command line or what is typed.
    #[must_use]
    pub fn reads_inputs(&self) -> bool {
        self.reads_arguments() || self.reads_typed()
    }

    /// Whether its script reads its command line.
    #[must_use]
    pub fn reads_arguments(&self) -> bool {
        reads_arguments(&self.script)
    }

    /// Whether its script reads what is typed.
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

/// What is to happen to the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingAction {
    /// Another version, for this cause.
    Iterate(Cause),
    /// Another run.
    Rerun,
}

/// An answer that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose answer it was.
    pub agent: Agent,
    /// The kind of trouble.
    pub kind: RefusalKind,
    /// What the model is told.
    pub reason: String,
}

/// Model calls: what is under way, what is to be read, and what all of them took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The last number given.
    pub last: u32,
    /// Started and not ended: the program was killed, or they are under way now.
    pub open: Vec<CallStarted>,
    /// Answered, and the answers were not read yet; more than one where samples were asked for.
    pub pending: Vec<Pending>,
    /// How many of the answers that were asked for together failed or were read.
    pub settled: usize,
    /// Tokens of all finished calls.
    pub usage: Usage,
    /// Money of all finished calls whose price is known.
    pub usd: f64,
    /// Whether any call's price was known.
    pub priced: bool,
    /// Whether any of that money is at the usual price of a well-known model.
    pub at_usual_prices: bool,
    /// Milliseconds of all finished calls, each from its request to the end of its answer.
    pub milliseconds: u64,
    /// What the finished calls about each version took, added up.
    pub of_version: BTreeMap<u32, CallCost>,
    /// What each agent's last finished call took.
    pub latest: HashMap<Agent, CallCost>,
    /// Finished calls of each agent.
    pub finished: HashMap<Agent, usize>,
}

/// What a call took, or will.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallCost {
    /// Tokens of prompt and answer.
    pub tokens: u64,
    /// US dollars, where the price is known.
    pub usd: Option<f64>,
    /// From the request to the end of the answer.
    pub milliseconds: u64,
}

impl CallCost {
    /// Adds what another call took.
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
    /// Who asked.
    pub agent: Agent,
    /// What the agent was told it is, which weak models say again.
    pub told: String,
    /// The version that it is about, or that it is to become.
    pub version: Option<u32>,
    /// The answer.
    pub answer: String,
    /// The tools that the model called with it.
    pub calls: Vec<ToolCall>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Session {
    /// All examples that the user gave.
    pub fn all_examples(&self) -> impl Iterator<Item = &Example> {
        let of_plan = self.planning.examples.iter();
        self.settings.examples.iter().chain(of_plan).chain(&self.examples)
    }

    /// Whether there is anything that the user gave to hold a script against.
    #[must_use]
    pub fn has_tests(&self) -> bool {
        !self.tests.is_empty() || self.all_examples().next().is_some()
    }

    /// Whether the Manager asked for something else since the first version, or wrote one: the request
    /// is no more the last word.
    #[must_use]
    pub fn said_more(&self) -> bool {
        let by_manager = |cause: Cause| matches!(cause, Cause::Feedback | Cause::Manager);
        let wished = matches!(self.wish, Some(PendingAction::Iterate(cause)) if by_manager(cause));
        wished || self.versions.iter().any(|version| by_manager(version.cause))
    }

    /// A version by its number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The version that work goes on from.
    #[must_use]
    pub fn head(&self) -> Option<&Version> {
        self.version(self.head?)
    }

    /// The number of the accepted version, or else of the one that work goes on from.
    #[must_use]
    pub fn result(&self) -> Option<u32> {
        self.accepted.map(|accepted| accepted.version).or(self.head)
    }

    /// The number that the next version will have.
    #[must_use]
    pub fn next_version(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX - 1) + 1
    }

    /// Answers for a role that could not be used, since the last one that could.
    pub fn refusals_of(&self, role: Role) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter().filter(move |r| r.agent.role() == role)
    }

    /// Findings that are still to be dealt with.
    pub fn open_findings(&self) -> impl Iterator<Item = &Finding> {
        self.ledger.iter().filter(|f| f.state == FindingState::Open)
    }

    /// Open findings that keep a version from being accepted.
    pub fn open_blockers(&self) -> impl Iterator<Item = &Finding> {
        self.open_findings().filter(|f| f.severity == Severity::Blocker)
    }

    /// The plan's requirements, as far as there is a plan.
    #[must_use]
    pub fn requirements(&self) -> &[super::plan::Requirement] {
        self.planning.plan.as_ref().map_or(&[], |p| &p.requirements)
    }
}
