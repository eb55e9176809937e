//! Confines a child with `sandbox-exec`, which every macOS has.
//!
//! It keeps files, the network and other processes from the child. Unlike on Linux, memory is not
//! bounded, nor is the sum of what is written, and a process that leaves the group outlives it: the
//! report says so.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Done, Job, Runner, RunnerError, plain};

/// By its absolute path: one that stands earlier on the PATH would confine nothing.
const SANDBOX_EXEC: &str = "/usr/bin/sandbox-exec";
/// What every program reads, and nobody's secret.
const SYSTEM: &[&str] = &[
    "/System",
    "/usr",
    "/bin",
    "/sbin",
    "/Library/Apple",
    "/Library/Developer/CommandLineTools",
    "/Library/Fonts",
    "/Library/Frameworks",
    "/private/etc/localtime",
    "/private/var/db/timezone",
    "/private/var/db/dyld",
    "/dev",
    "/opt/homebrew/Cellar",
    "/opt/homebrew/opt",
    "/opt/homebrew/lib",
];
/// Sets what the shell can set before the program takes its place: files, handles, processes, cores.
const LIMITS: &str =
    "ulimit -c 0; ulimit -n 1024; ulimit -f \"$1\"; ulimit -u \"$2\"; shift 2; exec \"$@\"";

/// Runs children confined.
#[derive(Clone, Copy, Debug)]
pub(super) struct MacRunner {
    /// The child may use the network.
    pub(super) network: bool,
}

impl Runner for MacRunner {
    fn level(&self) -> &'static str {
        if self.network { "network" } else { "strict" }
    }

    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>> {
        run(self.network, job, cancel).boxed()
    }
}

async fn run(network: bool, job: Job, cancel: &CancellationToken) -> Result<Done, RunnerError> {
    if !Path::new(SANDBOX_EXEC).exists() {
        return Err(RunnerError::Unconfined(format!("`{SANDBOX_EXEC}` is not there")));
    }
    let readable = job.readable.clone();
    let (program, limits) = (job.program.clone(), job.limits);
    let wrap = move |folder: &Path| -> Vec<OsString> {
        let profile = profile(folder, &readable, network);
        let blocks = (limits.disk / 512).to_string();
        let mut command: Vec<OsString> =
            [SANDBOX_EXEC, "-p", &profile, "/bin/sh", "-c", LIMITS, "sh", &blocks]
                .map(OsString::from)
                .into();
        command.extend([limits.processes.to_string().into(), program.into_os_string()]);
        command
    };
    let mut done = plain::run_as(job, wrap, cancel).await?;
    done.gaps = vec![
        "its memory and the sum of what it writes are not bounded".to_owned(),
        "a process that leaves its group may outlive it".to_owned(),
    ];
    Ok(done)
}

/// The rules: everything is refused that is not named here.
fn profile(folder: &Path, readable: &[std::path::PathBuf], network: bool) -> String {
    let quoted = |path: &Path| {
        let path = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        format!("(subpath \"{path}\")")
    };
    let mut read: String = SYSTEM.iter().map(|path| quoted(Path::new(path))).collect();
    for path in readable {
        read.push_str(&quoted(path));
        read.extend(path.canonicalize().ok().map(|real| quoted(&real)));
    }
    let own = quoted(folder);
    let mut rules = format!(
        "(version 1)(deny default)(allow process-fork)(allow process-exec)\
         (allow signal (target same-sandbox))(allow sysctl-read)(allow ipc-posix*)\
         (allow file-read-metadata)(allow file-read* {read}{own}(literal \"/\"))\
         (allow file-write* {own}(literal \"/dev/null\")(literal \"/dev/zero\")(literal \"/dev/tty\"))\
         (deny file-write-setugid)(allow file-ioctl (literal \"/dev/null\"))"
    );
    if network {
        let _ = write!(rules, "(allow network*)(allow system-socket)(allow mach-lookup)");
    }
    rules
}
