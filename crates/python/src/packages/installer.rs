//! The installers, which also query the index: `uv`, else `venv` and `pip`.
//!
//! Both are restricted to wheels: installing a source distribution runs its setup code, unconfined.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::requirement::Requirement;
use super::tool::{Ended, Tool, ToolError, told};
use crate::interpreter::Interpreter;
use redraft_domain::text::single_spaced;

/// Time limit for a lookup of one name in the index.
const ASKING: Duration = Duration::from_secs(40);
/// Time limit for creating an environment.
const MAKING: Duration = Duration::from_mins(3);
/// Time limit for an installation: some packages are large and some connections slow.
pub(super) const INSTALLING: Duration = Duration::from_mins(30);

/// Error messages for packages without a wheel.
const NO_WHEEL: &[&str] =
    &["no usable wheels", "building from source is disabled", "no wheels with"];
/// `uv`'s messages for a name that is in no index.
const NOT_THERE: &[&str] =
    &["was not found in the package registry", "was not found in the provided package locations"];

/// An available installer.
#[derive(Clone, Debug)]
pub(super) enum Installer {
    /// `uv`, with the command that starts it.
    Uv(Tool),
    /// The `venv` and `pip` of the Python in use.
    Pip,
}

/// Why no environment could be made.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller cancelled.
    Interrupted,
    /// The installer's error output.
    Told(String),
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        match error {
            ToolError::Interrupted => Self::Interrupted,
            error => Self::Told(error.to_string()),
        }
    }
}

impl Installer {
    /// Finds `uv`: the configured one, `$UV`, on the PATH, or as a module of the Python in use.
    /// Otherwise returns `Pip`.
    pub(super) async fn find(
        configured: Option<&Path>,
        python: &Interpreter,
        cancel: &CancellationToken,
    ) -> Self {
        let named = env::var_os("UV").filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        // A relative PATH entry would mean another program in every working folder.
        let on_path = env::split_paths(&path).filter(|f| f.is_absolute()).map(|f| f.join("uv"));
        // Tools are started in other working folders.
        let given = configured.map(Path::to_owned).into_iter().chain(named);
        let given = given.filter_map(|path| std::path::absolute(path).ok());
        let candidates = given.chain(on_path);
        let programs = candidates.filter(|path| path.is_file()).map(|path| Tool::new(&path));
        let module = Tool::new(&python.path).with(["-I", "-m", "uv"]);
        for tool in programs.chain([module]) {
            let asked = tool.with(["--version"]);
            let answer = asked.run(Path::new("/"), "", ASKING, cancel).await;
            if answer.is_ok_and(|ended| ended.well && ended.out.starts_with("uv ")) {
                return Self::Uv(tool);
            }
        }
        Self::Pip
    }

    /// Name and version for display; `None` if nothing can install.
    pub(super) async fn words(
        &self,
        python: &Interpreter,
        cancel: &CancellationToken,
    ) -> Option<String> {
        let (tool, name) = match self {
            Self::Uv(uv) => (uv.with(["--version"]), "uv"),
            Self::Pip => {
                let pip = Tool::new(&python.path);
                (pip.with(["-I", "-c", "import venv, ensurepip; print('venv and pip')"]), "venv")
            }
        };
        let ended = tool.run(Path::new("/"), "", ASKING, cancel).await.ok()?;
        let said = ended.out.lines().next().filter(|_| ended.well)?;
        said.starts_with(name).then(|| said.to_owned())
    }

    /// Whether the index has a package of this name; `None` if the lookup failed.
    pub(super) async fn exists(
        &self,
        python: &Interpreter,
        name: &str,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Option<bool> {
        match self {
            Self::Uv(uv) => {
                let args = ["pip", "compile", "-", "--no-deps", "--no-build", "--no-header"];
                let tool = uv.with(args).with(["--quiet", "--no-python-downloads", "--python"]);
                let tool = tool.with([&python.path]);
                let ended = tool.run(folder, &format!("{name}\n"), ASKING, cancel).await.ok()?;
                uv_has(&ended)
            }
            Self::Pip => {
                // No version meets both constraints, so nothing is downloaded, and pip lists what
                // exists.
                let none = format!("{name}<0,>0");
                let args = ["-I", "-m", "pip", "download", "-v", "--no-deps", "--retries", "1"];
                let tool = Tool::new(&python.path).with(args).with(["--timeout", "10", &none]);
                pip_has(&tool.run(folder, "", ASKING, cancel).await.ok()?)
            }
        }
    }

    /// Creates an environment in a folder that does not exist yet, and installs into it.
    pub(super) async fn make(
        &self,
        python: &Interpreter,
        environment: &Path,
        requirements: &[String],
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let around = environment.parent().unwrap_or(Path::new("/"));
        let inside = environment.join("bin/python");
        // Text that is not a valid requirement must not become an argument.
        let wanted = requirements.iter().filter_map(|text| Requirement::parse(text));
        let wanted: Vec<String> = wanted.map(|requirement| requirement.text).collect();
        let make = match self {
            Self::Uv(uv) => {
                let make = uv.with(["venv", "--quiet", "--no-project", "--no-python-downloads"]);
                make.with(["--python".as_ref(), python.path.as_os_str()])
            }
            Self::Pip => Tool::new(&python.path).with(["-I", "-m", "venv", "--without-pip"]),
        };
        let empty = make.with([environment]).run(around, "", MAKING, cancel).await?;
        if !empty.well {
            return Err(Failure::Told(format!("no environment could be made: {}", all_of(&empty))));
        }
        let installed = match self {
            Self::Uv(uv) => {
                let install = uv.with(["pip", "install", "--no-build", "--no-progress"]);
                let install = install.with(["--quiet", "--no-python-downloads", "--python"]);
                let install = install.with([&inside]).with(&wanted);
                install.run(around, "", INSTALLING, cancel).await?
            }
            Self::Pip => pip_install(&python.path, &inside, &wanted, around, cancel).await?,
        };
        if !installed.well {
            return Err(Failure::Told(all_of(&installed)));
        }
        // Compile now, because the environment is read-only later. Use the outer Python without
        // `site`, so that no installed code runs.
        let compile = ["-I", "-S", "-m", "compileall", "-q", "-j", "0"];
        let compile = Tool::new(&python.path).with(compile).with([environment.join("lib")]);
        // A file that does not compile shows when it is imported.
        compile.run(around, "", INSTALLING, cancel).await?;
        Ok(())
    }
}

/// Installs with the `pip` of the Python in use, or with one installed into the environment if that
/// Python has none or one too old for `--python`. Installing pip there takes longer than most
/// installations.
async fn pip_install(
    python: &Path,
    inside: &Path,
    wanted: &[String],
    around: &Path,
    cancel: &CancellationToken,
) -> Result<Ended, ToolError> {
    let pip = |python| Tool::new(python).with(["-I", "-m", "pip"]);
    let args = ["install", "--only-binary", ":all:", "--quiet", "--progress-bar", "off"];
    let install = |pip: Tool| pip.with(args).with(["--no-compile"]).with(wanted);
    let elsewhere = install(pip(python).with(["--python".as_ref(), inside.as_os_str()]));
    let ended = elsewhere.run(around, "", INSTALLING, cancel).await?;
    let without = ["No module named pip", "no such option: --python"];
    if ended.well || !without.iter().any(|words| ended.errors.contains(words)) {
        return Ok(ended);
    }
    let ensured = Tool::new(inside).with(["-I", "-m", "ensurepip"]);
    let ensured = ensured.run(around, "", MAKING, cancel).await?;
    if !ensured.well {
        return Ok(ensured);
    }
    install(pip(inside)).run(around, "", INSTALLING, cancel).await
}

pub(super) fn all_of(ended: &Ended) -> String {
    let text = if ended.errors.trim().is_empty() { &ended.out } else { &ended.errors };
    let mut said = told(text);
    let pip_has_none = said.contains("(from versions: none)");
    if pip_has_none || NO_WHEEL.iter().any(|words| said.contains(words)) {
        said.push_str(
            "\n(packages that come as source only are not installed: that would run their code)",
        );
    }
    said
}

fn uv_has(ended: &Ended) -> Option<bool> {
    if ended.well {
        return Some(true);
    }
    // It may break lines anywhere.
    let said = single_spaced(&ended.errors);
    if NOT_THERE.iter().any(|words| said.contains(words)) {
        return Some(false);
    }
    // It exists, but none of its wheels fits.
    (said.contains("No solution found") && !said.contains("not found in the cache")).then_some(true)
}

fn pip_has(ended: &Ended) -> Option<bool> {
    let said = format!("{}\n{}", ended.out, ended.errors);
    let (_, versions) = said.rsplit_once("(from versions:")?;
    if !versions.trim_start().starts_with("none)") {
        return Some(true);
    }
    let broken = |line: &str| {
        line.contains("Could not fetch URL") && !line.contains("404 Client Error")
            || line.contains("Retrying (Retry(")
    };
    (!said.lines().any(broken)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_cannot_be_asked_does_not_deny_a_package() {
        let ended = |errors: &str| Ended { errors: errors.to_owned(), ..Ended::default() };
        for (said, exists) in [
            (
                "No solution found ...\n  Because nmpy was not found in the package\n      registry and you require",
                Some(false),
            ),
            (
                "No solution found ... Because all versions of docopt have no usable wheels",
                Some(true),
            ),
            ("No solution found ... nmpy was not found in the cache", None),
            ("error: Failed to fetch: x\n cause: Connection refused", None),
            ("", None),
        ] {
            assert_eq!(uv_has(&ended(said)), exists, "{said}");
        }
        assert_eq!(uv_has(&Ended { well: true, ..Ended::default() }), Some(true));
        for (said, exists) in [
            ("requirement numpy<0,>0 (from versions: 1.3.0, 2.0)\nERROR: No matching", Some(true)),
            ("requirement nmpy<0,>0 (from versions: none)\nERROR: No matching", Some(false)),
            (
                "Could not fetch URL x: 404 Client Error: Not Found\n(from versions: none)",
                Some(false),
            ),
            ("Could not fetch URL x: connection error: y\n(from versions: none)", None),
            ("WARNING: Retrying (Retry(total=0\n(from versions: none)", None),
            ("No module named pip", None),
        ] {
            assert_eq!(pip_has(&ended(said)), exists, "{said}");
        }
    }
}
