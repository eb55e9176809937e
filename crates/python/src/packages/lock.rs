//! Locks a script's declared dependencies: exact versions with hashes, as `uv lock --script` writes
//! them.

use super::installer::{INSTALLING, Installer, all_of};
use super::{InstallError, Interpreter, Packages};
use crate::pep723;
use redraft_files as files;
use tokio_util::sync::CancellationToken;

/// File name of the stand-in script that is locked.
const NAME: &str = "script.py";
/// The longest lock, in bytes.
const LONGEST: u64 = 16 << 20;

impl Packages {
    /// Locks a script's dependencies, for a lock file beside it called `SCRIPT.py.lock`. Queries
    /// the index; installs and runs nothing. Only the Python version and the packages that the
    /// script declares are used: other tables of its block could name other package sources.
    ///
    /// # Errors
    /// There is no `uv`, or the lock failed; the message is `uv`'s output.
    pub async fn lock(
        &self,
        python: &Interpreter,
        script: &str,
        cancel: &CancellationToken,
    ) -> Result<String, InstallError> {
        let Installer::Uv(uv) = Installer::find(self.uv.as_deref(), python, cancel).await else {
            let why = "there is no `uv`; install it, or name it as `uv:` in the configuration";
            return Err(InstallError::Refused(why.to_owned()));
        };
        let declared = pep723::read(script).unwrap_or_default();
        let requires = declared.requires_python.as_deref().unwrap_or(pep723::OLDEST);
        let plain = pep723::with_block("", requires, &declared.dependencies);
        let folder = files::temporary_folder()?;
        files::put(&folder.path().join(NAME), plain)?;
        let lock = uv.with(["lock", "--script", NAME, "--no-build", "--quiet"]);
        let lock = lock.with(["--no-python-downloads", "--python"]).with([&python.path]);
        let ended = lock.run(folder.path(), "", INSTALLING, cancel).await;
        let ended = ended.map_err(|error| InstallError::Refused(error.to_string()))?;
        if !ended.well {
            return Err(InstallError::Refused(all_of(&ended)));
        }
        Ok(files::read_regular_text(&folder.path().join(format!("{NAME}.lock")), LONGEST)?)
    }
}
