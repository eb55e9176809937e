//! What holds for every history of a session, however it went.

use crate::support::steady;
use proptest::prelude::*;
use redraft::domain::chat::{Agent, Message, Outcome, Role, Usage};
use redraft::domain::event::{
    Artifact, By, CallFinished, CallStarted, Cause, DataFile, Escalation, Event, Gate, RefusalKind,
    RunFinished, SessionCreated,
};
use redraft::domain::packages::{Missing, Needs};
use redraft::domain::plan::Requirement;
use redraft::domain::report::{
    Capability, CapabilityKind, Checks, Judged, Lint, Run, RunVerdict, Test, TestOutcome,
};
use redraft::domain::review::{Judgement, RawFinding, RawReview, Severity, Status, Verdict};
use redraft::domain::session::{Session, Version};
use redraft::domain::settings::{Install, Limits, RoleSettings, Safety, SandboxMode, Settings};
use redraft::store::fold;
use redraft::store::line::Entry;
use redraft::workflow::machine::{self, Auto, Step};
use redraft::workflow::{driver, install, ledger, permission};
use std::collections::HashMap;

/// A session that is driven by numbers drawn at random: what models answer, what runs show, what
/// the Manager says.
struct Play {
    session: Session,
    history: Vec<Entry>,
    tape: std::vec::IntoIter<u8>,
    /// Gates are answered by the rules of `--auto`.
    auto: bool,
}

impl Play {
    fn new(settings: Settings, tape: Vec<u8>, auto: bool) -> Self {
        let mut play =
            Self { session: Session::default(), history: Vec::new(), tape: tape.into_iter(), auto };
        play.record(created(settings));
        play
    }

    /// The same session after a kill: folded again from the first lines of its journal, as they
    /// stand there.
    fn resumed(history: &[Entry], tape: Vec<u8>) -> Self {
        let mut play = Self {
            session: Session::default(),
            history: Vec::new(),
            tape: tape.into_iter(),
            auto: false,
        };
        for entry in history {
            let entry = Entry::parse(entry.line().trim_end().as_bytes()).unwrap();
            fold::apply(&mut play.session, entry.clone()).unwrap();
            play.history.push(entry);
        }
        play
    }

    /// A number below this one; 0 when all are drawn.
    fn draw(&mut self, below: u8) -> u8 {
        self.tape.next().unwrap_or_default() % below
    }

    #[track_caller]
    fn record(&mut self, event: Event) {
        let seq = self.session.seq + 1;
        let entry = Entry { seq, at: "2026-11-21T09:00:00Z".to_owned(), event };
        fold::apply(&mut self.session, entry.clone())
            .unwrap_or_else(|problem| panic!("{problem}: {entry:?}\n{:#?}", self.history));
        self.history.push(entry);
    }

    /// Performs a step as the driver does. Says whether the program goes on.
    fn perform(&mut self, step: &Step) -> bool {
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
                let capability = |kind| Capability { kind, line: 1, what: "something".to_owned() };
                let capabilities = match self.draw(4) {
                    0 => vec![capability(CapabilityKind::Network)],
                    1 => vec![capability(CapabilityKind::DynamicCode)],
                    _ => Vec::new(),
                };
                let dependencies =
                    if self.draw(2) == 1 { vec!["numpy".into()] } else { Vec::new() };
                let checks =
                    Box::new(Checks { errors, capabilities, dependencies, ..Checks::default() });
                self.record(Event::Checked { version, checks, artifact: Artifact::default() });
            }
            Step::Seek(version) => {
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
            Step::GoBack(version) => self.record(Event::Rewound { version, by: By::Auto }),
            Step::Done(_) => return false,
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
        let call = self.session.calls.last + 1;
        self.record(Event::ModelCallStarted(Box::new(CallStarted {
            call,
            agent,
            version,
            model: "local/m".into(),
            temperature: 0.0,
            max_tokens: 100,
            messages: Vec::<Message>::new(),
        })));
        match self.draw(8) {
            // Killed under way.
            6 => false,
            7 => {
                let artifact = Artifact::default();
                let error = "busy".into();
                self.record(Event::ModelCallFailed {
                    call,
                    error,
                    partial: String::new(),
                    artifact,
                });
                self.record(Event::Paused { reason: "the model failed".into() });
                false
            }
            _ => {
                let usage = Usage { prompt: 10, answer: 10, ..Usage::default() };
                self.record(Event::ModelCallFinished(Box::new(CallFinished {
                    call,
                    agent,
                    outcome: Outcome::Whole,
                    answer: "an answer".into(),
                    reasoning: String::new(),
                    usage,
                    usd: Some(0.01),
                    milliseconds: 1,
                    artifact: Artifact::default(),
                })));
                true
            }
        }
    }

    fn read(&mut self, last_try: bool) {
        let pending = self.session.calls.pending.clone().unwrap();
        let call = pending.call;
        let kind = match (self.draw(4), pending.agent.role()) {
            (2, role) if role == Role::Coder || !last_try => Some(RefusalKind::Unusable),
            (3, Role::Coder) => Some(RefusalKind::Repeated),
            _ => None,
        };
        if let Some(kind) = kind {
            self.record(Event::AnswerRefused { call, kind, reason: "no use".into() });
            return;
        }
        match pending.agent {
            Agent::Planner => {
                let event = plan(&format!("plan of call {call}"), Some(call));
                self.record(event);
            }
            Agent::Coder | Agent::Repair => {
                let event = version(&self.session, machine::next_cause(&self.session), Some(call));
                self.record(event);
            }
            Agent::Reviewer => self.read_review(call, pending.version.unwrap()),
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
        }
    }

    fn read_review(&mut self, call: u32, version: u32) {
        let blockers = ["one is missing", "two hands are shown", "the title is not set"];
        let findings = (0..self.draw(4)).map(|n| RawFinding {
            requirement: Some("R1".into()),
            severity: Some(if n == 0 { Severity::Blocker } else { Severity::Nit }),
            quote: None,
            text: blockers[usize::from(n + version.to_le_bytes()[0]) % 3].into(),
        });
        let findings: Vec<RawFinding> = findings.collect();
        let verdict = Some(if findings.is_empty() { Verdict::Accept } else { Verdict::Iterate });
        let judgements = vec![Judgement { requirement: "R1".into(), status: Status::Met }];
        let raw = RawReview { judgements, findings, verdict };
        let session = &self.session;
        let script = &session.version(version).unwrap().script;
        let (review, findings) =
            ledger::update(&session.ledger, &raw, session.requirements(), version, script);
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
            Auto::Allow => self.permit(gate, true, by),
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
            self.record(Event::Accepted { version, by, without_run: false });
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
        }
        true
    }

    /// What the Manager does to a session between two runs of the program, whatever step it is in.
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
            _ => {}
        }
    }

    /// Runs the program, again and again, until all numbers are drawn.
    fn play(&mut self) {
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

fn given() -> DataFile {
    DataFile { name: "test_x.py".into(), bytes: 1, sha256: "a".repeat(64) }
}

fn test(outcome: TestOutcome) -> Test {
    Test { name: "test_x".into(), outcome, message: None, milliseconds: 0, passed_in: None }
}

fn created(settings: Settings) -> Event {
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

fn plan(text: &str, call: Option<u32>) -> Event {
    let requirements = vec![Requirement { id: "R1".into(), text: text.to_owned() }];
    Event::PlanProposed { call, text: text.to_owned(), requirements }
}

fn version(session: &Session, cause: Cause, call: Option<u32>) -> Event {
    Event::VersionCreated {
        version: session.next_version(),
        cause,
        base: session.head,
        call,
        notes: Vec::new(),
        script: format!("print({})\n", session.seq),
        artifact: Artifact::default(),
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let limits = (1..6_u32, 0..4_u32, prop::option::of(20..400_u64), any::<bool>());
    let installs = prop::sample::select(vec![Install::Ask, Install::Auto, Install::Never]);
    let safeties = prop::sample::select(vec![Safety::Static, Safety::Both]);
    (limits, any::<bool>(), any::<bool>(), any::<bool>(), installs, safeties).prop_map(
        |((max_versions, repairs, budget_tokens, usd), run, off, stronger, install, safety)| {
            let budget_usd = usd.then_some(0.08);
            let limits = Limits { max_versions, repairs, budget_tokens, budget_usd };
            let mut settings = Settings { limits, run, install, safety, ..Settings::default() };
            settings.sandbox.mode = if off { SandboxMode::Off } else { SandboxMode::Strict };
            let escalate_to = stronger.then(|| "local/large".to_owned());
            let coder = RoleSettings { escalate_to, ..RoleSettings::default() };
            settings.roles.insert(Role::Coder, coder);
            settings
        },
    )
}

fn tape(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..longest)
}

/// Goes through a history and looks at each event with what stood before it.
fn check(history: &[Entry]) -> Result<(), TestCaseError> {
    let mut session = Session::default();
    // Coder's answers since a person said something or a version came of one.
    let mut fruitless = 0;
    // What was said since each agent was last asked.
    let mut said_since: HashMap<Role, Vec<&Event>> = HashMap::new();
    for entry in history {
        let step = (session.seq > 0).then(|| machine::next_step(&session));
        match &entry.event {
            Event::ModelCallStarted(call) => {
                said_since.remove(&call.agent.role());
                let pending = &session.calls.pending;
                prop_assert!(pending.is_none(), "an answer is unread: {:?}", pending);
                let limits = session.settings.limits;
                prop_assert!(limits.budget_tokens.is_none_or(|b| session.calls.usage.total() < b));
                prop_assert!(limits.budget_usd.is_none_or(|b| session.calls.usd < b));
                if call.agent.role() == Role::Coder {
                    prop_assert!(session.versions.len() < limits.max_versions as usize);
                    prop_assert!(fruitless <= limits.repairs, "asked for ever");
                    let planned = session.planning.plan.is_some();
                    prop_assert!(planned, "no plan was approved");
                }
                if call.agent == Agent::Reviewer {
                    let reviewed = session.head().is_some_and(|v| v.review.is_some());
                    prop_assert!(!reviewed, "reviewed twice");
                }
            }
            Event::ModelCallFinished(call) if call.agent.role() == Role::Coder => fruitless += 1,
            Event::GateOpened { gate: Gate::Plan } => {
                prop_assert!(session.planning.proposal.is_some());
            }
            Event::GateOpened { gate: Gate::Safety } => {
                let open = session.head().map(|head| permission::unanswered(&session, head));
                let suspicion = session.head().and_then(|h| permission::suspicion(&session, h));
                let open = open.is_some_and(|o| !o.is_empty()) || suspicion.is_some();
                prop_assert!(open, "the Manager has answered");
            }
            Event::GateOpened { gate: Gate::Install } => {
                let head = session.head();
                let open = head.is_some_and(|head| !install::unanswered(&session, head).is_empty());
                prop_assert!(open, "the Manager has answered");
            }
            Event::RunStarted { version, .. } => {
                let version = session.version(*version).unwrap();
                let asked = install::unanswered(&session, version);
                prop_assert!(asked.is_empty(), "nobody was asked for its packages");
                let (settings, answers) = (session.settings.install, &session.installs);
                let needs = version.needs.clone().unwrap_or_default();
                let wanted = install::wanted(settings, answers, &needs);
                let refused = |name: &String| answers.get(name) == Some(&false);
                prop_assert!(!wanted.iter().any(refused), "what was refused is installed");
            }
            Event::VersionCreated { version, call: Some(call), .. } => {
                let pending = session.calls.pending.as_ref();
                prop_assert_eq!(pending.map(|p| p.call), Some(*call));
                let meant = pending.and_then(|p| p.version);
                prop_assert_eq!(meant, Some(*version), "an answer to another question");
                let mut said = said_since.get(&Role::Coder).into_iter().flatten();
                let told = |e: &&&Event| !matches!(e, Event::SettingsChanged { .. });
                prop_assert_eq!(said.find(told), None, "the Coder was not told");
            }
            Event::PlanProposed { call: Some(_), .. } => {
                let mut said = said_since.get(&Role::Planner).into_iter().flatten();
                let other = |e: &&&Event| {
                    matches!(e, Event::SettingsChanged { .. } | Event::PlanApproved { .. })
                };
                prop_assert!(said.find(other).is_none(), "a plan for another request");
            }
            Event::TestsFinished { version, .. } => {
                let head = session.version(*version);
                let fresh = head.is_some_and(|v| v.ran() && v.tests.is_none());
                prop_assert!(fresh, "tested twice, or without a run");
            }
            Event::Accepted { version, by: By::Auto, .. } => {
                let failed = session.version(*version).is_some_and(Version::failed);
                prop_assert!(!failed, "what failed was accepted by rule");
            }
            Event::Reviewed { version, call, .. } => {
                let pending = session.calls.pending.as_ref();
                prop_assert_eq!(
                    pending.map(|p| (p.call, p.version)),
                    Some((*call, Some(*version)))
                );
                let mut said = said_since.get(&Role::Reviewer).into_iter().flatten();
                let file = format!("script_v{version}.py");
                let edited = said
                    .any(|e| matches!(e, Event::Edited { artifact, .. } if artifact.file == file));
                prop_assert!(!edited, "a review of another script");
            }
            _ => {}
        }
        let before = session.clone();
        fold::apply(&mut session, entry.clone()).map_err(TestCaseError::fail)?;
        if matches!(entry.event, Event::VersionCreated { .. }) || said(&entry.event) {
            fruitless = 0;
        }
        let by_hand = matches!(entry.event, Event::VersionCreated { call: None, .. });
        if by_hand || said(&entry.event) || matches!(entry.event, Event::SettingsChanged { .. }) {
            for role in Role::WORKFLOW {
                said_since.entry(role).or_default().push(&entry.event);
            }
        }
        // What a person approved or a model was paid for is kept.
        prop_assert!(session.versions.len() >= before.versions.len());
        prop_assert!(session.ledger.len() >= before.ledger.len());
        prop_assert!(session.planning.plan.is_some() || before.planning.plan.is_none());
        if !matches!(entry.event, Event::PlanApproved { .. }) {
            prop_assert_eq!(&session.planning.plan, &before.planning.plan);
        }
        let edited = matches!(entry.event, Event::Edited { .. });
        for (new, old) in session.versions.iter().zip(&before.versions) {
            prop_assert!(new.script == old.script || edited);
            prop_assert!(new.review.is_some() || old.review.is_none() || edited);
            prop_assert!(new.feedback.is_some() || old.feedback.is_none());
        }
        if let Event::Rewound { version, .. } = entry.event {
            prop_assert_eq!(session.head, Some(version));
            prop_assert_eq!(&session.versions, &before.versions);
            prop_assert_eq!(&session.planning, &before.planning);
            prop_assert_eq!(&session.ledger, &before.ledger);
        }
        // A pause or a restart changes nothing of what is to be done.
        if matches!(entry.event, Event::Paused { .. } | Event::GateOpened { .. }) {
            prop_assert_eq!(Some(machine::next_step(&session)), step);
        }
    }
    Ok(())
}

/// Whether a person said something, so that what was tried in vain may be tried again.
fn said(event: &Event) -> bool {
    matches!(
        event,
        Event::IterationAsked { .. }
            | Event::FeedbackGiven { .. }
            | Event::RunAsked { .. }
            | Event::Rewound { .. }
            | Event::Edited { .. }
            | Event::PlanApproved { .. }
    )
}

/// Any event about small numbers, whether or not it makes sense.
fn nonsense() -> impl Strategy<Value = Event> {
    let artifact = Artifact::default;
    (0..25_u8, 0..4_u32, any::<u64>(), any::<bool>()).prop_map(move |(which, n, many, flag)| {
        let by = if flag { By::Auto } else { By::Manager };
        let agent = Agent::ALL[(many % 4) as usize];
        let some = flag.then_some(n);
        let kind = if flag { RefusalKind::Repeated } else { RefusalKind::Unusable };
        let limits = Limits {
            max_versions: if flag { u32::MAX } else { n },
            repairs: if flag { u32::MAX } else { n },
            budget_tokens: flag.then_some(many),
            budget_usd: Some(if flag { f64::INFINITY } else { f64::from(n) }),
        };
        let settings = Box::new(Settings { limits, run: flag, ..Settings::default() });
        match which {
            0 => created(*settings),
            1 => Event::SettingsChanged {
                request: flag.then(String::new),
                settings,
                artifact: artifact(),
            },
            2 | 3 => Event::ModelCallStarted(Box::new(CallStarted {
                call: n,
                agent,
                version: some,
                model: String::new(),
                temperature: f64::INFINITY,
                max_tokens: 0,
                messages: Vec::new(),
            })),
            4 | 5 => Event::ModelCallFinished(Box::new(CallFinished {
                call: n,
                agent,
                outcome: Outcome::Cut,
                answer: String::new(),
                reasoning: String::new(),
                usage: Usage { prompt: many, answer: many, cached: many, estimated: flag },
                usd: flag.then_some(f64::MAX),
                milliseconds: many,
                artifact: artifact(),
            })),
            6 => Event::ModelCallFailed {
                call: n,
                error: String::new(),
                partial: String::new(),
                artifact: artifact(),
            },
            7 => Event::AnswerRefused { call: n, kind, reason: String::new() },
            8 => plan("", some),
            9 => Event::PlanRemark { text: String::new() },
            10 => Event::PlanApproved {
                by,
                text: String::new(),
                requirements: Vec::new(),
                artifact: artifact(),
            },
            11 | 12 => Event::VersionCreated {
                version: n,
                cause: if flag { Cause::Repair } else { Cause::First },
                base: some,
                call: some,
                notes: Vec::new(),
                script: String::new(),
                artifact: artifact(),
            },
            13 => Event::Checked { version: n, checks: Box::default(), artifact: artifact() },
            14 => Event::RunFinished(Box::new(RunFinished {
                version: n,
                run: Run::not_run(if flag { RunVerdict::Failed } else { RunVerdict::Refused }, ""),
                stdout: String::new(),
                stderr: String::new(),
                artifact: artifact(),
                outputs: vec![artifact(); n as usize],
            })),
            15 => Event::Reviewed {
                version: n,
                call: n,
                review: Box::default(),
                findings: Vec::new(),
                text: String::new(),
                artifact: artifact(),
            },
            16 => Event::IterationAsked { by, escalation: flag.then_some(Escalation::Stronger) },
            17 => Event::FeedbackGiven { version: n, text: String::new(), artifact: artifact() },
            18 => Event::Rewound { version: n, by },
            19 => Event::Accepted { version: n, by, without_run: flag },
            20 => Event::Edited {
                text: String::new(),
                artifact: Artifact { file: format!("script_v{n}.py"), ..artifact() },
            },
            21 => {
                let outcome = if flag { TestOutcome::Failed } else { TestOutcome::Passed };
                Event::TestsFinished {
                    version: n,
                    tests: vec![test(outcome)],
                    artifact: artifact(),
                }
            }
            22 => Event::RunAsked { version: n },
            23 => {
                let exists = flag.then_some(n > 1);
                let missing = Missing {
                    requirement: "x>1".into(),
                    name: "x".into(),
                    known: flag,
                    exists,
                    warning: None,
                };
                let requirements = vec!["x>1".into()];
                let needs = Needs { requirements, missing: vec![missing], ready: flag };
                Event::PackagesSought { version: n, needs: Box::new(needs) }
            }
            _ => Event::InstallPermission { allowed: flag, by, packages: vec!["x".into()] },
        }
    })
}

proptest! {
    // The same cases each time; to look for others:
    // PROPTEST_CASES=5000 PROPTEST_RNG_SEED=7 cargo test --test it machine
    #![proptest_config(steady())]

    #[test]
    fn nothing_paid_for_or_approved_is_lost_whenever_the_program_is_killed(
        settings in settings(),
        first in tape(150),
        cut in any::<prop::sample::Index>(),
        second in tape(100),
    ) {
        let mut play = Play::new(settings, first, false);
        play.play();
        check(&play.history)?;
        let kept = 1 + cut.index(play.history.len());
        let mut again = Play::resumed(&play.history[..kept], second);
        if kept == play.history.len() {
            prop_assert_eq!(&again.session, &play.session, "the journal says something else");
        }
        again.play();
        check(&again.history)?;
    }

    #[test]
    fn an_unattended_session_ends_within_its_limits(settings in settings(), tape in tape(400)) {
        let limits = settings.limits;
        let mut play = Play::new(settings, tape, true);
        // Each run of the program that was not killed or left by the model gets further.
        let mut steps = 0;
        let ended = loop {
            let step = machine::next_step(&play.session);
            let under_way = matches!(step, Step::Call { .. });
            if !play.perform(&step) && !under_way {
                break play.session.clone();
            }
            steps += 1;
            prop_assert!(steps < 1_000, "it goes on for ever");
        };
        check(&play.history)?;
        let answers = |agent: Agent| ended.calls.finished.get(&agent).copied().unwrap_or_default();
        let (versions, repairs) = (limits.max_versions as usize, limits.repairs as usize);
        let coder = answers(Agent::Coder) + answers(Agent::Repair);
        prop_assert!(coder <= (versions + 1) * (repairs + 1), "{} Coder calls", coder);
        prop_assert!(answers(Agent::Reviewer) <= 3 * versions);
        prop_assert!(answers(Agent::Planner) <= 3);
        prop_assert!(ended.versions.len() <= versions);
        // To start it again costs nothing.
        while play.perform(&machine::next_step(&play.session)) {}
        prop_assert_eq!(play.session.calls, ended.calls);
        prop_assert_eq!(play.session.versions, ended.versions);
    }

    #[test]
    fn no_history_makes_the_machine_panic(events in prop::collection::vec(nonsense(), 0..60)) {
        let mut session = Session::default();
        for event in std::iter::once(created(Settings::default())).chain(events) {
            let entry = Entry { seq: session.seq + 1, at: String::new(), event };
            let before = session.clone();
            if fold::apply(&mut session, entry).is_err() {
                prop_assert!(session == before, "half of an event was taken");
            }
            let _ = machine::next_step(&session);
            let _ = machine::stuck(&session);
            let _ = machine::sampling(&session);
            let _ = machine::limit_reached(&session);
            let _ = machine::next_cause(&session);
            for gate in [Gate::Plan, Gate::Version, Gate::Safety, Gate::Install, Gate::Budget] {
                let _ = machine::auto(&session, gate);
            }
        }
    }
}
