//! Replay: compares what today's program would do with what a session recorded. Nothing is asked,
//! run or written.
//!
//! The session is folded from its own events, one after the other. External events (answers, runs,
//! tests, packages, the user's input) are taken as recorded. The events that follow from them are
//! computed again by the driver's own steps in a dry run, and compared with the recorded ones; then
//! the recorded event is applied. So one difference neither hides nor causes another one.

use super::{Driver, DriverError, Tools};
use crate::domain::event::{Artifact, By, CallStarted, Event};
use crate::domain::report::{Capability, CapabilityKind, Checks};
use crate::domain::review::Finding;
use crate::domain::text::count;
use crate::python::check;
use crate::store::Seal;
use crate::store::Store;
use crate::store::line::Entry;
use crate::workflow::machine::{self, Step};
use std::collections::{HashSet, VecDeque};

/// A difference between the recording and today's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the recorded event.
    pub seq: u64,
    /// The subject: `call 3 (coder, v2)`, `v2`, ...
    pub about: String,
    /// What differs: `prompt`, `version`, `review`, `finding F2`, ...
    pub what: String,
    /// The recorded value, in one line.
    pub then: String,
    /// Today's value, in one line.
    pub now: String,
}

/// Replays the events recorded after those in the store; returns all differences in order.
///
/// # Errors
/// If today's program cannot compute a step at all, as with an invalid template.
pub async fn replay(
    store: &mut Store,
    recorded: Vec<Entry>,
    tools: Tools<'_>,
) -> Result<Vec<Difference>, DriverError> {
    // Only answers by the rules of `--auto` are computed; the user's answers are taken as recorded.
    let tools = Tools { auto: true, ..tools };
    let driver = Driver { dry_run: Some(Vec::new()), ..Driver::of(store, tools) };
    let (expected, failed, shortened) = (VecDeque::new(), None, HashSet::new());
    let mut replay = Replay { driver, expected, failed, shortened, differences: Vec::new() };
    for entry in recorded {
        replay.take(entry).await?;
    }
    Ok(replay.differences)
}

struct Replay<'s, 't> {
    driver: Driver<'s, 't>,
    /// The remaining events that today's program computed for the last step.
    expected: VecDeque<Event>,
    /// The model whose call failed last.
    failed: Option<String>,
    /// Models whose prompts were shortened after a refusal: the contexts that were learned are not
    /// recorded.
    shortened: HashSet<String>,
    differences: Vec<Difference>,
}

/// How a recorded event is handled.
enum Part {
    /// External: applied as recorded.
    Given,
    /// External, and valid only in this step.
    GivenIn(fn(&Step, &Event) -> bool),
    /// Derived from the session: computed and compared.
    Made,
}

fn part(event: &Event, step: &Step, gate_is_open: bool) -> Part {
    match event {
        // The call failed.
        Event::Interpreted { .. } if matches!(step, Step::Call { .. }) => Part::Given,
        Event::ModelCallStarted(_)
        | Event::AnswerRefused { .. }
        | Event::PlanProposed { call: Some(_), .. }
        | Event::TriesRead { .. }
        | Event::VersionCreated { call: Some(_), .. }
        | Event::SampleRead { .. }
        | Event::Replied(_)
        | Event::QuestionAnswered { .. }
        | Event::Checked { .. }
        | Event::Reviewed { .. }
        | Event::Analysed { .. }
        | Event::Interpreted { .. }
        | Event::SafetyJudged { .. }
        | Event::PackagesNamed { .. }
        | Event::PlanApproved { by: By::Auto, .. }
        | Event::IterationAsked { by: By::Auto, .. }
        | Event::RunPermission { by: By::Auto, .. }
        | Event::InstallPermission { by: By::Auto, .. }
        | Event::Rewound { by: By::Auto, .. }
        | Event::Accepted { by: By::Auto, .. } => Part::Made,
        // The rules of `--auto` stopped: a user would have been asked first.
        Event::Paused { reason }
            if matches!(step, Step::Ask(_)) && !gate_is_open && !super::is_cut_off(reason) =>
        {
            Part::Made
        }
        Event::RunFinished(_) if matches!(step, Step::NotRun(..)) => Part::Made,
        Event::GateOpened { .. } => Part::GivenIn(
            |step, event| matches!((step, event), (Step::Ask(a), Event::GateOpened { gate }) if a == gate),
        ),
        Event::RunStarted { .. } => Part::GivenIn(
            |step, event| matches!((step, event), (Step::Run(a), Event::RunStarted { version, .. }) if a == version),
        ),
        Event::TestsStarted { .. } => Part::GivenIn(
            |step, event| matches!((step, event), (Step::Test(a), Event::TestsStarted { version, .. }) if a == version),
        ),
        _ => Part::Given,
    }
}

impl Replay<'_, '_> {
    async fn take(&mut self, entry: Entry) -> Result<(), DriverError> {
        let session = self.driver.store.session();
        let step = machine::next_step(session);
        let gate_is_open = matches!(step, Step::Ask(gate) if session.gate == Some(gate));
        match part(&entry.event, &step, gate_is_open) {
            Part::Given => self.expected.clear(),
            Part::GivenIn(fits) => {
                self.expected.clear();
                if !fits(&step, &entry.event) {
                    let about = about(&entry.event);
                    self.differ(entry.seq, about, "step", &name(&entry.event), &words(&step));
                }
            }
            Part::Made => self.compare(&entry, &step).await?,
        }
        match &entry.event {
            Event::ModelCallFailed { call, .. } => {
                let open = &self.driver.store.session().calls.open;
                self.failed = open.iter().find(|o| o.call == *call).map(|o| o.model.clone());
            }
            Event::ModelCallFinished(_) => self.failed = None,
            Event::SampleTried(tried) => {
                let session = self.driver.store.session();
                let sample = session.samples.iter().find(|s| s.number == tried.sample);
                if let Some(sample) = sample {
                    let now = check::check(&sample.version.script);
                    self.compare_checks(&entry, &tried.checks, &now);
                }
            }
            _ => {}
        }
        Ok(self.driver.store.follow(entry)?)
    }

    /// Compares a recorded event with the one that today's program computes.
    async fn compare(&mut self, entry: &Entry, step: &Step) -> Result<(), DriverError> {
        let then = without_files(&entry.event);
        if self.expected.front() == Some(&then) {
            self.expected.pop_front();
            return Ok(());
        }
        if let Event::ModelCallStarted(started) = &entry.event
            && let Some(connection) = self.driver.models.get_mut(&started.model)
        {
            connection.holds_to_schemas = Some(started.structured);
        }
        self.expected = self.driver.rehearse(step).await?.into_iter().map(journaled).collect();
        let now = self.expected.pop_front().map(|now| as_far_as(&then, now));
        let Some(now) = now else {
            let now = words(step);
            self.differ(entry.seq, about(&then), "step", &name(&then), &now);
            return Ok(());
        };
        if then != now && !self.was_shortened(&then, &now) {
            self.expected.clear();
            self.tell(entry.seq, &then, &now);
        }
        Ok(())
    }

    /// Whether the recorded prompt is a shortened one, after a refusal by the server.
    fn was_shortened(&mut self, then: &Event, now: &Event) -> bool {
        let (Event::ModelCallStarted(then), Event::ModelCallStarted(now)) = (then, now) else {
            return false;
        };
        let length = |call: &CallStarted| -> usize {
            call.messages.iter().map(|message| message.content.len()).sum()
        };
        let asked = |call: &CallStarted| (call.agent, call.version, call.temperature.to_bits());
        let shorter = length(then) < length(now)
            || (then.messages == now.messages && then.max_tokens < now.max_tokens);
        let refused = self.failed.as_ref() == Some(&then.model);
        let known = refused || self.shortened.contains(&then.model);
        if !shorter || !known || asked(then) != asked(now) {
            return false;
        }
        self.shortened.insert(then.model.clone());
        true
    }

    /// Reports the differences between two events.
    fn tell(&mut self, seq: u64, then: &Event, now: &Event) {
        let about = about(then);
        match (then, now) {
            (Event::ModelCallStarted(a), Event::ModelCallStarted(b)) => {
                self.tell_call(seq, about, a, b);
            }
            (Event::Checked { checks: a, .. }, Event::Checked { checks: b, .. }) => {
                self.differ(seq, about, "report", &checks_in_line(a), &checks_in_line(b));
            }
            (
                Event::Reviewed { review, findings, text, .. },
                Event::Reviewed { review: other, findings: others, text: other_text, .. },
            ) => {
                if let Some((then, now)) = findings.iter().zip(others).find(|(a, b)| a != b) {
                    let what = format!("finding {}", then.id);
                    self.differ(seq, about, &what, &finding(then), &finding(now));
                } else if findings.len() != others.len() {
                    let many = |n: usize| count(n, "new or changed finding");
                    self.differ(seq, about, "findings", &many(findings.len()), &many(others.len()));
                } else {
                    let same = review.said == other.said && review.blockers == other.blockers;
                    let what = if same { "review" } else { "verdict" };
                    self.differ_in_line(seq, about, what, text, other_text);
                }
            }
            (
                Event::VersionCreated { script: a, .. } | Event::SampleRead { script: a, .. },
                Event::VersionCreated { script: b, .. } | Event::SampleRead { script: b, .. },
            ) if a != b => self.differ_in_line(seq, about, "script", a, b),
            (Event::PlanProposed { text: a, .. }, Event::PlanProposed { text: b, .. })
                if a != b =>
            {
                self.differ_in_line(seq, about, "plan", a, b);
            }
            _ if name(then) != name(now) => {
                self.differ(seq, about, "outcome", &outcome(then), &outcome(now));
            }
            _ => {
                let plain = |event| serde_json::to_string_pretty(event).unwrap_or_default();
                self.differ_in_line(seq, about, &name(then), &plain(then), &plain(now));
            }
        }
    }

    fn tell_call(&mut self, seq: u64, about: String, then: &CallStarted, now: &CallStarted) {
        let called = |call: &CallStarted| {
            let version = call.version.map_or_else(String::new, |v| format!(" for v{v}"));
            format!("{}{version}", call.agent.name())
        };
        if called(then) != called(now) {
            self.differ(seq, about, "call", &called(then), &called(now));
        } else if then.messages != now.messages {
            let prompt = |call: &CallStarted| -> String {
                let messages = call.messages.iter();
                messages.flat_map(|m| [m.role.name(), ":\n", &m.content, "\n"]).collect()
            };
            self.differ_in_line(seq, about, "prompt", &prompt(then), &prompt(now));
        } else if then.model == now.model {
            let how = |call: &CallStarted| {
                format!("temperature {}, at most {} tokens", call.temperature, call.max_tokens)
            };
            self.differ(seq, about, "sampling", &how(then), &how(now));
        } else {
            self.differ(seq, about, "model", &then.model, &now.model);
        }
    }

    fn compare_checks(&mut self, entry: &Entry, then: &Checks, now: &Checks) {
        if then != now {
            let about = about(&entry.event);
            self.differ(entry.seq, about, "report", &checks_in_line(then), &checks_in_line(now));
        }
    }

    /// Reports the first line in which two texts differ.
    fn differ_in_line(&mut self, seq: u64, about: String, what: &str, then: &str, now: &str) {
        let number = then.lines().zip(now.lines()).take_while(|(a, b)| a == b).count();
        let line = |text: &str| match text.lines().nth(number) {
            None => "(nothing)".to_owned(),
            Some(line) if line.trim().is_empty() => "(an empty line)".to_owned(),
            Some(line) => line.to_owned(),
        };
        let what = format!("{what}, line {}", number + 1);
        self.differ(seq, about, &what, &line(then), &line(now));
    }

    fn differ(&mut self, seq: u64, about: String, what: &str, then: &str, now: &str) {
        let (then, now) = (then.to_owned(), now.to_owned());
        self.differences.push(Difference { seq, about, what: what.to_owned(), then, now });
    }
}

impl Driver<'_, '_> {
    /// The events that a step would record, as far as they follow from the session.
    async fn rehearse(&mut self, step: &Step) -> Result<Vec<Event>, DriverError> {
        self.dry_run = Some(Vec::new());
        match *step {
            Step::Read { .. }
            | Step::Ask(_)
            | Step::Call { .. }
            | Step::Check(_)
            | Step::NotRun(..)
            | Step::Choose
            | Step::Take
            | Step::GoBack(_) => {
                self.perform(step).await?;
            }
            // The results of these steps are external.
            Step::ResolvePackages(_)
            | Step::Run(_)
            | Step::Test(_)
            | Step::TrySamples
            | Step::Done(_)
            | Step::NextQuestion => {}
        }
        Ok(self.dry_run.replace(Vec::new()).unwrap_or_default())
    }
}

/// The event after a round trip through the journal: numbers lose their last digit there.
fn journaled(event: Event) -> Event {
    let entry = Entry { seq: 1, at: String::new(), event, seal: Seal::Ours };
    let read = Entry::parse(entry.line().trim_end().as_bytes());
    without_files(&read.map_or(entry.event, |entry| entry.event))
}

/// The event without the fields that the store adds.
fn without_files(event: &Event) -> Event {
    let mut event = event.clone();
    for artifact in event.artifacts_mut() {
        *artifact = Artifact::default();
    }
    if let Event::Checked { checks, .. } = &mut event {
        // Existing files and set variables depend on the machine.
        let of_machine =
            |c: &Capability| matches!(c.kind, CapabilityKind::Files | CapabilityKind::Environment);
        checks.capabilities.retain(|capability| !of_machine(capability));
    }
    event
}

/// Clears fields of `now` that earlier programs did not record.
fn as_far_as(then: &Event, mut now: Event) -> Event {
    if let (Event::Accepted { evidence: None, .. }, Event::Accepted { evidence, .. }) =
        (then, &mut now)
    {
        *evidence = None;
    }
    now
}

/// The name of an event in the journal, as words.
fn name(event: &Event) -> String {
    let value = serde_json::to_value(event).unwrap_or_default();
    let mut names = value.as_object().into_iter().flatten();
    names.next().map_or_else(String::new, |(name, _)| name.replace('_', " "))
}

/// The subject of an event.
fn about(event: &Event) -> String {
    match event {
        Event::ModelCallStarted(call) => {
            let version = call.version.map_or_else(String::new, |v| format!(", v{v}"));
            format!("call {} ({}{version})", call.call, call.agent.name())
        }
        Event::AnswerRefused { call, .. }
        | Event::QuestionAnswered { call, .. }
        | Event::PlanProposed { call: Some(call), .. } => format!("the answer of call {call}"),
        Event::Replied(replied) => format!("the answer of call {}", replied.call),
        Event::VersionCreated { version, .. }
        | Event::SampleRead { version, .. }
        | Event::Checked { version, .. }
        | Event::Reviewed { version, .. }
        | Event::Analysed { version, .. }
        | Event::Interpreted { version, .. }
        | Event::SafetyJudged { version, .. }
        | Event::PackagesNamed { version, .. }
        | Event::RunStarted { version, .. }
        | Event::TestsStarted { version, .. }
        | Event::Rewound { version, .. }
        | Event::Accepted { version, .. } => format!("v{version}"),
        Event::SampleTried(tried) => format!("v{}, candidate {}", tried.version, tried.sample),
        Event::RunFinished(finished) => format!("v{}", finished.version),
        Event::GateOpened { gate } => format!("the {} gate", gate.name()),
        _ => name(event),
    }
}

/// The result of an event in one line.
fn outcome(event: &Event) -> String {
    match event {
        Event::AnswerRefused { reason, .. } => format!("refused: {reason}"),
        Event::Paused { reason } => format!("paused: {reason}"),
        Event::Accepted { version, .. } => format!("v{version} accepted"),
        Event::ModelCallStarted(_) | Event::VersionCreated { .. } => {
            format!("{}: {}", name(event), about(event))
        }
        _ => name(event),
    }
}

fn finding(finding: &Finding) -> String {
    format!("{}, {}: {}", finding.state.name(), finding.severity.name(), finding.text)
}

fn checks_in_line(checks: &Checks) -> String {
    let Checks {
        errors,
        lint,
        security,
        capabilities,
        dependencies,
        removed,
        ignores_parameters,
        ..
    } = checks;
    let first = errors.iter().chain(security).chain(lint).next();
    let first = first.map_or_else(String::new, |f| format!(" (line {}: {})", f.line, f.message));
    format!(
        "{} errors, {} of security, {} of lint{first}; {} capabilities; needs: {}; gone: {}; \
         uses nothing: {}",
        errors.len(),
        security.len(),
        lint.len(),
        capabilities.len(),
        dependencies.join(" "),
        removed.join(" "),
        ignores_parameters.join(" "),
    )
}

/// A step in a few words.
fn words(step: &Step) -> String {
    match step {
        Step::Read { .. } => "an answer is read".to_owned(),
        Step::Ask(gate) => format!("the {} gate opens", gate.name()),
        Step::Call { agent, version } => {
            let version = version.map_or_else(String::new, |v| format!(" for v{v}"));
            format!("the {} is asked{version}", agent.name())
        }
        Step::Check(version) => format!("v{version} is checked"),
        Step::ResolvePackages(version) => format!("the packages of v{version} are looked for"),
        Step::Run(version) => format!("v{version} is run"),
        Step::NotRun(version, ..) => format!("v{version} is not run"),
        Step::Test(version) => format!("v{version} is tested"),
        Step::TrySamples => "candidates are run".to_owned(),
        Step::Choose => "a candidate is chosen".to_owned(),
        Step::GoBack(version) => format!("it goes on from v{version}"),
        Step::Done(version) => format!("v{version} is accepted already"),
        Step::Take => "a piece of code becomes a version".to_owned(),
        Step::NextQuestion => "a question is waited for".to_owned(),
    }
}
