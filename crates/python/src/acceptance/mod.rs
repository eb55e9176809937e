//! The Manager's acceptance tests: which files are tests, and their results for a script.
//!
//! A file of cases runs case by case; a Python file runs in a test harness beside the script. Each
//! goes through the [`Runner`], like a run of the script.

mod cases;
pub mod examples;
mod outcome;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::distributions::distribution;
use super::execution::Execution;
use super::outline::{self, Outline};
use super::packages;
use super::run::{self, Ask, RunFault};
use super::show::Show;
use super::traceback;
use cases::Case;
use redraft_domain::report::{Test, TestOutcome};
use redraft_files as files;
use redraft_sandbox::{Content, Done, End, Input, Job, Runner};

/// The harness for Python test files, in one program.
const HARNESS: &str = concat!(
    include_str!("harness/codec.py"),
    include_str!("harness/server.py"),
    include_str!("harness/client.py"),
    include_str!("harness/guard.py"),
    include_str!("harness/main.py"),
);
/// Maximum number of names of the script to collect from tests.
const NAMES: usize = 40;
/// Second file name of the script, by which tests can import it.
const SCRIPT: &str = "script.py";
/// Bytes kept of the harness's output.
const TOLD: usize = 2 << 20;
/// The largest test file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Contents of a test file.
#[derive(Debug)]
enum Kind {
    /// Functions `test_*` and classes `Test*`.
    Pytest,
    /// A script with assertions.
    Plain,
    /// Inputs and expected results.
    Cases(Vec<Case>),
}

/// The process in which a Python test file runs.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A process apart from the script's, which only answers calls.
    Apart,
    /// The script's own process. There the script could forge a pass.
    Beside,
}

/// Checks that a file contains tests.
///
/// # Errors
/// Describes what is wrong with it, or says that it contains none.
pub fn check(path: &Path) -> Result<(), String> {
    let (_, name) = text_of(path)?;
    if is_the_scripts(&name) {
        return Err("the script itself has that name; give it another".to_owned());
    }
    kind(path).map(drop)
}

/// The test files of a folder, sorted. Other files are skipped, and names that test files do not
/// have.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, files::FileError> {
    let mut found = files::entries(folder)?;
    found.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let own = !name.starts_with(['.', '_']) && name != "conftest.py";
        let stem = name.strip_suffix(".py");
        let meant = stem.is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"));
        let holds = || meant || (stem.is_some() && kind(path).is_ok());
        own && path.is_file() && (is_yaml(name) || holds())
    });
    found.sort();
    Ok(found)
}

/// The names of the script that tests use, sorted.
#[must_use]
pub fn interface(tests: &[PathBuf]) -> Vec<String> {
    let python = tests.iter().filter(|path| !is_yaml(&path.to_string_lossy()));
    let read = python.filter_map(|path| text_of(path).ok());
    let names: BTreeSet<String> = read.flat_map(|(text, _)| used_in(&text)).collect();
    names.into_iter().take(NAMES).collect()
}

fn used_in(text: &str) -> Vec<String> {
    let Ok(outline) = outline::of(text) else { return Vec::new() };
    let Some(module) = module_of(&outline) else { return Vec::new() };
    outline::used_of(text, module)
}

/// The module name by which a test imports the script: `script`, or the only module that is not a
/// known package.
fn module_of(test: &Outline) -> Option<&str> {
    let package =
        |module: &str| module == "pytest" || packages::known::is_known(distribution(module));
    let mut others = test.modules.iter().filter(|module| !package(module));
    let only = others.next().filter(|_| others.next().is_none());
    test.modules.get("script").or(only).map(String::as_str)
}

fn is_yaml(name: &str) -> bool {
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).is_some()
}

/// Whether the script itself has this file name in the work folder.
fn is_the_scripts(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|stem| stem == "script" || stem.starts_with("script_v"))
}

fn text_of(path: &Path) -> Result<(String, String), String> {
    let text = files::read_text(path, LARGEST).map_err(|error| files::reason(&error.source))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((text, name))
}

fn kind(path: &Path) -> Result<Kind, String> {
    let (text, name) = text_of(path)?;
    if is_yaml(&name) {
        return Ok(Kind::Cases(cases::read(&text)?));
    }
    if name.strip_suffix(".py").is_none() {
        return Err("tests are files of Python (.py) or of cases (.yaml)".to_owned());
    }
    let outline = outline::of(&text).map_err(|problem| problem.to_string())?;
    let is_test = |name: &String| name.starts_with("test") || name.starts_with("Test");
    if outline.definitions.iter().any(is_test) || outline.modules.contains("pytest") {
        Ok(Kind::Pytest)
    } else if outline.asserts {
        Ok(Kind::Plain)
    } else {
        Err("it holds no test: no function `test_...`, no class `Test...`, no `assert`".to_owned())
    }
}

/// Runs the tests in these files. All of them together share the time limit of one run.
///
/// # Errors
/// The caller cancelled, or a child could not be run.
pub async fn test(
    runner: &dyn Runner,
    ask: &Ask<'_>,
    tests: &[PathBuf],
    cancel: &CancellationToken,
) -> Result<Vec<Test>, RunFault> {
    let whole = Duration::from_secs(ask.limits.seconds);
    let begun = Instant::now();
    let mut results = Vec::new();
    let show = Show::of(ask.checks.window, false, runner.level() != "off");
    for (at, path) in tests.iter().enumerate() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let later = tests.len() - at - 1;
        let left = |later: usize| share(whole.saturating_sub(begun.elapsed()), later);
        match kind(path) {
            Err(problem) => {
                let problem = format!("it can't be used any more: {problem}");
                results.push(outcome::test(&name, TestOutcome::Skipped, &problem));
            }
            Ok(Kind::Cases(cases)) => {
                let count = cases.len();
                for (n, case) in cases.iter().enumerate() {
                    let time = left(later + count - n - 1);
                    let job = of_case(ask, &show, case, time);
                    let name = format!("{name}::{}", case.name());
                    let (done, milliseconds) = perform(runner, job, cancel).await?;
                    let result = judge(ask, case, &done, time);
                    let outcome = match &result {
                        Ok(()) => TestOutcome::Passed,
                        Err(_) => TestOutcome::Failed,
                    };
                    let why = result.err().unwrap_or_default();
                    results.push(Test { milliseconds, ..outcome::test(&name, outcome, &why) });
                }
            }
            Ok(kind) => {
                let file = File { ask, show: &show, kind: &kind, path, tests, name: &name };
                let apart = file.test(runner, Place::Apart, left(later), cancel).await?;
                if apart.iter().any(|test| test.outcome == TestOutcome::Unproven) {
                    let beside = file.test(runner, Place::Beside, left(later), cancel).await?;
                    results.extend(outcome::joined(apart, &beside, &name));
                } else {
                    results.extend(apart);
                }
            }
        }
    }
    Ok(results)
}

/// The time limit of one of several sequential tests: one that hangs leaves half to the rest.
fn share(left: Duration, later: usize) -> Duration {
    if later == 0 { left } else { left / 2 }
}

async fn perform(
    runner: &dyn Runner,
    job: Job,
    cancel: &CancellationToken,
) -> Result<(Done, u64), RunFault> {
    let done = runner.run(job, cancel).await?;
    if done.end == End::Interrupted {
        return Err(RunFault::Interrupted);
    }
    let milliseconds = u64::try_from(done.elapsed.as_millis()).unwrap_or(u64::MAX);
    Ok((done, milliseconds))
}

/// The script under its second name.
fn again(ask: &Ask<'_>) -> Input {
    Input { name: SCRIPT.into(), content: Content::Text(ask.script.to_owned()) }
}

fn of_case(ask: &Ask<'_>, show: &Show, case: &Case, time: Duration) -> Job {
    let (args, stdin) = (case.args(), case.stdin().as_bytes().to_vec());
    let mut job = run::job(&Ask { args: &args, stdin, keep_files_in: None, ..*ask }, show);
    job.limits.time = time;
    let given = case
        .files()
        .map(|(name, text)| Input { name: name.into(), content: Content::Text(text.to_owned()) });
    // The case's files come before the session's data of the same name, so that they win.
    job.inputs.splice(1..1, std::iter::once(again(ask)).chain(given));
    job
}

/// Compares the result of a case with its expectations.
fn judge(ask: &Ask<'_>, case: &Case, done: &Done, time: Duration) -> Result<(), String> {
    let (stdout, stderr) =
        (run::public(done, &done.stdout.text), run::public(done, &done.stderr.text));
    let ran = Execution { script: ask.script, name: ask.script_name, args: &case.args() };
    let error = traceback::error(&stderr, ran);
    case.judge(&cases::Ended {
        exit: if let End::Exited(code) = done.end { Some(code) } else { None },
        words: &ended(done, time),
        stdout: &stdout,
        error: error.as_ref(),
    })
}

/// A Python test file.
struct File<'a> {
    ask: &'a Ask<'a>,
    show: &'a Show,
    kind: &'a Kind,
    path: &'a Path,
    tests: &'a [PathBuf],
    name: &'a str,
}

impl File<'_> {
    async fn test(
        &self,
        runner: &dyn Runner,
        place: Place,
        time: Duration,
        cancel: &CancellationToken,
    ) -> Result<Vec<Test>, RunFault> {
        let token = token();
        let (done, _) = perform(runner, self.job(place, &token, time), cancel).await?;
        let printed = run::public(&done, &done.stdout.text);
        Ok(outcome::read(&printed, &token, self.name, &ended(&done, time)))
    }

    fn job(&self, place: Place, token: &str, time: Duration) -> Job {
        let (ask, path) = (self.ask, self.path);
        let mut stdin = format!("{token}\n").into_bytes();
        stdin.extend_from_slice(&ask.stdin);
        let mut job = run::job(&Ask { stdin, keep_files_in: None, ..*ask }, self.show);
        job.limits.time = time;
        job.keep = TOLD;
        let how = if matches!(self.kind, Kind::Plain) { "plain" } else { "pytest" };
        let place = match place {
            Place::Apart => "apart",
            Place::Beside => "beside",
        };
        let read = files::read_text(path, LARGEST).ok().and_then(|text| outline::of(&text).ok());
        let other = read.as_ref().and_then(module_of).unwrap_or_default();
        let file = path.file_name().unwrap_or_default();
        let own = ["-c", HARNESS, how, place].map(OsString::from).into_iter().chain([file.into()]);
        let (script, given) = job.args.split_at(1);
        job.args = own.chain(script.to_vec()).chain([other.into()]).chain(given.to_vec()).collect();
        let given = self.tests.iter().filter_map(|path| {
            Some(Input { name: path.file_name()?.into(), content: Content::Copy(path.clone()) })
        });
        job.inputs.splice(1..1, std::iter::once(again(ask)).chain(given));
        job
    }
}

/// Describes how a program ended that did not finish.
fn ended(done: &Done, time: Duration) -> String {
    match done.end {
        End::Exited(code) => format!("the program ended with exit code {code}"),
        End::Signalled(signal) => format!("the program was killed by signal {signal}"),
        End::TimedOut | End::Interrupted => {
            format!("still running after {:.1} s: stopped", time.as_secs_f64())
        }
        End::OutOfMemory => "stopped: it used more memory than it may".to_owned(),
    }
}

/// A token that the script can't guess.
fn token() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}
