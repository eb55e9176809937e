//! Sessions that this server works on: start, follow, answer, stop.

use super::elsewhere::{Elsewhere, open_question};
use super::{Failure, Site, aside, folder_of};
use crate::domain::event::Gate;
use crate::domain::settings::Preset;
use crate::workflow::driver;
use crate::workflow::manager::Answer;
use crate::workflow::session_socket::Refusal;
use crate::workflow::session_task::SessionTask;
use axum::Json;
use axum::extract::{Path as Named, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use tokio_util::sync::CancellationToken;

/// A request for a new session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The task.
    pub request: String,
    /// The preset; `None` for the default.
    #[serde(default)]
    pub preset: Option<Preset>,
    /// The session's name; `None` to derive it from the task.
    #[serde(default)]
    pub name: Option<String>,
    /// The data files.
    #[serde(default)]
    pub data: Vec<Upload>,
}

/// A data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Its file name; any text is allowed.
    pub name: String,
    /// Its content, in Base64.
    #[serde(rename = "base64", deserialize_with = "decoded")]
    pub content: Vec<u8>,
}

fn decoded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

/// The result of another run of a version.
#[derive(Debug, Serialize)]
pub struct Ran {
    /// The verdict: `ok`, `failed`, ...
    pub verdict: &'static str,
    /// The reason, if known.
    pub reason: Option<String>,
    /// Wall-clock duration in milliseconds.
    pub milliseconds: u64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Actions that the caller provides, since the server builds no sessions itself. Errors are
/// sentences.
#[expect(clippy::type_complexity, reason = "each says what it takes and gives")]
pub struct Actions {
    /// Creates a session and returns its name.
    pub create: Box<dyn Fn(Request) -> Result<String, String> + Send + Sync>,
    /// Starts work on a session, by name.
    pub work: Box<dyn Fn(&str, &SessionTask) -> Result<(), String> + Send + Sync>,
    /// Runs a version of a session again, with the same input.
    pub run: Box<dyn Fn(&str, u32, CancellationToken) -> Result<Ran, String> + Send + Sync>,
}

/// Creates a session and starts work on it.
pub(super) async fn create(
    State(site): State<Arc<Site>>,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    aside(move || {
        let name = (site.actions.create)(request).map_err(Failure::wrong)?;
        work(&site, &name)?;
        Ok((StatusCode::CREATED, Json(json!({ "name": name }))))
    })
    .await
}

/// Continues a session; does nothing if this server works on it already.
pub(super) async fn resume(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
) -> Result<Json<Value>, Failure> {
    aside(move || {
        folder_of(&site, &name)?;
        work(&site, &name)?;
        Ok(Json(json!({ "name": name })))
    })
    .await
}

fn work(site: &Site, name: &str) -> Result<(), Failure> {
    if let Some(elsewhere) = Elsewhere::of(site, name) {
        let words = format!("{} works on this session already", elsewhere.who());
        return Err(Failure::conflict(words));
    }
    let mut tasks = site.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    if tasks.get(name).is_some_and(|task| task.ended().is_none()) {
        return Ok(());
    }
    let task = SessionTask::new();
    (site.actions.work)(name, &task).map_err(Failure::wrong)?;
    tasks.insert(name.to_owned(), task);
    Ok(())
}

/// Stops the work on a session and pauses it.
pub(super) async fn stop(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
) -> Result<Json<Value>, Failure> {
    match (site.live(&name), Elsewhere::of(&site, &name)) {
        (Some(task), _) => task.cancel(),
        (None, Some(elsewhere)) => elsewhere.stop().await?,
        (None, None) => return Err(not_live()),
    }
    Ok(Json(json!({ "name": name })))
}

/// Whether a process works on a session, whether it can be answered from here, and a description of
/// the process if it is another one.
pub(super) async fn live(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
) -> Result<Json<Value>, Failure> {
    folder_of(&site, &name)?;
    let here = site.live(&name).is_some();
    let (shared, elsewhere) = match Elsewhere::of(&site, &name) {
        Some(elsewhere) => elsewhere.words().await,
        None => return Ok(Json(json!({ "live": here, "shared": true, "elsewhere": null }))),
    };
    Ok(Json(json!({ "live": true, "shared": shared, "elsewhere": elsewhere })))
}

fn not_live() -> Failure {
    Failure::conflict("nobody works on this session here; resume it first")
}

/// The messages of a session from now on; none if no process works on it.
pub(super) async fn events(State(site): State<Arc<Site>>, Named(name): Named<String>) -> Response {
    if let Some(elsewhere) = Elsewhere::of(&site, &name) {
        return Sse::new(elsewhere.events()).keep_alive(KeepAlive::default()).into_response();
    }
    let Some(task) = site.task(&name) else {
        // With this status, a browser does not reconnect.
        return StatusCode::NO_CONTENT.into_response();
    };
    let messages = stream::unfold(task.watch(), |mut watcher| async move {
        let message = watcher.next().await?;
        // Plain data always serialises.
        let event = Event::default().json_data(&message).unwrap_or_default();
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Sse::new(messages).keep_alive(KeepAlive::default()).into_response()
}

/// An answer and its question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answering {
    question: u64,
    answer: Answer,
}

/// Answers a question. The first answer counts; a later one is rejected.
pub(super) async fn answer(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
    Json(Answering { question, answer }): Json<Answering>,
) -> Result<Json<Value>, Failure> {
    if let Answer::Edited(script) = &answer
        && let Some(open) = open_question(&site, &name).await?
        && open.gate == Some(Gate::Version)
    {
        let session = &open.session;
        driver::manual_version(session, script.clone(), session.head).map_err(Failure::wrong)?;
    }
    if let Some(elsewhere) = Elsewhere::of(&site, &name) {
        elsewhere.answer(question, answer).await?;
    } else {
        let task = site.task(&name).ok_or_else(not_live)?;
        task.answer(question, answer).map_err(|error| Failure::from(Refusal::from(error)))?;
    }
    Ok(Json(json!({ "taken": true })))
}

/// Runs a version again, in the sandbox.
pub(super) async fn run(
    State(site): State<Arc<Site>>,
    Named((name, version)): Named<(String, u32)>,
    Json(_): Json<Value>,
) -> Result<Json<Ran>, Failure> {
    let _one = site.runs.acquire().await.map_err(Failure::broken)?;
    let cancel = site.cancel.child_token();
    // Cancels the run if the page is closed.
    let _stop = cancel.clone().drop_guard();
    let site = site.clone();
    aside(move || {
        folder_of(&site, &name)?;
        (site.actions.run)(&name, version, cancel).map(Json).map_err(Failure::wrong)
    })
    .await
}
