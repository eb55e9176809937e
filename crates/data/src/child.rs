//! Runs the analysis of a file in a separate process, so that a malicious file can only harm that
//! process.

use super::look;
use redraft_domain::event::Described;
use redraft_domain::text::size;
use redraft_files as files;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Subcommand of this program that describes a file.
const WORD: &str = "describe-a-file";
/// The file that it writes its report to, in its working folder.
const REPORT: &str = "described.json";
/// Its limit of processor time in seconds, and its limit of wall-clock time in seconds, which is
/// longer for busy machines.
const SECONDS: u64 = 6;
const PATIENCE: u64 = 4 * SECONDS;
/// The time after which no further file is described.
const TOGETHER: Duration = Duration::from_secs(20);
/// Maximum length of a report, in bytes.
pub const LONGEST_REPORT: u64 = 64 * 1024;
/// Its memory limit, in bytes.
const MEMORY: u64 = 1 << 30;
/// Maximum characters of the description of one file, and of all files.
const ONE: usize = 1200;
const ALL: usize = 4000;
/// Minimum characters of a useful description.
const LEAST: usize = 120;

/// This program as a child process that describes one file.
#[derive(Debug)]
pub struct Child<'a> {
    /// The data file, the only file that it has to read.
    pub file: &'a Path,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The report in its working folder, the only file that it has to write.
    pub report: &'static str,
    /// Its time limit.
    pub time: Duration,
    /// Its memory limit, in bytes.
    pub memory: u64,
}

/// Runs such a process in a sandbox and returns its report, if it wrote one.
///
/// # Errors
/// If this system can't sandbox it; the process was not started.
pub type Confine<'a> = dyn Fn(&Child<'_>) -> Result<Option<Vec<u8>>, String> + 'a;

/// Describes files, each within its share of the characters for all; `None` for a file that can't
/// be described.
///
/// Each file is read by a process that ends after at most six seconds of processor time. It is
/// sandboxed by `confine`; if the system can't do that, it has only its own limits.
#[must_use]
pub fn describe(paths: &[PathBuf], confine: &Confine<'_>) -> Vec<Option<Described>> {
    let room = (ALL / paths.len().max(1)).clamp(LEAST, ONE);
    let mut left = ALL;
    let begun = Instant::now();
    let mut all = Vec::new();
    for path in paths {
        let out_of = left < room || begun.elapsed() > TOGETHER;
        let described = if out_of { None } else { one(path, room, confine) };
        if let Some(Described { summary, text, .. }) = &described {
            left = left.saturating_sub(summary.chars().count() + text.chars().count());
        }
        all.push(described);
    }
    all
}

fn one(path: &Path, room: usize, confine: &Confine<'_>) -> Option<Described> {
    // If it is not a file, copying it reports the error.
    let bytes = path.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let file = std::path::absolute(path).ok()?;
    let args = vec![WORD.into(), file.clone().into(), REPORT.into(), room.to_string().into()];
    let time = Duration::from_secs(PATIENCE);
    let child = Child { file: &file, args, report: REPORT, time, memory: MEMORY };
    let told = confine(&child).unwrap_or_else(|_| limited(&child));
    let told = told.and_then(|told| serde_json::from_slice(&told).ok());
    Some(told.unwrap_or_else(|| Described {
        summary: format!("{}; it could not be looked into: damaged or too large", size(bytes)),
        ..Described::default()
    }))
}

/// Runs such a process with only its own limits.
fn limited(child: &Child<'_>) -> Option<Vec<u8>> {
    let folder = files::small_temporary_folder().ok()?;
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().ok()?
    };
    let mut command = Command::new(program);
    command.args(&child.args).current_dir(folder.path());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok()?;
    files::read_regular(&folder.path().join(child.report), LONGEST_REPORT)
}

/// If this process was started to describe a file, does that and returns its exit code.
#[must_use]
pub fn started_to_describe() -> Option<u8> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != WORD {
        return None;
    }
    let args: Vec<OsString> = args.collect();
    let [path, report, room] = args.as_slice() else { return Some(2) };
    let Some(room) = room.to_str().and_then(|room| room.parse().ok()) else { return Some(2) };
    bound();
    let Ok(described) = look(Path::new(path), room) else { return Some(1) };
    let Ok(told) = serde_json::to_vec(&described) else { return Some(1) };
    Some(u8::from(files::put(Path::new(report), told).is_err()))
}

/// Sets the limits of this process.
fn bound() {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(PATIENCE));
        std::process::exit(1);
    });
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, setrlimit};
        // If one can't be set, the time limit still applies.
        let _ = setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY);
        let _ = setrlimit(Resource::RLIMIT_CPU, SECONDS, SECONDS);
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    }
}
