//! Reads a finished answer and turns it into a plan, a version or a review, or into a reason to ask
//! again.

use super::{Driver, DriverError, Next, answer, notes};
use crate::agents::given::Given;
use crate::agents::planner::{self, Proposal};
use crate::agents::{
    self, Refusal, analysis, dependencies, extract, interpretation, reviewer, safety, tries,
};
use crate::domain::chat::{Agent, Outcome, Role};
use crate::domain::dialogue::Ended;
use crate::domain::event::{Artifact, Event, RefusalKind};
use crate::domain::origin;
use crate::domain::plan::{Plan, Requirement};
use crate::domain::report::Judged;
use crate::domain::review::RawReview;
use crate::domain::session::{Pending, Stated};
use crate::domain::text::{same_code, single_spaced};
use crate::findings::ledger;
use crate::python::{check, forgotten, hidden, left_out};
use crate::workflow::manager::News;
use crate::workflow::{install, machine, samples};
use std::collections::BTreeMap;

/// The message to a model whose answer was declined or ended by a filter.
const DECLINED: &str = "The answer was declined, or a filter ended it. The task is to write an \
                        ordinary Python script. Answer with the whole script in one ```python block.";

/// The remark on an answer with numbers of unknown origin.
const OWN: &str = "[?]: this number stands neither in the output nor in the question.";

impl Driver<'_, '_> {
    pub(super) fn read(&mut self, last_try: bool) -> Result<Next, DriverError> {
        let session = self.store.session();
        let Some(pending) = session.calls.pending.first().cloned() else {
            return Ok(Next::Go);
        };
        let sampled = session.settings.samples(pending.agent) > 1;
        match pending.agent {
            Agent::Analysis => return self.read_analysis(&pending, last_try),
            Agent::Planner if sampled => self.read_plans(last_try)?,
            Agent::Planner => self.read_plan(&pending, last_try)?,
            Agent::Coder | Agent::Repair => self.read_script(&pending, sampled)?,
            Agent::Reviewer | Agent::Inspector => self.read_review(&pending, last_try)?,
            Agent::Safety => self.read_judgement(&pending, last_try)?,
            Agent::Dependencies => self.read_packages(&pending, last_try)?,
            Agent::Engineer => self.read_reply(&pending)?,
            Agent::Tries => self.read_tries(&pending, last_try)?,
            Agent::Interpretation => self.read_interpretation(&pending, last_try)?,
        }
        Ok(Next::Go)
    }

    fn refuse(
        &mut self,
        pending: &Pending,
        kind: RefusalKind,
        reason: String,
    ) -> Result<(), DriverError> {
        self.tools.manager.tell(News::Refused { agent: pending.agent, reason: &reason });
        self.record(Event::AnswerRefused { call: pending.call, kind, reason, sample: None })
    }

    fn read_plan(&mut self, pending: &Pending, last_try: bool) -> Result<(), DriverError> {
        let (text, requirements) = match read_plan(pending) {
            Ok(proposal) => (proposal.text, proposal.requirements),
            Err(refusal) if !last_try => {
                return self.refuse(pending, RefusalKind::Unusable, refusal.reason);
            }
            // A Planner that fails does not keep the user from a script.
            Err(_) => self.plan_from_request(),
        };
        self.propose(pending.call, Plan { text, requirements })
    }

    /// Records a proposed plan, with the origin of each requirement checked.
    fn propose(&mut self, call: u32, plan: Plan) -> Result<(), DriverError> {
        let session = self.store.session();
        let data = super::given::data(session, usize::MAX);
        let said = std::iter::once(&session.request).chain(&session.planning.remarks).chain(&data);
        let said: Vec<&str> = said.map(String::as_str).collect();
        let Plan { text, requirements } = origin::traced(plan, &said);
        self.record(Event::PlanProposed { call: Some(call), text, requirements })?;
        if let Some(plan) = &self.store.session().planning.proposal {
            self.tools.manager.tell(News::Proposed(plan));
        }
        Ok(())
    }

    /// Chooses the plan that has most in common with the other candidates.
    fn read_plans(&mut self, last_try: bool) -> Result<(), DriverError> {
        let all = self.store.session().calls.pending.clone();
        let plans: Vec<_> = all
            .iter()
            .filter_map(|pending| Some((pending.call, read_plan(pending).ok()?)))
            .collect();
        if plans.is_empty() {
            let (last, others) = all.split_last().map_or((None, &[][..]), |(l, o)| (Some(l), o));
            for pending in others {
                if let Err(refusal) = read_plan(pending) {
                    self.refuse(pending, RefusalKind::Unusable, refusal.reason)?;
                }
            }
            return last.map_or(Ok(()), |pending| self.read_plan(pending, last_try));
        }
        let requirements: Vec<&[Requirement]> =
            plans.iter().map(|(_, plan)| &plan.requirements[..]).collect();
        let (call, plan) = plans[samples::most_common(&requirements)].clone();
        self.propose(call, Plan { text: plan.text, requirements: plan.requirements })
    }

    /// A plan made from the request and the user's remarks alone.
    fn plan_from_request(&mut self) -> (String, Vec<Requirement>) {
        self.tools.manager.tell(News::Note(
            "the Planner gave no requirements; the request itself stands for the plan",
        ));
        let session = self.store.session();
        let said = std::iter::once(&session.request).chain(&session.planning.remarks);
        let requirements: Vec<Requirement> = said
            .enumerate()
            .map(|(n, text)| Requirement { id: format!("R{}", n + 1), text: single_spaced(text) })
            .collect();
        let list: String =
            requirements.iter().flat_map(|r| ["- ", &r.id, ": ", &r.text, "\n"]).collect();
        (format!("## Requirements\n\n{list}"), requirements)
    }

    fn read_script(&mut self, pending: &Pending, sampled: bool) -> Result<(), DriverError> {
        if pending.outcome == Outcome::Refused {
            // It is unknown what a filter removed, so the rest is not used as a script.
            return self.refuse(pending, RefusalKind::Unusable, DECLINED.to_owned());
        }
        let written = match answer::written(self.store.session(), pending, sampled) {
            Ok(written) => written,
            Err(reason) => return self.refuse(pending, RefusalKind::Unusable, reason),
        };
        let (script, added) = forgotten::with_imports(&written.script);
        let mut notes = written.notes;
        notes.extend(added.iter().map(|import| format!("a forgotten import was added: {import}")));
        let (script, hidden) = hidden::without_hidden_methods(&script);
        notes.extend(hidden.iter().map(|name| {
            format!("an attribute that hid the method of its name was renamed: {name}")
        }));
        let installs = extract::installs(&pending.answer);
        let declared = check::with_installed(&script, &installs);
        notes.extend(declared.iter().map(|_| "what its answer installs was declared".to_owned()));
        let script = declared.unwrap_or(script);
        let session = self.store.session();
        if let Some(earlier) = session.versions.iter().find(|v| same_code(&v.script, &script)) {
            let reason = format!(
                "this is version {} again, unchanged; it has to be changed so that the problem is solved",
                earlier.number
            );
            return self.refuse(pending, RefusalKind::Repeated, reason);
        }
        let shown = session.head().filter(|_| !sampled);
        if let Some(what) = shown.and_then(|head| left_out::of(&head.script, &script)) {
            let reason = format!("{what}: write the whole script, every line of it");
            return self.refuse(pending, RefusalKind::Unusable, reason);
        }
        let (version, base) = (session.next_version(), session.head);
        if sampled {
            return self.read_sample(pending, version, script, notes);
        }
        let event = Event::VersionCreated {
            version,
            cause: machine::next_cause(session),
            base,
            call: Some(pending.call),
            notes,
            samples: Vec::new(),
            split: None,
            others: Vec::new(),
            script,
            artifact: Artifact::default(),
        };
        self.record(event)?;
        self.tell_written(version);
        Ok(())
    }

    pub(super) fn tell_written(&mut self, version: u32) {
        let session = self.store.session();
        if let Some(version) = session.version(version) {
            let base = version.base.and_then(|base| session.version(base));
            self.tools.manager.tell(News::Written { version, base });
        }
    }

    /// Records a candidate. A script identical to an earlier candidate's is tried only once.
    fn read_sample(
        &mut self,
        pending: &Pending,
        version: u32,
        script: String,
        notes: Vec<String>,
    ) -> Result<(), DriverError> {
        let known = &self.store.session().samples;
        if let Some(twin) = known.iter().find(|s| same_code(&s.version.script, &script)) {
            let (call, kind) = (pending.call, RefusalKind::Repeated);
            let sample = Some(twin.number);
            let reason = format!("it is candidate {} again, word for word", twin.number);
            return self.record(Event::AnswerRefused { call, kind, reason, sample });
        }
        let sample = known.last().map_or(1, |sample| sample.number + 1);
        self.record(Event::SampleRead { version, sample, call: pending.call, notes, script })
    }

    fn read_tries(&mut self, pending: &Pending, last_try: bool) -> Result<(), DriverError> {
        let given = match tries::parse(&own_words(pending), &self.store.session().request) {
            Ok(given) => given,
            Err(refusal) if !last_try => {
                return self.refuse(pending, RefusalKind::Unusable, refusal.reason);
            }
            Err(_) => Given::default(),
        };
        let Given { args, stdin } = given;
        let Stated { args, stdin } = samples::placed(self.store.session(), Stated { args, stdin });
        self.record(Event::TriesRead { call: pending.call, args, stdin })
    }

    fn read_packages(&mut self, pending: &Pending, last_try: bool) -> Result<(), DriverError> {
        let session = self.store.session();
        let head = pending.version.and_then(|n| session.version(n));
        let Some(version) = head.map(|head| head.number) else { return Ok(()) };
        let modules = head.map(|head| install::unnamed(session, head)).unwrap_or_default();
        let names = match dependencies::parse(&own_words(pending), &modules) {
            Ok(names) => names,
            Err(refusal) if !last_try => {
                return self.refuse(pending, RefusalKind::Unusable, refusal.reason);
            }
            Err(_) => BTreeMap::new(),
        };
        // A module that the answer leaves out gets an empty name: no known package.
        let names: BTreeMap<_, _> = modules
            .iter()
            .map(|module| ((*module).to_owned(), names.get(*module).cloned().unwrap_or_default()))
            .collect();
        self.record(Event::PackagesNamed { version, call: pending.call, names })
    }

    fn read_judgement(&mut self, pending: &Pending, last_try: bool) -> Result<(), DriverError> {
        let Some(version) = pending.version else { return Ok(()) };
        let judged = match safety::parse(&own_words(pending)) {
            Ok(judged) => judged,
            Err(refusal) if !last_try => {
                return self.refuse(pending, RefusalKind::Unusable, refusal.reason);
            }
            // An unclear judgement counts as not safe.
            Err(_) => Judged { safe: false, reason: "its answer was not clear".to_owned() },
        };
        let words = if judged.safe { "judged safe" } else { "judged NOT safe" };
        self.tools.manager.tell(News::Note(&format!("{words}: {}", judged.reason)));
        self.record(Event::SafetyJudged { version, call: pending.call, judged })
    }

    /// Records an analysis: the errors come from the program, the explanation from the model.
    fn read_analysis(&mut self, pending: &Pending, last_try: bool) -> Result<Next, DriverError> {
        let session = self.store.session();
        let about = pending.version.and_then(|v| session.version(v));
        let Some(failed) = about.or_else(|| session.head()) else { return Ok(Next::Go) };
        let said = match analysis::parse(&own_words(pending)) {
            Ok(said) => Some(said),
            Err(refusal) if !last_try => {
                self.refuse(pending, RefusalKind::Unusable, refusal.reason)?;
                return Ok(Next::Go);
            }
            Err(_) => None,
        };
        let (version, call) = (failed.number, pending.call);
        let text = notes::analysis(session, failed, said.as_deref());
        self.record(Event::Analysed { version, call, text, artifact: Artifact::default() })?;
        self.pause(machine::EXPLAINED)
    }

    fn read_interpretation(
        &mut self,
        pending: &Pending,
        last_try: bool,
    ) -> Result<(), DriverError> {
        match interpretation::parse(&own_words(pending)) {
            Ok(said) => self.interpreted(pending.call, Some(&said)),
            Err(refusal) if !last_try => {
                self.refuse(pending, RefusalKind::Unusable, refusal.reason)
            }
            Err(_) => self.interpreted(pending.call, None),
        }
    }

    /// Records the interpretation of the accepted version's output, or that the model gave none.
    pub(super) fn interpreted(&mut self, call: u32, said: Option<&str>) -> Result<(), DriverError> {
        let session = self.store.session();
        let accepted = session.accepted.and_then(|accepted| session.version(accepted.version));
        let Some(version) = accepted else { return Ok(()) };
        let sources = [version.stdout.as_str(), session.request.as_str()];
        let answer = said.map(|said| interpretation::marked(said, &sources));
        let text = notes::interpretation(session, version, answer.as_deref());
        let version = version.number;
        let ended = Ended {
            remark: answer
                .as_deref()
                .filter(|text| text.contains(interpretation::MARK))
                .map(|_| OWN.to_owned()),
            answer: answer.clone(),
        };
        self.tools.manager.tell(News::Answered(&ended));
        let artifact = Artifact::default();
        self.record(Event::Interpreted { version, call, answer, text, artifact })
    }

    fn read_review(&mut self, pending: &Pending, last_try: bool) -> Result<(), DriverError> {
        let session = self.store.session();
        // The head may have changed since the Reviewer was called.
        let about = pending.version.and_then(|v| session.version(v));
        let Some(reviewed) = about.or_else(|| session.head()) else { return Ok(()) };
        let raw = match reviewer::parse(&own_words(pending), session.requirements()) {
            Ok(raw) => raw,
            Err(refusal) if !last_try => {
                return self.refuse(pending, RefusalKind::Unusable, refusal.reason);
            }
            // The checks and the run still count.
            Err(_) => RawReview::default(),
        };
        let version = reviewed.number;
        let (review, findings) = if pending.agent == Agent::Inspector {
            ledger::update_before_run(session, &raw, version)
        } else {
            // If nothing else blocks the version, the Reviewer is asked once more about
            // requirements that it left out.
            let left_out = ledger::unjudged(session, &raw);
            let first = samples::rounds_refused(session, Role::Reviewer) == 0;
            if first && !last_try && !left_out.is_empty() && !raw.blocks() {
                let ids: Vec<&str> = left_out.iter().map(|r| r.id.as_str()).collect();
                let reason = reviewer::unjudged(&ids).reason;
                return self.refuse(pending, RefusalKind::Unusable, reason);
            }
            ledger::update(session, &raw, version)
        };
        let text = notes::review(session, reviewed, &review, &findings);
        self.record(Event::Reviewed {
            version,
            call: pending.call,
            review: Box::new(review),
            findings,
            text,
            artifact: Artifact::default(),
        })?;
        let session = self.store.session();
        if let Some(version) = session.version(version) {
            self.tools.manager.tell(News::Reviewed { session, version });
        }
        Ok(())
    }
}

fn read_plan(pending: &Pending) -> Result<Proposal, Refusal> {
    let (words, outcome) = said(pending);
    planner::parse(&words, outcome)
}

/// The model's own words in an answer.
fn own_words(pending: &Pending) -> String {
    said(pending).0
}

/// The model's own words, and how the answer ended: without reasoning, other turns and echoes of
/// the prompt.
fn said(pending: &Pending) -> (String, Outcome) {
    let (words, outcome) = agents::own_words(&pending.answer, pending.outcome);
    (agents::without_echo(&words, &pending.told), outcome)
}
