//! `redraft open`: what a version's run left, in the program that the user has for it.

use super::{Context, code};
use crate::cli::Target;
use crate::domain::text::one_line;
use crate::files;
use crate::store;
use crate::terminal::links;
use crate::terminal::pick::{self, Choice};
use anyhow::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What opens files on this system.
const OPENER: &str = if cfg!(target_os = "macos") { "/usr/bin/open" } else { "xdg-open" };
/// How a picture begins: PNG, JPEG, GIF. Nobody runs one, whatever it is called.
const PICTURES: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"];
/// The largest file that is looked into for that, in bytes.
const LARGEST: u64 = 256 << 20;

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let terminal = &context.terminal;
    let place = context.find(args.session.as_deref())?;
    let session = store::read(&place.folder)?.session;
    let number = place.version.or(session.head).unwrap_or(1);
    let Some(version) = session.version(number) else {
        return Err(store::no_version(&session, number).into());
    };
    let folder = place.folder.join(format!("run_v{number}"));
    let names = version.run.iter().flat_map(|run| &run.files).map(|name| format!("files/{name}"));
    let picture =
        version.run.iter().filter(|run| run.screenshot).map(|_| "screenshot.png".to_owned());
    let left: Vec<PathBuf> =
        picture.chain(names).filter_map(|name| inside(&folder, &name)).collect();
    let Some(file) = left.iter().find(|path| is_picture(path)).or_else(|| left.first()) else {
        bail!("v{number} of `{}` left no picture and no file", one_line(&session.name, 100));
    };
    let opened = (is_picture(file) || wanted(context, file)?) && open(file);
    if terminal.json {
        terminal.json(&json!({ "path": file, "opened": opened }));
    } else {
        let shown = links::path(terminal, file);
        terminal.say(&if opened { format!("opened {shown}") } else { shown });
    }
    Ok(code::DONE)
}

/// A file below a folder, if it is there and no link leads out of the folder.
fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let file = folder.join(name).canonicalize().ok()?;
    (file.starts_with(folder.canonicalize().ok()?) && file.is_file()).then_some(file)
}

fn is_picture(path: &Path) -> bool {
    let begin = files::read_regular(path, LARGEST).unwrap_or_default();
    PICTURES.iter().any(|known| begin.starts_with(known))
}

/// Whether a file that the script wrote may be opened: some kinds are run by that.
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

/// Hands a file to the system; whether that could be done.
fn open(file: &Path) -> bool {
    let quiet = || Stdio::null();
    let mut command = Command::new(OPENER);
    command.arg(file).stdin(quiet()).stdout(quiet()).stderr(quiet());
    command.status().is_ok_and(|status| status.success())
}
