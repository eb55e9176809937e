//! Finds a Python interpreter and queries its version.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::conda::{self, Var};

/// The oldest Python version that the checks support.
const OLDEST: (u8, u8) = (3, 8);
/// Time limit for an interpreter to report its version.
const PATIENCE: Duration = Duration::from_secs(10);
/// Code that reports version and real path, since the program on the PATH may be a wrapper.
const QUESTION: &str =
    "import sys; print(*sys.version_info[:3]); print(sys.executable); print(sys.base_prefix)";
/// Entries of its installation folders that an interpreter reads.
const INSTALLED: &[&str] =
    &["bin", "lib", "lib64", "libexec", "share", "ssl", "etc", "include", "pyvenv.cfg"];

/// A Python interpreter that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// `sys.executable`.
    pub path: PathBuf,
    /// Version, such as `(3, 11, 7)`.
    pub version: (u8, u8, u8),
    /// `sys.base_prefix`: the folder of its standard library.
    pub base: PathBuf,
}

impl Interpreter {
    /// The language version, such as `(3, 11)`.
    #[must_use]
    pub const fn language(&self) -> (u8, u8) {
        (self.version.0, self.version.1)
    }

    /// All paths that it reads to run a script: in its own folder, in its base installation, and in
    /// the folder that its program resolves to.
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
    /// The version as text: `3.11.7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, micro) = self.version;
        write!(f, "{major}.{minor}.{micro}")
    }
}

/// Why no interpreter was found.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// None on the PATH works.
    #[error(
        "no Python found on the PATH; install Python 3.8 or newer, or name one with `--python`"
    )]
    NoneFound,
    /// The requested one does not exist or does not work.
    #[error(
        "`{wanted}` is no Python that works ({why}); name another with `--python`, or leave it out"
    )]
    NotUsable {
        /// The requested interpreter.
        wanted: String,
        /// The reason.
        why: String,
    },
    /// The version is too old.
    #[error("`{}` is Python {major}.{minor}; install Python 3.8 or newer", path.display())]
    TooOld {
        /// Its program.
        path: PathBuf,
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// No conda environment has this name.
    #[error(
        "there is no conda environment `{name}` with a Python in it; `conda env list` names them"
    )]
    NoConda {
        /// The requested environment.
        name: String,
    },
    /// `uv` is missing or finds no Python.
    #[error("`uv` gives no Python ({why}); install it, or leave `--python` out")]
    NoUv {
        /// The reason.
        why: String,
    },
}

/// Finds a Python interpreter.
///
/// `wanted` is a path, a program name such as `python3.12`, `venv:PATH`, `conda:NAME`, `uv` or
/// `uv:VERSION` (the result of `uv python find`), `system` (`python3`, then `python` on the PATH),
/// or `auto` or nothing: the active virtual environment, the active conda environment, then
/// `system`. Starts a process for each candidate and waits at most ten seconds for it.
pub fn find(wanted: Option<&str>) -> Result<Interpreter, InterpreterError> {
    find_with_reason(wanted).map(|(found, _)| found)
}

/// Like [`find`], and also says why this interpreter was chosen.
///
/// # Errors
/// As for [`find`].
pub fn find_with_reason(wanted: Option<&str>) -> Result<(Interpreter, String), InterpreterError> {
    find_in(wanted, &|name| env::var_os(name))
}

fn find_in(wanted: Option<&str>, var: Var<'_>) -> Result<(Interpreter, String), InterpreterError> {
    let path = var("PATH").unwrap_or_default();
    let wanted = wanted.map_or("auto", str::trim);
    let (kind, name) = wanted.split_once(':').unwrap_or((wanted, ""));
    let program = match kind {
        "" | "auto" => return first_of(active(var), &path),
        "system" => {
            let active: Vec<PathBuf> = active(var).into_iter().map(|(folder, _)| folder).collect();
            return first_of(Vec::new(), &without(&path, &active));
        }
        "uv" => of_uv(name, &path, var).map_err(|why| InterpreterError::NoUv { why })?,
        "conda" => {
            let name = name.to_owned();
            let folder = conda::folder(&name, var).ok_or(InterpreterError::NoConda { name })?;
            folder.join("bin/python")
        }
        "venv" => Path::new(name).join("bin/python"),
        _ if wanted.contains('/') => PathBuf::from(wanted),
        _ => on_path(wanted, &path).next().unwrap_or_else(|| PathBuf::from(wanted)),
    };
    let found = ask(&program, &path).map_err(|refusal| refusal.named(wanted))?;
    Ok((found, format!("`{wanted}` is what was asked for")))
}

/// Folders of the active environments, virtual environment first, each with the reason why it
/// counts as active.
fn active(var: Var<'_>) -> Vec<(PathBuf, String)> {
    let virtual_env = var("VIRTUAL_ENV").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let virtual_env = virtual_env
        .map(|folder| (folder, "the active virtual environment (VIRTUAL_ENV)".to_owned()));
    let conda = conda::active(var)
        .map(|(folder, by)| (folder, format!("the active conda environment ({by})")));
    virtual_env.into_iter().chain(conda).collect()
}

/// The PATH without entries inside these folders.
fn without(path: &OsStr, folders: &[PathBuf]) -> OsString {
    let rest = env::split_paths(path).filter(|p| !folders.iter().any(|f| p.starts_with(f)));
    env::join_paths(rest).unwrap_or_else(|_| path.to_owned())
}

fn first_of(
    active: Vec<(PathBuf, String)>,
    path: &OsStr,
) -> Result<(Interpreter, String), InterpreterError> {
    let active = active.into_iter().map(|(folder, why)| (folder.join("bin/python"), why));
    let named = ["python3", "python"].into_iter().flat_map(|name| {
        on_path(name, path).map(move |path| (path, format!("the first `{name}` on the PATH")))
    });
    let mut too_old = None;
    // One that does not answer, such as a shim without a version, does not hide the next one.
    for (candidate, why) in active.filter(|(path, _)| path.is_file()).chain(named) {
        match ask(&candidate, path) {
            Ok(interpreter) => return Ok((interpreter, why)),
            Err(Refusal::Old(error)) => too_old = too_old.or(Some(error)),
            Err(Refusal::Silent(_)) => {}
        }
    }
    Err(too_old.unwrap_or(InterpreterError::NoneFound))
}

/// The Python that `uv` finds; nothing is downloaded.
fn of_uv(version: &str, path: &OsStr, var: Var<'_>) -> Result<PathBuf, String> {
    let named = var("UV").filter(|uv| !uv.is_empty()).map(PathBuf::from);
    let uv = named.filter(|uv| uv.is_file()).or_else(|| on_path("uv", path).next());
    // A relative path would break with the other working folder set below.
    let uv = uv.and_then(|uv| std::path::absolute(uv).ok()).ok_or("it is not on the PATH")?;
    let mut command = Command::new(uv);
    command.args(["python", "find", "--no-python-downloads"]);
    // The working folder must not influence which Python `uv` chooses.
    command.current_dir("/");
    command.args(Some(version).filter(|version| !version.is_empty()));
    match answer(command) {
        Ok(said) if said.trim().starts_with('/') => Ok(PathBuf::from(said.trim())),
        Ok(_) => Err("it knows none".to_owned()),
        Err(why) => Err(why),
    }
}

fn on_path<'a>(name: &'a str, path: &'a OsStr) -> impl Iterator<Item = PathBuf> + 'a {
    // A relative PATH entry would mean another program in every working folder.
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
    // Launchers such as pyenv's need these two variables; neither is a key.
    command.env("PATH", path).envs(env::var_os("HOME").map(|home| ("HOME", home)));
    let silent = |why: &str| Refusal::Silent(why.to_owned());
    let answer = answer(command).map_err(Refusal::Silent)?;
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

/// Standard output of a program, if it ends within the time limit.
fn answer(mut command: Command) -> Result<String, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
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
    answer.map_err(|_| "it did not answer within 10 s".to_owned())
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
    #![expect(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "a test may panic, and writes its fixtures itself"
    )]

    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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
        let nowhere = |name: &str| (name == "PATH").then(|| "/nonexistent".into());
        for (wanted, said) in [
            (None, "no Python found"),
            (Some("system"), "no Python found"),
            (Some("/nonexistent/python"), "`/nonexistent/python` is no Python that works"),
            (Some("python9"), "`python9` is no Python"),
            (Some("venv:/nonexistent"), "`venv:/nonexistent` is no Python"),
            (Some("/bin/true"), "does not tell its version"),
            (Some("conda:nowhere"), "no conda environment `nowhere`"),
            (Some("uv"), "it is not on the PATH"),
            (Some("uv:3.12"), "it is not on the PATH"),
        ] {
            let error = find_in(wanted, &nowhere).unwrap_err().to_string();
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

    #[test]
    fn each_way_to_name_a_python_finds_its_own() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        // Each interpreter identifies itself by its version.
        let python = |path: &str, minor: u8| {
            let program = at(path);
            std::fs::create_dir_all(program.parent().unwrap()).unwrap();
            let said = format!("3 {minor} 0\\n{}\\n/usr", program.display());
            std::fs::write(&program, format!("#!/bin/sh\nprintf '{said}\\n'\n")).unwrap();
            std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        };
        python("venv/bin/python", 8);
        python("root/envs/one/bin/python", 9);
        python("path/python3", 10);
        python("of-uv/python", 11);
        python("venv/bin/python3", 12);
        let uv = format!(
            "#!/bin/sh\n[ \"$1 $2\" = 'python find' ] && echo {}\n",
            at("of-uv/python").display()
        );
        std::fs::write(at("path/uv"), uv).unwrap();
        std::fs::set_permissions(at("path/uv"), Permissions::from_mode(0o755)).unwrap();
        let path = env::join_paths([at("venv/bin"), at("path"), "/bin".into()]).unwrap();
        let venv = at("venv").display().to_string();
        for (wanted, active, minor) in [
            (None, &["VIRTUAL_ENV", "CONDA_PREFIX"] as &[&str], 8),
            (Some("auto"), &["CONDA_PREFIX"], 9),
            (Some("auto"), &[], 12),
            (Some("system"), &["VIRTUAL_ENV", "CONDA_PREFIX"], 10),
            (Some(&*format!("venv:{venv}")), &[], 8),
            (Some("conda:one"), &["CONDA_PREFIX"], 9),
            (Some("uv"), &["VIRTUAL_ENV"], 11),
            (Some("python3"), &[], 12),
        ] {
            let var = |name: &str| match name {
                "PATH" => Some(path.clone()),
                "VIRTUAL_ENV" if active.contains(&name) => Some(at("venv").into()),
                "CONDA_PREFIX" if active.contains(&name) => Some(at("root/envs/one").into()),
                _ => None,
            };
            let (found, _) = find_in(wanted, &var).unwrap();
            assert_eq!(found.language(), (3, minor), "{wanted:?} {active:?}");
        }
    }
}
