//! `redraft serve`: a local server for the pages, in which sessions are followed and answered
//! through their tasks.

mod access;
mod elsewhere;
mod files;
mod live;
mod pages;

pub use access::AccessCheck;
pub use live::{Actions, Ran, Request, Upload};
pub(super) use pages::TEMPLATES;

use super::{Pages, STYLE};
use crate::store::{JOURNAL, StoreError};
use crate::workflow::session_task::SessionTask;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Maximum size of a request body, in bytes: uploads are Base64 in JSON.
const LONGEST_BODY: usize = 96 << 20;

/// The state shared by all requests.
struct Site {
    access: AccessCheck,
    sessions: PathBuf,
    actions: Actions,
    /// The tasks of sessions that this server works or worked on, by name.
    tasks: Mutex<HashMap<String, SessionTask>>,
    pages: Pages,
    /// Allows one run by hand at a time.
    runs: Semaphore,
    cancel: CancellationToken,
}

impl Site {
    /// The task of a session that this server works or worked on.
    fn task(&self, name: &str) -> Option<SessionTask> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The task of a session that this server works on now.
    fn live(&self, name: &str) -> Option<SessionTask> {
        self.task(name).filter(|task| task.ended().is_none())
    }
}

/// The folder of a session. Its name must be a single path component below the sessions folder.
fn folder_of(site: &Site, name: &str) -> Result<PathBuf, Failure> {
    let mut parts = Path::new(name).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    let folder = site.sessions.join(name);
    if !is_name || name.starts_with('.') || crate::files::length(&folder.join(JOURNAL)).is_none() {
        return Err(Failure::missing(StoreError::Unknown(name.to_owned())));
    }
    Ok(folder)
}

/// Serves the sessions of a folder until cancelled. Running sessions are paused then, and can be
/// resumed.
///
/// # Errors
/// The system accepts no more connections.
pub async fn serve(
    listener: TcpListener,
    access: AccessCheck,
    sessions: PathBuf,
    actions: Actions,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    let site = Arc::new(Site {
        access,
        sessions,
        actions,
        tasks: Mutex::default(),
        pages: Pages::new().map_err(std::io::Error::other)?,
        runs: Semaphore::new(1),
        cancel: cancel.clone(),
    });
    let served = tokio::select! {
        served = async { axum::serve(listener, router(site.clone())).await } => served,
        () = cancel.cancelled() => Ok(()),
    };
    let tasks = std::mem::take(&mut *site.tasks.lock().unwrap_or_else(PoisonError::into_inner));
    tasks.values().for_each(SessionTask::cancel);
    for task in tasks.into_values() {
        let _ = task.join();
    }
    served
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(pages::list))
        .route(
            "/style.css",
            get(|| async { asset("text/css", [STYLE, include_str!("style.css")].concat()) }),
        )
        .route(
            "/page.js",
            get(|| async { asset("text/javascript", include_str!("page.js").to_owned()) }),
        )
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/sessions", post(live::create))
        .route("/sessions/{name}", get(pages::session))
        .route("/sessions/{name}/body", get(pages::body))
        .route("/sessions/{name}/gate", get(pages::gate))
        .route("/sessions/{name}/diff", get(pages::diff))
        .route("/sessions/{name}/events", get(live::events))
        .route("/sessions/{name}/live", get(live::live))
        .route("/sessions/{name}/answer", post(live::answer))
        .route("/sessions/{name}/resume", post(live::resume))
        .route("/sessions/{name}/stop", post(live::stop))
        .route("/sessions/{name}/versions/{version}", get(pages::version))
        .route("/sessions/{name}/versions/{version}/run", post(live::run))
        .route("/sessions/{name}/files/{*path}", get(files::file))
        .fallback(|| async { Failure::missing("there is no such page") })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(site.clone(), access::guard))
        .with_state(site)
}

fn asset(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, format!("{kind}; charset=utf-8"))], text).into_response()
}

/// An error response, with a message as plain text.
struct Failure {
    status: StatusCode,
    why: String,
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
    fn new(status: StatusCode, why: impl ToString) -> Self {
        Self { status, why: why.to_string() }
    }

    fn missing(why: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, why)
    }

    fn wrong(why: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, why)
    }

    fn conflict(why: impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, why)
    }

    fn broken(why: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.status, kind, format!("{}\n", self.why)).into_response()
    }
}

/// Runs blocking work on the disk or on a script without blocking other requests.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Failure::broken(error)))
}
