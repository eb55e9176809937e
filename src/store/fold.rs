//! Applies events to a session, one by one, and rejects those that do not fit. Makes no decisions.

use super::artifacts;
use super::line::Entry;
use super::seal::Seal;
use crate::domain::chat::{Agent, Message, Role, Speaker};
use crate::domain::dialogue::{Dialogue, Ended, Turn};
use crate::domain::event::{
    By, CallFinished, Cause, Event, LONGEST_TEXT, RefusalKind, Replied, RunFinished, SessionCreated,
};
use crate::domain::name;
use crate::domain::permission::{self, Permission};
use crate::domain::plan::Plan;
use crate::domain::review::{Finding, FindingState, Severity, Status};
use crate::domain::session::{
    Accepted, CallCost, Pending, PendingAction, Placed, Refusal, Sample, Session, Stated, Version,
};
use crate::domain::settings::{Preset, Settings};
use crate::domain::text::size;
use std::collections::BTreeMap;

/// Applies the next event to a session.
///
/// # Errors
/// Why the event cannot follow the earlier ones, as text for the user. The session is unchanged.
pub fn apply(session: &mut Session, entry: Entry) -> Result<(), String> {
    let Entry { seq, at, mut event, seal } = entry;
    if seq != session.seq + 1 {
        return Err(format!("it has number {seq} where {} belongs", session.seq + 1));
    }
    if matches!(event, Event::SessionCreated(_)) != (seq == 1) {
        return Err("`session_created` is the first line and no other".to_owned());
    }
    check(session, &mut event)?;
    session.seq = seq;
    session.updated.clone_from(&at);
    if !matches!(event, Event::Rewritten { .. } | Event::Repaired { .. }) {
        session.paused = None;
    }
    if matches!(
        event,
        Event::GateOpened { .. }
            | Event::Paused { .. }
            | Event::Accepted { .. }
            | Event::QuestionAnswered { .. }
    ) {
        session.settled = seq;
    }
    if let Event::Edited { text, artifact } = &mut event {
        edited(session, std::mem::take(text), &artifact.file);
    }
    for artifact in event.artifacts_mut() {
        if !artifact.file.is_empty() {
            let artifact = std::mem::take(artifact);
            session.artifacts.insert(artifact.file.clone(), Placed { artifact, seq });
        }
    }
    take(session, event, at, seal == Seal::Ours);
    Ok(())
}

/// Checks whether an event can follow the earlier ones.
///
/// # Errors
/// Why not, as text for the user.
pub fn check(session: &Session, event: &mut Event) -> Result<(), String> {
    fits(session, event)?;
    is_bounded(event)?;
    stays_inside(event)
}

/// Limits the length of texts that are checked, compared and shown again: a journal may come from
/// anywhere.
fn is_bounded(event: &Event) -> Result<(), String> {
    let (what, text) = match event {
        Event::VersionCreated { script, .. } | Event::SampleRead { script, .. } => {
            ("script", script)
        }
        Event::PlanProposed { text, .. } | Event::PlanApproved { text, .. } => ("plan", text),
        Event::SessionCreated(created) => ("request", &created.request),
        Event::SettingsChanged { request: Some(text), .. } => ("request", text),
        Event::QuestionAsked { text } => ("question", text),
        Event::PlanRemark { text } => ("remark", text),
        Event::FeedbackGiven { text, .. } => ("feedback", text),
        Event::Edited { text, artifact } if artifacts::is_taken_up(&artifact.file) => {
            ("edit", text)
        }
        _ => return Ok(()),
    };
    // The program may add some lines to a text of maximum length.
    if text.len() <= 2 * LONGEST_TEXT {
        return Ok(());
    }
    let [has, most] = [text.len(), LONGEST_TEXT].map(|bytes| size(bytes as u64));
    Err(format!("its {what} has {has}, more than {most}"))
}

/// Checks that all file names in an event stay inside the session's folder, since a journal may
/// come from anywhere and its files are written. The session's own files and hidden files are not
/// artifacts.
fn stays_inside(event: &mut Event) -> Result<(), String> {
    if let Event::SessionCreated(created) = event
        && let Some(given) =
            created.data.iter().chain(&created.tests).find(|f| name::check_file(&f.name).is_err())
    {
        return Err(format!("it names a data file `{}`", name::escaped(&given.name)));
    }
    let ours = |file: &str| {
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
        file.split('/').all(plain)
            && !file.contains(['\\', '\0', ':'])
            && !file.starts_with("journal.")
    };
    match event.artifacts_mut().iter().find(|a| !a.file.is_empty() && !ours(&a.file)) {
        Some(artifact) => Err(format!("it names a file `{}`", artifact.file)),
        None => Ok(()),
    }
}

/// Checks that the version, call or candidate that an event names exists.
fn fits(session: &Session, event: &Event) -> Result<(), String> {
    let version = match event {
        // The packages of a candidate are installed before it becomes a version.
        Event::InstallStarted { version, .. } | Event::InstallFinished { version, .. }
            if !session.samples.is_empty() && *version == session.next_version() =>
        {
            return Ok(());
        }
        Event::Checked { version, .. }
        | Event::PackagesSought { version, .. }
        | Event::InstallStarted { version, .. }
        | Event::InstallFinished { version, .. }
        | Event::RunStarted { version, .. }
        | Event::TestsStarted { version, .. }
        | Event::TestsFinished { version, .. }
        | Event::Reviewed { version, .. }
        | Event::Analysed { version, .. }
        | Event::Interpreted { version, .. }
        | Event::SafetyJudged { version, .. }
        | Event::PackagesNamed { version, .. }
        | Event::RunPermission { version: Some(version), .. }
        | Event::FeedbackGiven { version, .. }
        | Event::RequirementTested { version, .. }
        | Event::RunAsked { version }
        | Event::Rewound { version, .. }
        | Event::Accepted { version, .. } => *version,
        Event::RunFinished(e) => e.version,
        Event::VersionCreated { version, base, .. } => {
            let next = session.next_version();
            if *version != next {
                return Err(format!("it creates v{version} where v{next} belongs"));
            }
            match base {
                Some(base) => *base,
                None => return Ok(()),
            }
        }
        Event::SampleRead { version, call, .. } => {
            next_one(session, *version)?;
            return answer_of(session, *call);
        }
        Event::QuestionAsked { .. } => {
            let waits = session.dialogue.as_ref().is_some_and(|d| d.open().is_none());
            return if waits { Ok(()) } else { Err("no question belongs here".to_owned()) };
        }
        Event::QuestionAnswered { call, .. } => return read_call(session, *call),
        Event::Replied(e) => return read_call(session, e.call),
        Event::SampleTried(e) => {
            next_one(session, e.version)?;
            let known = session.samples.iter().any(|s| s.number == e.sample);
            return if known { Ok(()) } else { Err(format!("there is no candidate {}", e.sample)) };
        }
        Event::AnswerRefused { call, .. } | Event::TriesRead { call, .. } => {
            return answer_of(session, *call);
        }
        Event::ModelCallFinished(e) => return open_call(session, e.call),
        Event::ModelCallFailed { call, .. } => return open_call(session, *call),
        _ => return Ok(()),
    };
    match session.version(version) {
        Some(_) => Ok(()),
        None => Err(format!("there is no v{version}")),
    }
}

fn next_one(session: &Session, version: u32) -> Result<(), String> {
    let next = session.next_version();
    if version == next { Ok(()) } else { Err(format!("it is of v{version} where v{next} belongs")) }
}

fn open_call(session: &Session, call: u32) -> Result<(), String> {
    let started = session.calls.open.iter().any(|open| open.call == call);
    if started { Ok(()) } else { Err(format!("call {call} was not started")) }
}

fn answer_of(session: &Session, call: u32) -> Result<(), String> {
    let waiting = session.calls.pending.iter().any(|pending| pending.call == call);
    if waiting { Ok(()) } else { Err(format!("call {call} has no answer")) }
}

/// Checks that a call's answer can be read as one to the open question.
fn read_call(session: &Session, call: u32) -> Result<(), String> {
    let asked = session.dialogue.as_ref().is_some_and(|d| d.open().is_some());
    if asked { answer_of(session, call) } else { Err("no question is open".to_owned()) }
}

/// Applies a checked event. With `ours`, this user recorded it on this machine, so that it may
/// grant permissions.
fn take(session: &mut Session, event: Event, at: String, ours: bool) {
    match event {
        Event::SessionCreated(e) => created(session, *e, at, ours),
        Event::SettingsChanged { request, settings, .. } => {
            if let Some(request) = request {
                session.request = request;
                session.stated = None;
                superseded(session, Role::Planner);
                session.planning.revise = true;
                session.accepted = None;
            }
            session.limits_given = settings.limits;
            let old = &session.settings;
            if (&old.args, &old.stdin) != (&settings.args, &settings.stdin) {
                // Versions that waited for input are run again with it.
                let waiting = session.versions.iter_mut().filter(|version| version.waits());
                waiting.for_each(|version| version.run = None);
            }
            run_with(session, *settings, ours);
            // Another Python has other packages.
            session.versions.iter_mut().for_each(|v| v.needs = None);
        }
        Event::ModelCallStarted(e) => {
            let calls = &mut session.calls;
            if calls.pending.is_empty() {
                calls.settled = 0;
            }
            calls.last = e.call;
            calls.open.push(*e);
        }
        Event::ModelCallFinished(e) => finished(session, *e),
        Event::ModelCallFailed { call, .. } => {
            session.calls.open.retain(|open| open.call != call);
            session.calls.settled += 1;
        }
        Event::AnswerRefused { call, kind, reason, sample } => {
            let twin = session.samples.iter_mut().find(|twin| Some(twin.number) == sample);
            if let Some(twin) = twin {
                twin.twins.push(call);
            }
            if let Some(pending) = taken(session, call) {
                let copied = pending.agent == Agent::Repair && kind == RefusalKind::Repeated;
                session.copies += u32::from(copied);
                session.refusals.push(Refusal { agent: pending.agent, kind, reason });
            }
        }
        Event::SampleRead { version, sample, call, notes, script } => {
            taken(session, call);
            let version =
                Version { notes, at, ..Version::new(version, Cause::First, None, script) };
            session.samples.push(Sample {
                number: sample,
                call,
                twins: Vec::new(),
                tried: false,
                behaviour: BTreeMap::new(),
                trials: Vec::new(),
                version,
            });
        }
        Event::SampleTried(e) => {
            if let Some(sample) = session.samples.iter_mut().find(|s| s.number == e.sample) {
                sample.tried = true;
                sample.version.checks = Some(e.checks);
                sample.version.run = e.run;
                sample.version.stdout = e.stdout;
                sample.version.stderr = e.stderr;
                sample.version.tests = e.tests;
                sample.behaviour = e.behaviour;
                sample.trials = e.trials;
            }
        }
        Event::PlanProposed { call, text, requirements } => {
            answered(session, call, Role::Planner);
            session.planning.proposal = Some(Plan { text, requirements });
            session.planning.revise = false;
            session.gate = None;
        }
        Event::TriesRead { call, args, stdin } => {
            answered(session, Some(call), Role::Planner);
            session.stated = Some(Stated { args, stdin });
        }
        Event::PlanRemark { text } => {
            superseded(session, Role::Planner);
            session.planning.remarks.push(text);
            session.planning.revise = true;
            session.accepted = None;
            session.gate = None;
        }
        Event::PlanApproved { by, text, requirements, .. } => {
            // Answers to the earlier plan are discarded; the plan may have been edited by hand.
            superseded(session, Role::Planner);
            superseded(session, Role::Coder);
            let plan = Plan { text, requirements };
            let next = session.next_version();
            let by_manager = by == By::Manager;
            let (needs, _) = permission::needs(&plan.text);
            session.planning = session.planning.approved(plan, by_manager, next);
            let request = &session.request;
            session.planning.examples.retain(|example| by_manager || example.stands_in(request));
            if by_manager && ours {
                session.planning.needs = needs;
            } else if by_manager {
                session.elsewhere.extend(needs);
            }
            session.accepted = None;
            session.gate = None;
            if session.head.is_some() {
                session.wish = Some(PendingAction::Iterate(Cause::Feedback));
            }
        }
        Event::VersionCreated {
            version, cause, base, call, notes, samples, split, script, ..
        } => {
            answered(session, call, Role::Coder);
            if let Some(question) = session.dialogue.as_mut().and_then(Dialogue::open_mut) {
                question.became(version);
            }
            session.versions.push(Version {
                escalation: session.escalation.take(),
                notes,
                samples,
                split: split.map(|split| *split),
                at,
                ..Version::new(version, cause, base, script)
            });
            work_on(session, version);
        }
        Event::Checked { version, checks, .. } => {
            change(session, version, |v| {
                v.checks = Some(*checks);
                v.needs = None;
            });
        }
        Event::PackagesSought { version, needs } => {
            change(session, version, |v| v.needs = Some(*needs));
        }
        Event::RunFinished(e) => ran(session, *e),
        Event::TestsFinished { version, tests, .. } => {
            change(session, version, |v| v.tests = Some(tests));
        }
        Event::Reviewed { version, call, review, findings, .. } => {
            answered(session, Some(call), Role::Reviewer);
            stood(session, version, &findings);
            enter(&mut session.ledger, findings);
            change(session, version, |v| v.review = Some(*review));
        }
        Event::Analysed { version, call, .. } => {
            answered(session, Some(call), Role::Reviewer);
            session.analysed = Some(version);
        }
        Event::Interpreted { version, call, answer, .. } => {
            answered(session, Some(call), Role::Reviewer);
            session.interpreted = Some((version, answer));
        }
        Event::FindingDecided { finding, .. } => decided(session, vec![*finding]),
        Event::RequirementTested { version, requirement, answered, findings } => {
            decided(session, findings);
            change(session, version, |v| {
                if let Some(review) = v.review.as_mut().filter(|_| answered.status == Status::Met) {
                    review.blockers.retain(|id| *id != requirement);
                }
                v.answers.insert(requirement, answered);
            });
        }
        Event::GateOpened { gate } => session.gate = Some(gate),
        Event::IterationAsked { escalation, .. } => {
            session.escalation = escalation;
            asked(session, PendingAction::Iterate(Cause::Review));
        }
        Event::ExampleGiven { example } => {
            session.examples.push(*example);
            // Earlier test results do not include this example.
            session.versions.iter_mut().for_each(|version| version.tests = None);
            session.gate = None;
        }
        Event::FeedbackGiven { version, text, finding, .. } => {
            enter(&mut session.ledger, finding.map(|finding| *finding).into_iter().collect());
            change(session, version, |v| v.feedback = Some(text));
            session.head = Some(version);
            asked(session, PendingAction::Iterate(Cause::Feedback));
        }
        Event::RunAsked { version } => {
            session.head = Some(version);
            asked(session, PendingAction::Rerun);
            // Asking for a run withdraws earlier denials.
            session.allowed.retain(|_, allowed| *allowed);
            change(session, version, |v| v.trusted = v.trusted.filter(|trusted| *trusted));
            session.installs.retain(|_, allowed| *allowed);
            change(session, version, |v| v.needs = None);
        }
        Event::Rewound { version, by } => {
            work_on(session, version);
            session.picked = by == By::Manager;
            if session.picked {
                as_it_stood(session, version);
            }
        }
        Event::RunPermission { allowed, version: Some(version), .. } => {
            if ours || !allowed {
                change(session, version, |v| v.trusted = Some(allowed));
            }
            session.gate = None;
        }
        Event::PackagesNamed { call, names, .. } => {
            answered(session, Some(call), Role::Dependencies);
            for (module, name) in names {
                session.named.entry(module).or_default().push(name);
            }
        }
        Event::SafetyJudged { version, call, judged } => {
            answered(session, Some(call), Role::Safety);
            change(session, version, |v| v.judged = Some(judged));
        }
        Event::RunPermission { allowed, permissions, .. } => {
            permitted(session, allowed, permissions, ours);
            session.gate = None;
        }
        Event::PermissionRevoked { permissions } => revoked(session, &permissions),
        Event::InstallPermission { allowed, packages, .. } => {
            if ours || !allowed {
                session.installs.extend(packages.into_iter().map(|name| (name, allowed)));
            }
            session.gate = None;
        }
        Event::BudgetExtended { settings, .. } => {
            run_with(session, *settings, ours);
            session.gate = None;
        }
        Event::Accepted { version, without_run, evidence, by } => {
            if by == By::Manager {
                // Accepting a version settles the user's open findings.
                let open = |f: &&mut Finding| f.by_manager && f.state == FindingState::Open;
                session.ledger.iter_mut().filter(open).for_each(|f| f.state = FindingState::Fixed);
            }
            session.head = Some(version);
            session.accepted = Some(Accepted { version, without_run, evidence });
            session.gate = None;
        }
        Event::Paused { reason } => {
            session.paused = Some(reason);
            session.gate = None;
        }
        Event::QuestionAsked { text } => {
            if let Some(dialogue) = &mut session.dialogue {
                dialogue.ask(text);
            }
        }
        Event::Replied(e) => replied(session, *e),
        Event::QuestionAnswered { call, answer, remark, .. } => {
            answered(session, Some(call), Role::Engineer);
            if let Some(question) = session.dialogue.as_mut().and_then(Dialogue::open_mut) {
                question.end = Some(Ended { answer, remark });
            }
        }
        Event::Edited { .. }
        | Event::InstallStarted { .. }
        | Event::InstallFinished { .. }
        | Event::RunStarted { .. }
        | Event::TestsStarted { .. }
        | Event::Rewritten { .. }
        | Event::Repaired { .. } => {}
    }
}

/// Applies settings. Without `ours`, permissions that they newly grant are closed again and set
/// aside until the user allows them here.
fn run_with(session: &mut Session, mut settings: Settings, ours: bool) {
    let before = session.settings.openings();
    let allowed = &session.settings.packages.allow;
    settings.packages.allow.retain(|name| ours || allowed.contains(name));
    for permission in settings.openings() {
        let answered = session.allowed.get(&permission);
        if !ours && answered != Some(&true) && !before.contains(&permission) {
            settings.close(&permission);
            if answered.is_none() {
                session.elsewhere.insert(permission);
            }
        }
    }
    session.settings = settings;
}

/// Applies an answer about permissions, including those that were set aside.
fn permitted(session: &mut Session, allowed: bool, permissions: Vec<Permission>, ours: bool) {
    for permission in permissions {
        if allowed && !ours {
            session.elsewhere.insert(permission);
            continue;
        }
        session.elsewhere.remove(&permission);
        if allowed {
            session.settings.open(&permission);
        }
        if allowed && matches!(permission, Permission::Python(_)) {
            // Another Python has other packages.
            session.versions.iter_mut().for_each(|v| v.needs = None);
        }
        let tried = |host: &String| permission.covers(&Permission::Network(Some(host.clone())));
        let run = session.head().and_then(|head| head.run.as_ref());
        if allowed && run.is_some_and(|run| run.hosts_refused.iter().any(tried)) {
            session.wish = Some(PendingAction::Rerun);
        }
        session.allowed.insert(permission, allowed);
    }
}

/// Withdraws permissions, so that they are asked for again.
fn revoked(session: &mut Session, permissions: &[Permission]) {
    session.allowed.retain(|permission, _| !permissions.contains(permission));
    session.planning.needs.retain(|permission| !permissions.contains(permission));
    for permission in permissions {
        session.settings.close(permission);
    }
}

fn created(session: &mut Session, e: SessionCreated, at: String, ours: bool) {
    session.format = e.format;
    session.name = e.name;
    session.request = e.request;
    session.limits_given = e.settings.limits;
    run_with(session, e.settings, ours);
    session.data = e.data;
    session.tests = e.tests;
    session.interface = e.interface;
    session.forked_from = e.forked_from;
    session.created = at;
    if session.settings.preset == Preset::Ask {
        session.dialogue = Some(Dialogue::begun(&session.request));
    }
}

/// Adds a turn of the model to the open question.
fn replied(session: &mut Session, e: Replied) {
    answered(session, Some(e.call), Role::Engineer);
    if let Some(question) = session.dialogue.as_mut().and_then(Dialogue::open_mut) {
        let Replied { call, said, pieces, note } = e;
        question.turns.push(Turn { call, said, pieces, note });
    }
}

/// The system message of a prompt.
pub(super) fn told(messages: Vec<Message>) -> String {
    let system = messages.into_iter().find(|message| message.role == Speaker::System);
    system.map(|message| message.content).unwrap_or_default()
}

fn finished(session: &mut Session, e: CallFinished) {
    let calls = &mut session.calls;
    let place = calls.open.iter().position(|open| open.call == e.call);
    let open = place.map(|place| calls.open.remove(place));
    let version = open.as_ref().and_then(|open| open.version);
    let told = open.map(|open| told(open.messages)).unwrap_or_default();
    calls.usage.add(e.usage);
    calls.usd += e.usd.unwrap_or(0.0);
    calls.priced |= e.usd.is_some();
    calls.at_usual_prices |= e.usual_price;
    let took = CallCost { tokens: e.usage.total(), usd: e.usd, milliseconds: e.milliseconds };
    calls.milliseconds = calls.milliseconds.saturating_add(took.milliseconds);
    if let Some(version) = version {
        calls.of_version.entry(version).or_default().add(took);
    }
    calls.latest.insert(e.agent, took);
    *calls.finished.entry(e.agent).or_default() += 1;
    calls.pending.push(Pending {
        call: e.call,
        agent: e.agent,
        version,
        told,
        answer: e.answer,
        calls: e.calls,
        outcome: e.outcome,
    });
}

/// Clears a role's pending calls and refusals after a usable answer.
fn answered(session: &mut Session, call: Option<u32>, role: Role) {
    if call.is_some() {
        session.calls.pending.retain(|pending| pending.agent.role() != role);
        session.calls.open.clear();
    }
    session.refusals.retain(|r| r.agent.role() != role);
}

fn ran(session: &mut Session, e: RunFinished) {
    if session.wish == Some(PendingAction::Rerun) {
        session.wish = None;
    }
    change(session, e.version, |v| {
        v.run = Some(e.run);
        v.tests = None;
        v.stdout = e.stdout;
        v.stderr = e.stderr;
    });
}

/// Discards pending answers after a decision of the user: they belong to an earlier prompt.
fn superseded(session: &mut Session, role: Role) {
    session.calls.pending.retain(|pending| pending.agent.role() != role);
    if role == Role::Coder {
        session.samples.clear();
    }
}

/// Takes a pending answer, which is read now.
fn taken(session: &mut Session, call: u32) -> Option<Pending> {
    let place = session.calls.pending.iter().position(|pending| pending.call == call)?;
    session.calls.settled += 1;
    Some(session.calls.pending.remove(place))
}

/// Applies a request for the next action, and resets the state of the earlier one.
fn asked(session: &mut Session, wish: PendingAction) {
    superseded(session, Role::Coder);
    session.wish = Some(wish);
    session.accepted = None;
    session.gate = None;
    session.refusals.retain(|r| r.agent != Agent::Coder && r.agent != Agent::Repair);
}

/// Makes this version the head.
fn work_on(session: &mut Session, version: u32) {
    superseded(session, Role::Coder);
    session.head = Some(version);
    session.picked = false;
    session.wish = None;
    session.accepted = None;
    session.gate = None;
    session.refusals.retain(|r| r.agent.role() != Role::Coder);
}

fn edited(session: &mut Session, text: String, file: &str) {
    let Some(number) = super::artifacts::script_number(file) else { return };
    let latest = u32::try_from(session.versions.len()).unwrap_or(0);
    change(session, number, |v| {
        v.script = text;
        v.cause = Cause::Manager;
        if number == latest {
            v.judged = None;
            v.trusted = None;
            v.checks = None;
            v.needs = None;
            v.run = None;
            v.tests = None;
            v.review = None;
            v.answers.clear();
        }
    });
    let about_it = |p: &Pending| {
        matches!(p.agent.role(), Role::Reviewer | Role::Safety) && p.version == Some(number)
    };
    session.calls.pending.retain(|pending| !about_it(pending));
    if number == latest {
        work_on(session, number);
    }
}

fn change(session: &mut Session, number: u32, with: impl FnOnce(&mut Version)) {
    let index = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
    if let Some(version) = session.versions.get_mut(index) {
        with(version);
    }
}

/// Updates the blockers of the versions after the user's decisions on findings.
fn decided(session: &mut Session, findings: Vec<Finding>) {
    for finding in findings {
        let blocks = finding.state == FindingState::Open && finding.severity == Severity::Blocker;
        for version in &mut session.versions {
            let Some(review) = &mut version.review else { continue };
            review.blockers.retain(|id| *id != finding.id);
            if blocks && session.head == Some(version.number) {
                review.blockers.push(finding.id.clone());
            }
        }
        let at = session.head.unwrap_or(finding.last);
        stood(session, at, std::slice::from_ref(&finding));
        enter(&mut session.ledger, vec![finding]);
    }
}

/// Records the states of a review's findings at this version.
fn stood(session: &mut Session, version: u32, findings: &[Finding]) {
    for finding in findings {
        session.stood.entry(finding.id.clone()).or_default().push((version, finding.state));
    }
}

/// Resets the ledger to the state at an earlier version: findings that were open then are open
/// again, and later ones do not apply to it. The user's findings and decisions stay.
fn as_it_stood(session: &mut Session, version: u32) {
    for finding in &mut session.ledger {
        if finding.by_manager || finding.state == FindingState::Waived {
            continue;
        }
        let states = session.stood.get(&finding.id).map_or(&[][..], Vec::as_slice);
        let state = states.iter().rev().find(|(at, _)| *at <= version).map(|(_, state)| *state);
        finding.state = state.unwrap_or(FindingState::Fixed);
        finding.last = finding.last.min(version);
    }
}

fn enter(ledger: &mut Vec<Finding>, findings: Vec<Finding>) {
    for finding in findings {
        // Ids count from F1 without gaps, so the id gives the index.
        let place = finding.id.trim_start_matches('F').parse::<usize>().unwrap_or(0);
        match ledger.get_mut(place.wrapping_sub(1)) {
            Some(known) => *known = finding,
            None => ledger.push(finding),
        }
    }
}
