//! The sessions folder: lists sessions, and finds the one that the user means.

use super::index::Index;
use super::journal::Skim;
use super::open::load_as;
use super::{JOURNAL, StoreError, artifacts, cores};
use crate::domain::session::Session;
use crate::files::{self, FileError, Stamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cmp::Reverse;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

/// Number of sessions that a thread takes at a time.
const AT_ONCE: usize = 16;

/// A session in a list.
pub struct Listed<T> {
    /// The name of its folder.
    pub name: String,
    /// When its journal was last modified, by the file system.
    pub changed: SystemTime,
    /// The value made by the caller's function, or why the session cannot be read.
    pub row: Result<T, StoreError>,
}

/// Applies `row` to each session of a folder, sorted by name. Empty if the folder does not exist.
///
/// `row` is called with a session without its scripts. Its result must depend on the session only:
/// it is cached in an index, and computed again when the journal has changed.
pub fn list<T>(root: &Path, row: impl Fn(&Session) -> T + Sync) -> Result<Vec<Listed<T>>, FileError>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync,
{
    let journals = journals(root)?;
    let index = Index::of(root, journals.len());
    let next = AtomicUsize::new(0);
    // Threads take a few sessions at a time, since neither sessions nor cores are equally fast.
    let work = || {
        let mut read = Vec::new();
        loop {
            let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            let Some(part) = journals.get(from..) else { return read };
            read.extend(part.iter().take(AT_ONCE).enumerate().map(|(n, (folder, stamp))| {
                let name = super::open::name_of(folder);
                let row = match index.get(&name, stamp) {
                    Some(row) => Ok(row),
                    None => load_as(folder, Skim::Status).map(|loaded| row(&loaded.session)),
                };
                (from + n, Listed { name, changed: stamp.modified, row })
            }));
        }
    };
    let mut read: Vec<(usize, Listed<T>)> = cores::all(work).into_iter().flatten().collect();
    read.sort_unstable_by_key(|(n, _)| *n);
    let rows = read.iter().filter_map(|(n, listed)| {
        Some((listed.name.as_str(), &journals[*n].1, listed.row.as_ref().ok()?))
    });
    index.keep(rows);
    Ok(read.into_iter().map(|(_, listed)| listed).collect())
}

/// Applies `row` to the most recently used sessions that can be read, latest first.
pub fn recent<T>(
    root: &Path,
    most: usize,
    row: impl Fn(&Session) -> T,
) -> Result<Vec<T>, FileError> {
    let journals = newest(root)?;
    let sessions = journals.iter().filter_map(|(folder, _)| load_as(folder, Skim::Status).ok());
    Ok(sessions.map(|loaded| row(&loaded.session)).take(most).collect())
}

/// The folders of the sessions, sorted by name, with the stamps of their journals.
fn journals(root: &Path) -> Result<Vec<(PathBuf, Stamp)>, FileError> {
    let folders = match files::entries(root) {
        Err(error) if error.source.kind() == ErrorKind::NotFound => Vec::new(),
        entries => entries?,
    };
    let journals = folders.into_iter().filter_map(|folder| {
        let hidden = folder.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
        let stamp = if hidden { None } else { files::stamp(&folder.join(JOURNAL)) };
        Some((folder, stamp?))
    });
    Ok(journals.collect())
}

/// As [`journals`], the most recently used session first.
fn newest(root: &Path) -> Result<Vec<(PathBuf, Stamp)>, FileError> {
    let mut journals = journals(root)?;
    journals.sort_by_key(|(_, stamp)| Reverse(stamp.modified));
    Ok(journals)
}

/// The names of all sessions, the most recently used first. Folders with invalid names are left
/// out: such a name could contain shell code.
pub fn names(root: &Path) -> Result<Vec<String>, FileError> {
    let journals = newest(root)?;
    let mut names: Vec<String> = journals.iter().map(|(f, _)| super::open::name_of(f)).collect();
    names.retain(|name| crate::domain::name::check(name).is_ok());
    Ok(names)
}

/// A session's version numbers, by the scripts in its folder, latest first.
#[must_use]
pub fn versions(folder: &Path) -> Vec<u32> {
    let of = |path: &PathBuf| artifacts::script_number(path.file_name()?.to_str()?);
    let mut numbers: Vec<u32> =
        files::entries(folder).unwrap_or_default().iter().filter_map(of).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers
}

/// The folder of the most recently used session.
pub fn last(root: &Path) -> Result<Option<PathBuf>, FileError> {
    let last = journals(root)?.into_iter().max_by_key(|(_, stamp)| stamp.modified);
    Ok(last.map(|(folder, _)| folder))
}

/// A session, and optionally one of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The session's folder.
    pub folder: PathBuf,
    /// The version, if one was named.
    pub version: Option<u32>,
}

/// Finds the session for `NAME`, `PATH`, `NAME:vN`, `vN` or no argument. A lone version belongs to
/// the most recently used session; a session with such a name can be reached by its path.
pub fn find(root: &Path, wanted: Option<&str>) -> Result<Place, StoreError> {
    if let Some(version) = wanted.and_then(lone_version) {
        return Ok(Place { version: Some(version), ..find(root, None)? });
    }
    let Some(wanted) = wanted else {
        let folder = last(root)?.ok_or_else(|| StoreError::Nothing(root.display().to_string()))?;
        return Ok(Place { folder, version: None });
    };
    let (name, version) = split_version(wanted)?;
    let direct = Path::new(name);
    let is_path = direct.components().count() > 1 || name.starts_with(['.', '/']);
    let folder = if is_path { direct.to_owned() } else { root.join(name) };
    // The session's name is that of the real folder, whichever path led to it.
    let folder = if is_path { folder.canonicalize().unwrap_or(folder) } else { folder };
    if !is_path {
        // Reports an unreadable sessions folder as such, not as an unknown session.
        journals(root)?;
    }
    if name.is_empty() || files::length(&folder.join(JOURNAL)).is_none() {
        return Err(StoreError::Unknown(crate::domain::text::one_line(name, 100)));
    }
    Ok(Place { folder, version })
}

/// Finds the session of exactly this name, even if it looks like a version.
pub fn named(root: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let folder = root.join(name);
    let is_name = crate::domain::name::check(name).is_ok();
    if !is_name || files::length(&folder.join(JOURNAL)).is_none() {
        return Err(StoreError::Unknown(crate::domain::text::one_line(name, 100)));
    }
    Ok(folder)
}

/// The number in `vN`, or `None` for any other text.
#[must_use]
pub fn lone_version(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('v')?;
    let number =
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
    (number > 0).then_some(number)
}

/// Splits `:vN` off the end of a session's name or path. Names have no colon, but folders of a path
/// may.
fn split_version(wanted: &str) -> Result<(&str, Option<u32>), StoreError> {
    let Some((name, version)) = wanted.rsplit_once(':').filter(|(_, last)| !last.contains('/'))
    else {
        return Ok((wanted, None));
    };
    match version.strip_prefix('v').and_then(|n| n.parse().ok()) {
        Some(number) => Ok((name, Some(number))),
        None => Err(StoreError::NoVersionName(crate::domain::text::one_line(version, 40))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_suffix_is_split_off_the_session_name() {
        for (wanted, expected) in [
            ("clock", Some(("clock", None))),
            ("clock:v3", Some(("clock", Some(3)))),
            ("a/b:v12", Some(("a/b", Some(12)))),
            ("a:b/c", Some(("a:b/c", None))),
            ("clock:vx", None),
            ("clock:3", None),
        ] {
            assert_eq!(split_version(wanted).ok(), expected);
        }
    }
}
