//! The pages: values of `view` in templates that escape them.

use super::elsewhere::{Elsewhere, open_question};
use super::{Failure, Site, aside, folder_of};
use crate::domain::session::Session;
use crate::findings::ledger;
use crate::store::{self, catalog};
use crate::view;
use crate::viewer::Diff;
use crate::workflow::manager;
use axum::extract::{Path as Named, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Maximum number of versions with a column in the table of requirements.
const COLUMNS: usize = 12;
/// Maximum number of rows of a comparison.
const ROWS: usize = 2000;

/// The templates of these pages, with their names.
pub(in crate::viewer) const TEMPLATES: [(&str, &str); 7] = [
    ("frame.html", include_str!("frame.html")),
    ("list.html", include_str!("list.html")),
    ("session.html", include_str!("session.html")),
    ("body.html", include_str!("body.html")),
    ("gate.html", include_str!("gate.html")),
    ("version.html", include_str!("version.html")),
    ("diff.html", include_str!("diff.html")),
];

impl Site {
    fn draw(&self, name: &str, values: &impl Serialize) -> Result<Html<String>, Failure> {
        self.pages.page(name, values).map(Html).map_err(Failure::broken)
    }
}

fn read(site: &Site, name: &str) -> Result<Session, Failure> {
    Ok(store::read(&folder_of(site, name)?).map_err(Failure::broken)?.session)
}

/// Values for `list.html`, without a conversion to JSON: there may be thousands of rows.
#[derive(Serialize)]
struct List<'a> {
    sessions: Vec<Line<'a>>,
    folder: String,
}

#[derive(Serialize)]
struct Line<'a> {
    /// Whether a process works on it.
    live: bool,
    name: &'a str,
    row: &'a view::Row,
}

/// The page of all sessions, most recently used first, with a form for a new one.
pub(super) async fn list(State(site): State<Arc<Site>>) -> Result<Html<String>, Failure> {
    aside(move || {
        let listed =
            catalog::list(&site.sessions, view::SessionRow::of).map_err(Failure::broken)?;
        let rows = view::Row::newest_first(listed);
        let live = |name: &str| site.live(name).is_some() || Elsewhere::of(&site, name).is_some();
        // A session is identified by the name of its folder.
        let as_line = |row| Line { live: live(view::Row::name(row)), name: row.name(), row };
        let sessions = rows.iter().map(as_line).collect();
        site.draw("list.html", &List { sessions, folder: site.sessions.display().to_string() })
    })
    .await
}

/// The page of a session, live if a process works on it.
pub(super) async fn session(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
) -> Result<Html<String>, Failure> {
    draw_session(site, name, "session.html").await
}

/// The part of a session's page that changes.
pub(super) async fn body(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
) -> Result<Html<String>, Failure> {
    draw_session(site, name, "body.html").await
}

async fn draw_session(
    site: Arc<Site>,
    name: String,
    template: &'static str,
) -> Result<Html<String>, Failure> {
    let elsewhere = match Elsewhere::of(&site, &name) {
        Some(elsewhere) => Some(elsewhere.words().await),
        None => None,
    };
    aside(move || {
        let session = read(&site, &name)?;
        let live = elsewhere.is_some() || site.live(&name).is_some();
        let (shared, elsewhere) = elsewhere.unwrap_or((true, String::new()));
        let numbers: Vec<u32> = session.versions.iter().map(|version| version.number).collect();
        let numbers = &numbers[numbers.len().saturating_sub(COLUMNS)..];
        site.draw(template, &json!({ "name": name, "live": live, "shared": shared, "elsewhere": elsewhere, "numbers": numbers, "session": view::Session::of(&session) }))
    })
    .await
}

/// The open question of a session, with forms for its answers; no content if there is none.
pub(super) async fn gate(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
) -> Result<Response, Failure> {
    let Some(open) = open_question(&site, &name).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let (session, id) = (&open.session, open.id);
    let Some(gate) = open.gate else {
        return Ok(site
            .draw("gate.html", &json!({ "name": name, "id": id, "gate": () }))?
            .into_response());
    };
    let trouble = open.trouble.clone();
    let view = view::Gate::of(&manager::Question { gate, session, trouble, partial: None });
    let can = |is: fn(&crate::domain::review::Finding) -> bool| -> Vec<_> {
        let findings = ledger::findings(session).filter(|finding| is(finding));
        findings.map(|finding| view::Finding::of(finding, None)).collect()
    };
    let values = json!({ "name": name, "id": id, "gate": view, "waivable": can(view::can_waive), "reopenable": can(view::can_reopen), "requirements": session.requirements().iter().map(|r| (&r.id, &r.text)).collect::<Vec<_>>(), "versions": session.versions.iter().rev().map(|version| version.number).collect::<Vec<_>>() });
    Ok(site.draw("gate.html", &values)?.into_response())
}

/// The page of a version, with its script, output and pictures.
pub(super) async fn version(
    State(site): State<Arc<Site>>,
    Named((name, number)): Named<(String, u32)>,
) -> Result<Html<String>, Failure> {
    aside(move || {
        let session = read(&site, &name)?;
        let version = view::Version::whole(&session, known(&session, number)?);
        let written = version.run.iter().flat_map(|run| &run.report.files);
        let written: Vec<_> = written
            .map(|file| json!({ "file": file, "path": format!("run_v{number}/files/{file}") }))
            .collect();
        site.draw("version.html", &json!({ "name": name, "version": version, "written": written }))
    })
    .await
}

fn known(session: &Session, number: u32) -> Result<&crate::domain::session::Version, Failure> {
    let version = session.version(number);
    version.ok_or_else(|| Failure::missing(store::no_version(session, number)))
}

/// The versions to compare.
#[derive(Debug, Deserialize)]
pub(super) struct Between {
    from: u32,
    to: u32,
}

/// The page with the differences between two versions.
pub(super) async fn diff(
    State(site): State<Arc<Site>>,
    Named(name): Named<String>,
    Query(Between { from, to }): Query<Between>,
) -> Result<Html<String>, Failure> {
    aside(move || {
        let session = read(&site, &name)?;
        let (old, new) = (known(&session, from)?, known(&session, to)?);
        let diff = Diff::of((from, &old.script), (to, &new.script), ROWS);
        let versions: Vec<u32> = session.versions.iter().map(|version| version.number).collect();
        site.draw(
            "diff.html",
            &json!({ "name": name, "from": from, "to": to, "diff": diff, "versions": versions }),
        )
    })
    .await
}
