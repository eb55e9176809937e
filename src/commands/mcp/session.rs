//! The tools that work on a session: each continues until it is accepted or waits for a decision.

use super::{Tools, fields};
use crate::cli;
use crate::commands::work::{self, Means};
use crate::commands::{Context, ask, fetch, look, setup};
use crate::domain::event::Event;
use crate::domain::event::Gate;
use crate::domain::session::Session;
use crate::domain::text::{ends, one_line};
use crate::findings::evidence;
use crate::mcp::gate::{self, Form};
use crate::mcp::manager::{self, Client};
use crate::mcp::tools::{AnswerGate, ContinueSession, GiveFeedback, WriteScript};
use crate::mcp::{Reply, Waiting, Wire};
use crate::store::{self, Draft, Store};
use crate::view::status;
use crate::workflow::driver::{self, End};
use crate::workflow::machine::{self, Step};
use crate::workflow::manager::{Answer, Question};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

/// The longest text from a client, in bytes.
const LONGEST: usize = 1 << 20;
/// Bytes of output included in a result.
pub(super) const PRINTED: usize = 20_000;

/// Creates a session and works on it.
pub(super) fn write(tools: &Tools, args: WriteScript, wire: Wire) -> Result<Reply> {
    let context = &tools.context;
    let request = text(&args.request, "request")?;
    let data = tools.data(&args.data)?;
    let preset = args.preset.map(Into::into);
    let given = cli::Work { examples: args.examples, auto: args.auto, ..cli::Work::default() };
    let settings = || -> Result<_> {
        let mut settings = setup::settings(context, preset, &given)?;
        let (limits, narrowed) = (&mut settings.limits, args.limits.unwrap_or_default());
        let least = |own: u32, given: Option<u32>| given.map_or(own, |given| given.min(own));
        limits.max_versions = least(limits.max_versions, narrowed.max_versions.map(|n| n.max(1)));
        limits.repairs = least(limits.repairs, narrowed.repairs);
        limits.budget_tokens =
            [limits.budget_tokens, narrowed.budget_tokens].into_iter().flatten().min();
        limits.budget_usd = [limits.budget_usd, narrowed.budget_usd.filter(|usd| *usd >= 0.0)]
            .into_iter()
            .flatten()
            .min_by(f64::total_cmp);
        Ok(settings)
    };
    let mut chosen = settings()?;
    setup::check_models(context, &chosen)?;
    // Models are never downloaded for a client, since they take gigabytes.
    fetch::ensure(context, &chosen, false)?;
    if args.auto {
        match setup::get_to_know(context, &chosen, &wire.cancel)? {
            Some(false) => {}
            Some(true) => chosen = settings()?,
            None => bail!("cancelled before a session was made"),
        }
        setup::suit_unattended(context, &mut chosen);
    }
    let draft = Draft {
        name: args.name,
        request: request.to_owned(),
        settings: chosen,
        described: look::describe(&data),
        data,
        tests: Vec::new(),
        interface: Vec::new(),
    };
    let store = store::create(&context.sessions, draft)?;
    work_on(tools, store, wire, None, args.auto)
}

/// Continues a session.
pub(super) fn go_on(tools: &Tools, args: &ContinueSession, wire: Wire) -> Result<Reply> {
    let store = open(tools, &args.session)?;
    work_on(tools, store, wire, None, args.auto)
}

/// Answers the open gate of a session.
pub(super) fn answer(tools: &Tools, args: &AnswerGate, wire: Wire) -> Result<Reply> {
    let store = open(tools, &args.session)?;
    let session = store.session();
    let Some(form) = waiting(&tools.context, session) else {
        bail!("session `{}` waits at no gate: {}", session.name, status::words(session));
    };
    // A user whose answer is invalid is asked again if the client supports that.
    let refuse = |why: &str, person: bool| {
        let mut value = outcome(tools, session);
        value.insert("error".to_owned(), json!(why));
        let waiting = Waiting { session: session.name.clone(), form: form.clone() };
        Ok(Reply { value, failed: true, waits: person.then_some(waiting) })
    };
    if let Some(meant) = args.gate.as_deref().filter(|meant| *meant != form.gate.name()) {
        let (meant, waits) = (one_line(meant, 40), form.gate.name());
        let why = format!("the answer is for the {meant} gate, and the {waits} gate waits");
        return refuse(&why, wire.is_person);
    }
    let text = args.text.as_deref().unwrap_or_default();
    if args.answer.len() + text.len() > LONGEST {
        return refuse(&format!("the answer has more than {LONGEST} bytes"), wire.is_person);
    }
    let answer = match gate::read(form.gate, &args.answer, text) {
        Ok(answer) => answer,
        Err(why) => return refuse(&why, wire.is_person),
    };
    if gate::is_for_persons(&answer) && !wire.is_person {
        // Ask the user instead, if the client can.
        if wire.person.is_some() {
            return work_on(tools, store, wire, None, false);
        }
        let why = "only a person may say this: the user can answer in a terminal with `redraft resume`, or \
                   start the server with `--allow-gates`";
        return refuse(why, true);
    }
    work_on(tools, store, wire, Some((form.gate, answer)), false)
}

/// Records feedback on a version.
pub(super) fn feedback(tools: &Tools, args: &GiveFeedback) -> Result<Reply> {
    let said = text(&args.text, "text")?;
    let mut store = open(tools, &args.session)?;
    let session = store.session();
    let Some(version) = args.version.or(session.head) else {
        bail!("session `{}` has no version yet to give feedback on", session.name);
    };
    if session.version(version).is_none() {
        return Err(store::no_version(session, version).into());
    }
    let event: Event = driver::feedback(session, version, said);
    store.record(event)?;
    store.sync()?;
    Ok(Reply::done(fields(json!({
        "session": store.session().name,
        "version": version,
        "next": "`continue_session` writes the next version with it",
    }))))
}

fn text<'a>(text: &'a str, what: &str) -> Result<&'a str> {
    let text = text.trim();
    if text.is_empty() {
        bail!("the {what} is empty");
    }
    if text.len() > LONGEST {
        bail!("the {what} has more than {LONGEST} bytes");
    }
    Ok(text)
}

/// Opens a session with a script, and records edits made by hand.
fn open(tools: &Tools, name: &str) -> Result<Store> {
    let context = &tools.context;
    let (mut store, found) = store::open(&tools.find(name)?.folder)?;
    ask::refuse(context, &store, "it comes to no script")?;
    setup::check_models(context, &store.session().settings)?;
    work::take_up(context, &mut store, found)?;
    Ok(store)
}

fn work_on(
    tools: &Tools,
    mut store: Store,
    wire: Wire,
    answer: Option<(Gate, Answer)>,
    auto: bool,
) -> Result<Reply> {
    let context = &tools.context;
    let prompts = work::prompts()?;
    let cancel = wire.cancel.clone();
    let mut client = Client::new(context.terminal, wire, answer);
    let means = Means { manager: &mut client, cancel, auto, more: false };
    let ended = work::drive(&context.config, &mut store, &prompts, means);
    let session = store.session();
    let mut value = outcome(tools, session);
    if !client.notes.is_empty() {
        value.insert("notes".to_owned(), json!(client.notes));
    }
    let failed = match ended {
        Ok(End::ModelFailed(error)) => Some(format!("model {error}")),
        // The session's state describes the rest.
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = &failed {
        value.insert("status".to_owned(), json!("failed"));
        value.insert("error".to_owned(), json!(why));
        let next = "`continue_session` tries again where it stopped";
        value.insert("next".to_owned(), json!(next));
    }
    let waits =
        waiting(context, session).map(|form| Waiting { session: session.name.clone(), form });
    Ok(Reply { value, failed: failed.is_some(), waits })
}

/// The gate that a session waits at.
pub(super) fn waiting(context: &Context, session: &Session) -> Option<Form> {
    let Step::Ask(gate) = machine::next_step(session) else { return None };
    let trouble = driver::trouble(session, gate);
    Some(manager::form(context.terminal, &Question { gate, session, trouble, partial: None }))
}

/// The state of a session, for a result.
fn outcome(tools: &Tools, session: &Session) -> Map<String, Value> {
    let version = session.result().and_then(|number| session.version(number));
    let status = match status::word(session) {
        known @ ("accepted" | "waiting") => known,
        _ => "paused",
    };
    let mut value = fields(json!({
        "session": session.name,
        "status": status,
        "state": status::words(session),
    }));
    if let Some(version) = version {
        value.insert("version".to_owned(), json!(version.number));
        value.insert("script".to_owned(), json!(version.script));
        if let Some(level) = evidence::level(version) {
            value.insert("evidence".to_owned(), json!(level.name()));
        }
        if let Some(run) = &version.run {
            value.insert("run".to_owned(), json!(run.verdict.name()));
        }
        for (key, printed) in [("output", &version.stdout), ("errors", &version.stderr)] {
            if !printed.trim().is_empty() {
                value.insert(key.to_owned(), json!(ends(printed, PRINTED)));
            }
        }
    }
    if let Some(form) = waiting(&tools.context, session) {
        value.insert("gate".to_owned(), form.value(tools.allow_gates));
        let next = format!("answer the {} gate with `answer_gate`", form.gate.name());
        value.insert("next".to_owned(), json!(next));
    } else if status == "paused" {
        value.insert("next".to_owned(), json!("`continue_session` continues where it stopped"));
    }
    value
}
