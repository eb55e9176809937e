//! Files are looked into by a process of its own: whatever they do to who reads them ends with it.

use super::look;
use redraft_domain::event::Described;
use redraft_domain::text::size;
use redraft_files as files;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What our own program is called with to look into a file.
const WORD: &str = "describe-a-file";
/// Where it leaves what it saw, in the folder that it is started in.
const REPORT: &str = "described.json";
/// Seconds of a processor that it has, and of the clock: on a busy machine it waits for its turn.
const SECONDS: u64 = 6;
const PATIENCE: u64 = 4 * SECONDS;
/// The time after which no further file is looked into.
const TOGETHER: Duration = Duration::from_secs(20);
/// The longest report, in bytes.
pub const LONGEST_REPORT: u64 = 64 * 1024;
/// Its memory.
const MEMORY: u64 = 1 << 30;
/// Characters that are said of one file, and of all files.
const ONE: usize = 1200;
const ALL: usize = 4000;
/// Fewer would say nothing.
const LEAST: usize = 120;

/// Our own program, started to look into one file.
#[derive(Debug)]
pub struct Child<'a> {
    /// The file: all that it has to read.
    pub file: &'a Path,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What it writes, in the folder that it is started in: all that it has to write.
    pub report: &'static str,
    /// Its time.
    pub time: Duration,
    /// Its memory, in bytes.
    pub memory: u64,
}

/// Runs such a process confined and gives its report, if it left one.
///
/// # Errors
/// It can't be confined here, and was not started.
pub type Confine<'a> = dyn Fn(&Child<'_>) -> Result<Option<Vec<u8>>, String> + 'a;

/// What files hold, each within its part of what can be said of all; none of a file that nothing
/// can be said of.
///
/// Each takes a process that ends by itself after six seconds of work. It is
/// confined by `confine`; where the system can't do that, it has only its own limits.
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
    // What is no file is told of by who copies it.
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

/// Runs such a process with nothing but its own limits.
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
        std::thread::sleep(Duration::from_secs(PATIENCE));
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
