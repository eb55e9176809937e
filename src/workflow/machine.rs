//! The state machine: takes a session and returns the next step. No I/O, no clock, no async.
//!
//! After a crash, the interrupted step is computed again from the session.

pub mod dialogue;

use super::{convergence, forecast, install, permission, samples};
use crate::domain::chat::{Agent, Role};
use crate::domain::event::{Cause, Escalation, Gate, RefusalKind};
use crate::domain::report::{Run, RunVerdict};
use crate::domain::review::Verdict;
use crate::domain::session::{PendingAction, Refusal, Session, Version};
use crate::domain::settings::LintUse;
use crate::findings::{self, evidence};

/// Rounds of refused answers after which the program goes on without a Planner or a Reviewer.
const PATIENCE: usize = 2;
/// Number of versions with the same open blockers after which a session is stuck.
const STUCK_AFTER: usize = 3;
/// Maximum number of blockers that a message names.
const BLOCKERS_NAMED: usize = 8;

/// Why a session pauses whose script could not be repaired.
pub const EXPLAINED: &str =
    "it could not be repaired; analysis.md says what failed, why, and what to try";

/// The next step of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read a finished answer. With `last_try`, go on without the answer if it is unusable.
    Read {
        /// No further answer will be requested.
        last_try: bool,
    },
    /// Ask the user at a gate, or apply the rules of `--auto`.
    Ask(Gate),
    /// Call a model.
    Call {
        /// The agent that makes the call.
        agent: Agent,
        /// The version that the call is about, or that it is to create.
        version: Option<u32>,
    },
    /// Run the static checks on the version.
    Check(u32),
    /// Resolve the packages that the version needs.
    ResolvePackages(u32),
    /// Run the version in an environment with its packages.
    Run(u32),
    /// Record that the version is not run, and why.
    NotRun(u32, RunVerdict, String),
    /// Run the user's tests on the version.
    Test(u32),
    /// Check, run and test the candidates for the next version.
    TrySamples,
    /// Make the best candidate the next version.
    Choose,
    /// Continue from this earlier version, which is better than the head.
    GoBack(u32),
    /// Nothing to do: this version was accepted.
    Done(u32),
    /// Make a version of the next piece of code in an answer.
    Take,
    /// Ask the user for another question, if there is a user to ask: all questions so far have
    /// ended.
    NextQuestion,
}

/// Returns the next step of a session.
#[must_use]
pub fn next_step(session: &Session) -> Step {
    if let Some(pending) = session.calls.pending.first() {
        let agent = pending.agent;
        if samples::missing(session, agent) > 0 && forecast::passed(session, agent).is_none() {
            return Step::Call { agent, version: pending.version };
        }
        let role = agent.role();
        let last_try = role != Role::Coder && samples::rounds_refused(session, role) >= PATIENCE;
        return Step::Read { last_try };
    }
    if let Some(dialogue) = &session.dialogue {
        return dialogue::next_step(session, dialogue);
    }
    if let Some(accepted) = session.accepted {
        if wants_interpretation(session, accepted.version) {
            return Step::Call { agent: Agent::Interpretation, version: Some(accepted.version) };
        }
        return Step::Done(accepted.version);
    }
    if !session.samples.is_empty() {
        if session.samples.iter().any(|sample| !sample.tried) {
            if samples::wants_tries(session) && forecast::passed(session, Agent::Tries).is_none() {
                return Step::Call { agent: Agent::Tries, version: None };
            }
            return Step::TrySamples;
        }
        let further = next_cause(session) != Cause::Repair && samples::wants_further(session);
        if further && forecast::passed(session, Agent::Coder).is_none() {
            return Step::Call { agent: Agent::Coder, version: Some(session.next_version()) };
        }
        return Step::Choose;
    }
    let planning = &session.planning;
    let settings = &session.settings;
    if planning.revise || (settings.plan && planning.plan.is_none() && planning.proposal.is_none())
    {
        return call(session, Agent::Planner, None);
    }
    if planning.proposal.is_some() {
        return Step::Ask(Gate::Plan);
    }
    let Some(head) = session.head() else {
        return write(session, Agent::Coder);
    };
    match session.wish {
        Some(PendingAction::Iterate(_)) => return write(session, Agent::Coder),
        Some(PendingAction::Rerun) => return run(session, head),
        None => {}
    }
    if head.checks.is_none() {
        return Step::Check(head.number);
    }
    if head.check_failed() && may_repair(session, head) {
        return write(session, Agent::Repair);
    }
    if head.run.is_none() {
        if settings.review_before_run && head.review.is_none() && !head.check_failed() {
            return call(session, Agent::Inspector, Some(head.number));
        }
        if is_sent_back(session, head) && may_repair(session, head) {
            return write(session, Agent::Repair);
        }
        if settings.run
            && !head.check_failed()
            && samples::wants_tries(session)
            && forecast::passed(session, Agent::Tries).is_none()
        {
            return Step::Call { agent: Agent::Tries, version: None };
        }
        return run(session, head);
    }
    if head.withheld() {
        return withheld(session, head);
    }
    if !permission::tried(session, head).is_empty() {
        return Step::Ask(Gate::Safety);
    }
    // Tests also run after a failed run, so that a repair is shown every error.
    if head.tests.is_none() && head.ran() && session.has_tests() {
        return Step::Test(head.number);
    }
    if head.failed() && may_repair(session, head) {
        return write(session, Agent::Repair);
    }
    if wants_touching_up(session, head) && may_repair(session, head) {
        return write(session, Agent::Repair);
    }
    if let Some(cleaner) = convergence::cleaner(session, head) {
        return Step::GoBack(cleaner.number);
    }
    if settings.analysis && head.failed() {
        if session.analysed != Some(head.number) {
            return call(session, Agent::Analysis, Some(head.number));
        }
        return Step::Ask(Gate::Version);
    }
    if (head.failed() || head.review.is_some() || !settings.review)
        && let Some(best) = convergence::better(session, head)
    {
        return Step::GoBack(best.number);
    }
    if settings.review && head.review.is_none() {
        return call(session, Agent::Reviewer, Some(head.number));
    }
    Step::Ask(Gate::Version)
}

/// Whether the accepted version's output still needs an interpretation, and the budget allows one.
fn wants_interpretation(session: &Session, accepted: u32) -> bool {
    let printed = session.version(accepted).is_some_and(|v| !v.stdout.trim().is_empty());
    let is_done = session.interpreted.as_ref().is_some_and(|(version, _)| *version == accepted);
    session.settings.interpretation
        && printed
        && !is_done
        && forecast::passed(session, Agent::Interpretation).is_none()
}

/// Whether the head may be repaired before the user is asked about it.
fn may_repair(session: &Session, head: &Version) -> bool {
    head.review.as_ref().is_none_or(|review| review.before_run)
        && trouble(session).is_none()
        && !at_version_limit(session)
        && repairs_made(session, head) < session.settings.limits.repairs
}

/// Whether a version is rewritten for the findings of a review before its run. This happens once in
/// a row, so that a Reviewer that is never content cannot keep a script from being run. A version
/// edited by the user is always run.
fn is_sent_back(session: &Session, head: &Version) -> bool {
    let again = went_back(session, head, |base| base.run.is_none() && !base.check_failed());
    session.settings.review_before_run
        && !head.blockers().is_empty()
        && !again
        && head.cause != Cause::Manager
}

/// The next step for a version that was not run because a permission is missing: it is run once the
/// permission is there, otherwise rewritten once without it. It is not reviewed, since there is no
/// output to review.
fn withheld(session: &Session, head: &Version) -> Step {
    if permission::refusal(session, head).is_none() {
        return run(session, head);
    }
    let again = went_back(session, head, Version::withheld) || was_repaired(session, head);
    if !again && head.cause != Cause::Manager && may_repair(session, head) {
        return write(session, Agent::Repair);
    }
    Step::Ask(Gate::Version)
}

/// The number of repairs left after this version, including the one that is written next.
#[must_use]
pub fn repairs_left(session: &Session, version: &Version) -> u32 {
    session.settings.limits.repairs.saturating_sub(repairs_made(session, version))
}

/// Whether a working version is repaired all the same, for suspicious results or for its lint
/// findings. Only once in a row of repairs, since a model may break a working script over them.
fn wants_touching_up(session: &Session, head: &Version) -> bool {
    let found = |version: &Version| version.checks.as_ref().is_some_and(|c| !c.lint.is_empty());
    let lint = session.settings.lint == LintUse::Repair && found(head);
    head.works()
        && (!findings::is_sound(head) || lint)
        && !went_back(session, head, Version::works)
        && !was_repaired(session, head)
}

/// The role whose model and temperature a call of this agent uses: if the Linter role is
/// configured, repairs of a sound version use it, as those fix lint findings only.
#[must_use]
pub fn role(session: &Session, agent: Agent) -> Role {
    let linter = session.settings.roles.contains_key(&Role::Linter);
    let mends_lint = agent == Agent::Repair && session.head().is_some_and(findings::is_sound);
    if linter && mends_lint { Role::Linter } else { agent.role() }
}

/// Whether the head is a repair of a version that satisfies `was`.
fn went_back(session: &Session, head: &Version, was: impl Fn(&Version) -> bool) -> bool {
    let base = head.base.filter(|_| head.cause == Cause::Repair);
    base.and_then(|base| session.version(base)).is_some_and(was)
}

/// Whether a repair of this version exists.
fn was_repaired(session: &Session, version: &Version) -> bool {
    let of_it = |v: &Version| v.base == Some(version.number) && v.cause == Cause::Repair;
    session.versions.iter().any(of_it)
}

/// The number of repairs that count against the limit.
fn repairs_made(session: &Session, head: &Version) -> u32 {
    repairs_in_a_row(session, head).max(latest_repairs(session))
}

/// The number of consecutive repairs that led to this version.
fn repairs_in_a_row(session: &Session, head: &Version) -> u32 {
    let mut count = 0;
    let mut at = Some(head);
    while let Some(version) = at.filter(|v| v.cause == Cause::Repair) {
        count += 1;
        // A base is always an earlier version, so this ends.
        at = version.base.and_then(|b| session.version(b));
    }
    count
}

/// The number of consecutive repairs at the end of the version list. They also count if they made
/// the script worse and the session went back behind them, so that they are not all made again.
fn latest_repairs(session: &Session) -> u32 {
    let repairs = session.versions.iter().rev().take_while(|v| v.cause == Cause::Repair);
    u32::try_from(repairs.count()).unwrap_or(u32::MAX)
}

/// A step that writes another version, unless the session is stuck or at a limit.
fn write(session: &Session, agent: Agent) -> Step {
    if trouble(session).is_some() {
        return Step::Ask(Gate::Version);
    }
    if at_version_limit(session) {
        return Step::Ask(Gate::Budget);
    }
    call(session, agent, Some(session.next_version()))
}

/// A model call, or the budget gate if the call would exceed the budget.
fn call(session: &Session, agent: Agent, version: Option<u32>) -> Step {
    if forecast::passed(session, agent).is_some() {
        return Step::Ask(Gate::Budget);
    }
    Step::Call { agent, version }
}

fn run(session: &Session, head: &Version) -> Step {
    if !session.settings.run && session.wish != Some(PendingAction::Rerun) {
        return Step::NotRun(head.number, RunVerdict::Skipped, "switched off".to_owned());
    }
    if let Some(why) = permission::refusal(session, head) {
        return Step::NotRun(head.number, RunVerdict::Refused, why);
    }
    if permission::is_to_be_judged(session, head) {
        return call(session, Agent::Safety, Some(head.number));
    }
    let suspicious = permission::suspicion(session, head).is_some();
    if suspicious || !permission::unanswered(session, head).is_empty() {
        return Step::Ask(Gate::Safety);
    }
    if install::is_open(session, head) {
        return Step::ResolvePackages(head.number);
    }
    if !install::unnamed(session, head).is_empty() {
        return call(session, Agent::Dependencies, Some(head.number));
    }
    if !install::unanswered(session, head).is_empty() {
        return Step::Ask(Gate::Install);
    }
    Step::Run(head.number)
}

/// The cause of the next version.
#[must_use]
pub fn next_cause(session: &Session) -> Cause {
    match (session.head, session.wish) {
        (None, _) => Cause::First,
        (_, Some(PendingAction::Iterate(cause))) => cause,
        _ => Cause::Repair,
    }
}

/// Whether the version limit is reached.
#[must_use]
pub fn at_version_limit(session: &Session) -> bool {
    session.versions.len() >= session.settings.limits.max_versions as usize
}

/// Why the Coder cannot simply be asked for the next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StuckReason {
    /// Repeated answers were unusable.
    NoScript {
        /// Number of unusable answers.
        answers: usize,
        /// The problem with the last one.
        reason: String,
    },
    /// The Coder repeats earlier versions.
    Repeating,
    /// The same blockers stay open over several versions.
    SameBlockers(Vec<String>),
}

impl StuckReason {
    /// The reason in one line.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::NoScript { answers, reason } => {
                format!("the Coder gave no usable script in {answers} answers; the last: {reason}")
            }
            Self::Repeating => "stuck: the Coder gives earlier versions again".to_owned(),
            Self::SameBlockers(ids) => {
                let named = ids[..ids.len().min(BLOCKERS_NAMED)].join(", ");
                let more = if ids.len() > BLOCKERS_NAMED { ", ..." } else { "" };
                format!(
                    "stuck: the same blockers are open for {STUCK_AFTER} versions ({named}{more})"
                )
            }
        }
    }
}

/// What keeps the Coder from writing the next version: too many unusable or repeated answers.
#[must_use]
pub fn trouble(session: &Session) -> Option<StuckReason> {
    let refusals: Vec<&Refusal> = session.refusals_of(Role::Coder).collect();
    let samples = session.settings.samples(Agent::Coder);
    let repeated =
        refusals.iter().filter(|r| r.kind == RefusalKind::Repeated).count().div_ceil(samples);
    let stronger = session.settings.role(Role::Coder).escalate_to.is_some();
    if repeated > usize::from(stronger) + 1 {
        return Some(StuckReason::Repeating);
    }
    if refusals.len().div_ceil(samples) > session.settings.limits.repairs as usize {
        let reason = refusals.last().map(|r| r.reason.clone()).unwrap_or_default();
        return Some(StuckReason::NoScript { answers: refusals.len(), reason });
    }
    None
}

/// Whether the session is stuck at the head, and why.
#[must_use]
pub fn stuck(session: &Session) -> Option<StuckReason> {
    trouble(session).or_else(|| {
        let head = session.head()?;
        let blockers = blockers(head).filter(|blockers| !blockers.is_empty())?;
        let mut seen = 0;
        let mut at = Some(head);
        while let Some(version) = at {
            match self::blockers(version) {
                Some(others) if others == blockers => seen += 1,
                // A version that was repaired before its review has no blockers to compare.
                None => {}
                Some(_) => break,
            }
            at = version.base.and_then(|b| session.version(b));
        }
        (seen >= STUCK_AFTER).then(|| {
            StuckReason::SameBlockers(blockers.iter().map(|id| (*id).to_owned()).collect())
        })
    })
}

/// The blockers of a reviewed version: ids of findings and names of failed tests.
fn blockers(version: &Version) -> Option<Vec<&str>> {
    version.review.as_ref()?;
    let findings = evidence::blockers(version).iter().map(String::as_str);
    let failed = version.tests.iter().flatten().filter(|test| test.failed());
    Some(findings.chain(failed.map(|test| test.name.as_str())).collect())
}

/// How much of a failed version the Coder is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The script and its error.
    Script,
    /// Only the error.
    Error,
    /// Nothing: the prompt is that of the first version.
    Nothing,
}

/// How much of the failed version the candidate at an index of its round is shown. The script is
/// left out if the Coder repeated it, if a repair changed nothing, or if an earlier repair without
/// other candidates was a copy, since a small model would copy it again. Of several repair
/// candidates, the first is shown the script and the error, the second the error only, and the
/// others nothing: a small model that is shown a mistake tends to repeat it.
#[must_use]
pub fn told(session: &Session, agent: Agent, place: usize) -> Told {
    let last = session.refusals_of(Role::Coder).last();
    let repeated = last.is_some_and(|refusal| refusal.kind == RefusalKind::Repeated);
    let in_vain = session.head().is_some_and(|h| convergence::repaired_in_vain(session, h));
    let copies = session.copies > 0 && session.settings.samples(agent) == 1;
    let repairs = agent == Agent::Repair;
    match place {
        2.. if repairs => Told::Nothing,
        1 if repairs => Told::Error,
        _ if agent.role() != Role::Coder => Told::Script,
        _ if repeated || (repairs && (in_vain || copies)) => Told::Error,
        _ => Told::Script,
    }
}

/// How the Coder's next answer is sampled: the temperature to add, and whether to use the stronger
/// model.
#[must_use]
pub fn sampling(session: &Session) -> (f64, bool) {
    let refusals = || session.refusals_of(Role::Coder);
    let samples = session.settings.samples(Agent::Coder);
    let repeated = refusals().filter(|r| r.kind == RefusalKind::Repeated).count().div_ceil(samples);
    let refused = refusals().count().div_ceil(samples).min(4);
    let times = |n: usize| f64::from(u8::try_from(n).unwrap_or(u8::MAX));
    // A model that repeats itself word for word needs a larger step.
    let mut warmer = 0.2 * times(refused) + 0.2 * times(repeated);
    if session.escalation.is_some() {
        warmer += 0.4;
    }
    // At a low temperature, the same prompt gives the same answer again.
    if let Some(head) = session.head() {
        warmer += 0.2 * times(convergence::tries(session, head).min(2));
    }
    (warmer, session.escalation == Some(Escalation::Stronger) || repeated >= 2)
}

/// An answer of `--auto` at a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auto {
    /// Approve the plan.
    Approve,
    /// Accept the version.
    Accept,
    /// Ask for another version.
    Iterate(Option<Escalation>),
    /// Deny the permission; the script is not run.
    Deny,
    /// Stop, for this reason.
    Stop(String),
}

/// Answers a gate by the rules of `--auto`.
#[must_use]
pub fn auto(session: &Session, gate: Gate) -> Auto {
    match gate {
        Gate::Plan => Auto::Approve,
        // A rule grants no permission. Packages that the settings allow are installed without a
        // gate.
        Gate::Safety | Gate::Install => Auto::Deny,
        Gate::Budget => Auto::Stop(limit_reached(session)),
        // Only the user stops a step.
        Gate::Stopped => Auto::Stop("it was stopped".to_owned()),
        Gate::Version => auto_version(session),
    }
}

fn auto_version(session: &Session) -> Auto {
    // A working version is accepted even if the Coder cannot improve it, unless the user asked for
    // another one.
    let accepted = |head: &Version| {
        session.wish.is_none() && evidence::verdict(session, head) == Verdict::Accept
    };
    if let Some(head) = session.head().filter(|head| accepted(head)) {
        let level = evidence::level(head);
        if level.is_none() && head.waits() {
            return Auto::Stop(waits(head));
        }
        // A version that is not to be run, or cannot be run here, is accepted as such: see
        // `without_run`.
        if level.is_none_or(|level| level >= session.settings.accept) {
            return Auto::Accept;
        }
        return Auto::Stop(format!(
            "v{} is not accepted unseen: {} is asked for, and it is {}",
            head.number,
            session.settings.accept.name(),
            evidence::level_in_words(head)
        ));
    }
    if let Some((head, why)) = withheld_head(session) {
        return Auto::Stop(format!("v{} was not run: {why}", head.number));
    }
    if let Some((head, why)) = head_without_result(session) {
        return Auto::Stop(format!("v{} is not accepted: {why}", head.number));
    }
    if let Some(trouble) = trouble(session) {
        return Auto::Stop(trouble.words());
    }
    if let Some(id) = left_to_user(session) {
        return Auto::Stop(format!("only you can say whether {id} is settled: `test {id}: yes`"));
    }
    if session.head().is_none() {
        return Auto::Stop("there is no version".to_owned());
    }
    if at_version_limit(session) {
        return Auto::Stop(limit_reached(session));
    }
    let Some(stuck) = stuck(session) else { return Auto::Iterate(None) };
    let asked = session.versions.iter().filter(|v| v.cause != Cause::Repair);
    let tried: Vec<Escalation> = asked.rev().map_while(|v| v.escalation).collect();
    if !tried.contains(&Escalation::Warmer) {
        return Auto::Iterate(Some(Escalation::Warmer));
    }
    let stronger = session.settings.role(Role::Coder).escalate_to.is_some();
    if stronger && !tried.contains(&Escalation::Stronger) {
        return Auto::Iterate(Some(Escalation::Stronger));
    }
    Auto::Stop(stuck.words())
}

/// The head that was not run for a missing permission, and why, unless the user asked for another
/// version.
fn withheld_head(session: &Session) -> Option<(&Version, String)> {
    let head = session.head().filter(|_| session.wish.is_none())?;
    Some((head, permission::withheld(session, head)?))
}

/// The head that ran without a result, and why, if nothing else speaks against it. It was sent back
/// for that once already.
fn head_without_result(session: &Session) -> Option<(&Version, String)> {
    let head = session.head().filter(|_| session.wish.is_none())?;
    let why = head.run.as_ref().and_then(Run::no_result)?;
    (!head.failed() && evidence::blockers(head).is_empty()).then_some((head, why))
}

/// The message that a version waits for input, and how to supply it.
fn waits(head: &Version) -> String {
    format!(
        "v{} waits for input that nobody gave: give it by `--stdin TEXT` or `--example 'input: TEXT \
         -> OUTPUT'`, or by a line `- input: TEXT` under `## Try it with` in plan.md",
        head.number
    )
}

/// The first blocker if all blockers of the head are findings that only the user can settle, from
/// before the head was written.
fn left_to_user(session: &Session) -> Option<&str> {
    let head = session.head().filter(|head| session.wish.is_none() && !head.failed())?;
    let own = |id: &&String| {
        let finding = session.ledger.iter().find(|finding| finding.id == **id);
        finding.is_some_and(|finding| finding.by_manager && finding.first < head.number)
    };
    let blockers = evidence::blockers(head);
    blockers.first().filter(|_| blockers.iter().all(|id| own(&id))).map(String::as_str)
}

/// The limit that stops the next step, as text.
#[must_use]
pub fn limit_reached(session: &Session) -> String {
    Agent::ALL.into_iter().find_map(|agent| forecast::passed(session, agent)).map_or_else(
        || {
            format!(
                "the limit of {} is reached",
                crate::domain::text::count(
                    session.settings.limits.max_versions as usize,
                    "version"
                )
            )
        },
        |words| format!("the budget would be passed: {words}"),
    )
}
