//! Model calls: builds the prompt from the session, journals and sends it, journals the answer.

use super::answer::parses;
use super::context::length;
use super::fit::{Fitted, PromptBudget, fit};
use super::probe::{get_to_know, try_schema};
use super::{Driver, DriverError, End, MODEL_FAILED, NOT_ASKED, Next, dialogue, history};
use crate::agents::{
    analysis, begin, coder, dependencies, extract, inspector, interpretation, planner, repair,
    reviewer, safety, thoughts, tries,
};
use crate::domain::chat::{Agent, Message, Outcome, Request, Role, Usage};
use crate::domain::event::{Artifact, CallFinished, CallStarted, Event};
use crate::domain::origin;
use crate::domain::profile::{Profile, Thinking};
use crate::domain::report::Checks;
use crate::domain::session::{Session, Version};
use crate::domain::settings::LintUse;
use crate::domain::text::fenced;
use crate::findings::{self, ledger, wishes};
use crate::llm::Fault;
use crate::llm::call::{self, CallError, CallErrorKind};
use crate::llm::config::Price;
use crate::llm::profiles;
use crate::llm::provider::Connection;
use crate::prompts::{PromptError, Prompts};
use crate::python::{join, outline, words};
use crate::workflow::machine::Told;
use crate::workflow::manager::{Interrupted, News};
use crate::workflow::progress::Meter;
use crate::workflow::{install, machine, samples, schema};
use futures_util::{StreamExt, stream};
use std::cell::RefCell;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Maximum temperature of retries and candidates, unless a higher one is configured.
const WARMEST: f64 = 1.2;

impl Driver<'_, '_> {
    pub(super) async fn call(
        &mut self,
        agent: Agent,
        version: Option<u32>,
    ) -> Result<Next, DriverError> {
        let session = self.store.session();
        let settings = session.settings.role(machine::role(session, agent));
        let mut model = settings.model;
        if model.is_empty() {
            // Without a model for the role, use the one that judges versions.
            let role = if session.dialogue.is_some() { Role::Engineer } else { Role::Reviewer };
            model = session.settings.role(role).model;
        }
        let mut warmer = 0.0;
        if agent.role() == Role::Coder {
            let (by, stronger) = machine::sampling(session);
            warmer = by;
            model = settings.escalate_to.clone().filter(|_| stronger).unwrap_or(model);
        }
        let asked = session.dialogue.as_ref().and_then(|dialogue| dialogue.open());
        if let Some(question) = asked.filter(|_| agent == Agent::Engineer) {
            warmer = machine::dialogue::warmer(question);
        }
        if !self.models.contains_key(&model) {
            let connection = (self.tools.connect)(&model, &session.calls.finished)?;
            self.models.insert(model.clone(), connection);
            if let Some(next) = self.get_to_know(&model).await? {
                return Ok(next);
            }
        }
        let has_schema = matches!(agent, Agent::Reviewer | Agent::Inspector);
        if has_schema && let Some(next) = self.try_schema(&model).await? {
            return Ok(next);
        }
        let session = self.store.session();
        let known = self.contexts.get(&model).copied();
        let context = known.or_else(|| self.models.get(&model)?.context);
        let tools = self.models.get(&model).is_some_and(|m| m.model.takes_tools());
        let structured = self.models.get(&model).is_some_and(Connection::is_held_to_schemas);
        let profile = self.models.get(&model).and_then(|m| m.profile.as_ref());
        let begins = self.models.get(&model).is_some_and(Connection::can_be_begun);
        let is_held = self.models.get(&model).is_some_and(|m| m.can_be_held(agent));
        let writes = agent.role() == Role::Coder;
        let by_user = writes.then(|| begun_by_user(session)).flatten();
        // Edits start differently from a script, so their answer is not prefilled.
        let edits = session.settings.edits && session.head.is_some();
        let prefill = (begins && writes && !edits).then(|| begin::answer(by_user.as_deref()));
        let unfinished = by_user.is_some();
        let missing = samples::missing(session, agent);
        let first = samples::place(session, agent);
        let mut asked: Vec<(u32, Request)> = Vec::with_capacity(missing);
        let mut shortened = false;
        for (place, number) in (first..first + missing).zip(session.calls.last + 1..) {
            let told = machine::told(session, agent, place);
            let by_place = samples::warmer(&session.settings, place);
            let Fitted { request, less, fits } =
                fit(context, |room| -> Result<Request, PromptError> {
                    let prompts = self.tools.prompts;
                    let mut request = match agent {
                        Agent::Engineer => dialogue::request(session, prompts, room, tools)?,
                        _ => request(session, agent, told, unfinished, structured, prompts, room)?,
                    };
                    request.temperature = settings.temperature.unwrap_or(request.temperature);
                    if let Some(prefill) = &prefill {
                        request.messages.push(Message::assistant(prefill, Vec::new()));
                        request.form = Some(begin::pattern());
                    }
                    request.form = request.form.filter(|_| is_held);
                    request.max_tokens = settings.max_tokens.unwrap_or(request.max_tokens);
                    if let Some(profile) = profile {
                        profile.suit(&mut request);
                    }
                    // A higher configured temperature is not lowered.
                    let warmest = WARMEST.max(request.temperature);
                    let warm = (request.temperature + warmer + by_place).min(warmest);
                    // Rounded, since a sum like 0.9999999999999999 is read back as another number.
                    request.temperature = (warm * 1000.0).round() / 1000.0;
                    Ok(request)
                })?;
            if !fits {
                if self.refused.contains_key(&model) {
                    return self.too_long(&model);
                }
                let message = format!(
                    "it takes about {} tokens; shorten what was asked for, choose another model, or \
                     raise the `context` of its server or of its provider",
                    request.prompt_tokens()
                );
                let fault = Fault::PromptTooLong { context, message };
                self.record(Event::Paused { reason: format!("{NOT_ASKED}: {fault}") })?;
                return Ok(Next::End(End::ModelFailed(format!("`{model}`: {fault}"))));
            }
            shortened |= less;
            asked.push((number, request));
        }
        let refused = self.refused.get(&model).filter(|refused| refused.times > 0);
        if refused.is_some_and(|refused| refused.is_final(&asked)) {
            return self.too_long(&model);
        }
        if refused.is_some() && !shortened {
            self.tools.manager.tell(News::Note(
                "that was too long for the model, as its server says; it is asked again for less",
            ));
        }
        if shortened {
            self.tools.manager.tell(News::Note(
                "the prompt is shortened to fit into the model's context: less is told of the last \
                 run, its tests, the findings and the data",
            ));
        }
        for (number, request) in &asked {
            self.record(Event::ModelCallStarted(Box::new(CallStarted {
                call: *number,
                agent,
                version,
                model: model.clone(),
                temperature: request.temperature,
                max_tokens: request.max_tokens,
                structured: request.schema.is_some(),
                messages: request.messages.clone(),
            })))?;
        }
        if self.dry_run.is_some() {
            return Ok(Next::Go);
        }
        self.tools.manager.tell(News::Calling { agent, model: &model, version });
        match &asked[..] {
            [(number, request)] => self.send(*number, agent, &model, request).await,
            asked => self.send_all(asked, agent, &model).await,
        }
    }

    async fn send(
        &mut self,
        number: u32,
        agent: Agent,
        model: &str,
        request: &Request,
    ) -> Result<Next, DriverError> {
        let Some(connection) = self.models.get(model) else { return Ok(Next::Go) };
        let usual = connection.profile.as_ref().and_then(|profile| profile.answer_speed);
        let mut meter = Meter::new(1, expected(self.store.session(), agent), usual);
        let manager = &mut *self.tools.manager;
        let mut on = |news: call::News<'_>| match news {
            call::News::Prefill(text) => manager.tell(News::Text(text)),
            call::News::Text(text) => {
                manager.tell(News::Text(text));
                if let Some(progress) = meter.wrote(0, text, Instant::now()) {
                    manager.tell(News::Progress(progress));
                }
            }
            call::News::Reasoning(text) => manager.tell(News::Reasoning(text)),
            call::News::Phase(phase) => {
                if let Some(progress) = meter.before(0, phase) {
                    manager.tell(News::Progress(progress));
                }
            }
            call::News::Retrying { why, wait, .. } => {
                meter.restart(0);
                manager.tell(News::Retrying { why: why.to_string(), wait });
            }
        };
        let stop_when = stop_when(self.store.session(), agent, connection);
        let came = came(connection, number, request, &stop_when, &self.running, &mut on).await;
        self.note_refused_schema(model);
        match self.arrived(agent, came)? {
            Ok((outcome, repeats, usage, milliseconds)) => {
                self.tools.manager.tell(News::Called { outcome, repeats, usage, milliseconds });
                self.was_taken(model);
                Ok(Next::Go)
            }
            Err((CallErrorKind::Interrupted, partial)) => self.stopped(Some(&partial)).await,
            Err((kind, _)) => self.gave_up(&kind, model, request),
        }
    }

    /// Requests several candidates, as many concurrently as the provider supports.
    async fn send_all(
        &mut self,
        asked: &[(u32, Request)],
        agent: Agent,
        model: &str,
    ) -> Result<Next, DriverError> {
        // Put back below: answers are journaled while other calls still use the connection.
        let Some(connection) = self.models.remove(model) else { return Ok(Next::Go) };
        let cancel = self.running.clone();
        let stop_when = stop_when(self.store.session(), agent, &connection);
        let usual = connection.profile.as_ref().and_then(|profile| profile.answer_speed);
        let expected = expected(self.store.session(), agent);
        let meter = RefCell::new(Meter::new(asked.len(), expected, usual));
        let (teller, mut heard) = mpsc::unbounded_channel();
        let (connected, stop_when, cancel) = (&connection, &stop_when, &cancel);
        let calls = asked.iter().enumerate().map(|(place, (number, request))| {
            let (meter, teller) = (&meter, teller.clone());
            async move {
                let mut on = |news: call::News<'_>| {
                    let progress = match news {
                        call::News::Text(text) => {
                            meter.borrow_mut().wrote(place, text, Instant::now())
                        }
                        call::News::Phase(phase) => meter.borrow_mut().before(place, phase),
                        call::News::Retrying { .. } => {
                            meter.borrow_mut().restart(place);
                            None
                        }
                        call::News::Prefill(_) | call::News::Reasoning(_) => None,
                    };
                    // Sending fails only after the work was interrupted.
                    progress.map(|progress| teller.send(progress));
                };
                let came = came(connected, *number, request, stop_when, cancel, &mut on).await;
                meter.borrow_mut().ended(place);
                came
            }
        });
        let mut calls = stream::iter(calls).buffer_unordered(connection.parallel);
        let start = Instant::now();
        let (mut there, mut tokens, mut fault) = (0, Usage::default(), None);
        let (of, mut partial) = (asked.len(), String::new());
        self.tools.manager.tell(News::Sampled { there, of, others: None });
        loop {
            let came = tokio::select! {
                biased;
                Some(progress) = heard.recv() => {
                    self.tools.manager.tell(News::Sampled { there, of, others: Some(progress) });
                    continue;
                }
                came = calls.next() => came,
            };
            let Some(came) = came else { break };
            match self.arrived(agent, came)? {
                Ok((_, _, usage, _)) => {
                    there += 1;
                    tokens.add(usage);
                    self.tools.manager.tell(News::Sampled { there, of, others: None });
                }
                Err((kind, text)) => {
                    fault = Some(kind);
                    partial =
                        [partial, text].into_iter().max_by_key(String::len).unwrap_or_default();
                }
            }
        }
        drop(calls);
        self.models.insert(model.to_owned(), connection);
        if there > 0 {
            self.was_taken(model);
            let (outcome, repeats, usage) = (Outcome::Whole, false, tokens);
            let milliseconds = millis(start);
            self.tools.manager.tell(News::Called { outcome, repeats, usage, milliseconds });
        }
        match (fault, asked) {
            (Some(CallErrorKind::Interrupted), _) => self.stopped(Some(&partial)).await,
            // Successful candidates are used even if others failed.
            (Some(kind), asked) if self.store.session().calls.pending.is_empty() => {
                match asked.iter().max_by_key(|(_, request)| length(request)) {
                    Some((_, longest)) => self.gave_up(&kind, model, longest),
                    None => Ok(Next::Go),
                }
            }
            (Some(kind), _) => {
                let words = format!("a candidate failed, and is left out: {kind}");
                self.tools.manager.tell(News::Note(&words));
                Ok(Next::Go)
            }
            (None, _) => Ok(Next::Go),
        }
    }

    /// Journals the result of a call.
    fn arrived(&mut self, agent: Agent, came: Came) -> Result<Arrived, DriverError> {
        let Came { number, milliseconds, price, answer } = came;
        let artifact = Artifact::default();
        match answer {
            Ok(answer) => {
                for note in &answer.notes {
                    self.tools.manager.tell(News::Note(note));
                }
                let (outcome, usage, repeats) = (answer.outcome, answer.usage, answer.repeats);
                self.record(Event::ModelCallFinished(Box::new(CallFinished {
                    call: number,
                    agent,
                    outcome,
                    repeats,
                    enough: answer.stopped,
                    answer: answer.text,
                    reasoning: answer.reasoning,
                    calls: answer.calls,
                    usage,
                    usd: price.map(|(price, _)| price.of(usage)),
                    usual_price: price.is_some_and(|(_, usual)| usual),
                    milliseconds,
                    artifact,
                })))?;
                Ok(Ok((outcome, repeats, usage, milliseconds)))
            }
            Err(CallError { kind, partial }) => {
                let (error, text) = (kind.to_string(), partial.clone());
                self.record(Event::ModelCallFailed { call: number, error, partial, artifact })?;
                Ok(Err((kind, text)))
            }
        }
    }

    /// Continues after a failed call with a shorter prompt or without an answer, or pauses.
    fn gave_up(
        &mut self,
        kind: &CallErrorKind,
        model: &str,
        request: &Request,
    ) -> Result<Next, DriverError> {
        match kind {
            CallErrorKind::Failed(Fault::PromptTooLong { context, .. }) => {
                self.learn_context(model, *context, request, kind.to_string());
                Ok(Next::Go)
            }
            // The caller handles an interruption.
            CallErrorKind::Interrupted => Ok(Next::Go),
            // The script is accepted already, and its output can be read without a model.
            CallErrorKind::Failed(_) if request.agent == Agent::Interpretation => {
                self.tools
                    .manager
                    .tell(News::Note(&format!("the output is not put into words: {kind}")));
                self.interpreted(self.store.session().calls.last, None)?;
                Ok(Next::Go)
            }
            CallErrorKind::Failed(_) => {
                self.record(Event::Paused { reason: format!("{MODEL_FAILED}: {kind}") })?;
                Ok(Next::End(End::ModelFailed(format!("`{model}`: {kind}"))))
            }
        }
    }
}

/// The result of a call.
struct Came {
    number: u32,
    milliseconds: u64,
    price: Option<(Price, bool)>,
    answer: Result<call::Answer, CallError>,
}

/// Outcome, whether it repeated itself, usage, milliseconds; or the error and the partial answer.
type Arrived = Result<(Outcome, bool, Usage, u64), (CallErrorKind, String)>;

async fn came(
    connection: &Connection,
    number: u32,
    request: &Request,
    stop_when: &dyn Fn(&str) -> bool,
    cancel: &CancellationToken,
    on: &mut dyn FnMut(call::News<'_>),
) -> Came {
    let start = Instant::now();
    let model = connection.model.as_ref();
    let mut answer = call::call(model, request, &connection.policy, stop_when, cancel, on).await;
    if let (Ok(answer), Some(profile)) = (&mut answer, &connection.profile) {
        keep_thoughts_apart(answer, profile);
    }
    Came { number, milliseconds: millis(start), price: connection.price, answer }
}

/// Expected length in bytes of an answer that rewrites the whole script, if there is one.
fn expected(session: &Session, agent: Agent) -> Option<usize> {
    let rewrites = agent.role() == Role::Coder && !session.settings.edits;
    session.head().filter(|_| rewrites).map(|head| head.script.len())
}

/// Returns a check for whether an answer is complete and can be cut off: after the script, a small
/// model continues with a slow explanation that nobody reads. It applies only to models that are
/// known not to draft scripts in reasoning, and that have no price: a priced provider reports token
/// counts at the end. An answer that copies the base script is cut off for any model, since it is
/// refused.
fn stop_when(
    session: &Session,
    agent: Agent,
    connection: &Connection,
) -> impl Fn(&str) -> bool + use<> {
    let writes = matches!(agent, Agent::Coder | Agent::Repair);
    let asked = writes && connection.answers_at_once() && connection.price.is_none();
    let base = session.head().filter(|_| writes).map(|head| head.script.clone());
    let names = session.interface.clone();
    // The script may import another file that follows in the answer.
    let imports =
        |answer: &str| extract::pieces(answer, &parses).iter().any(|p| join::may_need_more(p));
    move |answer| {
        base.as_ref().is_some_and(|base| extract::is_copy(answer, base, &parses))
            || asked && extract::is_there(answer, &names, &parses) && !imports(answer)
    }
}

/// Moves the reasoning of a model that is known to reason in its answer out of the answer, even if
/// the reasoning was cut off: code in it is not meant as the answer.
fn keep_thoughts_apart(answer: &mut call::Answer, profile: &Profile) {
    if matches!(profile.thinking, Thinking::Marked | Thinking::Open)
        && let Some((end, _)) =
            thoughts(&answer.text, profile.thinking, answer.outcome == Outcome::Cut)
    {
        let rest = answer.text.split_off(end);
        answer.reasoning.push_str(&std::mem::replace(&mut answer.text, rest));
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Driver<'_, '_> {
    async fn get_to_know(&mut self, model: &str) -> Result<Option<Next>, DriverError> {
        let Some(connection) = self.models.get_mut(model) else { return Ok(None) };
        if self.dry_run.is_some() {
            return Ok(None);
        }
        let manager = &mut *self.tools.manager;
        let mut tell = |words: &str| manager.tell(News::Note(words));
        match get_to_know(connection, model, &self.running, &mut tell).await {
            Ok(_) => Ok(None),
            Err(Interrupted) => Ok(Some(self.stopped(None).await?)),
        }
    }

    /// Probes whether a model's server enforces schemas, once, before the first request with one.
    async fn try_schema(&mut self, model: &str) -> Result<Option<Next>, DriverError> {
        let Some(connection) = self.models.get_mut(model) else { return Ok(None) };
        let manager = &mut *self.tools.manager;
        let mut tell = |words: &str| manager.tell(News::Note(words));
        match try_schema(connection, model, &self.running, &mut tell).await {
            Ok(()) => Ok(None),
            Err(Interrupted) => Ok(Some(self.stopped(None).await?)),
        }
    }

    /// Records that a server refused a schema although it was assumed to support them.
    fn note_refused_schema(&mut self, model: &str) {
        if let Some(connection) = self.models.get_mut(model)
            && connection.model.refused_schema()
            && connection.holds_to_schemas != Some(false)
        {
            connection.holds_to_schemas = Some(false);
            let kept =
                profiles::keep_schema(&profiles::folder(), &connection.identity, model, false);
            if let Err(error) = kept {
                self.tools.manager.tell(News::Note(&error.to_string()));
            }
        }
    }
}

/// The unfinished code in the request, unless the user added something to the request since.
fn begun_by_user(session: &Session) -> Option<String> {
    if session.said_more() {
        return None;
    }
    begin::code(&session.request, &parses, &outline::unfinished)
}

/// Builds an agent's prompt from the session. `told` is how much of a failed version the Coder is
/// shown, `unfinished` whether the request has code to complete, and `room` limits the details.
fn request(
    session: &Session,
    agent: Agent,
    told: Told,
    unfinished: bool,
    structured: bool,
    prompts: &Prompts,
    room: PromptBudget,
) -> Result<Request, PromptError> {
    let plan = session.planning.plan.as_ref();
    let for_models = plan.map(|plan| origin::for_models(&plan.text));
    let plan_text = for_models.as_deref().unwrap_or(session.request.as_str());
    let examples: Vec<String> =
        session.all_examples().map(|example| format!("- {example}")).collect();
    let with_examples = (!examples.is_empty()).then(|| {
        format!("{}\n\nIt has to do this:\n{}", plan_text.trim_end(), examples.join("\n"))
    });
    let plan_text = with_examples.as_deref().unwrap_or(plan_text);
    let (plan_text, task) = [plan_text, session.request.as_str()]
        .map(|task| schema::told(&session.settings, task))
        .into();
    let plan_text = plan_text.as_str();
    // The user's own words are the task; a Planner may drop a part of them.
    let asked_for = Some(session.request.as_str()).filter(|_| plan.is_some());
    let data = super::given::data(session, room.data);
    let run_as = if agent == Agent::Planner {
        // The prompt has the previous plan, with its arguments and input.
        words::run_as(&session.settings.args, &session.settings.stdin)
    } else {
        let (given, _) = super::given(session);
        words::run_as(&given.args, &given.stdin)
    };
    let run_as = run_as.as_deref();
    let wishes = wishes::open(session);
    let wishes = wishes.as_slice();
    let interface = session.interface.join(", ");
    let interface = Some(interface.as_str()).filter(|names| !names.is_empty());
    let completes = unfinished && (agent == Agent::Coder || told != Told::Script);
    let refusal = session.refusals_of(agent.role()).last().map(|r| r.reason.as_str());
    // After a refused answer, the whole script is requested, which is easier than edits.
    let edits = session.settings.edits && refusal.is_none();
    let head = session.head();
    let run = head.map(|head| state_words(head, room)).unwrap_or_default();
    let run = Some(run.as_str()).filter(|words| !words.is_empty());
    let request = match agent {
        Agent::Planner => planner::request(
            prompts,
            &planner::Shown {
                request: &task,
                data: &data,
                run_as,
                previous: session.planning.proposal.as_ref().or(plan).map(|p| p.text.as_str()),
                remarks: &session.planning.remarks,
                refusal,
            },
        ),
        Agent::Coder | Agent::Repair if told != Told::Script => {
            let wrong = |v: &&Version| {
                let wrong = v.failed() || v.run.is_none() || v.withheld();
                let wrong = wrong || !findings::suspicions(v).is_empty();
                told == Told::Error && wrong
            };
            let problem = head.filter(wrong).map(|v| {
                let problem = problem_words(session, v, room);
                if session.settings.analysis {
                    let left = machine::repairs_left(session, v);
                    let left = format!("Tries left, this one included: {left}");
                    let earlier = history::before(session, v);
                    let before = if earlier.is_empty() {
                        earlier
                    } else {
                        format!("Before that:\n{}", fenced(&earlier, ""))
                    };
                    join([problem, before, left])
                } else {
                    problem
                }
            });
            coder::request(
                prompts,
                &coder::Shown {
                    plan: plan_text,
                    request: asked_for,
                    completes,
                    data: &data,
                    run_as,
                    interface,
                    feedback: head.and_then(|v| v.feedback.as_deref()),
                    wishes,
                    failed: problem.as_deref(),
                    ..coder::Shown::default()
                },
            )
        }
        Agent::Coder => {
            let mut findings = ledger::for_coder(session);
            findings.truncate(room.findings);
            coder::request(
                prompts,
                &coder::Shown {
                    plan: plan_text,
                    request: asked_for,
                    completes,
                    data: &data,
                    run_as,
                    interface,
                    script: head.map(|v| v.script.as_str()),
                    findings: &findings,
                    feedback: head.and_then(|v| v.feedback.as_deref()),
                    wishes,
                    run,
                    failed: None,
                    refusal,
                    edits,
                },
            )
        }
        Agent::Repair => {
            let problem = head.map(|head| problem_words(session, head, room)).unwrap_or_default();
            let told = session.settings.analysis;
            let earlier = head.filter(|_| told).map(|head| history::before(session, head));
            repair::request(
                prompts,
                &repair::Shown {
                    plan: plan_text,
                    request: asked_for,
                    data: &data,
                    run_as,
                    script: head.map_or("", |v| v.script.as_str()),
                    problem: &problem,
                    wishes,
                    tries: earlier.as_deref().filter(|tries| !tries.is_empty()),
                    left: head.filter(|_| told).map(|head| machine::repairs_left(session, head)),
                    refusal,
                    edits,
                },
            )
        }
        Agent::Reviewer => {
            let checks = head
                .and_then(|v| v.checks.as_ref())
                .map(|checks| check_words(session, checks))
                .unwrap_or_default();
            let open = open_findings(session, room);
            reviewer::request(
                prompts,
                &reviewer::Shown {
                    plan: plan_text,
                    requirements: session.requirements(),
                    wishes,
                    data: &data,
                    script: head.map_or("", |v| v.script.as_str()),
                    run: run.unwrap_or("It was not run."),
                    checks: Some(checks.as_str()).filter(|words| !words.is_empty()),
                    open: &open,
                    version: head.map_or(1, |v| v.number),
                    refusal,
                    structured,
                },
            )
        }
        Agent::Inspector => {
            let found = head.and_then(|v| v.checks.as_ref());
            let checks = found.map(|checks| check_words(session, checks)).unwrap_or_default();
            let asks = found.filter(|checks| !checks.capabilities.is_empty());
            let asks = asks.map(words::capabilities_in_words);
            let open = open_findings(session, room);
            inspector::request(
                prompts,
                &inspector::Shown {
                    plan: plan_text,
                    data: &data,
                    run_as,
                    script: head.map_or("", |v| v.script.as_str()),
                    asks: asks.as_deref(),
                    checks: Some(checks.as_str()).filter(|words| !words.is_empty()),
                    open: &open,
                    version: head.map_or(1, |v| v.number),
                    refusal,
                    structured,
                },
            )
        }
        Agent::Analysis => {
            let tries = head.map(|head| history::all(session, head)).unwrap_or_default();
            analysis::request(
                prompts,
                &analysis::Shown {
                    plan: plan_text,
                    data: &data,
                    tries: &tries,
                    script: head.map_or("", |v| v.script.as_str()),
                    run: run.unwrap_or("It was not run."),
                    refusal,
                },
            )
        }
        Agent::Interpretation => interpretation::request(
            prompts,
            &interpretation::Shown {
                question: &session.request,
                data: &data,
                run: run.unwrap_or("It was not run."),
                refusal,
            },
        ),
        Agent::Engineer => super::dialogue::request(session, prompts, room, false),
        Agent::Tries => {
            tries::request(prompts, tries::Shown { request: &session.request, refusal })
        }
        Agent::Dependencies => {
            let modules = head.map(|head| install::unnamed(session, head)).unwrap_or_default();
            dependencies::request(prompts, &modules, head.map_or("", |v| &v.script), refusal)
        }
        Agent::Safety => {
            let asks = head.and_then(|v| v.checks.as_ref()).map(words::capabilities_in_words);
            safety::request(
                prompts,
                &safety::Shown {
                    plan: plan_text,
                    script: head.map_or("", |v| v.script.as_str()),
                    asks: &asks.unwrap_or_default(),
                    refusal,
                },
            )
        }
    }?;
    Ok(Request { agent, ..request })
}

/// Open findings for the reviewing agent to confirm.
fn open_findings(session: &Session, room: PromptBudget) -> Vec<reviewer::Open<'_>> {
    let open = ledger::open(&session.ledger).into_iter().take(room.findings);
    open.map(|f| reviewer::Open { id: &f.id, text: &f.text }).collect()
}

/// The known results of a version: its run, its tests, and fixes for what the checks noticed.
fn state_words(version: &Version, room: PromptBudget) -> String {
    let run = version.run.as_ref().map_or_else(String::new, |run| {
        words::run_in_words(run, &version.stdout, &version.stderr, room.run)
    });
    let mut parts = [run, test_words(version, room), fixes(&findings::noticed(version))];
    // Failures come first.
    if version.tests_failed() && !version.run_failed() {
        parts.swap(0, 1);
    }
    join(parts)
}

fn test_words(version: &Version, room: PromptBudget) -> String {
    words::tests_in_words(version.tests.as_deref().unwrap_or_default(), room.tests)
}

/// The results of the checks, without lint findings if lint is off.
fn check_words(session: &Session, checks: &Checks) -> String {
    if session.settings.lint == LintUse::Off {
        return words::checks_in_words(&Checks { lint: Vec::new(), ..checks.clone() });
    }
    words::checks_in_words(checks)
}

/// The fixes that the findings suggest, one per line.
fn fixes(findings: &[findings::Finding]) -> String {
    let fixes: Vec<&str> = findings.iter().filter_map(|finding| finding.fix.as_deref()).collect();
    fixes.join("\n")
}

fn problem_words(session: &Session, version: &Version, room: PromptBudget) -> String {
    let Some(checks) = &version.checks else { return state_words(version, room) };
    if version.check_failed() {
        let found = fenced(&check_words(session, checks), "");
        return join([found, test_words(version, room), fixes(&findings::noticed(version))]);
    }
    if version.failed() {
        return state_words(version, room);
    }
    if version.run.is_none() {
        return history::review_words(session, version);
    }
    if let Some(why) = findings::not_allowed(session, version) {
        return fixes(&[why]);
    }
    let suspicious = findings::suspicions(version);
    if suspicious.is_empty() {
        return format!(
            "It works. Put these right and change nothing else.\n{}",
            fenced(&check_words(session, checks), "")
        );
    }
    let why =
        "It runs, but it can't be what was asked for. Put this right and change nothing else.";
    join([why.to_owned(), fixes(&suspicious)])
}

fn join<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}
