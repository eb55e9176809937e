//! Removes and renames sessions, but not while a command works on them.

use super::open::locked;
use super::{JOURNAL, StoreError};
use crate::domain::name;
use crate::files;
use std::path::{Path, PathBuf};

/// Removes a session with all its files.
///
/// # Errors
/// If another command works on it, or on a disk error.
pub fn remove(folder: &Path) -> Result<(), StoreError> {
    let _lock = locked(folder)?;
    // Without its journal it is no longer a session, even if other files cannot be removed.
    files::remove_file(&folder.join(JOURNAL))?;
    Ok(files::remove_folder(folder)?)
}

/// Renames a session within its sessions folder; returns its new path.
///
/// # Errors
/// If the name is invalid or taken, if another command works on the session, or on a disk error.
pub fn rename(folder: &Path, to: &str) -> Result<PathBuf, StoreError> {
    name::check(to)?;
    let place = folder.with_file_name(to);
    if place.symlink_metadata().is_ok() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let _lock = locked(folder)?;
    files::rename(folder, &place)?;
    Ok(place)
}
