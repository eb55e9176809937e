//! Runs a version in the user's hands, by starting `redraft run` at the terminal.

use super::editor;
use crate::files;
use std::path::Path;
use std::process::Command;

/// Maximum size of the typed input that is read, in bytes.
const MOST: u64 = 64 << 10;

/// Runs a version and returns what the user typed. Fails with a message if it cannot be started.
pub(super) fn run(flags: &[String], folder: &Path, version: u32) -> Result<String, String> {
    let place = files::temporary_folder().map_err(|error| error.to_string())?;
    let kept = place.path().join("typed");
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("run").args(flags).arg("--typed").arg(&kept);
    command.arg(format!("{}:v{version}", folder.display()));
    editor::with_terminal(|| command.status())
        .map_err(|error| format!("it can't be started: {error}"))?;
    Ok(files::read_regular(&kept, MOST)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default())
}
