//! `redraft report`: a session as one page, or as Markdown.

use super::{Context, code};
use crate::cli::{self, ReportFormat};
use crate::domain::event::FORMAT;
use crate::domain::session::Session;
use crate::domain::text::size;
use crate::files;
use crate::store::{self, Snapshot};
use crate::terminal::links;
use crate::view;
use crate::viewer::{self, Chat, Detail, Material};
use anyhow::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The largest conversation to include, in bytes.
const LONGEST_CHAT: u64 = 4 << 20;
/// Number of conversations to include in full, the latest ones.
const CHATS: usize = 60;

pub(super) fn run(context: &Context, args: &cli::Report) -> Result<u8> {
    let place = context.find_whole(args.session.as_deref())?;
    let snapshot = store::read(&place.folder)?;
    let name = snapshot.session.name.clone();
    let material = material(context, &place.folder, &snapshot);
    let (text, ending) = match args.format {
        ReportFormat::Html => (viewer::html(material)?, "html"),
        ReportFormat::Md => (viewer::markdown(&material), "md"),
    };
    let terminal = &context.terminal;
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.{ending}")));
    if path == Path::new("-") {
        if terminal.json {
            terminal.json(&json!({ "session": name, "format": ending, "report": text }));
        } else {
            terminal.raw(&text);
        }
        return Ok(code::DONE);
    }
    if !context.yes && path.is_file() {
        bail!("`{}` is there already; `--yes` overwrites it", path.display());
    }
    files::write_into(&path, text.as_bytes())?;
    if terminal.json {
        let (file, bytes) = (path.display().to_string(), text.len());
        terminal.json(&json!({ "session": name, "format": ending, "file": file, "bytes": bytes }));
    } else {
        let bytes = size(text.len() as u64);
        let path = links::path(terminal, &path);
        terminal.say(&format!("the report of {name} is in {path} ({bytes})"));
    }
    Ok(code::DONE)
}

/// Collects everything that a report shows, including files.
fn material(context: &Context, folder: &Path, snapshot: &Snapshot) -> Material {
    let session = &snapshot.session;
    let detail = |number: u32| {
        let version = session.version(number)?;
        let base = version.base.and_then(|base| session.version(base));
        let view = view::Version::whole(session, version);
        let pictures = view.run.iter().flat_map(|run| &run.pictures);
        let pictures = pictures.map(|file| {
            (
                file.clone(),
                files::within(folder, file)
                    .and_then(|path| files::read_regular(&path, viewer::PICTURE)),
            )
        });
        Some(Detail {
            pictures: pictures.collect(),
            base: base.map(|base| (base.number, base.script.clone())),
            version: view,
        })
    };
    let mut notes = Vec::new();
    if session.format > FORMAT {
        notes.push(format!(
            "Format {}: newer than this program, shown as far as it is understood.",
            session.format
        ));
    }
    let edited = snapshot.edited.iter();
    notes.extend(
        edited.map(|file| format!("{file} was changed by hand; the next resume takes it up.")),
    );
    Material {
        details: viewer::detailed(session).into_iter().filter_map(detail).collect(),
        chats: chats(folder, session),
        notes,
        show_with: super::work::show_with(context, folder),
        session: view::Session::of(session),
    }
}

fn chats(folder: &Path, session: &Session) -> Vec<Chat> {
    let files = session.artifacts.iter().filter(|(file, _)| file.starts_with("chats/"));
    let files: Vec<_> = files.collect();
    let unread = files.len().saturating_sub(CHATS);
    let chat = |(n, (file, placed)): (usize, &(&String, &crate::domain::session::Placed))| {
        let path = files::within(folder, file).filter(|_| n >= unread);
        let text = path.and_then(|path| files::read_regular(&path, LONGEST_CHAT));
        let left_out = if text.is_none() {
            format!("It is not in this page: see {file} in the session's folder.")
        } else {
            String::new()
        };
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        Chat { file: (*file).clone(), bytes: placed.artifact.bytes, text, left_out }
    };
    files.iter().enumerate().map(chat).collect()
}
