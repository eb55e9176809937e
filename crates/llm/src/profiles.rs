//! What was found out about models, kept in the user's cache folder: a file a model.

use redraft_domain::profile::Profile;
use redraft_files::{self as files, FileError, Mode};
use serde::{Deserialize, Serialize};
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

/// Whether the model with this identity was found to be held to schemas; `None` if that was never tried.
#[must_use]
pub fn kept_schema(folder: &Path, identity: &str) -> Option<bool> {
    let text = files::read_text(&schema_path(folder, identity), LONGEST).ok()?;
    serde_yaml::from_str::<Schemas>(&text).ok().map(|kept| kept.holds_to_schemas)
}

/// Keeps whether it is.
pub fn keep_schema(
    folder: &Path,
    identity: &str,
    model: &str,
    holds_to_schemas: bool,
) -> Result<(), FileError> {
    let kept = Schemas { model: model.to_owned(), holds_to_schemas };
    let text = serde_yaml::to_string(&kept).unwrap_or_default();
    files::create_folder(folder)?;
    files::write(&schema_path(folder, identity), text.as_bytes(), Mode::Normal)
}

/// What is kept of a model that may never be asked for the rest.
#[derive(Serialize, Deserialize)]
struct Schemas {
    /// The model, as `PROVIDER/MODEL`, for who reads the file.
    model: String,
    holds_to_schemas: bool,
}

fn schema_path(folder: &Path, identity: &str) -> PathBuf {
    path(folder, identity).with_extension("schema.yaml")
}

/// A name that any file system takes, of whatever a server and its model are called.
fn path(folder: &Path, identity: &str) -> PathBuf {
    folder.join(format!("{:.24}.yaml", files::hash(identity.as_bytes())))
}
