//! What was found out about models, kept in the user's cache folder: a file a model.

use redraft_domain::profile::Profile;
use redraft_files::{self as files, FileError, Mode};
use std::path::{Path, PathBuf};

/// The longest file that can be one of these, in bytes.
const LONGEST: u64 = 64 << 10;

/// Where they are kept: `profiles` in the user's cache folder.
#[must_use]
pub fn folder() -> PathBuf {
    files::cache_folder().join("profiles")
}

/// What is known of the model with this identity; `None` if it was never asked, or what was kept
/// can't be read: it is asked again then.
#[must_use]
pub fn kept(folder: &Path, identity: &str) -> Option<Profile> {
    let text = files::read_text(&path(folder, identity), LONGEST).ok()?;
    serde_yaml::from_str(&text).ok()
}

/// Keeps it; gives the file.
pub fn keep(folder: &Path, identity: &str, profile: &Profile) -> Result<PathBuf, FileError> {
    let path = path(folder, identity);
    let text = serde_yaml::to_string(profile).unwrap_or_default();
    files::create_folder(folder)?;
    files::write(&path, text.as_bytes(), Mode::Normal)?;
    Ok(path)
}

/// A name that any file system takes, of whatever a server and its model are called.
fn path(folder: &Path, identity: &str) -> PathBuf {
    folder.join(format!("{:.24}.yaml", files::hash(identity.as_bytes())))
}
