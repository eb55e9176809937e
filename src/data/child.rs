//! Files are looked into by a process of its own: whatever they do to who reads them ends with it.

use super::look;
use crate::domain::event::Described;
use crate::domain::text::size;
use crate::files;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What our own program is called with to look into a file.
const WORD: &str = "describe-a-file";
/// Where it leaves what it saw, in a folder of its own.
const REPORT: &str = "described.json";
/// Its time.
const SECONDS: u64 = 6;
/// The time after which no further file is looked into.
const TOGETHER: Duration = Duration::from_secs(20);
/// Its memory.
#[cfg(unix)]
const MEMORY: u64 = 1 << 30;
/// Characters that are said of one file, and of all files.
const ONE: usize = 1200;
const ALL: usize = 4000;
/// Fewer would say nothing.
const LEAST: usize = 120;

/// What files hold, each within its part of what can be said of all; none of a file that nothing
/// can be said of.
///
/// Each takes a process that ends by itself within six seconds, all together half a minute.
#[must_use]
pub fn describe(paths: &[PathBuf]) -> Vec<Option<Described>> {
    let room = (ALL / paths.len().max(1)).clamp(LEAST, ONE);
    let mut left = ALL;
    let begun = Instant::now();
    let mut all = Vec::new();
    for path in paths {
        let out_of = left < room || begun.elapsed() > TOGETHER;
        let described = if out_of { None } else { one(path, room) };
        if let Some(Described { summary, text }) = &described {
            left = left.saturating_sub(summary.chars().count() + text.chars().count());
        }
        all.push(described);
    }
    all
}

fn one(path: &Path, room: usize) -> Option<Described> {
    // What is no file is told of by who copies it.
    let bytes = path.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let folder = files::small_temporary_folder().ok()?;
    let report = folder.path().join(REPORT);
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().ok()?
    };
    let mut command = Command::new(program);
    command.arg(WORD).arg(path).arg(&report).arg(room.to_string());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok()?;
    let told = files::read_regular(&report, 64 * 1024);
    let told = told.and_then(|told| serde_json::from_slice(&told).ok());
    Some(told.unwrap_or_else(|| Described {
        summary: format!("{}; it could not be looked into: damaged or too large", size(bytes)),
        text: String::new(),
    }))
}

/// If this process was started to look into a file, does that and gives its exit code.
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

/// Gives this process its limits.
fn bound() {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(SECONDS));
        std::process::exit(1);
    });
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, setrlimit};
        // Where one can't be set, the time still ends it.
        let _ = setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY);
        let _ = setrlimit(Resource::RLIMIT_CPU, SECONDS, SECONDS);
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    }
}
