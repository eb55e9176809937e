//! Confines a child with `sandbox-exec`, which is part of every macOS.
//!
//! It denies access to files, the network and other processes. Unlike on Linux, memory and the
//! total of written data are not limited, and a process that leaves the group outlives the child:
//! the report says so.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::proxy::{self, Proxy};
use super::{Done, Job, Runner, RunnerError, plain};

/// An absolute path, since a program of this name earlier on the PATH might confine nothing.
const SANDBOX_EXEC: &str = "/usr/bin/sandbox-exec";
/// Folders that every program reads, without secrets.
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
/// Files that are needed to verify certificates.
const CERTIFICATES: &[&str] =
    &["/private/etc/ssl", "/opt/homebrew/etc/openssl@3", "/opt/homebrew/etc/ca-certificates"];
/// Shell command that sets limits and then executes the program: file size, handles, processes,
/// core dumps.
const LIMITS: &str =
    "ulimit -c 0; ulimit -n 1024; ulimit -f \"$1\"; ulimit -u \"$2\"; shift 2; exec \"$@\"";

/// Where a child may connect.
#[derive(Clone, Copy, Debug)]
enum Out {
    Nothing,
    /// This port on this machine.
    Port(u16),
    Everything,
}

/// Runs confined children.
#[derive(Clone, Copy, Debug)]
pub(super) struct MacRunner {
    /// Gives the child network access.
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

async fn run(network: bool, mut job: Job, cancel: &CancellationToken) -> Result<Done, RunnerError> {
    if !Path::new(SANDBOX_EXEC).exists() {
        return Err(RunnerError::Unconfined(format!("`{SANDBOX_EXEC}` is not there")));
    }
    if network {
        job.hosts.clear();
    }
    let proxy = Proxy::of(&job.hosts).map_err(RunnerError::Unconfined)?;
    // There is no network namespace on macOS, so the proxy listens on a port of this machine.
    let mut way_out = None;
    let mut out = if network { Out::Everything } else { Out::Nothing };
    if let Some(proxy) = &proxy {
        let unconfined = |error: std::io::Error| RunnerError::Unconfined(error.to_string());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unconfined)?;
        let port = listener.local_addr().map_err(unconfined)?.port();
        job.env.extend(proxy::environment(&job.hosts, port));
        job.readable.extend(CERTIFICATES.iter().map(Into::into));
        proxy::give_certificates(&mut job);
        way_out = Some((proxy.clone(), listener));
        out = Out::Port(port);
    }
    let readable = job.readable.clone();
    let (program, limits) = (job.program.clone(), job.limits);
    let wrap = move |folder: &Path, terminal: Option<&Path>| -> Vec<OsString> {
        let profile = profile(folder, terminal, &readable, out);
        let blocks = (limits.disk / 512).to_string();
        let mut command: Vec<OsString> =
            [SANDBOX_EXEC, "-p", &profile, "/bin/sh", "-c", LIMITS, "sh", &blocks]
                .map(OsString::from)
                .into();
        command.extend([limits.processes.to_string().into(), program.into_os_string()]);
        command
    };
    let served = async {
        match way_out {
            Some((proxy, listener)) => proxy.serve(listener).await,
            None => pending().await,
        }
    };
    let mut done = tokio::select! {
        done = plain::run_as(job, wrap, cancel) => done?,
        never = served => match never {},
    };
    done.gaps = vec![
        "its memory and the sum of what it writes are not bounded".to_owned(),
        "a process that leaves its group may outlive it".to_owned(),
    ];
    if let Some(proxy) = proxy {
        done.refused_hosts = proxy.refused();
        done.gaps
            .push("while it ran, any program here could reach its hosts by its proxy".to_owned());
    }
    Ok(done)
}

/// The sandbox profile: everything that is not listed is denied.
fn profile(
    folder: &Path,
    terminal: Option<&Path>,
    readable: &[std::path::PathBuf],
    out: Out,
) -> String {
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
    if let Some(terminal) = terminal {
        let name = terminal.display();
        let _ = write!(
            rules,
            "(allow file-write* file-ioctl (literal \"{name}\"))\
             (allow file-ioctl (literal \"/dev/tty\"))"
        );
    }
    let _ = match out {
        Out::Nothing => Ok(()),
        Out::Port(port) => {
            write!(rules, "(allow network-outbound (remote ip \"localhost:{port}\"))")
        }
        Out::Everything => {
            write!(rules, "(allow network*)(allow system-socket)(allow mach-lookup)")
        }
    };
    rules
}
