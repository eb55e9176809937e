//! `redraft replay`: compares what today's program and templates make of a session's recorded
//! answers.

use super::{Context, code, setup, work};
use crate::cli::Target;
use crate::domain::chat::{Agent, Request, split_prefill};
use crate::domain::event::Event;
use crate::domain::text::{count, one_line};
use crate::files;
use crate::llm::call::Policy;
use crate::llm::config::Kind;
use crate::llm::provider::{self, Connection};
use crate::llm::{Chunk, Fault, Finish, Model};
use crate::python::packages::Packages;
use crate::store;
use crate::store::line::Entry;
use crate::terminal::Terminal;
use crate::workflow::driver::{self, Difference, Tools};
use crate::workflow::manager::{Answer, Interrupted, Manager, News, Question};
use anyhow::Result;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Maximum number of differences shown in text output.
const SHOWN: usize = 12;
/// Maximum number of characters in a differing line.
const WIDTH: usize = 160;

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let prompts = work::prompts()?;
    let place = context.find_whole(args.session.as_deref())?;
    let mut entries = store::entries(&place.folder)?;
    let made = Made::of(&entries);
    let recorded = entries.split_off(1);
    let Some(first) = entries.pop() else { return Ok(code::DONE) };
    let folder = files::temporary_folder()?;
    let mut store = store::scratch(folder.path(), first)?;
    let connect = |model: &str, used: &HashMap<Agent, usize>| {
        // Only the model's limits are used, so an unavailable model does not matter.
        let there = provider::connect(model, context.config.models(), used);
        Ok(there.unwrap_or_else(|_| nobody(&made)))
    };
    let tools = Tools {
        manager: &mut Silent,
        connect: &connect,
        packages: &Packages::new(context.config.uv.clone()),
        prompts: &prompts,
        cancel: CancellationToken::new(),
        auto: true,
        more: false,
    };
    let replayed = driver::replay(&mut store, recorded, tools);
    let differences = setup::runtime()?.block_on(replayed)?;
    let terminal = &context.terminal;
    if terminal.json {
        let all = differences.iter().map(|d| {
            json!({ "seq": d.seq, "about": d.about, "what": d.what, "then": d.then, "now": d.now })
        });
        terminal.json(&json!({
            "same": differences.is_empty(),
            "events": made.events,
            "calls": made.calls,
            "versions": made.versions,
            "reviews": made.reviews,
            "differences": all.collect::<Vec<_>>(),
        }));
    } else {
        terminal.print(&told(terminal, &made, &differences));
    }
    Ok(if differences.is_empty() { code::DONE } else { code::DIFFERS })
}

fn nobody(made: &Made) -> Connection {
    let Made { tools, structured, begun, .. } = *made;
    let (model, policy) = (Box::new(Gone { tools, structured, begun }), Policy::default());
    Connection { of_catalogue: begun, ..Connection::new(model, policy, Kind::Script) }
}

/// A stand-in for a model that is no longer available; it is never called.
struct Gone {
    /// The original supported tool calls.
    tools: bool,
    /// The original supported schemas.
    structured: bool,
    /// The original supported prefill.
    begun: bool,
}

impl Model for Gone {
    fn answer<'a>(
        &'a self,
        _: &'a Request,
        _: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>> {
        Box::pin(async { Err(Fault::Empty) })
    }

    fn takes_tools(&self) -> bool {
        self.tools
    }

    fn takes_schema(&self) -> bool {
        self.structured
    }

    fn takes_prefill(&self) -> bool {
        self.begun
    }
}

/// Counts and model features in a recorded session.
#[derive(Default)]
struct Made {
    events: usize,
    calls: usize,
    versions: usize,
    reviews: usize,
    /// A model called tools.
    tools: bool,
    /// A model's answer was constrained by a schema.
    structured: bool,
    /// A model's answer was prefilled.
    begun: bool,
}

impl Made {
    fn of(entries: &[Entry]) -> Self {
        let many = |is: fn(&Event) -> bool| entries.iter().filter(|e| is(&e.event)).count();
        Self {
            events: entries.len(),
            calls: many(|event| matches!(event, Event::ModelCallStarted(_))),
            versions: many(|event| matches!(event, Event::VersionCreated { .. })),
            reviews: many(|event| matches!(event, Event::Reviewed { .. })),
            tools: many(|e| matches!(e, Event::ModelCallFinished(e) if !e.calls.is_empty())) > 0,
            structured: many(|e| matches!(e, Event::ModelCallStarted(e) if e.structured)) > 0,
            begun: many(|event| match event {
                Event::ModelCallStarted(started) => !split_prefill(&started.messages).1.is_empty(),
                _ => false,
            }) > 0,
        }
    }
}

fn told(terminal: &Terminal, made: &Made, differences: &[Difference]) -> String {
    let Made { events, calls, versions, reviews, .. } = made;
    let mut text = format!(
        "replayed {}: {}, {}, {}\n",
        count(*events, "event"),
        count(*calls, "call"),
        count(*versions, "version"),
        count(*reviews, "review"),
    );
    let Some(first) = differences.first() else {
        let _ = writeln!(text, "{}", terminal.good("no difference"));
        return text;
    };
    let head = |d: &Difference| {
        one_line(&format!("event {}, {}: another {}", d.seq, d.about, d.what), WIDTH)
    };
    let _ = writeln!(text, "the first difference: {}", terminal.bold(&head(first)));
    let _ = writeln!(text, "  then: {}", one_line(&first.then, WIDTH));
    let _ = writeln!(text, "  now:  {}", one_line(&first.now, WIDTH));
    let more = &differences[1..];
    if !more.is_empty() {
        let _ = writeln!(text, "and {}, each with all before it as recorded:", more.len());
    }
    for difference in more.iter().take(SHOWN) {
        let _ = writeln!(text, "  {}", head(difference));
    }
    if more.len() > SHOWN {
        let _ = writeln!(text, "  and {} more: see `--json`", more.len() - SHOWN);
    }
    text
}

/// A manager that answers nothing and shows nothing.
struct Silent;

impl Manager for Silent {
    fn ask<'a>(
        &'a mut self,
        _: &'a Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>> {
        Box::pin(async { Ok(Answer::Gone) })
    }

    fn tell(&mut self, _: News<'_>) {}
}
