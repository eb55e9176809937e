//! `redraft resume`: continues a session.

use super::{Context, ask, fetch, setup, work};
use crate::cli;
use crate::domain::event::{Artifact, By, Event};
use crate::store;
use crate::workflow::driver::edits;
use anyhow::Result;

pub(super) fn run(context: Context, args: &cli::Resume) -> Result<u8> {
    let prompts = work::prompts()?;
    let place = context.find(args.target.session.as_deref())?;
    let (mut store, found) = store::open(&place.folder)?;
    let context = &if store.session().dialogue.is_some() { context.for_answers() } else { context };
    if args.from.or(place.version).is_some() {
        ask::refuse(context, &store, "it goes on from its last question only")?;
    }
    if let Some(version) = args.from.or(place.version)
        && store.session().version(version).is_none()
    {
        return Err(store::no_version(store.session(), version).into());
    }
    let mut settings = edits::settings(&store, &found.edits)?;
    setup::apply(&mut settings, &args.work)?;
    setup::check_models(context, &settings)?;
    if let Some(code) = fetch::ensure(context, &settings, context.yes || args.work.auto)? {
        return Ok(code);
    }
    if context.terminal.json {
        let terminal = context.terminal;
        store.watch(move |line| terminal.raw(&format!("{line}\n")));
    }
    work::take_up(context, &mut store, found)?;
    for line in &store.given().changed {
        context.terminal.warn(line);
    }
    // Settings from an edited session.yaml apply, and flags override them.
    let mut settings = store.session().settings.clone();
    setup::apply(&mut settings, &args.work)?;
    if settings != store.session().settings {
        let event = Event::SettingsChanged {
            request: None,
            settings: Box::new(settings),
            artifact: Artifact::default(),
        };
        store.record(event)?;
    }
    if let Some(version) = args.from.or(place.version)
        && store.session().head != Some(version)
    {
        store.record(Event::Rewound { version, by: By::Manager })?;
    }
    if store.session().dialogue.is_some() {
        return work::work_as(context, store, prompts, ask::talk(context, args.work.auto, true));
    }
    work::work(context, store, prompts, args.work.auto)
}
