//! Sessions as folders: removed and renamed, never while a command works on them.

use super::open::locked;
use super::{JOURNAL, StoreError};
use crate::domain::name;
use crate::files;
use std::path::{Path, PathBuf};

/// Removes a session with all its files.
///
/// # Errors
/// Another command works on it, or the disk refuses.
pub fn remove(folder: &Path) -> Result<(), StoreError> {
    let _lock = locked(folder)?;
    // Without its journal it is no session any more, whatever else can't be removed.
    files::remove_file(&folder.join(JOURNAL))?;
    Ok(files::remove_folder(folder)?)
}

/// Gives a session another name in the same folder of sessions; returns its new place.
///
/// # Errors
/// The name can't be one or is taken, another command works on the session, or the disk refuses.
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
