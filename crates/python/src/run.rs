//! Runs a script in a folder of its own and judges the result.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use super::execution::Execution;
use super::figures;
use super::hints::{is_end_of_input, needs_display, needs_terminal};
use super::interpreter::Interpreter;
use super::show::{Show, look};
use super::traceback;
use super::typed;
use redraft_domain::name::told;
use redraft_domain::permission::Access;
use redraft_domain::report::{
    CapabilityKind, Checks, NO_DISPLAY, NO_INPUT, NOT_KEPT, Run, RunError, RunVerdict,
};
use redraft_domain::session::reads_arguments;
use redraft_domain::settings::Sandbox;
use redraft_domain::text::{count, one_line};
use redraft_files::{self as files, Mode};
use redraft_sandbox::display::Frame;
use redraft_sandbox::{
    Content, Done, End, Hands, Input, Job, Limits, Runner, RunnerError, terminal,
};

/// Bytes kept of each output stream.
const KEEP: usize = 256 * 1024;
const MIB: u64 = 1 << 20;
/// Subfolder of the run folder that holds the data files.
const DATA: &str = "data";
/// Maximum number of data file names listed in a hint.
const LISTED: usize = 10;
/// Modules that may draw figures with matplotlib.
const DRAWING: &[&str] = &["matplotlib", "mpl_toolkits", "pandas", "pylab", "seaborn"];
/// Values of environment variables of at least this many bytes may be keys and are redacted.
const SECRET: usize = 8;
/// The signal sent by Ctrl-C.
const SIGINT: i32 = Signal::SIGINT as i32;
/// Time limit of a run that the user controls.
const A_DAY: Duration = Duration::from_hours(24);

/// A run request: the script, its input, access and limits.
#[derive(Clone)]
pub struct Ask<'a> {
    /// The script's text.
    pub script: &'a str,
    /// Its file name, such as `script_v3.py`.
    pub script_name: &'a str,
    /// Data files and folders, copied into the run folder.
    pub data: &'a [PathBuf],
    /// Files from earlier runs, with their names in the run folder; also copied.
    pub earlier: &'a [(String, PathBuf)],
    /// Access beyond the run folder.
    pub access: &'a Access,
    /// Static check results, for example whether the script opens a window.
    pub checks: &'a Checks,
    /// Resource limits.
    pub limits: Sandbox,
    /// The Python interpreter that runs it.
    pub python: &'a Interpreter,
    /// Destination of the files that it writes; `None` discards them.
    pub keep_files_in: Option<&'a Path>,
    /// Destination of the screenshot of its window; `None` discards it.
    pub picture: Option<&'a Path>,
    /// The user operates the script, at redraft's own terminal and display.
    pub by_hand: bool,
    /// Import the script instead of starting it.
    pub imported: bool,
    /// Command-line arguments.
    pub args: &'a [String],
    /// Standard input, followed by end of file.
    pub stdin: Vec<u8>,
}

/// A run and its output.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The result.
    pub run: Run,
    /// Standard output, cut in the middle if it was long.
    pub stdout: String,
    /// Standard error, cut in the same way.
    pub stderr: String,
}

/// Why a run has no result. Failures of the script itself are a [`Ran`].
#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    /// The caller cancelled.
    #[error("the run was interrupted")]
    Interrupted,
    /// The child process could not be run.
    #[error(transparent)]
    Runner(#[from] RunnerError),
}

/// Runs a script until it ends, reaches its time limit or is cancelled.
///
/// The script sees a folder with only itself and its data, a minimal environment and its input. The
/// folder has a new random name, which is replaced by `.` in all output. If the script fails
/// because it needs a terminal, it is run a second time at one.
pub async fn run(
    runner: &dyn Runner,
    ask: Ask<'_>,
    cancel: &CancellationToken,
) -> Result<Ran, RunFault> {
    let own = if ask.checks.terminal && !ask.by_hand { Streams::Terminal } else { Streams::Usual };
    let ran = at(runner, &ask, own, cancel).await?;
    // A need for a terminal that the static checks miss shows in the error.
    let wants_terminal = |error: &RunError| !ran.run.terminal && needs_terminal(error);
    if !ask.by_hand && ran.run.error.as_ref().is_some_and(wants_terminal) {
        return at(runner, &ask, Streams::Terminal, cancel).await;
    }
    Ok(ran)
}

/// Runs a script that the user operates at a pseudo-terminal, which is connected to their keyboard
/// and screen.
///
/// # Errors
/// The caller cancelled, the user interrupted it, or the child could not be run.
pub async fn used(
    runner: &dyn Runner,
    ask: Ask<'_>,
    hands: Hands,
    cancel: &CancellationToken,
) -> Result<Ran, RunFault> {
    at(runner, &ask, Streams::Lent(hands), cancel).await
}

/// Where a script's standard streams are connected.
enum Streams {
    /// Pipes, or redraft's own streams.
    Usual,
    /// A pseudo-terminal of its own.
    Terminal,
    /// A pseudo-terminal that the user operates.
    Lent(Hands),
}

/// Runs a script with these streams.
async fn at(
    runner: &dyn Runner,
    ask: &Ask<'_>,
    streams: Streams,
    cancel: &CancellationToken,
) -> Result<Ran, RunFault> {
    let show = Show::of(ask.checks.window, ask.by_hand, runner.level() != "off");
    let mut job = job(ask, &show);
    let terminal = matches!(streams, Streams::Terminal);
    if terminal {
        job.terminal = true;
        job.env.push(("TERM".into(), terminal::kind().into()));
    }
    if let Streams::Lent(hands) = streams {
        (job.terminal, job.attached, job.hands) = (true, false, Some(hands));
        let kind = env::var_os("TERM").unwrap_or_else(|| terminal::kind().into());
        job.env.push(("TERM".into(), kind));
    }
    let figures = (matches!(show, Show::Nothing(_)) && draws(ask.checks)).then(figures::folder);
    let figures = figures.transpose().map_err(RunnerError::Folder)?;
    if let Some((_, folder)) = &figures {
        job.env.push(("PYTHONPATH".into(), folder.into()));
        job.env.push(("MPLBACKEND".into(), figures::BACKEND.into()));
        job.readable.push(folder.clone());
    }
    let stop = job.stop.clone();
    let mut seen = None;
    let running = runner.run(job, cancel);
    let ended = if let Show::Virtual(display) = &show {
        tokio::select! {
            ended = running => ended,
            never = look(display, &stop, &mut seen) => match never {},
        }
    } else {
        running.await
    };
    drop(figures);
    let done = match ended {
        Ok(done) if done.end == End::Interrupted => return Err(RunFault::Interrupted),
        Ok(done) if ask.by_hand && broken_off(&done, &show) => return Err(RunFault::Interrupted),
        Ok(done) => done,
        Err(RunnerError::Unconfined(why)) => return Ok(refused(runner, &why)),
        Err(fault) => return Err(fault.into()),
    };
    let shown = |text| without_values(ask.access, public(&done, text));
    let (stdout, mut stderr) = (shown(&done.stdout.text), shown(&done.stderr.text));
    let kept = &done.files;

    if let Some((png, path)) = seen.as_ref().and_then(Frame::png).zip(ask.picture) {
        files::write(path, &png, Mode::Normal).map_err(RunnerError::Folder)?;
    }
    let window = match &show {
        Show::Virtual(_) if seen.is_some() => Window::Seen,
        Show::Virtual(_) => Window::NotSeen,
        Show::Own => Window::Unknown,
        Show::Nothing(missing) => Window::NoPlace(missing.clone()),
    };
    let Judged { verdict, reason, error } = judge(ask, &done, &window, terminal, &stdout, &stderr);
    if terminal {
        // The screen already includes standard error.
        stderr.clear();
    }
    let left_out =
        (kept.left_out > 0).then(|| format!("{} {NOT_KEPT}", count(kept.left_out, "file")));
    let reasons: Vec<String> = reason.into_iter().chain(left_out).collect();
    let run = Run {
        verdict,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        exit_code: if let End::Exited(code) = done.end { Some(code) } else { None },
        signal: if let End::Signalled(signal) = done.end { Some(signal) } else { None },
        milliseconds: u64::try_from(done.elapsed.as_millis()).unwrap_or(u64::MAX),
        sandbox: Some(runner.level().to_owned()),
        python: Some(ask.python.to_string()),
        given_by: None,
        arguments: ask.args.len(),
        error,
        screenshot: seen.is_some() && ask.picture.is_some(),
        terminal,
        stdout_bytes: done.stdout.bytes,
        stderr_bytes: done.stderr.bytes,
        files: done.files.files.clone(),
        gaps: done.gaps.clone(),
        hosts_allowed: if runner.level() == "strict" {
            ask.access.hosts.clone()
        } else {
            Vec::new()
        },
        hosts_refused: done.refused_hosts.clone(),
        ignores: Vec::new(),
        blank: Vec::new(),
        no_output: false,
        not_numbers: Vec::new(),
        programs_refused: verdict == RunVerdict::Failed
            && runner.level() != "off"
            && !ask.access.programs
            && ask.checks.capabilities.iter().any(|c| c.kind == CapabilityKind::Processes),
    };
    Ok(Ran { run, stdout, stderr })
}

/// Whether the user ended the run: with Ctrl-C, or by stopping redraft. A timeout on the virtual
/// display does not count, since redraft itself stops that window.
const fn broken_off(done: &Done, show: &Show) -> bool {
    match done.end {
        End::Signalled(signal) => signal == SIGINT,
        End::TimedOut => !matches!(show, Show::Virtual(_)),
        _ => false,
    }
}

/// The job for the runner, with a display for the script's window.
pub(super) fn job(ask: &Ask<'_>, show: &Show) -> Job {
    let given = ask.args.iter().map(String::as_str);
    let import = format!("import {}", ask.script_name.trim_end_matches(".py"));
    let started = if ask.imported { vec!["-c", &import] } else { vec![ask.script_name] };
    Job {
        program: ask.python.path.clone(),
        // No `-I` or `-P`: a script may import a module from its data files.
        args: started.into_iter().chain(given).map(OsString::from).collect(),
        env: [
            environment(&ask.python.path),
            threads(cores(), ask.limits.processes),
            show.env(),
            variables(ask.access),
        ]
        .concat(),
        inputs: inputs(ask).into_iter().chain(show.input()).collect(),
        readable: [ask.python.files(), readable(ask.access), show.readable()].concat(),
        hosts: ask.access.hosts.clone(),
        programs: ask.access.programs,
        stdin: ask.stdin.clone(),
        limits: Limits {
            time: if ask.by_hand { A_DAY } else { Duration::from_secs(ask.limits.seconds) },
            memory: ask.limits.memory_mb.saturating_mul(MIB),
            processes: ask.limits.processes,
            disk: ask.limits.disk_mb.saturating_mul(MIB),
        },
        keep: KEEP,
        keep_files_in: ask.keep_files_in.map(Path::to_owned),
        stop: CancellationToken::new(),
        attached: ask.by_hand,
        terminal: false,
        hands: None,
        counted: show.processes(),
    }
}

/// The readable paths that still resolve to the path that was allowed; one may have been replaced
/// by a link since.
fn readable(access: &Access) -> Vec<PathBuf> {
    let same = |(named, allowed): &&(PathBuf, PathBuf)| {
        named.canonicalize().is_ok_and(|path| path == *allowed)
    };
    access.readable.iter().filter(same).map(|(named, _)| named.clone()).collect()
}

/// The environment variables that the script may see and that are set.
fn variables(access: &Access) -> Vec<(OsString, OsString)> {
    let set = |name: &String| Some((OsString::from(name), env::var_os(name)?));
    access.environment.iter().filter_map(set).collect()
}

/// Replaces the values of environment variables that the script may see by their names: they may be
/// keys, and output is stored and sent to models.
fn without_values(access: &Access, mut text: String) -> String {
    for (name, value) in variables(access) {
        match value.to_str() {
            Some(value) if value.len() >= SECRET => {
                text = text.replace(value, &format!("[{}]", name.to_string_lossy()));
            }
            _ => {}
        }
    }
    text
}

/// Output without paths of this machine.
pub(super) fn public(done: &Done, text: &str) -> String {
    without_library_folder(&without_folder(text, &done.folder.to_string_lossy()))
}

/// The result when this system can't confine the script; nothing is run.
fn refused(runner: &dyn Runner, why: &str) -> Ran {
    let reason = format!(
        "this system can't confine it ({why}); `redraft doctor` says what is missing, \
         `--sandbox off` runs it as a plain process"
    );
    let run = Run {
        sandbox: Some(runner.level().to_owned()),
        ..Run::not_run(RunVerdict::Refused, reason)
    };
    Ran { run, stdout: String::new(), stderr: String::new() }
}

/// Contents of the run folder: the script, and its data both in `data/` and by plain name, since
/// scripts may expect either. The first of two entries with the same name wins.
fn inputs(ask: &Ask<'_>) -> Vec<Input> {
    let script =
        Input { name: ask.script_name.into(), content: Content::Text(ask.script.to_owned()) };
    let data = ask.data.iter().flat_map(|source| {
        let name = source.file_name().unwrap_or(OsStr::new(DATA));
        [Path::new(DATA).join(name), name.into()]
            .map(|name| Input { name, content: Content::Copy(source.clone()) })
    });
    let earlier = ask
        .earlier
        .iter()
        .map(|(name, source)| Input { name: name.into(), content: Content::Copy(source.clone()) });
    std::iter::once(script).chain(earlier).chain(data).collect()
}

/// Replaces the run folder's path by `.`: it is private outside the sandbox and useless in a
/// session that is shared. A path that only starts with it is left unchanged.
fn without_folder(text: &str, folder: &str) -> String {
    let of_a_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        out.push_str(before);
        let inside_another = out.ends_with(|c| of_a_name(c) || c == '/');
        let whole = !inside_another && !after.starts_with(of_a_name);
        out.push_str(if whole { "." } else { folder });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a script may draw figures: directly with these modules, or with a library that builds on
/// matplotlib.
fn draws(checks: &Checks) -> bool {
    checks.imports.iter().any(|module| DRAWING.contains(&module.as_str()))
}

/// The script's environment except for its home and its window.
fn environment(python: &Path) -> Vec<(OsString, OsString)> {
    let beside = python.parent().unwrap_or(Path::new("/usr/bin"));
    let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let path = env::join_paths(std::iter::once(beside).chain(usual))
        .unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
    vec![
        ("PATH".into(), path),
        ("LANG".into(), "C.UTF-8".into()),
        ("PYTHONIOENCODING".into(), "utf-8".into()),
        ("PYTHONDONTWRITEBYTECODE".into(), "1".into()),
        ("PYTHONUNBUFFERED".into(), "1".into()),
    ]
}

/// CPU cores of this machine.
fn cores() -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    u64::try_from(cores).unwrap_or(u64::MAX)
}

/// Limits the thread pools of numeric libraries on machines with many cores: these start one thread
/// per core on import, and fail if that exceeds the script's process limit.
fn threads(cores: u64, allowed: u64) -> Vec<(OsString, OsString)> {
    let most = (allowed / 4).max(1);
    let names: &[&str] = if cores > most {
        &["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS"]
    } else {
        &[]
    };
    names.iter().map(|name| (OsString::from(name), most.to_string().into())).collect()
}

/// Shortens the Python installation folder in tracebacks to `<python>`: it may contain the user's
/// home folder, which doesn't belong in a session that is shared, and is useless to a model.
fn without_library_folder(text: &str) -> String {
    let mut parts = text.split("File \"/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let path = part.split(['"', '\n']).next().unwrap_or_default();
        let library = path.rfind("/lib/python").and_then(|at| {
            let version = &path[at + "/lib/python".len()..];
            let end = version.find('/')?;
            version[..end].bytes().all(|b| b.is_ascii_digit() || b == b'.').then_some(())?;
            Some(&version[end..])
        });
        if let Some(rest) = library {
            out.extend(["File \"<python>", rest, &part[path.len()..]]);
        } else {
            out.extend(["File \"/", part]);
        }
    }
    out
}

/// Whether a script's window appeared.
enum Window {
    /// On the virtual display.
    Seen,
    /// Not on the virtual display.
    NotSeen,
    /// Possibly on a display that redraft does not watch.
    Unknown,
    /// No display was available; the text says what is missing.
    NoPlace(Option<String>),
}

struct Judged {
    verdict: RunVerdict,
    reason: Option<String>,
    error: Option<RunError>,
}

/// Judges how a run ended. With `terminal`, its output is the text of the screen.
fn judge(
    ask: &Ask<'_>,
    done: &Done,
    window: &Window,
    terminal: bool,
    stdout: &str,
    stderr: &str,
) -> Judged {
    let told = |verdict, reason: Option<String>, error| Judged { verdict, reason, error };
    let has_window = ask.checks.window;
    match done.end {
        // The exit code ignores failures of threads and child processes.
        End::Exited(0) if traceback::ended_a_worker(stderr) => {
            let reason = "an error ended a thread or a process that it started".to_owned();
            let error = traceback::error_behind(stderr, execution(ask));
            told(RunVerdict::Failed, Some(reason), error)
        }
        End::Exited(0) => told(RunVerdict::Ok, None, None),
        End::TimedOut | End::Interrupted => {
            // Rounded for display.
            let seconds = (done.elapsed.as_millis() + 500) / 1000;
            let up = matches!(window, Window::Seen | Window::Unknown);
            if !(has_window && up) {
                let mut reason = format!("still running after {seconds} s: stopped");
                if matches!(window, Window::NotSeen) {
                    reason.push_str("; no window came up");
                }
                // A script that keeps running after errors, such as a pool whose children all fail,
                // has failed.
                if traceback::counts_in(stderr) {
                    reason.push_str(", with errors behind it");
                    let error = traceback::error_behind(stderr, execution(ask));
                    return told(RunVerdict::Failed, Some(reason), error);
                }
                if terminal && done.stdout.bytes > 0 {
                    let reason = format!(
                        "it waits for keys: stopped after {seconds} s, its screen was kept"
                    );
                    return told(RunVerdict::Waits, Some(reason), None);
                }
                if was_given_nothing(ask) && typed::loops_over_input(ask.script) {
                    return told(RunVerdict::Waits, Some(NO_INPUT.to_owned()), None);
                }
                return told(RunVerdict::Timeout, Some(reason), None);
            }
            // Toolkits print errors of callbacks and continue: the window stays up.
            if traceback::is_in(stderr) {
                let reason = format!("its window was up after {seconds} s, with errors behind it");
                let error = traceback::error_behind(stderr, execution(ask));
                return told(RunVerdict::Failed, Some(reason), error);
            }
            let reason = format!("its window was up when it was stopped after {seconds} s");
            told(RunVerdict::Window, Some(reason), None)
        }
        End::OutOfMemory => {
            let message = format!(
                "stopped: it used more than the {} MiB of memory that it may",
                ask.limits.memory_mb
            );
            let hint = Some("work in smaller pieces".to_owned());
            let error =
                RunError { kind: "MemoryError".to_owned(), message, hint, ..RunError::default() };
            told(RunVerdict::Failed, None, Some(error))
        }
        // A toolkit without a display often aborts instead of raising an error.
        _ if has_window && matches!(window, Window::NoPlace(_)) && needs_display(stderr) => {
            let mut reason = NO_DISPLAY.to_owned();
            if let Window::NoPlace(Some(missing)) = window {
                reason = format!("{reason}: {missing}");
            }
            told(RunVerdict::Skipped, Some(reason), None)
        }
        End::Exited(code) => {
            let silent = || RunError {
                message: format!("exit code {code}, and nothing on standard error"),
                ..RunError::default()
            };
            let error = error(ask, stdout, stderr).unwrap_or_else(silent);
            if waits_for_input(ask, &error) {
                return told(RunVerdict::Waits, Some(NO_INPUT.to_owned()), None);
            }
            told(RunVerdict::Failed, None, Some(error))
        }
        End::Signalled(signal) => {
            let name = Signal::try_from(signal).map_or("an unknown signal", Signal::as_str);
            let message = format!("killed by signal {signal} ({name})");
            told(RunVerdict::Failed, None, Some(RunError { message, ..RunError::default() }))
        }
    }
}

/// Whether the error comes from reading input when none was provided, which is not a bug.
fn waits_for_input(ask: &Ask<'_>, error: &RunError) -> bool {
    let is_about_input = |line| typed::is_about_input(ask.script, line);
    was_given_nothing(ask) && (is_end_of_input(error) || error.line.is_some_and(is_about_input))
}

/// Whether a script that may read input got none. A script that ignores its arguments and prompts
/// instead is wrong, and so is one that got input and reads more.
fn was_given_nothing(ask: &Ask<'_>) -> bool {
    ask.stdin.is_empty() && !ask.by_hand && (ask.args.is_empty() || reads_arguments(ask.script))
}

const fn execution<'a>(ask: &'a Ask<'_>) -> Execution<'a> {
    Execution { script: ask.script, name: ask.script_name, args: ask.args }
}

/// The error on standard error, extended with facts of the run.
fn error(ask: &Ask<'_>, stdout: &str, stderr: &str) -> Option<RunError> {
    let ran = execution(ask);
    let mut error = traceback::error(stderr, ran)
        // Some scripts print their errors to standard output.
        .or_else(|| traceback::error(stdout, ran))?;
    if error.kind == "FileNotFoundError" {
        let names = ask.data.iter().filter_map(|path| path.file_name());
        let names: Vec<String> =
            names.take(LISTED).map(|name| one_line(&told(&name.to_string_lossy()), 200)).collect();
        if !names.is_empty() {
            let hint = error.hint.get_or_insert_default();
            *hint = format!("{hint}; the data files here: {}", names.join(", "));
        }
    }
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redraft_sandbox::Captured;

    #[test]
    fn a_traceback_does_not_tell_where_python_is_installed() {
        for (text, expected) in [
            ("", ""),
            ("File \"/a", "File \"/a"),
            ("File \"/home/x/y.py\", line 1", "File \"/home/x/y.py\", line 1"),
            (
                "  File \"/home/x/lib/python3.11/json/decoder.py\", line 1\n  File \"/usr/lib/python3/a.py\"",
                "  File \"<python>/json/decoder.py\", line 1\n  File \"<python>/a.py\"",
            ),
            ("File \"/lib/pythonic/a.py\"", "File \"/lib/pythonic/a.py\""),
            ("File \"/x/lib/python3.11", "File \"/x/lib/python3.11"),
        ] {
            assert_eq!(without_library_folder(text), expected);
        }
    }

    #[test]
    fn many_cores_do_not_cost_a_script_all_its_threads() {
        for (cores, allowed, told) in
            [(4, 64, None), (16, 64, None), (96, 64, Some("16")), (2, 4, Some("1")), (1, 0, None)]
        {
            let told = told.map(OsString::from);
            let vars = threads(cores, allowed);
            assert_eq!(vars.first().map(|(_, value)| value), told.as_ref(), "{cores} {allowed}");
        }
    }

    #[test]
    fn a_window_that_stays_up_is_a_pass_and_only_that() {
        use RunVerdict::{Failed, Skipped, Timeout, Window};
        let python = Interpreter {
            path: "/usr/bin/python3".into(),
            version: (3, 11, 7),
            base: "/usr".into(),
        };
        let broken =
            "Exception in Tkinter callback\nTraceback (most recent call last):\nKeyError: 1\n";
        let ignored = "Exception ignored while calling deallocator <function A.__del__ at 0x7f>:\n\
                       Traceback (most recent call last):\nOSError: x\n";
        let (seen, not_seen) = (super::Window::Seen, super::Window::NotSeen);
        let (unknown, nowhere) = (super::Window::Unknown, super::Window::NoPlace(None));
        let aborted = "qt.qpa.xcb: could not connect to display \n";
        for (window, place, end, stderr, verdict) in [
            (true, &seen, End::TimedOut, "", Window),
            (true, &unknown, End::TimedOut, "some warning", Window),
            (true, &seen, End::TimedOut, broken, Failed),
            (true, &not_seen, End::TimedOut, "", Timeout),
            (true, &nowhere, End::TimedOut, "", Timeout),
            (false, &nowhere, End::TimedOut, "", Timeout),
            (false, &nowhere, End::TimedOut, "a warning", Timeout),
            (false, &nowhere, End::TimedOut, broken, Failed),
            (false, &nowhere, End::TimedOut, ignored, Timeout),
            (true, &nowhere, End::Signalled(6), aborted, Skipped),
            (true, &seen, End::Signalled(6), aborted, Failed),
            (true, &nowhere, End::Exited(1), "KeyError: 1", Failed),
            (false, &nowhere, End::Exited(1), aborted, Failed),
            (false, &nowhere, End::OutOfMemory, "", Failed),
        ] {
            let checks = Checks { window, ..Checks::default() };
            let ask = Ask {
                script: "",
                script_name: "script_v1.py",
                data: &[],
                earlier: &[],
                access: &Access::default(),
                checks: &checks,
                limits: Sandbox { seconds: 5, ..Sandbox::default() },
                python: &python,
                keep_files_in: None,
                picture: None,
                by_hand: false,
                imported: false,
                args: &[],
                stdin: Vec::new(),
            };
            let (stdout, elapsed) = (Captured::default(), Duration::from_secs(5));
            let done = Done {
                end,
                stdout: stdout.clone(),
                stderr: stdout,
                elapsed,
                folder: "/work".into(),
                files: redraft_sandbox::Kept::default(),
                refused_hosts: Vec::new(),
                gaps: Vec::new(),
            };
            let judged = judge(&ask, &done, place, false, "", stderr);
            assert_eq!(judged.verdict, verdict, "{window} {end:?} {stderr}");
            assert_eq!(judged.error.is_some(), verdict == Failed, "{end:?} {stderr}");
        }
    }
}
