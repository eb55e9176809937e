//! Finds a Python and asks it for its version.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The oldest Python that the checks know.
const OLDEST: (u8, u8) = (3, 8);
/// How long a Python may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(10);
/// What it is asked: its own path, since what is on the PATH may be a script that starts it.
const QUESTION: &str =
    "import sys; print(*sys.version_info[:3]); print(sys.executable); print(sys.base_prefix)";
/// What it reads of the folder that it is installed in.
const INSTALLED: &[&str] =
    &["bin", "lib", "lib64", "libexec", "share", "ssl", "etc", "include", "pyvenv.cfg"];

/// A Python that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Its own program.
    pub path: PathBuf,
    /// Its version, as `(3, 11, 7)`.
    pub version: (u8, u8, u8),
    /// The folder that its library is installed in.
    pub base: PathBuf,
}

impl Interpreter {
    /// The version that decides on its syntax, as `(3, 11)`.
    #[must_use]
    pub const fn language(&self) -> (u8, u8) {
        (self.version.0, self.version.1)
    }

    /// All that it reads to run a script: of its own folder, of the one that it is installed in, and
    /// of the one that its program really stands in.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let folder = |program: &Path| program.parent()?.parent().map(Path::to_owned);
        let real = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let mut folders: Vec<PathBuf> =
            [folder(&self.path), Some(self.base.clone()), folder(&real)]
                .into_iter()
                .flatten()
                .collect();
        folders.dedup();
        folders.iter().flat_map(|folder| INSTALLED.iter().map(|name| folder.join(name))).collect()
    }
}

impl fmt::Display for Interpreter {
    /// Its version as text: `3.11.7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, micro) = self.version;
        write!(f, "{major}.{minor}.{micro}")
    }
}

/// Why there is no Python to use.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// None on the PATH answers.
    #[error(
        "no Python found on the PATH; install Python 3.8 or newer, or name one with `--python`"
    )]
    NoneFound,
    /// The one that was asked for is not there or does not answer.
    #[error(
        "`{wanted}` is no Python that works ({why}); name another with `--python`, or leave it out"
    )]
    NotUsable {
        /// What was asked for.
        wanted: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is too old.
    #[error("`{}` is Python {major}.{minor}; install Python 3.8 or newer", path.display())]
    TooOld {
        /// Its program.
        path: PathBuf,
        /// Its major version.
        major: u8,
        /// Its minor version.
        minor: u8,
    },
    /// A way to name one that this build does not know.
    #[error("`{wanted}` is not in this build; give `--python` a path, `venv:PATH` or `system`")]
    NotInThisBuild {
        /// What was asked for.
        wanted: String,
    },
}

/// Finds a Python.
///
/// `wanted` is a path, a program's name as `python3.12`, `venv:PATH`, or `auto`, `system` or
/// nothing: the active virtual environment, then `python3`, then `python` on the PATH.
/// Starts a process and waits for it, ten seconds at most a candidate.
pub fn find(wanted: Option<&str>) -> Result<Interpreter, InterpreterError> {
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(wanted, &path, env::var_os("VIRTUAL_ENV").as_deref())
}

fn find_in(
    wanted: Option<&str>,
    path: &OsStr,
    active: Option<&OsStr>,
) -> Result<Interpreter, InterpreterError> {
    let wanted = wanted.map_or("auto", str::trim);
    let program = match wanted {
        "" | "auto" | "system" => return first_of(path, active),
        "uv" => return Err(InterpreterError::NotInThisBuild { wanted: wanted.to_owned() }),
        name if name.starts_with("conda:") || name.starts_with("uv:") => {
            return Err(InterpreterError::NotInThisBuild { wanted: name.to_owned() });
        }
        name => match name.strip_prefix("venv:") {
            Some(folder) => Path::new(folder).join("bin/python"),
            None if name.contains('/') => PathBuf::from(name),
            None => on_path(name, path).next().unwrap_or_else(|| PathBuf::from(name)),
        },
    };
    ask(&program, path).map_err(|refusal| refusal.named(wanted))
}

fn first_of(path: &OsStr, active: Option<&OsStr>) -> Result<Interpreter, InterpreterError> {
    let active = active.map(|folder| Path::new(folder).join("bin/python"));
    let named = ["python3", "python"].into_iter().flat_map(|name| on_path(name, path));
    let mut too_old = None;
    // One that does not answer (a shim without a version, say) does not hide the next one.
    for candidate in active.into_iter().filter(|path| path.is_file()).chain(named) {
        match ask(&candidate, path) {
            Ok(interpreter) => return Ok(interpreter),
            Err(Refusal::Old(error)) => too_old = too_old.or(Some(error)),
            Err(Refusal::Silent(_)) => {}
        }
    }
    Err(too_old.unwrap_or(InterpreterError::NoneFound))
}

fn on_path<'a>(name: &'a str, path: &'a OsStr) -> impl Iterator<Item = PathBuf> + 'a {
    // A relative folder on the PATH would mean another program in every working folder.
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(move |folder| folder.join(name)).filter(|program| program.is_file())
}

enum Refusal {
    Old(InterpreterError),
    Silent(String),
}

impl Refusal {
    fn named(self, wanted: &str) -> InterpreterError {
        match self {
            Self::Old(error) => error,
            Self::Silent(why) => InterpreterError::NotUsable { wanted: wanted.to_owned(), why },
        }
    }
}

fn ask(program: &Path, path: &OsStr) -> Result<Interpreter, Refusal> {
    let mut command = Command::new(program);
    command.args(["-I", "-S", "-c", QUESTION]).env_clear();
    // Programs that choose a Python, as pyenv's, need these two; no key of the user's is among them.
    command.env("PATH", path).envs(env::var_os("HOME").map(|home| ("HOME", home)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let silent = |why: &str| Refusal::Silent(why.to_owned());
    let mut child = command.spawn().map_err(|error| Refusal::Silent(error.to_string()))?;
    let stdout = child.stdout.take();
    let (send, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.map(|stdout| stdout.take(16 * 1024).read_to_string(&mut text));
        let _ = send.send(text);
    });
    let answer = answer.recv_timeout(PATIENCE);
    let _ = child.kill();
    let _ = child.wait();
    let answer = answer.map_err(|_| silent("it did not answer within 10 s"))?;
    let interpreter = parse(&answer).ok_or_else(|| silent("it does not tell its version"))?;
    let (major, minor) = interpreter.language();
    if (major, minor) < OLDEST {
        return Err(Refusal::Old(InterpreterError::TooOld {
            path: interpreter.path,
            major,
            minor,
        }));
    }
    Ok(interpreter)
}

fn parse(answer: &str) -> Option<Interpreter> {
    let mut lines = answer.lines();
    let (version, path, base) = (lines.next()?, lines.next()?, lines.next()?);
    let mut numbers = version.split_whitespace().map(|number| number.parse().ok());
    let version = (numbers.next()??, numbers.next()??, numbers.next()??);
    let path = PathBuf::from(path);
    path.is_absolute().then_some(Interpreter { path, version, base: base.into() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    #[test]
    fn an_answer_is_read_or_refused() {
        let path = PathBuf::from("/usr/bin/python3");
        for (answer, expected) in [
            (
                "3 11 7\n/usr/bin/python3\n/usr\n",
                Some(Interpreter { path, version: (3, 11, 7), base: "/usr".into() }),
            ),
            ("3 11\n/usr/bin/python3\n/usr\n", None),
            ("3 11 7\npython3\n/usr\n", None),
            ("3 11 7\n/usr/bin/python3\n", None),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(parse(answer), expected, "{answer}");
        }
    }

    #[test]
    fn a_python_that_is_not_there_is_named_in_the_error() {
        let nowhere = OsStr::new("/nonexistent");
        for (wanted, said) in [
            (None, "no Python found"),
            (Some("system"), "no Python found"),
            (Some("/nonexistent/python"), "`/nonexistent/python` is no Python that works"),
            (Some("python9"), "`python9` is no Python"),
            (Some("venv:/nonexistent"), "`venv:/nonexistent` is no Python"),
            (Some("/bin/true"), "does not tell its version"),
            (Some("conda:base"), "`conda:base` is not in this build"),
            (Some("uv"), "`uv` is not in this build"),
        ] {
            let error = find_in(wanted, nowhere, None).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_python_of_this_system_is_found() {
        let found = find(None).unwrap();
        assert!(found.path.is_absolute() && found.language() >= OLDEST, "{found:?}");
        let again = find(Some(found.path.to_str().unwrap())).unwrap();
        assert_eq!(again.version, found.version);
    }
}
