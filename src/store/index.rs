//! What a list shows of each session of a folder, kept so that a long list does not read every journal.
//!
//! A cache and nothing else: it stands in the user's own cache folder, a file a sessions folder, where no
//! foreign session can write; a row counts only while the journal's file is the one that it was made of;
//! a file that can't be read, or that another build of this program wrote, is as good as none.

use crate::files::{self, Mode, Stamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Sessions that are read so quickly that an index is not worth its file.
const FEW: usize = 32;
/// Rows of an index at most, and bytes of one: a request can be a long text. Others are made of their
/// journals each time.
const MOST_ROWS: usize = 10_000;
const LONGEST_ROW: usize = 2 << 10;
/// Bytes of an index at most: those rows with names and stamps.
const LARGEST: u64 = 32 << 20;
/// Indexes that are kept at most, which is how many sessions folders are quick.
const MOST_INDEXES: usize = 16;
/// How long a journal has to be unchanged before a row of it is kept: two writes of the same length
/// within a tick of the disk's clock have the same stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// The rows kept for a sessions folder.
pub(super) struct Index<T> {
    /// Its file; none where few sessions are listed.
    file: Option<PathBuf>,
    rows: HashMap<String, (Stamp, T)>,
}

/// The file's content. `R`: the rows, owned or borrowed.
#[derive(Serialize, Deserialize)]
struct Content<R> {
    program: Option<Stamp>,
    rows: R,
}

impl<T: Serialize + DeserializeOwned + Clone> Index<T> {
    /// The index of a sessions folder in which so many sessions are.
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

    /// The row of a session whose journal has this stamp.
    pub(super) fn get(&self, name: &str, stamp: &Stamp) -> Option<T> {
        self.rows.get(name).filter(|(of, _)| of == stamp).map(|(_, row)| row.clone())
    }

    /// Keeps all rows of a list for the next one, if enough of them are new or gone. That this may fail
    /// costs time only.
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
        // What was said of a session that was removed does not outlive it for long.
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

/// Where the index of a sessions folder stands.
fn file_of(root: &Path) -> Option<PathBuf> {
    let root = files::resolve(root).ok()?;
    let name = files::hash(root.as_os_str().as_encoded_bytes());
    Some(files::cache_folder().join("lists").join(name))
}

/// Which build of this program made a row: another one may say it in other words.
fn program() -> Option<Stamp> {
    files::stamp(&std::env::current_exe().ok()?)
}

/// Removes the oldest indexes, so that there is a place for one more.
fn make_place(folder: &Path) {
    let mut all = files::entries(folder).unwrap_or_default();
    all.sort_by_cached_key(|file| {
        std::cmp::Reverse(files::stamp(file).map(|stamp| stamp.modified))
    });
    for file in all.iter().skip(MOST_INDEXES - 1) {
        let _ = files::remove_file(file);
    }
}
