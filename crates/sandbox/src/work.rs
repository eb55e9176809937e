//! The work folder of a child: its inputs, and the files that it writes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Content, Input};
use redraft_domain::text::turns_text;
use redraft_files::{self as files, FileError, Mode};

/// Maximum number of files, and of bytes in them, kept of a run.
const MOST_FILES: usize = 100;
const MOST_BYTES: u64 = 50 * 1024 * 1024;
/// Maximum number of entries to look at, and maximum nesting of folders, since a script can create
/// any number.
const MOST_ENTRIES: usize = 20_000;
const DEEPEST: usize = 16;

/// A work folder.
pub(super) struct Work {
    path: PathBuf,
    /// The files at the start.
    before: HashMap<PathBuf, Stamp>,
}

/// Modification time and length, by which changed files are detected.
type Stamp = (Option<SystemTime>, u64);

/// The kept files of a child.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Paths relative to the folder that they were copied to.
    pub files: Vec<String>,
    /// Number of files that were not kept: too many, too large, or not readable.
    pub left_out: usize,
}

impl Work {
    /// Fills an empty folder with a child's inputs.
    pub(super) fn fill(path: &Path, inputs: &[Input]) -> Result<Self, FileError> {
        for Input { name, content } in inputs {
            let place = path.join(name);
            if place.exists() {
                continue;
            }
            match content {
                Content::Text(text) => {
                    files::create_folder(place.parent().unwrap_or(path))?;
                    files::write(&place, text.as_bytes(), Mode::Normal)?;
                }
                Content::Copy(source) => copy(source, &place, 0)?,
            }
        }
        Ok(Self { path: path.to_owned(), before: walk(path).into_iter().collect() })
    }

    /// Copies the regular files that were written or changed since the start into `to`, which is
    /// created if there are any.
    pub(super) fn keep(&self, to: &Path) -> Kept {
        let mut kept = Kept::default();
        let mut bytes = 0;
        let mut names = HashSet::new();
        let files = walk(&self.path).into_iter();
        for (path, stamp) in files.filter(|(path, stamp)| self.before.get(path) != Some(stamp)) {
            let name = harmless(&path, &mut names);
            let room = MOST_BYTES - bytes;
            let full = kept.files.len() == MOST_FILES || stamp.1 > room;
            match (!full).then(|| files::take(&self.path.join(&path), &to.join(&name), room)) {
                Some(Ok(length)) => {
                    bytes += length;
                    kept.files.push(name);
                }
                _ => kept.left_out += 1,
            }
        }
        kept
    }
}

/// Copies a file or a folder recursively. Links within a folder are skipped.
fn copy(from: &Path, to: &Path, depth: usize) -> Result<(), FileError> {
    if !from.is_dir() {
        return files::copy(from, to).map(drop);
    }
    files::create_folder(to)?;
    if depth == DEEPEST {
        return Ok(());
    }
    for path in files::entries(from)? {
        if let Some(name) = path.file_name().filter(|_| !path.is_symlink()) {
            copy(&path, &to.join(name), depth + 1)?;
        }
    }
    Ok(())
}

/// The regular files below a folder, by relative path, sorted. Links are not followed. Hidden
/// top-level folders are skipped: the folder is also the script's home, and libraries keep caches
/// there.
fn walk(top: &Path) -> Vec<(PathBuf, Stamp)> {
    let mut files = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(top.join(&folder)) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MOST_ENTRIES {
                break;
            }
            let name = entry.file_name();
            let hidden = depth == 0 && name.as_encoded_bytes().starts_with(b".");
            let path = folder.join(&name);
            let skip = hidden || name == "__pycache__" || depth == DEEPEST;
            match entry.metadata() {
                Ok(meta) if meta.is_file() => {
                    files.push((path, (meta.modified().ok(), meta.len())));
                }
                Ok(meta) if meta.is_dir() && !skip => folders.push((path, depth + 1)),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// A path as a unique name that is safe to display.
fn harmless(path: &Path, names: &mut HashSet<String>) -> String {
    let bad = |c: char| c.is_control() || turns_text(c) || c == '\\' || c == '\u{fffd}';
    let clean = |c: char| if bad(c) { '_' } else { c };
    let base: String = path.to_string_lossy().chars().map(clean).collect();
    let mut name = base.clone();
    let mut n = 2;
    // On some systems `A` and `a` are the same file.
    while !names.insert(name.to_lowercase()) {
        name = format!("{base}~{n}");
        n += 1;
    }
    name
}
