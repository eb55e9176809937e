//! Starts an installer and captures its output.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Bytes kept from the end of each output stream.
const KEPT: usize = 64 * 1024;
/// Lines and characters kept from the end of an error output.
const TOLD_LINES: usize = 12;
const TOLD: usize = 1500;

/// Environment variables passed to an installer: locations, certificates and proxies.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "NETRC",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];
/// Prefixes of further variables to pass: the installers' own settings.
const PASSED_BY_PREFIX: &[&str] = &["PIP_", "UV_", "XDG_", "PYENV_"];
/// Exceptions to these: settings of where packages are installed, which redraft decides.
const KEPT_BACK: &[&str] = &[
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_WORKING_DIR",
];

/// Exit status and output of an installer.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    /// It exited with success.
    pub(super) well: bool,
    /// End of standard output.
    pub(super) out: String,
    /// End of standard error.
    pub(super) errors: String,
}

/// Why an installer did not finish.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    /// The caller cancelled.
    #[error("it was interrupted")]
    Interrupted,
    /// The time limit.
    #[error("it was stopped after {} s", .0.as_secs())]
    TooLong(Duration),
    /// It could not be started or waited for.
    #[error("it could not be started: {}", redraft_files::reason(.0))]
    System(#[from] io::Error),
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tool(Vec<OsString>);

impl Tool {
    /// A program without arguments.
    pub(super) fn new(program: &Path) -> Self {
        Self(vec![program.into()])
    }

    /// Adds arguments.
    pub(super) fn with<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Self {
        let mut all = self.0.clone();
        all.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        Self(all)
    }

    /// Runs it in a folder until it ends, times out or is cancelled. All its processes are ended
    /// then.
    pub(super) async fn run(
        &self,
        folder: &Path,
        input: &str,
        patience: Duration,
        cancel: &CancellationToken,
    ) -> Result<Ended, ToolError> {
        let Some((program, args)) = self.0.split_first() else { return Ok(Ended::default()) };
        let mut child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own process group: child processes are killed with it, and Ctrl-C reaches only
            // redraft.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let _group = Group(child.id());
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let work = async {
            let fed = async {
                if let Some(mut stdin) = stdin {
                    // A program that does not read its input closes the pipe, which is not an
                    // error.
                    let _ = stdin.write_all(input.as_bytes()).await;
                }
            };
            let ((), out, errors) = tokio::join!(fed, end_of(stdout), end_of(stderr));
            let status = child.wait().await?;
            Ok(Ended { well: status.success(), out, errors })
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ToolError::Interrupted),
            ended = timeout(patience, work) => ended.unwrap_or(Err(ToolError::TooLong(patience))),
        }
    }
}

/// A process group that is killed when this is dropped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // An error only means that no process is left.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// Reads to the end and keeps the last part.
async fn end_of(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let (mut buffer, mut kept) = (vec![0; 8 * 1024], Vec::new());
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The environment of an installer. It includes no model keys.
fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    let passed = env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        let named = PASSED.contains(&&*name)
            || PASSED_BY_PREFIX.iter().any(|prefix| name.starts_with(prefix));
        named && !KEPT_BACK.contains(&&*name)
    });
    let fixed = [
        ("LANG", "C.UTF-8"),
        ("NO_COLOR", "1"),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PIP_NO_INPUT", "1"),
        // With `PIP_USER=1` in the user's configuration, pip would install outside the environment.
        ("PIP_USER", "0"),
        ("PYTHONUTF8", "1"),
    ];
    // A private index configured for pip is also used for uv.
    let own = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"];
    let index =
        env::var_os("PIP_INDEX_URL").filter(|_| own.iter().all(|n| env::var_os(n).is_none()));
    let index = index.map(|address| ("UV_DEFAULT_INDEX".into(), address));
    passed.chain(fixed.map(|(name, value)| (name.into(), value.into()))).chain(index)
}

/// Shortens an installer's error output for a session that may be shared: the last lines, without
/// notices, passwords and the home folder.
pub(super) fn told(errors: &str) -> String {
    let home = env::var("HOME").unwrap_or_default();
    let errors = if home.len() > 1 { &*errors.replace(&home, "~") } else { errors };
    let chatter = ["WARNING: You are using pip", "[notice]", "Looking in "];
    let lines = errors.lines().map(str::trim_end).filter(|line| {
        !line.trim().is_empty() && !chatter.iter().any(|words| line.starts_with(words))
    });
    let lines: Vec<&str> = lines.collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n");
    let from = last.ceil_char_boundary(last.len().saturating_sub(TOLD));
    without_passwords(&last[from..])
}

/// Removes user names and passwords from URLs.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let host = part.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap_or_default();
        let user = host.rfind('@').map_or(0, |at| at + 1);
        out.extend(["://", &part[user..]]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_its_last_lines_and_without_passwords() {
        let long = (0..50).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        assert!(told(&long).starts_with("line 38\n") && told(&long).ends_with("line 49"));
        assert!(told(&"é".repeat(5000)).len() <= TOLD);
        for (text, expected) in [
            ("", ""),
            ("Looking in links: /x\n\n[notice] new pip\nERROR: no\n", "ERROR: no"),
            ("fetch https://me:secret@host/simple/ failed", "fetch https://host/simple/ failed"),
            ("see https://host/a@b and mail a@b", "see https://host/a@b and mail a@b"),
        ] {
            assert_eq!(told(text), expected);
        }
    }
}
