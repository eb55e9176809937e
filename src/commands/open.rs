//! `redraft open`: opens the files from a version's run in the user's programs.

use super::{Context, code, notebook};
use crate::cli::Target;
use crate::domain::text::{one_line, visible};
use crate::files;
use crate::store;
use crate::terminal::pick::{self, Choice};
use crate::terminal::{links, picture};
use crate::view;
use anyhow::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The system's program for opening files.
const OPENER: &str = if cfg!(target_os = "macos") { "/usr/bin/open" } else { "xdg-open" };
/// Magic numbers of PNG, JPEG and GIF.
const PICTURES: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"];
/// The largest file to check for these, in bytes.
const LARGEST: u64 = 256 << 20;

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let terminal = &context.terminal;
    let place = context.find(args.session.as_deref())?;
    let session = store::read(&place.folder)?.session;
    let number = place.version.or(session.head).unwrap_or(1);
    let Some(version) = session.version(number) else {
        return Err(store::no_version(&session, number).into());
    };
    let left = view::left(version).into_iter();
    let left: Vec<PathBuf> = left.filter_map(|(_, file)| there(&place.folder, &file)).collect();
    let picture = left.iter().find(|path| is_picture(path));
    let Some(file) = picture.or_else(|| left.first()) else {
        bail!("v{number} of `{}` left no picture and no file", one_line(&session.name, 100));
    };
    let opened = (picture.is_some() || wanted(context, file)?) && open(file);
    if terminal.json {
        terminal.json(&json!({ "path": file, "opened": opened }));
    } else {
        let shown = links::path(terminal, file);
        terminal.say(&if opened { format!("opened {shown}") } else { shown });
        if let Some(picture) = picture.filter(|_| !opened)
            && let Err(why) = picture::draw(terminal, picture)
        {
            terminal.say(&terminal.warm(&format!("  {}", visible(&why))));
        }
    }
    Ok(code::DONE)
}

/// The path of a run's file, if it exists and no link leads to it.
fn there(folder: &Path, file: &str) -> Option<PathBuf> {
    let place = files::within(folder, file)?;
    place.canonicalize().ok().filter(|place| place.is_file())
}

/// Whether a file is safe to open: its name, by which systems choose a program, and its first bytes
/// say that it is a picture.
fn is_picture(path: &Path) -> bool {
    let called = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let begins = || {
        let begin = files::read_regular(path, LARGEST).unwrap_or_default();
        PICTURES.iter().any(|known| begin.starts_with(known))
    };
    called.is_some_and(|ending| notebook::TYPES.iter().any(|(known, _)| *known == ending))
        && begins()
}

/// Asks whether to open a file that the script wrote: opening some kinds runs them.
fn wanted(context: &Context, file: &Path) -> Result<bool> {
    let terminal = &context.terminal;
    if context.yes || !terminal.interactive || terminal.json {
        return Ok(context.yes);
    }
    let choices = [
        Choice { word: "no", what: "say only where it is" },
        Choice { word: "yes", what: "the script wrote it, and your system may run it" },
    ];
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match pick::select(terminal, &format!("Open {}?", one_line(&name, 60)), &choices, 0) {
        Ok(chosen) => Ok(chosen == Some(1)),
        Err(_) => bail!("interrupted"),
    }
}

/// Passes a file to the system's opener; returns whether that succeeded.
fn open(file: &Path) -> bool {
    let quiet = || Stdio::null();
    let mut command = Command::new(OPENER);
    command.arg(file).stdin(quiet()).stdout(quiet()).stderr(quiet());
    command.status().is_ok_and(|status| status.success())
}
