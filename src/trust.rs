//! Records which folders the user trusts.
//!
//! Each folder has a small file in the user's state folder, named after the hash of the folder's
//! path.

use crate::files::{self, FileError, Mode};
use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Maximum size of a record, in bytes.
const LONGEST: u64 = 64 << 10;

/// The record of one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusted {
    /// The folder's path, with symbolic links resolved.
    pub folder: String,
    /// SHA-256 of the configuration file that the user was shown.
    pub sha256: String,
    /// When the user trusted it.
    pub at: String,
}

/// All records.
#[derive(Clone, Debug)]
pub struct Register {
    folder: PathBuf,
}

impl Register {
    /// The records in the user's state folder. `None` if the user has no home folder.
    #[must_use]
    pub fn open() -> Option<Self> {
        files::state_folder().map(|state| Self::in_folder(&state))
    }

    /// The records in the given state folder.
    #[must_use]
    pub fn in_folder(state: &Path) -> Self {
        Self { folder: state.join("trusted") }
    }

    /// Whether the user trusted this folder with this text of its configuration file. A record that
    /// cannot be read does not count.
    #[must_use]
    pub fn trusts(&self, folder: &Path, text: &str) -> bool {
        let record = self.path(folder).and_then(|path| read(&path));
        record.is_some_and(|record| {
            folder.to_str() == Some(&record.folder) && record.sha256 == files::hash(text.as_bytes())
        })
    }

    /// Records that the user trusts this folder with this text of its configuration file.
    ///
    /// # Errors
    /// If the record cannot be written, or the folder's path is not UTF-8.
    pub fn trust(&self, folder: &Path, text: &str) -> Result<(), FileError> {
        let name = folder.to_str().ok_or_else(|| not_text(folder))?;
        let record = Trusted {
            folder: name.to_owned(),
            sha256: files::hash(text.as_bytes()),
            at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        };
        let path = self.path(folder).ok_or_else(|| not_text(folder))?;
        if let Some(state) = self.folder.parent() {
            files::create_private_folder(state)?;
        }
        files::create_private_folder(&self.folder)?;
        // Plain data with string keys always serialises.
        let text = serde_json::to_string(&record).unwrap_or_default() + "\n";
        files::write(&path, text.as_bytes(), Mode::Private)
    }

    /// Removes the record of a folder; returns whether there was one.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn revoke(&self, folder: &Path) -> Result<bool, FileError> {
        let Some(path) = self.path(folder).filter(|path| files::length(path).is_some()) else {
            return Ok(false);
        };
        files::remove_file(&path).map(|()| true)
    }

    /// All records, sorted by folder.
    #[must_use]
    pub fn list(&self) -> Vec<Trusted> {
        let files = files::entries(&self.folder).unwrap_or_default();
        let mut list: Vec<Trusted> = files.iter().filter_map(|path| read(path)).collect();
        list.sort_by(|a, b| a.folder.cmp(&b.folder));
        list
    }

    fn path(&self, folder: &Path) -> Option<PathBuf> {
        let hash = files::hash(folder.to_str()?.as_bytes());
        Some(self.folder.join(format!("{hash:.32}.json")))
    }
}

fn read(path: &Path) -> Option<Trusted> {
    serde_json::from_slice(&files::read_regular(path, LONGEST)?).ok()
}

fn not_text(folder: &Path) -> FileError {
    let source = std::io::ErrorKind::InvalidData.into();
    FileError { action: "record the path of", path: folder.to_owned(), source }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "a test may panic, and writes its fixtures itself"
    )]

    use super::*;

    #[test]
    fn trust_holds_for_one_folder_and_one_exact_text() {
        let state = tempfile::tempdir().unwrap();
        let register = Register::in_folder(state.path());
        let (here, there) = (Path::new("/a/here"), Path::new("/a/there"));
        assert!(!register.trusts(here, "x") && register.list().is_empty());
        register.trust(here, "x").unwrap();
        for (folder, text, trusted) in
            [(here, "x", true), (here, "x ", false), (here, "", false), (there, "x", false)]
        {
            assert_eq!(register.trusts(folder, text), trusted, "{} {text}", folder.display());
        }
        // A record that was copied to another folder's name does not count.
        let copy = register.path(there).unwrap();
        std::fs::copy(register.path(here).unwrap(), &copy).unwrap();
        assert!(!register.trusts(there, "x"));
        std::fs::write(&copy, "{").unwrap();
        assert!(!register.trusts(there, "x"));
        assert_eq!(register.list().len(), 1);
        assert!(register.revoke(here).unwrap() && !register.revoke(here).unwrap());
        assert!(!register.trusts(here, "x"));
    }

    #[cfg(unix)]
    #[test]
    fn the_trust_register_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("redraft");
        let register = Register::in_folder(&folder);
        register.trust(Path::new("/a"), "x").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("trusted")), 0o700);
        assert_eq!(mode(&register.path(Path::new("/a")).unwrap()), 0o600);
    }
}
