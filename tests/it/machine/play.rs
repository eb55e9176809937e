//! A simulated session: random numbers decide the outcome of each step, without the driver.

use redraft::domain::chat::{Agent, Message, Outcome, Role, Usage};
use redraft::domain::event::{
    Artifact, By, CallFinished, CallStarted, Cause, DataFile, Event, Gate, RefusalKind,
    RunFinished, SampleTried, SessionCreated,
};
use redraft::domain::packages::{Missing, Needs};
use redraft::domain::plan::Requirement;
use redraft::domain::report::{
    Capability, CapabilityKind, Checks, Judged, Lint, Run, RunVerdict, Test, TestOutcome,
};
use redraft::domain::review::{
    Answered, Judgement, RawFinding, RawReview, Severity, Status, Verdict,
};
use redraft::domain::session::Session;
use redraft::domain::settings::Settings;
use redraft::findings::{evidence, ledger};
use redraft::store::line::Entry;
use redraft::store::{Seal, fold};
use redraft::workflow::machine::{self, Auto, Step};
use redraft::workflow::{driver, install, permission, samples};
use std::collections::BTreeMap;

/// A simulated session. Random numbers decide the models' answers, the results of runs and the
/// user's actions.
pub(super) struct Play {
    pub(super) session: Session,
    pub(super) history: Vec<Entry>,
    tape: std::vec::IntoIter<u8>,
    /// Answers gates by the rules of `--auto`.
    auto: bool,
}

impl Play {
    pub(super) fn new(settings: Settings, tape: Vec<u8>, auto: bool) -> Self {
        let mut play =
            Self { session: Session::default(), history: Vec::new(), tape: tape.into_iter(), auto };
        play.record(created(settings));
        play
    }

    /// The same session after a kill: folded from the first entries of its journal, as they are on
    /// disk.
    pub(super) fn resumed(history: &[Entry], tape: Vec<u8>) -> Self {
        let mut play = Self {
            session: Session::default(),
            history: Vec::new(),
            tape: tape.into_iter(),
            auto: false,
        };
        for entry in history {
            let entry = Entry::parse(entry.line().trim_end().as_bytes()).unwrap();
            let entry = Entry { seal: Seal::Ours, ..entry };
            fold::apply(&mut play.session, entry.clone()).unwrap();
            play.history.push(entry);
        }
        play
    }

    /// The next number, reduced below this one; 0 when the tape is used up.
    fn draw(&mut self, below: u8) -> u8 {
        self.tape.next().unwrap_or_default() % below
    }

    #[track_caller]
    fn record(&mut self, event: Event) {
        let seq = self.session.seq + 1;
        let entry = Entry { seq, at: "2026-11-21T09:00:00Z".to_owned(), event, seal: Seal::Ours };
        fold::apply(&mut self.session, entry.clone())
            .unwrap_or_else(|problem| panic!("{problem}: {entry:?}\n{:#?}", self.history));
        self.history.push(entry);
    }

    /// Performs a step as the driver does. Returns whether the program continues.
    pub(super) fn perform(&mut self, step: &Step) -> bool {
        match *step {
            Step::Read { last_try } => self.read(last_try),
            Step::Ask(gate) if self.auto => return self.answer_by_rule(gate),
            Step::Ask(gate) => return self.answer(gate),
            Step::Call { agent, version } => return self.call(agent, version),
            Step::Check(version) => {
                let lint = Lint {
                    rule: "F821".into(),
                    line: 1,
                    column: 1,
                    message: "undefined name".into(),
                };
                let errors = if self.draw(4) == 3 { vec![lint] } else { Vec::new() };
                let capability = |kind, target: Option<&str>| Capability {
                    kind,
                    line: 1,
                    what: "something".to_owned(),
                    target: target.map(str::to_owned),
                    named: None,
                };
                let capabilities = match self.draw(4) {
                    0 => vec![capability(CapabilityKind::Network, Some("a.org"))],
                    1 => vec![
                        capability(CapabilityKind::DynamicCode, None),
                        capability(CapabilityKind::Processes, None),
                    ],
                    _ => Vec::new(),
                };
                let dependencies =
                    if self.draw(2) == 1 { vec!["numpy".into()] } else { Vec::new() };
                let checks =
                    Box::new(Checks { errors, capabilities, dependencies, ..Checks::default() });
                self.record(Event::Checked { version, checks, artifact: Artifact::default() });
            }
            Step::ResolvePackages(version) => {
                let mut missing = self.missing();
                for (module, name) in install::names(&self.session) {
                    for package in missing.iter_mut().filter(|package| package.name == module) {
                        name.clone_into(&mut package.name);
                        name.clone_into(&mut package.requirement);
                    }
                }
                let requirements = missing.iter().map(|m| m.requirement.clone()).collect();
                let ready = self.draw(3) == 2;
                let needs = Box::new(Needs { requirements, missing, ready });
                self.record(Event::PackagesSought { version, needs });
            }
            Step::Run(version) => {
                self.record(Event::RunStarted { version, sandbox: "off".into() });
                let verdicts =
                    [RunVerdict::Ok, RunVerdict::Failed, RunVerdict::Timeout, RunVerdict::Window];
                let verdict = verdicts[usize::from(self.draw(4))];
                self.ran(version, verdict);
            }
            Step::NotRun(version, verdict, _) => self.ran(version, verdict),
            Step::Test(version) => {
                self.record(Event::TestsStarted { version, sandbox: "off".into() });
                let outcomes = [TestOutcome::Passed, TestOutcome::Failed, TestOutcome::Skipped];
                let outcome = outcomes[usize::from(self.draw(3))];
                let tests = vec![test(outcome)];
                self.record(Event::TestsFinished { version, tests, artifact: Artifact::default() });
            }
            Step::TrySamples => {
                let open = self.session.samples.iter().filter(|s| !s.tried);
                let open: Vec<(u32, u32)> = open.map(|s| (s.version.number, s.number)).collect();
                for (version, sample) in open {
                    let verdicts = [RunVerdict::Ok, RunVerdict::Failed, RunVerdict::Skipped];
                    let run = Some(Run::not_run(verdicts[usize::from(self.draw(3))], ""));
                    let (stdout, stderr) = (String::new(), String::new());
                    let checks = Checks::default();
                    let tried = SampleTried {
                        version,
                        sample,
                        checks,
                        run,
                        stdout,
                        stderr,
                        tests: None,
                        behaviour: BTreeMap::new(),
                        trials: Vec::new(),
                    };
                    self.record(Event::SampleTried(Box::new(tried)));
                }
            }
            Step::Choose => {
                let (scores, best) = samples::choose(&self.session);
                let call = self.session.samples[best].call;
                let mut event =
                    version(&self.session, machine::next_cause(&self.session), Some(call));
                if let Event::VersionCreated { samples, .. } = &mut event {
                    *samples = scores;
                }
                self.record(event);
            }
            Step::GoBack(version) => self.record(Event::Rewound { version, by: By::Auto }),
            Step::Done(_) | Step::Take | Step::NextQuestion => return false,
        }
        true
    }

    fn missing(&mut self) -> Vec<Missing> {
        let names = ["numpy", "pandas", "nmpy"].into_iter().take(usize::from(self.draw(4)));
        let names: Vec<&str> = names.collect();
        names
            .into_iter()
            .map(|name| Missing {
                requirement: name.to_owned(),
                name: name.to_owned(),
                known: self.draw(2) == 0,
                exists: [Some(true), None, Some(false)][usize::from(self.draw(3))],
                warning: (self.draw(3) == 2).then(|| "odd".to_owned()),
            })
            .collect()
    }

    fn ran(&mut self, version: u32, verdict: RunVerdict) {
        let run = Run::not_run(verdict, "");
        self.record(Event::RunFinished(Box::new(RunFinished {
            version,
            run,
            stdout: String::new(),
            stderr: String::new(),
            artifact: Artifact::default(),
            outputs: Vec::new(),
        })));
    }

    fn call(&mut self, agent: Agent, version: Option<u32>) -> bool {
        let first = self.session.calls.last + 1;
        let missing = u32::try_from(samples::missing(&self.session, agent)).unwrap();
        for call in first..first + missing {
            self.record(Event::ModelCallStarted(Box::new(CallStarted {
                call,
                agent,
                version,
                model: "local/m".into(),
                temperature: 0.0,
                max_tokens: 100,
                structured: false,
                messages: Vec::<Message>::new(),
            })));
        }
        for call in first..first + missing {
            match self.draw(8) {
                // Killed during the call.
                6 => return false,
                7 => {
                    let (partial, artifact) = (String::new(), Artifact::default());
                    let error = "busy".into();
                    self.record(Event::ModelCallFailed { call, error, partial, artifact });
                }
                _ => {
                    let usage = Usage { prompt: 10, answer: 10, ..Usage::default() };
                    self.record(Event::ModelCallFinished(Box::new(CallFinished {
                        call,
                        agent,
                        outcome: Outcome::Whole,
                        repeats: false,
                        enough: false,
                        answer: "an answer".into(),
                        reasoning: String::new(),
                        calls: Vec::new(),
                        usage,
                        usd: Some(0.01),
                        usual_price: false,
                        milliseconds: 1,
                        artifact: Artifact::default(),
                    })));
                }
            }
        }
        if self.session.calls.pending.is_empty() {
            self.record(Event::Paused { reason: "the model failed".into() });
            return false;
        }
        true
    }

    fn read(&mut self, last_try: bool) {
        let pending = self.session.calls.pending[0].clone();
        let call = pending.call;
        let kind = match (self.draw(4), pending.agent.role()) {
            (2, role) if role == Role::Coder || !last_try => Some(RefusalKind::Unusable),
            (3, Role::Coder) => Some(RefusalKind::Repeated),
            _ => None,
        };
        if let Some(kind) = kind {
            self.record(Event::AnswerRefused { call, kind, reason: "no use".into(), sample: None });
            return;
        }
        match pending.agent {
            Agent::Planner => {
                let event = plan(&format!("plan of call {call}"), Some(call));
                self.record(event);
            }
            Agent::Coder | Agent::Repair if self.session.settings.candidates > 1 => {
                let (version, sample) = (self.session.next_version(), call);
                let (notes, script) = (Vec::new(), format!("print({call})"));
                self.record(Event::SampleRead { version, sample, call, notes, script });
            }
            Agent::Coder | Agent::Repair => {
                let event = version(&self.session, machine::next_cause(&self.session), Some(call));
                self.record(event);
            }
            Agent::Reviewer => self.read_review(call, pending.version.unwrap(), false),
            Agent::Inspector => self.read_review(call, pending.version.unwrap(), true),
            Agent::Analysis => {
                let (version, text) = (pending.version.unwrap(), "it fails".to_owned());
                let artifact = Artifact::default();
                self.record(Event::Analysed { version, call, text, artifact });
            }
            Agent::Interpretation => {
                let (version, text) = (pending.version.unwrap(), "so it is".to_owned());
                let (answer, artifact) = (Some("three".to_owned()), Artifact::default());
                self.record(Event::Interpreted { version, call, answer, text, artifact });
            }
            Agent::Dependencies => {
                let version = pending.version.unwrap();
                let name = ["", "x", "other"][usize::from(self.draw(3))].to_owned();
                let head = self.session.head().unwrap();
                let modules = install::unnamed(&self.session, head).into_iter();
                let names = modules.map(|module| (module.to_owned(), name.clone())).collect();
                self.record(Event::PackagesNamed { version, call, names });
            }
            Agent::Safety => {
                let judged = Judged { safe: self.draw(3) > 0, reason: "so it is".into() };
                let version = pending.version.unwrap();
                self.record(Event::SafetyJudged { version, call, judged });
            }
            Agent::Engineer => unreachable!("no question was asked"),
            Agent::Tries => {
                let (args, stdin) = (Vec::new(), String::new());
                self.record(Event::TriesRead { call, args, stdin });
            }
        }
    }

    fn read_review(&mut self, call: u32, version: u32, before_run: bool) {
        let blockers = ["one is missing", "two hands are shown", "the title is not set"];
        let findings = (0..self.draw(4)).map(|n| RawFinding {
            id: None,
            requirement: Some("R1".into()),
            severity: Some(if n == 0 { Severity::Blocker } else { Severity::Nit }),
            quote: None,
            text: blockers[usize::from(n + version.to_le_bytes()[0]) % 3].into(),
        });
        let findings: Vec<RawFinding> = findings.collect();
        let verdict = Some(if findings.is_empty() { Verdict::Accept } else { Verdict::Iterate });
        let judgements = vec![Judgement { requirement: "R1".into(), status: Status::Met }];
        let raw = RawReview { judgements, findings, verdict };
        let update = if before_run { ledger::update_before_run } else { ledger::update };
        let (review, findings) = update(&self.session, &raw, version);
        self.record(Event::Reviewed {
            version,
            call,
            review: Box::new(review),
            findings,
            text: String::new(),
            artifact: Artifact::default(),
        });
    }

    fn answer_by_rule(&mut self, gate: Gate) -> bool {
        let by = By::Auto;
        match machine::auto(&self.session, gate) {
            Auto::Approve => self.approve(by),
            Auto::Accept => self.accept(by),
            Auto::Iterate(escalation) => self.record(Event::IterationAsked { by, escalation }),
            Auto::Deny => self.permit(gate, false, by),
            Auto::Stop(reason) => {
                self.record(Event::Paused { reason });
                return false;
            }
        }
        true
    }

    fn permit(&mut self, gate: Gate, allowed: bool, by: By) {
        if gate == Gate::Install {
            let asked = self.session.head().map(|head| install::unanswered(&self.session, head));
            let packages = asked.unwrap_or_default().iter().map(|p| p.name.clone()).collect();
            return self.record(Event::InstallPermission { allowed, by, packages });
        }
        self.record(permission::answer(&self.session, allowed, by));
    }

    fn approve(&mut self, by: By) {
        if let Some(plan) = self.session.planning.proposal.clone() {
            let (text, requirements, artifact) =
                (plan.text, plan.requirements, Artifact::default());
            self.record(Event::PlanApproved { by, text, requirements, artifact });
        }
    }

    fn accept(&mut self, by: By) {
        if let Some(version) = self.session.head {
            self.record(Event::Accepted { version, by, without_run: false, evidence: None });
        }
    }

    fn answer(&mut self, gate: Gate) -> bool {
        let by = By::Manager;
        self.record(Event::GateOpened { gate });
        let answer = self.draw(10);
        match (gate, answer) {
            (_, 0) => {
                self.record(Event::Paused { reason: "the Manager left".into() });
                return false;
            }
            // Killed at the gate.
            (_, 1) => return false,
            (Gate::Plan, 2..=6) => self.approve(by),
            (Gate::Plan, _) => self.record(Event::PlanRemark { text: "other".into() }),
            (Gate::Safety | Gate::Install, _) => {
                self.permit(gate, answer > 5, by);
            }
            (Gate::Budget, _) => {
                let mut settings = Box::new(self.session.settings.clone());
                settings.limits.max_versions += 2;
                settings.limits.budget_tokens = settings.limits.budget_tokens.map(|n| n + 100);
                let artifact = Artifact::default();
                self.record(Event::BudgetExtended { settings, artifact });
            }
            (Gate::Version, 2 | 3) => self.accept(by),
            (Gate::Version, 4 | 5) => {
                self.record(Event::IterationAsked { by, escalation: None });
            }
            (Gate::Version, _) => self.command(answer),
            (Gate::Stopped, _) => unreachable!("no session comes to it by itself"),
        }
        true
    }

    /// The user's action on a session between two runs of the program, at whatever step the session
    /// is.
    fn command(&mut self, which: u8) {
        let versions = u8::try_from(self.session.versions.len()).unwrap();
        let (by, artifact) = (By::Manager, Artifact::default());
        let some = if versions == 0 { None } else { Some(u32::from(self.draw(versions)) + 1) };
        match (which, some) {
            (6, Some(version)) => self.record(Event::Rewound { version, by }),
            (7, Some(version)) => {
                self.record(driver::feedback(&self.session, version, "too small"));
            }
            (8, Some(version)) => self.record(Event::RunAsked { version }),
            (9, _) => {
                let event = version(&self.session, Cause::Manager, None);
                self.record(event);
            }
            (10, _) => {
                let text = format!("by hand after {}", self.session.seq);
                let requirements = Vec::new();
                self.record(Event::PlanApproved { by, text, requirements, artifact });
            }
            (11, Some(_)) => {
                let file = format!("script_v{versions}.py");
                let artifact = Artifact { file, ..artifact };
                self.record(Event::Edited { text: "print('by hand')".into(), artifact });
            }
            (12, _) => {
                let settings = Box::new(self.session.settings.clone());
                let request = Some("something else".to_owned());
                self.record(Event::SettingsChanged { request, settings, artifact });
            }
            (15, Some(version)) => {
                let status = [Status::Met, Status::Partly, Status::NotMet];
                let status = status[usize::from(self.draw(3))];
                let answered = Answered { status, note: String::new() };
                if let Ok(event) = evidence::tried(&self.session, version, "R1", answered) {
                    self.record(event);
                }
            }
            (13 | 14, _) if !self.session.ledger.is_empty() => {
                let findings = u8::try_from(self.session.ledger.len()).unwrap_or(u8::MAX);
                let id = format!("F{}", self.draw(findings) + 1);
                let how = if which == 13 { ledger::waive } else { ledger::reopen };
                if let Ok(finding) = how(&self.session, &id) {
                    self.record(Event::FindingDecided { by, finding: Box::new(finding) });
                }
            }
            _ => {}
        }
    }

    /// Runs the program repeatedly until the tape is used up.
    pub(super) fn play(&mut self) {
        while self.tape.len() > 0 {
            let step = machine::next_step(&self.session);
            let done = matches!(step, Step::Done(_));
            let stopped = !self.perform(&step);
            if stopped || self.draw(8) == 7 {
                let which = self.draw(40);
                self.command(if done && which > 12 { 7 } else { which });
            }
        }
    }
}

pub(super) fn given() -> DataFile {
    DataFile { name: "test_x.py".into(), bytes: 1, sha256: "a".repeat(64), described: None }
}

pub(super) fn test(outcome: TestOutcome) -> Test {
    Test { name: "test_x".into(), outcome, message: None, milliseconds: 0, passed_in: None }
}

pub(super) fn created(settings: Settings) -> Event {
    let limits = settings.limits;
    Event::SessionCreated(Box::new(SessionCreated {
        format: 1,
        program: "redraft".into(),
        name: "s".into(),
        request: "count".into(),
        settings,
        data: Vec::new(),
        // Half of all sessions have tests.
        tests: limits.max_versions.is_multiple_of(2).then(given).into_iter().collect(),
        interface: Vec::new(),
        forked_from: None,
        artifact: Artifact::default(),
    }))
}

pub(super) fn plan(text: &str, call: Option<u32>) -> Event {
    let requirements = vec![Requirement { id: "R1".into(), text: text.to_owned() }];
    Event::PlanProposed { call, text: text.to_owned(), requirements }
}

pub(super) fn version(session: &Session, cause: Cause, call: Option<u32>) -> Event {
    Event::VersionCreated {
        version: session.next_version(),
        cause,
        base: session.head,
        call,
        notes: Vec::new(),
        samples: Vec::new(),
        split: None,
        others: Vec::new(),
        script: format!("print({})\n", session.seq),
        artifact: Artifact::default(),
    }
}
