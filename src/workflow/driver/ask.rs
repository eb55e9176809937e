//! Gates: the user or the rules of `--auto` answer, and one event records the answer.

use super::{Driver, DriverError, End, Next};
use crate::agents::planner;
use crate::domain::event::{Artifact, By, Cause, Event, Gate};
use crate::domain::example::Example;
use crate::domain::origin;
use crate::domain::report::AS_GIVEN;
use crate::domain::session::{CallCost, Session};
use crate::domain::settings::{Gates, Settings};
use crate::findings::{evidence, ledger, wishes};
use crate::python::check;
use crate::workflow::machine::{self, Auto};
use crate::workflow::manager::{Answer, News, Question};
use crate::workflow::{forecast, install, permission};

/// Maximum size of an output that may become an example, in bytes.
const MOST_PRINTED: usize = 4_000;

impl Driver<'_, '_> {
    pub(super) async fn ask(&mut self, gate: Gate) -> Result<Next, DriverError> {
        let by_rule = gate == Gate::Plan && self.store.session().settings.gates == Gates::End;
        if self.tools.auto || by_rule {
            return self.answer_by_rule(gate);
        }
        if self.store.session().gate != Some(gate) {
            self.record(Event::GateOpened { gate })?;
        }
        self.store.sync()?;
        let session = self.store.session();
        let question = Question { gate, session, trouble: trouble(session, gate), partial: None };
        match self.tools.manager.ask(&question).await {
            Ok(answer) => self.take(gate, answer),
            Err(_) => Ok(Next::End(self.interrupted()?)),
        }
    }

    fn answer_by_rule(&mut self, gate: Gate) -> Result<Next, DriverError> {
        let by = By::Auto;
        let session = self.store.session();
        let (event, words) = match machine::auto(session, gate) {
            Auto::Approve => (approval(session, by), "approve"),
            Auto::Accept => (acceptance(session, by), "accept"),
            Auto::Iterate(escalation) => {
                (Some(Event::IterationAsked { by, escalation }), "iterate")
            }
            Auto::Deny => (Some(permission(session, gate, false, by)), "deny"),
            Auto::Stop(reason) => return self.pause(&reason),
        };
        let missing = if gate == Gate::Safety { not_allowed(session) } else { Vec::new() };
        self.tools.manager.tell(News::Auto { gate, answer: words, asked_for: self.tools.auto });
        for line in missing {
            self.tools.manager.tell(News::Note(&line));
        }
        if let Some(event) = event {
            self.record(event)?;
        }
        Ok(Next::Go)
    }

    fn take(&mut self, gate: Gate, answer: Answer) -> Result<Next, DriverError> {
        let by = By::Manager;
        let session = self.store.session();
        let head = session.head().map(|v| v.number);
        let event = match (answer, head) {
            (Answer::Waive(ids), _) => return self.decide(&ids, ledger::waive),
            (Answer::Reopen(ids), _) => return self.decide(&ids, ledger::reopen),
            (Answer::Tested(tried), Some(version)) => return self.tested_by_hand(version, tried),
            (Answer::Meant(which), Some(version)) => return self.meant(version, which),
            (Answer::Right, Some(version)) => return self.right(version),
            (Answer::Input(text), Some(version)) => return self.typed(version, text),
            (Answer::Approve, _) => {
                // If the Manager is not a person, the plan counts as approved by rule.
                let is_person = self.tools.manager.is_person();
                approval(session, if is_person { by } else { By::Auto })
            }
            // Without a version, feedback can only be about the plan.
            (Answer::Say(text) | Answer::Plan(text), _) | (Answer::Feedback(text), None) => {
                Some(Event::PlanRemark { text })
            }
            (Answer::Accept, _) => acceptance(session, by),
            (Answer::Iterate, _) => {
                let escalation =
                    machine::stuck(session).map(|_| crate::domain::event::Escalation::Warmer);
                Some(Event::IterationAsked { by, escalation })
            }
            (Answer::Feedback(text), Some(version)) => Some(feedback(session, version, &text)),
            (Answer::Run, Some(version)) => Some(Event::RunAsked { version }),
            (Answer::Edited(text), _) if gate == Gate::Plan => {
                let requirements = planner::read_plan(&text);
                Some(Event::PlanProposed { call: None, text, requirements })
            }
            (Answer::Edited(script), base) => return self.by_hand(script, base),
            (Answer::Rewind(version), _) if session.version(version).is_some() => {
                Some(Event::Rewound { version, by })
            }
            // There is no version yet, or nothing was stopped at this gate.
            (
                Answer::Run
                | Answer::Tested(_)
                | Answer::Meant(_)
                | Answer::Right
                | Answer::Input(_),
                None,
            )
            | (Answer::Retry, _) => None,
            (Answer::Rewind(version), _) => {
                self.tools.manager.tell(News::Note(&format!("there is no version v{version}")));
                None
            }
            (Answer::Allow, _) if gate == Gate::Budget => {
                let settings = Box::new(extended(session));
                Some(Event::BudgetExtended { settings, artifact: Artifact::default() })
            }
            (Answer::Deny, _) if gate == Gate::Budget => {
                return self.pause("the limit stands");
            }
            (Answer::Allow, _) => Some(permission(session, gate, true, by)),
            (Answer::Deny, _) => Some(permission(session, gate, false, by)),
            (Answer::Quit, _) => return self.pause("the Manager left"),
            (Answer::Gone, _) => {
                return self.pause(&format!("input ended at the {} gate", gate.name()));
            }
        };
        if let Some(event) = event {
            self.record(event)?;
        }
        Ok(Next::Go)
    }

    /// Makes the chosen candidate's output an example, and its script the next version.
    fn meant(&mut self, version: u32, which: usize) -> Result<Next, DriverError> {
        let session = self.store.session();
        let split = session.version(version).and_then(|version| version.split.as_ref());
        let side = split.and_then(|split| split.sides.get(which.checked_sub(1)?));
        let Some((split, side)) = split.zip(side) else {
            self.tools.manager.tell(News::Note("there is no such side to choose"));
            return Ok(Next::Go);
        };
        let as_given = split.given == AS_GIVEN && !side.prints.is_empty();
        let (script, prints) = (side.script.clone(), side.prints.clone());
        if as_given {
            self.exemplify(prints)?;
        }
        if which == 1 {
            return Ok(Next::Go);
        }
        self.by_hand(script, Some(version))
    }

    /// Makes an example of a version's output for its input.
    fn right(&mut self, version: u32) -> Result<Next, DriverError> {
        let printed = self.store.session().version(version).map(|version| version.stdout.clone());
        match printed.map(|text| text.trim_end().to_owned()) {
            Some(text) if text.is_empty() => {
                self.tools.manager.tell(News::Note("it printed nothing that could be an example"));
            }
            Some(text) if text.len() > MOST_PRINTED => {
                let words = format!("an example has at most {MOST_PRINTED} bytes of output");
                self.tools.manager.tell(News::Note(&words));
            }
            Some(text) => self.exemplify(text)?,
            None => {}
        }
        Ok(Next::Go)
    }

    /// Sets the standard input of all runs to the text, and reruns the version.
    fn typed(&mut self, version: u32, text: String) -> Result<Next, DriverError> {
        let settings = Settings { stdin: text, ..self.store.session().settings.clone() };
        let (settings, artifact) = (Box::new(settings), Artifact::default());
        self.record(Event::SettingsChanged { request: None, settings, artifact })?;
        self.record(Event::RunAsked { version })?;
        Ok(Next::Go)
    }

    /// Records an example: the input of every run, and this expected output.
    fn exemplify(&mut self, prints: String) -> Result<(), DriverError> {
        let session = self.store.session();
        let (given, _) = super::given(session);
        let example =
            Example { args: given.args, stdin: given.stdin, prints, ..Example::default() };
        if session.all_examples().any(|known| *known == example) {
            self.tools.manager.tell(News::Note("that is an example already"));
            return Ok(());
        }
        let words = format!("from now on, every version is checked with this example: {example}");
        self.tools.manager.tell(News::Note(&words));
        self.record(Event::ExampleGiven { example: Box::new(example) })
    }

    fn by_hand(&mut self, script: String, base: Option<u32>) -> Result<Next, DriverError> {
        match manual_version(self.store.session(), script, base) {
            Ok(Some(event)) => {
                self.record(event)?;
                let session = self.store.session();
                if let Some(version) = session.head() {
                    let base = base.and_then(|b| session.version(b));
                    self.tools.manager.tell(News::Written { version, base });
                }
            }
            Ok(None) => self.tools.manager.tell(News::Note("nothing was changed")),
            Err(problem) => self.tools.manager.tell(News::Note(&problem)),
        }
        Ok(Next::Go)
    }
}

/// Why a session at a gate cannot continue by itself.
#[must_use]
pub fn trouble(session: &Session, gate: Gate) -> Option<String> {
    match gate {
        Gate::Version => machine::stuck(session).map(|t| t.words()).or_else(|| explained(session)),
        Gate::Budget => Some(machine::limit_reached(session)),
        Gate::Plan | Gate::Safety | Gate::Install | Gate::Stopped => None,
    }
}

/// The permissions that the head still needs, one line each, with the flag that grants it.
fn not_allowed(session: &Session) -> Vec<String> {
    let asked = session.head().map(|head| permission::open(session, head)).unwrap_or_default();
    asked.iter().map(permission::Need::not_allowed).collect()
}

/// The message that an analysis explains why the head does not work.
fn explained(session: &Session) -> Option<String> {
    (session.analysed.is_some() && session.analysed == session.head)
        .then(|| machine::EXPLAINED.to_owned())
}

/// The event for an answer at the install or the safety gate: about the packages that the head needs,
/// or about its permissions.
fn permission(session: &Session, gate: Gate, allowed: bool, by: By) -> Event {
    if gate == Gate::Install {
        let asked = session.head().map(|head| install::unanswered(session, head));
        let packages = asked.unwrap_or_default().into_iter().map(|package| package.name.clone());
        return Event::InstallPermission { allowed, by, packages: packages.collect() };
    }
    permission::answer(session, allowed, by)
}

/// The event for a version edited by the user, or `None` if the script did not change.
///
/// # Errors
/// If the script does not parse: where the syntax error is.
pub fn manual_version(
    session: &Session,
    script: String,
    base: Option<u32>,
) -> Result<Option<Event>, String> {
    let before = base.and_then(|b| session.version(b));
    if script.trim().is_empty() || before.is_some_and(|v| v.script == script) {
        return Ok(None);
    }
    check::syntax(&script).map_err(|problem| {
        format!("not saved as a version: line {}: {}", problem.line, problem.message)
    })?;
    Ok(Some(Event::VersionCreated {
        version: session.next_version(),
        cause: Cause::Manager,
        base,
        call: None,
        notes: Vec::new(),
        samples: Vec::new(),
        split: None,
        others: Vec::new(),
        script,
        artifact: Artifact::default(),
    }))
}

fn approval(session: &Session, by: By) -> Option<Event> {
    let plan = session.planning.proposal.clone()?;
    let plan = match by {
        By::Auto => origin::without_proposals(plan, &session.request),
        By::Manager => origin::approved(plan),
    };
    Some(Event::PlanApproved {
        by,
        text: plan.text,
        requirements: plan.requirements,
        artifact: Artifact::default(),
    })
}

fn acceptance(session: &Session, by: By) -> Option<Event> {
    let head = session.head()?;
    let evidence = evidence::level(head);
    Some(Event::Accepted { version: head.number, by, without_run: !head.ran(), evidence })
}

/// The event for feedback on a version, appended to the earlier feedback.
#[must_use]
pub fn feedback(session: &Session, version: u32, text: &str) -> Event {
    let before = session.version(version).and_then(|v| v.feedback.clone());
    let mut all = before.map_or_else(String::new, |text| format!("{}\n\n", text.trim_end()));
    all.push_str(text.trim());
    all.push('\n');
    said(session, version, all)
}

/// The event for all feedback on a version so far, as one finding.
pub(super) fn said(session: &Session, version: u32, text: String) -> Event {
    let finding = Some(Box::new(wishes::of(session, version, &text)));
    Event::FeedbackGiven { version, text, finding, artifact: Artifact::default() }
}

/// Minimum extension of a budget, in US dollars.
const CENT: f64 = 0.01;

/// The settings with each reached limit extended by its original value, and at least enough for the
/// next call, so that the user is not asked again at once.
fn extended(session: &Session) -> Settings {
    let mut settings = session.settings.clone();
    let given = session.limits_given;
    if machine::at_version_limit(session) {
        let more = given.max_versions.max(1);
        settings.limits.max_versions = settings.limits.max_versions.saturating_add(more);
    }
    let spent = crate::domain::chat::Agent::ALL
        .into_iter()
        .any(|agent| forecast::passed(session, agent).is_some());
    if spent {
        let calls = &session.calls;
        let agents = crate::domain::chat::Agent::ALL.into_iter();
        let next: Vec<CallCost> =
            agents.filter_map(|agent| forecast::call(session, agent)).collect();
        let tokens = next.iter().map(|took| took.tokens).max().unwrap_or(0).max(1);
        let usd = next.iter().filter_map(|took| took.usd).fold(CENT, f64::max);
        if let (Some(budget), Some(more)) =
            (&mut settings.limits.budget_tokens, given.budget_tokens)
        {
            *budget = budget.saturating_add(more).max(calls.usage.total().saturating_add(tokens));
        }
        if let (Some(budget), Some(more)) = (&mut settings.limits.budget_usd, given.budget_usd) {
            *budget = (*budget + more).max(calls.usd + usd);
        }
    }
    settings
}

impl From<End> for Next {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}
