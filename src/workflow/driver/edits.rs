//! Edits by hand: records the user's changes to files of the session's folder, so that the steps
//! that depend on them are done again.

use super::DriverError;
use super::ask::said;
use crate::agents::planner;
use crate::domain::event::{Artifact, By, Event};
use crate::domain::session::Session;
use crate::domain::settings::{Preset, Settings};
use crate::store::artifacts::{self, SessionFile};
use crate::store::{HandEdit, Store};

/// Records edits by hand; returns a message for each.
///
/// # Errors
/// If `session.yaml` is invalid; nothing is recorded then.
pub fn take_up(store: &mut Store, edits: Vec<HandEdit>) -> Result<Vec<String>, DriverError> {
    let mut events = Vec::new();
    let mut said = Vec::new();
    for HandEdit { file, text } in edits {
        let (event, words) = understand(store, &file, text)?;
        said.push(format!("`{file}` was edited by hand: {words}"));
        events.push(event);
    }
    for event in events {
        store.record_found(event)?;
    }
    Ok(said)
}

/// The settings of the session after its edits are recorded.
///
/// # Errors
/// If `session.yaml` is invalid.
pub fn settings(store: &Store, edits: &[HandEdit]) -> Result<Settings, DriverError> {
    match edits.iter().find(|edit| edit.file == artifacts::SESSION) {
        Some(edit) => {
            let settings = read_session_file(&edit.text)?.settings;
            same_kind(store.session(), &settings)?;
            Ok(settings)
        }
        None => Ok(store.session().settings.clone()),
    }
}

fn read_session_file(text: &str) -> Result<SessionFile, DriverError> {
    artifacts::read_session_file(text)
        .map_err(|problem| DriverError::Edit { file: artifacts::SESSION.to_owned(), problem })
}

/// An edit cannot turn a session that answers questions into another kind, or the other way round.
fn same_kind(session: &Session, settings: &Settings) -> Result<(), DriverError> {
    if session.dialogue.is_some() == (settings.preset == Preset::Ask) {
        return Ok(());
    }
    let problem = format!("its `preset` can't become `{}`", settings.preset.name());
    Err(DriverError::Edit { file: artifacts::SESSION.to_owned(), problem })
}

fn understand(
    store: &Store,
    file: &str,
    text: String,
) -> Result<(Event, &'static str), DriverError> {
    let session = store.session();
    let by_hand = |text| {
        let artifact = Artifact { file: file.to_owned(), ..Artifact::default() };
        Event::Edited { text, artifact }
    };
    Ok(match file {
        artifacts::PLAN => {
            let requirements = planner::read_plan(&text);
            let artifact = Artifact::default();
            let event = Event::PlanApproved { by: By::Manager, text, requirements, artifact };
            (event, "it is the approved plan now")
        }
        artifacts::SESSION => {
            let read = read_session_file(&text)?;
            same_kind(session, &read.settings)?;
            let request = (read.request != session.request).then_some(read.request);
            let settings = Box::new(read.settings);
            let artifact = Artifact::default();
            (Event::SettingsChanged { request, settings, artifact }, "the session runs with it now")
        }
        _ => {
            let latest = |n| n + 1 == session.next_version() && session.dialogue.is_none();
            if artifacts::script_number(file).is_some_and(latest) {
                return Ok((by_hand(text), "it is checked, run and reviewed anew"));
            }
            match artifacts::feedback_number(file) {
                Some(version) if session.head == Some(version) => {
                    (said(session, version, text), "the Coder is shown it")
                }
                _ => (by_hand(text), "kept as it is"),
            }
        }
    })
}
