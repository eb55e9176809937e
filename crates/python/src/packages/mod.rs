//! The packages that a script needs: which ones, whether they are trusted, and the environments
//! that contain them.
//!
//! Environments are cached in the user's cache folder, one for each Python and set of requirements,
//! so that a later version with the same requirements installs nothing. They only run inside the
//! sandbox: an installed package can run code when Python starts.
//!
//! A module that no table lists is assumed to have the same name as its package. Because that is a
//! guess, such a package must exist in the index, and must be allowed explicitly whatever the
//! settings say ([`Missing::known`]). A caller that knows the package name sets it before
//! [`Packages::needs`] looks for it.

pub mod content;
pub(crate) mod declared;
mod installer;
pub mod known;
mod lock;
pub mod requirement;
mod tool;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use sha2::{Digest, Sha256};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::distributions::{distribution, is_standard_in};
use super::interpreter::{self, Interpreter};
use installer::{Failure, Installer};
use redraft_domain::packages::{Missing, Needs};
use redraft_domain::report::{Checks, Run, RunError, RunVerdict};
use redraft_files::{self as files, FileError, Locking, Mode};
use requirement::{Requirement, normal};
use tool::Tool;

/// Python program that reports which packages are installed.
const PRESENT: &str = include_str!("present.py");
/// Its time limit.
const ANSWERING: Duration = Duration::from_secs(20);
/// Polling interval while another process holds an environment's lock.
const LOOK: Duration = Duration::from_millis(50);
/// Concurrent index lookups.
const AT_ONCE: usize = 6;
/// File that marks an environment as complete: its requirements, one per line.
const WHOLE: &str = "redraft-requirements.txt";

/// The environment cache, and the configured `uv`.
#[derive(Clone, Debug)]
pub struct Packages {
    folder: PathBuf,
    uv: Option<PathBuf>,
}

/// Why no environment could be made.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The caller cancelled.
    #[error("the installation was interrupted")]
    Interrupted,
    /// The installer's error output.
    #[error("{0}")]
    Refused(String),
    /// The cache folder can't be written.
    #[error(transparent)]
    Folder(#[from] FileError),
}

impl Packages {
    /// A cache in the user's cache folder. `uv` is the configured program.
    #[must_use]
    pub fn new(uv: Option<PathBuf>) -> Self {
        let cache = files::cache_folder();
        Self::in_folder(cache.join("environments"), uv)
    }

    /// A cache in this folder.
    #[must_use]
    pub const fn in_folder(folder: PathBuf, uv: Option<PathBuf>) -> Self {
        Self { folder, uv }
    }

    /// The packages that a script needs and this Python lacks. Modules among the data files are not
    /// packages. Starts that Python and, with `ask_index`, looks up missing packages in the index.
    pub async fn needs(
        &self,
        python: &Interpreter,
        checks: &Checks,
        data: &[PathBuf],
        ask_index: bool,
        cancel: &CancellationToken,
    ) -> Needs {
        let data = data.iter().filter_map(|path| path.file_name()?.to_str());
        let mut requirements = without_data(&checks.dependencies, data);
        // Drop packages that are only a fallback for modules which are available.
        requirements.retain(|text| {
            let tried = checks.optional.get(text).filter(|tried| !tried.is_empty());
            let there = |module: &String| is_standard_in(module, python.language());
            !tried.is_some_and(|tried| tried.iter().all(there))
        });
        let here = present(python, checks, &requirements, cancel).await;
        let absent = requirements.iter().zip(&here).filter(|(_, here)| !**here);
        let mut missing: Vec<Missing> = absent.map(|(text, _)| look_at(text)).collect();
        if missing.is_empty() {
            return Needs::default();
        }
        let ready = self.find(python, &requirements).is_some();
        if ask_index && !ready && files::create_folder(&self.folder).is_ok() {
            let installer = Installer::find(self.uv.as_deref(), python, cancel).await;
            let installer = &installer;
            let ask = |package: Missing| async move {
                let exists = match package.exists {
                    Some(exists) => Some(exists),
                    None => installer.exists(python, &package.name, &self.folder, cancel).await,
                };
                Missing { exists, ..package }
            };
            missing = stream::iter(missing).map(ask).buffered(AT_ONCE).collect().await;
            // Drop optional packages that do not exist: the script handles their absence.
            let none = |package: &Missing| {
                package.exists == Some(false) && checks.optional.contains_key(&package.requirement)
            };
            requirements.retain(|text| !missing.iter().any(|m| m.requirement == *text && none(m)));
            missing.retain(|package| !none(package));
        }
        if missing.is_empty() {
            return Needs::default();
        }
        Needs { requirements, missing, ready }
    }

    /// Name and version of the available installer; `None` if there is none.
    pub async fn installer(&self, python: &Interpreter) -> Option<String> {
        let cancel = CancellationToken::new();
        Installer::find(self.uv.as_deref(), python, &cancel).await.words(python, &cancel).await
    }

    /// The environment for this Python with these requirements, if it exists.
    #[must_use]
    pub fn find(&self, python: &Interpreter, requirements: &[String]) -> Option<Interpreter> {
        let folder = self.place(python, requirements);
        files::read_regular(&folder.join(WHOLE), 1 << 16)?;
        // Fails if the Python that the environment is based on was removed.
        interpreter::find(Some(&format!("venv:{}", folder.display()))).ok()
    }

    /// Creates the environment for this Python with these requirements, unless it exists. A second
    /// process that wants the same one waits for the first.
    pub async fn install(
        &self,
        python: &Interpreter,
        requirements: &[String],
        cancel: &CancellationToken,
    ) -> Result<Interpreter, InstallError> {
        let place = self.place(python, requirements);
        files::create_folder(&self.folder)?;
        let lock = place.with_extension("lock");
        let _lock = loop {
            match files::lock(&lock)? {
                Locking::Taken(lock) => break lock,
                Locking::Held(_) => tokio::select! {
                    () = cancel.cancelled() => return Err(InstallError::Interrupted),
                    () = sleep(LOOK) => {}
                },
            }
        };
        if let Some(there) = self.find(python, requirements) {
            return Ok(there);
        }
        // Remove what a killed process left here. A complete environment is marked by its last file
        // instead of being renamed into place, because scripts installed by packages contain the
        // path of their folder.
        files::remove_folder(&place)?;
        let installer = Installer::find(self.uv.as_deref(), python, cancel).await;
        let made = installer.make(python, &place, requirements, cancel).await;
        if let Err(failure) = made {
            files::remove_folder(&place)?;
            return Err(match failure {
                Failure::Interrupted => InstallError::Interrupted,
                Failure::Told(said) => InstallError::Refused(said),
            });
        }
        let list: String = requirements.iter().flat_map(|text| [text.as_str(), "\n"]).collect();
        files::write(&place.join(WHOLE), list.as_bytes(), Mode::Normal)?;
        self.find(python, requirements).ok_or_else(|| {
            InstallError::Refused("the environment that was made does not start".to_owned())
        })
    }

    /// Path of the environment for this Python with these requirements, existing or not.
    fn place(&self, python: &Interpreter, requirements: &[String]) -> PathBuf {
        let mut sorted: Vec<&str> = requirements.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut hash = Sha256::new();
        hash.update(format!("{}\0{python}\0", python.path.display()));
        hash.update(sorted.join("\0"));
        let key = hash.finalize().iter().take(12).fold(String::new(), |mut key, byte| {
            let _ = write!(key, "{byte:02x}");
            key
        });
        self.folder.join(key)
    }
}

/// The dependencies without modules among the data files.
#[must_use]
pub fn without_data<'d>(
    dependencies: &[String],
    data: impl IntoIterator<Item = &'d str>,
) -> Vec<String> {
    let own: Vec<&str> = data.into_iter().map(|name| name.trim_end_matches(".py")).collect();
    dependencies.iter().filter(|text| !own.contains(&text.as_str())).cloned().collect()
}

/// Describes a package without any lookup.
fn look_at(text: &str) -> Missing {
    match Requirement::parse(text) {
        Some(Requirement { text, name, .. }) => Missing {
            known: known::is_known(&name),
            warning: known::is_suspicious(&name),
            requirement: text,
            name,
            exists: None,
        },
        None => Missing {
            requirement: text.to_owned(),
            name: text.to_owned(),
            known: false,
            exists: Some(false),
            warning: Some("it is not the name of a package".to_owned()),
        },
    }
}

/// Which of these requirements a Python already meets, in the same order.
async fn present(
    python: &Interpreter,
    checks: &Checks,
    requirements: &[String],
    cancel: &CancellationToken,
) -> Vec<bool> {
    let question = |text: &String| {
        let (name, bare) = Requirement::parse(text).map_or_else(
            || (text.clone(), false),
            |requirement| (requirement.name, requirement.bare),
        );
        let of_it = |module: &&String| normal(distribution(module)) == name;
        let modules: Vec<&String> = checks.imports.iter().filter(of_it).collect();
        serde_json::json!([text, name, bare, modules])
    };
    let questions: serde_json::Value = requirements.iter().map(question).collect();
    let tool = Tool::new(&python.path).with(["-I", "-c", PRESENT, &questions.to_string()]);
    let answer = tool.run(Path::new("/"), "", ANSWERING, cancel).await;
    let letters = answer.map(|ended| ended.out).unwrap_or_default();
    let mut here: Vec<bool> = letters.trim().chars().map(|letter| letter == 'y').collect();
    here.resize(requirements.len(), false);
    here
}

/// A failed run because of missing packages. The Coder may do without them or know their correct
/// names.
#[must_use]
pub fn failed_run(needs: &Needs, said: Option<&str>) -> Run {
    let none: Vec<&str> = needs
        .missing
        .iter()
        .filter(|package| package.exists == Some(false))
        .map(|package| package.requirement.as_str())
        .collect();
    let (kind, message, hint) = match said {
        None => (
            "ModuleNotFoundError",
            format!("the package index has no {}", quoted(&none)),
            "import a package that exists, declare the right name in the script's PEP 723 block, or \
             do it with the standard library",
        ),
        Some(said) => (
            "InstallationError",
            format!("{} could not be installed: {said}", quoted(&names(&needs.missing))),
            "use other packages or versions, or do it with the standard library",
        ),
    };
    let hint = Some(hint.to_owned());
    let error = RunError { kind: kind.to_owned(), message, hint, ..RunError::default() };
    let reason = "not started: its packages could not be had";
    Run { error: Some(error), ..Run::not_run(RunVerdict::Failed, reason) }
}

fn names(missing: &[Missing]) -> Vec<&str> {
    missing.iter().map(|package| package.requirement.as_str()).collect()
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_for_one_python_and_one_set_of_requirements() {
        let packages = Packages::in_folder("/cache".into(), None);
        let python = |path: &str, micro| Interpreter {
            path: path.into(),
            version: (3, 11, micro),
            base: "/usr".into(),
        };
        let place = |python: &Interpreter, needs: &[&str]| {
            let needs: Vec<String> = needs.iter().map(|&text| text.to_owned()).collect();
            packages.place(python, &needs)
        };
        let usual = python("/usr/bin/python3", 7);
        let there = place(&usual, &["a", "b>=1"]);
        assert_eq!(there, place(&usual, &["b>=1", "a", "a"]));
        for (python, needs) in [
            (&usual, &["a", "b"] as &[&str]),
            (&usual, &["ab>=1"]),
            (&python("/usr/bin/python3", 8), &["a", "b>=1"]),
            (&python("/opt/bin/python3", 7), &["a", "b>=1"]),
        ] {
            assert_ne!(there, place(python, needs), "{python:?} {needs:?}");
        }
    }

    #[tokio::test]
    async fn a_python_is_asked_for_what_it_has() {
        let Ok(python) = interpreter::find(None) else { panic!("no Python") };
        let checks =
            Checks { imports: vec!["pip".into(), "nowhere_at_all".into()], ..Checks::default() };
        for (text, here) in [
            ("pip", true),
            ("PIP", true),
            ("pip>=1", true),
            ("pip<1", false),
            ("pip[extra]", false),
            ("nowhere_at_all", false),
            ("nowhere-else; python_version < '3'", true),
            ("nowhere-else>=1; python_version > '3'", false),
            ("pip @ https://example.org/pip.whl", false),
        ] {
            let cancel = CancellationToken::new();
            let found = present(&python, &checks, &[text.to_owned()], &cancel).await;
            assert_eq!(found, [here], "{text}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_package_is_not_looked_for() {
        let odd = look_at("a @ git+https://example.org/a");
        assert_eq!(odd.exists, Some(false));
        let needs = Needs { missing: vec![odd], ..Needs::default() };
        let error = failed_run(&needs, None).error.unwrap_or_default();
        assert!(error.message.contains("no `a @ git+"), "{error:?}");
        assert_eq!(look_at("numpy>=2").name, "numpy");
    }
}
