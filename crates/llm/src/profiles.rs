//! Stored probe results of models, in the user's cache folder: one file per model.

use redraft_domain::profile::Profile;
use redraft_files::{self as files, FileError, Mode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Maximum length of such a file, in bytes.
const LONGEST: u64 = 64 << 10;

/// The folder of probe results: `profiles` in the user's cache folder.
#[must_use]
pub fn folder() -> PathBuf {
    files::cache_folder().join("profiles")
}

/// The probe result for this identity; `None` if there is none or it can't be read: the model is
/// probed again then.
#[must_use]
pub fn kept(folder: &Path, identity: &str) -> Option<Profile> {
    read(&path(folder, identity))
}

/// Stores a probe result; returns its file.
pub fn keep(folder: &Path, identity: &str, profile: &Profile) -> Result<PathBuf, FileError> {
    let path = path(folder, identity);
    write(folder, &path, profile)?;
    Ok(path)
}

/// Whether the model with this identity is constrained by schemas; `None` if that was never tested.
#[must_use]
pub fn kept_schema(folder: &Path, identity: &str) -> Option<bool> {
    read(&schema_path(folder, identity)).map(|kept: Schemas| kept.holds_to_schemas)
}

/// Stores whether the model is constrained by schemas.
pub fn keep_schema(
    folder: &Path,
    identity: &str,
    model: &str,
    holds_to_schemas: bool,
) -> Result<(), FileError> {
    let kept = Schemas { model: model.to_owned(), holds_to_schemas };
    write(folder, &schema_path(folder, identity), &kept)
}

/// The measured speed of this model's answers, in tokens per second; `None` if it was never
/// measured.
#[must_use]
pub fn kept_speed(folder: &Path, identity: &str) -> Option<f64> {
    read(&speed_path(folder, identity)).map(|kept: Speed| kept.answer_speed)
}

/// Stores the measured speed of a model's answers, in tokens per second.
pub fn keep_speed(
    folder: &Path,
    identity: &str,
    model: &str,
    answer_speed: f64,
) -> Result<(), FileError> {
    let kept = Speed { model: model.to_owned(), answer_speed };
    write(folder, &speed_path(folder, identity), &kept)
}

/// A stored speed measurement, separate from the probe, which takes longer.
#[derive(Serialize, Deserialize)]
struct Speed {
    /// The model, as `PROVIDER/MODEL`, for readers of the file.
    model: String,
    answer_speed: f64,
}

/// A stored result of a schema test, separate from the probe, which may never run.
#[derive(Serialize, Deserialize)]
struct Schemas {
    /// The model, as `PROVIDER/MODEL`, for readers of the file.
    model: String,
    holds_to_schemas: bool,
}

fn schema_path(folder: &Path, identity: &str) -> PathBuf {
    path(folder, identity).with_extension("schema.yaml")
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_yaml::from_str(&files::read_text(path, LONGEST).ok()?).ok()
}

fn write(folder: &Path, path: &Path, result: &impl Serialize) -> Result<(), FileError> {
    let text = serde_yaml::to_string(result).unwrap_or_default();
    files::create_folder(folder)?;
    files::write(path, text.as_bytes(), Mode::Normal)
}

fn speed_path(folder: &Path, identity: &str) -> PathBuf {
    path(folder, identity).with_extension("speed.yaml")
}

/// A file name that is valid in all file systems, for any name of server and model.
fn path(folder: &Path, identity: &str) -> PathBuf {
    folder.join(format!("{:.24}.yaml", files::hash(identity.as_bytes())))
}
