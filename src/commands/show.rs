//! `redraft show`: shows a session or one of its versions.

use super::{Context, code, questions, work};
use crate::cli;
use crate::domain::event::FORMAT;
use crate::domain::report::TestOutcome;
use crate::domain::review::Finding;
use crate::domain::session::{Session, Version};
use crate::domain::text::{one_line, visible};
use crate::findings::{self, evidence};
use crate::store::{self, Snapshot, artifacts};
use crate::terminal::picture::Pictures;
use crate::terminal::{Terminal, flow, gate, ledger, links, look, matrix, sides};
use crate::view::{self, status, words};
use crate::workflow::permission;
use anyhow::Result;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A session and its folder.
#[derive(Serialize)]
struct Shown {
    folder: Option<PathBuf>,
    #[serde(flatten)]
    session: view::Session,
}

pub(super) fn run(context: &Context, args: &cli::Show) -> Result<u8> {
    let place = context.find(args.target.session.as_deref())?;
    let snapshot = store::read(&place.folder)?;
    let terminal = &context.terminal;
    let session = &snapshot.session;
    match place.version {
        Some(number) => {
            let Some(version) = session.version(number) else {
                return Err(store::no_version(session, number).into());
            };
            if terminal.json {
                terminal.json(&view::Version::whole(session, version));
            } else {
                terminal.print(&one(terminal, session, version, &place.folder));
                if args.pictures || terminal.pictures != Pictures::Blocks {
                    pictures(terminal, version, &place.folder);
                }
            }
        }
        None if terminal.json => terminal.json(&Shown {
            folder: std::path::absolute(&place.folder).ok(),
            session: view::Session::of(session),
        }),
        None => {
            terminal.print(&whole(terminal, &snapshot, &place.folder));
            if let Some(version) = last(session).filter(|_| args.pictures) {
                pictures(terminal, version, &place.folder);
            }
            if session.accepted.is_none() {
                terminal.say(&format!("\n{}", work::resume_with(context, &place.folder)));
            }
        }
    }
    Ok(code::DONE)
}

/// The accepted version, otherwise the latest.
fn last(session: &Session) -> Option<&Version> {
    session.version(session.result()?)
}

/// Shows the pictures of a version if the terminal supports any form of pictures.
fn pictures(terminal: &Terminal, version: &Version, folder: &Path) {
    if terminal.pictures != Pictures::Nothing {
        look::pictures(terminal, version, folder);
    }
}

fn one(terminal: &Terminal, session: &Session, version: &Version, folder: &Path) -> String {
    let mut text = if session.dialogue.is_some() {
        questions::version(terminal, version, folder)
    } else {
        gate::version(terminal, session, version, folder)
    };
    for note in &version.notes {
        text.push_str(&flow::hang(terminal, "  ", &terminal.dim(&visible(note))));
    }
    if let Some(feedback) = &version.feedback {
        let label = format!("  {} ", terminal.dim("you said "));
        text.push_str(&flow::hang(terminal, &label, &one_line(feedback, 160)));
    }
    text.push_str(&gate::test_lines(terminal, version));
    text.push('\n');
    text.push_str(&sides::numbered(terminal, &version.script));
    text
}

fn whole(terminal: &Terminal, snapshot: &Snapshot, folder: &Path) -> String {
    let session = &snapshot.session;
    let title = terminal.bold(&visible(&session.name));
    let request = one_line(&session.request, 200);
    let mut text = flow::hang(terminal, "", &format!("{title}: {request}"));
    let line = |label: &str, words: &str| {
        flow::hang(terminal, &format!("  {} ", terminal.dim(&format!("{label:<8}"))), words)
    };
    let mut row = |label: &str, words: &str| text.push_str(&line(label, words));
    row("status", &status::words(session));
    if session.dialogue.is_some() {
        row("kind", "questions answered by running code");
    }
    if session.format > FORMAT {
        row(
            "format",
            &format!(
                "{}: newer than this program, shown as far as it is understood",
                session.format
            ),
        );
    }
    let [began, latest] = [&session.created, &session.updated].map(|at| words::moment(at));
    row("began", &visible(&format!("{began} UTC, last event {latest} UTC")));
    for (role, settings) in &session.settings.roles {
        row(role.name(), &visible(&settings.model));
    }
    if let Some(from) = &session.forked_from {
        row("forked", &visible(&format!("from {from}")));
    }
    for data in &session.data {
        let summary = data.described.as_ref().map(|described| one_line(&described.summary, 160));
        let summary = summary.unwrap_or_else(|| format!("{} bytes", data.bytes));
        row("data", &format!("{}: {summary}", visible(&data.name)));
    }
    for test in &session.tests {
        row("tests", &visible(&format!("{} ({} bytes)", test.name, test.bytes)));
    }
    for permission in permission::allowed(session) {
        row("allowed", &terminal.warm(&one_line(&permission.to_string(), 200)));
    }
    for permission in &session.elsewhere {
        let words = format!("{permission}  allowed elsewhere: it counts when you allow it here");
        row("asked", &one_line(&words, 200));
    }
    if let Some((_, Some(answer))) = &session.interpreted {
        row("answer", &one_line(answer, 400));
    }
    row("spent", &words::spent(session));
    for file in &snapshot.edited {
        row(
            "edited",
            &format!("{} was changed by hand; the next resume takes it up", visible(file)),
        );
    }
    if let Some(version) = last(session).filter(|_| session.dialogue.is_none()) {
        let script = folder.join(artifacts::script_file(version.number));
        text += &line("script", &links::path(terminal, &script));
        text += &gate::left(terminal, version, folder, line);
    }
    if let Some(dialogue) = &session.dialogue {
        text.push_str(&questions::text(terminal, session, dialogue, folder));
        return text;
    }
    plan(terminal, session, &mut text);
    versions(terminal, session, &mut text);
    let findings: Vec<&Finding> = findings::ledger::findings(session).collect();
    if !findings.is_empty() {
        let _ = writeln!(text, "\n{}", terminal.bold("Findings"));
        text.push_str(&ledger::list(terminal, findings));
    }
    text
}

fn plan(terminal: &Terminal, session: &Session, text: &mut String) {
    let planning = &session.planning;
    let (title, plan) = match (&planning.proposal, &planning.plan) {
        (Some(proposal), _) => ("Plan, not approved yet", proposal),
        (None, Some(plan)) => ("Plan", plan),
        (None, None) => return,
    };
    let _ = writeln!(text, "\n{}", terminal.bold(title));
    // The proposed requirements are not those that versions were tested with.
    if planning.proposal.is_none() {
        text.push_str(&matrix::table(terminal, session));
        return;
    }
    for requirement in &plan.requirements {
        let id = terminal.dim(&format!("{:<4}", visible(&requirement.id)));
        text.push_str(&flow::hang(
            terminal,
            &format!("  {id} "),
            &one_line(&requirement.text, 110),
        ));
    }
}

fn versions(terminal: &Terminal, session: &Session, text: &mut String) {
    if session.versions.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", terminal.bold("Versions"));
    for version in &session.versions {
        let mark = match (session.accepted.map(|a| a.version), session.head) {
            (Some(n), _) if n == version.number => "✓",
            (None, Some(n)) if n == version.number => "▸",
            _ => " ",
        };
        let base = match version.base {
            Some(base) if base + 1 != version.number => format!(" from v{base}"),
            _ => String::new(),
        };
        let run = version.run.as_ref().map_or("not run", |r| r.verdict.name());
        let verdict = match &version.review {
            Some(_) => evidence::verdict(session, version).name(),
            None => "-",
        };
        let tests = version.tests.as_ref().map_or_else(String::new, |tests| {
            let passed = tests.iter().filter(|test| test.outcome == TestOutcome::Passed).count();
            format!("  tests {passed}/{}", tests.len())
        });
        let words = format!(
            "{:<9} {:>4} lines  run {run:<8} {verdict}{base}{tests}",
            version.cause.name(),
            version.script.lines().count(),
        );
        let label = format!("{mark} v{:<4} ", version.number);
        text.push_str(&flow::hang(terminal, &label, &words));
        if let Some(words) = evidence::overruled(session, version) {
            text.push_str(&flow::hang(terminal, "         ", &terminal.dim(&words)));
        }
    }
}
