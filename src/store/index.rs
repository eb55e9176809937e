//! An index of the sessions in a folder, so that a long list need not read every journal.
//!
//! Only a cache: each sessions folder has a file in the user's own cache folder, where no foreign
//! session can write. A row is valid only while the journal has the same stamp. A file that cannot
//! be read, or was written by another build of this program, is ignored.

use crate::files::{self, Mode, Stamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Up to this many sessions are read quickly enough without an index.
const FEW: usize = 32;
/// Maximum number of rows in an index, and maximum size of a row in bytes: a request can be a long
/// text. Other rows are computed from their journals each time.
const MOST_ROWS: usize = 10_000;
const LONGEST_ROW: usize = 2 << 10;
/// Maximum size of an index, in bytes: those rows with names and stamps.
const LARGEST: u64 = 32 << 20;
/// Maximum number of index files, and so of sessions folders that are listed quickly.
const MOST_INDEXES: usize = 16;
/// Time that a journal has to be unchanged before its row is cached: two writes of the same length
/// within one tick of the file system's clock have the same stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// The cached rows of a sessions folder.
pub(super) struct Index<T> {
    /// The index file; `None` if there are few sessions.
    file: Option<PathBuf>,
    rows: HashMap<String, (Stamp, T)>,
}

/// The content of the file. `R` is the type of the rows, owned or borrowed.
#[derive(Serialize, Deserialize)]
struct Content<R> {
    program: Option<Stamp>,
    rows: R,
}

impl<T: Serialize + DeserializeOwned + Clone> Index<T> {
    /// Reads the index of a folder with this number of sessions.
    pub(super) fn of(root: &Path, sessions: usize) -> Self {
        let file = (sessions > FEW).then(|| file_of(root)).flatten();
        let read = |file: &PathBuf| {
            let bytes = files::read_private(file, LARGEST)?;
            let content: Content<_> = serde_json::from_slice(&bytes).ok()?;
            (content.program == program()).then_some(content.rows)
        };
        let rows = file.as_ref().and_then(read).unwrap_or_default();
        Self { file, rows }
    }

    /// The cached row of a session, if its journal has this stamp.
    pub(super) fn get(&self, name: &str, stamp: &Stamp) -> Option<T> {
        self.rows.get(name).filter(|(of, _)| of == stamp).map(|(_, row)| row.clone())
    }

    /// Stores all rows of a list, if enough of them are new or some were removed. A failure costs
    /// only time.
    pub(super) fn keep<'a>(self, rows: impl Iterator<Item = (&'a str, &'a Stamp, &'a T)>)
    where
        T: 'a,
    {
        let Some(file) = &self.file else { return };
        let now = SystemTime::now();
        let is_settled =
            |stamp: &Stamp| now.duration_since(stamp.modified).is_ok_and(|passed| passed > SETTLED);
        let fits = |row| serde_json::to_vec(row).is_ok_and(|row| row.len() <= LONGEST_ROW);
        let (mut kept, mut new) = (HashMap::new(), 0);
        for (name, stamp, row) in rows.filter(|(_, stamp, _)| is_settled(stamp)) {
            let old = self.rows.get(name).is_some_and(|(of, _)| of == stamp);
            if kept.len() < MOST_ROWS && (old || fits(row)) {
                new += usize::from(!old);
                kept.insert(name, (stamp, row));
            }
        }
        // The rows of a removed session are removed soon after it.
        let gone = self.rows.keys().any(|name| !kept.contains_key(name.as_str()));
        if new <= FEW && !gone {
            return;
        }
        let content = Content { program: program(), rows: &kept };
        let (Some(folder), Ok(content)) = (file.parent(), serde_json::to_vec(&content)) else {
            return;
        };
        if files::create_private_folder(folder).is_ok() {
            if files::length(file).is_none() {
                make_place(folder);
            }
            let _ = files::write(file, &content, Mode::Private);
        }
    }
}

/// The path of a sessions folder's index.
fn file_of(root: &Path) -> Option<PathBuf> {
    let root = files::resolve(root).ok()?;
    let name = files::hash(root.as_os_str().as_encoded_bytes());
    Some(files::cache_folder().join("lists").join(name))
}

/// Identifies this build of the program: another one may format rows differently.
fn program() -> Option<Stamp> {
    files::stamp(&std::env::current_exe().ok()?)
}

/// Removes the oldest index files to make room for one more.
fn make_place(folder: &Path) {
    let mut all = files::entries(folder).unwrap_or_default();
    all.sort_by_cached_key(|file| {
        std::cmp::Reverse(files::stamp(file).map(|stamp| stamp.modified))
    });
    for file in all.iter().skip(MOST_INDEXES - 1) {
        let _ = files::remove_file(file);
    }
}
