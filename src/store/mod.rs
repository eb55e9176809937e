//! Sessions on disk: a journal, which is the only source of a session's state, and the files
//! rendered from it. Folds events into a session; makes no decisions.

pub mod artifacts;
pub mod catalog;
mod cores;
mod create;
pub mod fold;
mod index;
mod journal;
pub mod line;
pub mod manage;
mod open;
pub mod repair;
mod seal;
mod sealer;

pub use create::{Draft, create, fork, no_version, scratch};
#[cfg(unix)]
pub use open::socket_of;
pub use open::{Found, HandEdit, Snapshot, open, read, worked_on_by};

use crate::domain::event::{DataFile, Event, LONGEST_TEXT};
use crate::domain::session::Session;
use crate::domain::text::size;
use crate::files::{self, FileError, Lock};
use journal::Journal;
use line::Entry;
pub use seal::Seal;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The journal's file in a session's folder.
pub const JOURNAL: &str = "journal.jsonl";
/// The folder of the user's data files.
const DATA: &str = "data";
/// The folder of the user's tests.
const TESTS: &str = "tests";
/// The lock's file in a session's folder.
const LOCK: &str = ".lock";

/// An error when reading or writing a session.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A disk error.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such session.
    #[error("there is no session `{0}`; `redraft list` shows those that there are")]
    Unknown(String),
    /// There is no session at all.
    #[error("there is no session in `{0}` yet; start one with: redraft new \"TASK\"")]
    Nothing(String),
    /// A session of this name exists already.
    #[error("there is a session `{0}` already; go on with it, or choose another name")]
    Exists(String),
    /// Another process works on it.
    #[error("session `{name}` is locked by {holder}; wait for it to end, or end it")]
    Locked {
        /// The session.
        name: String,
        /// That process, in words.
        holder: String,
    },
    /// The journal cannot be parsed.
    #[error(
        "session `{name}` is damaged: line {line} of `journal.jsonl`: {problem}; `redraft repair {name}` takes out what can't be read"
    )]
    Damaged {
        /// The session.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file was edited by hand and is now too long.
    #[error(
        "`{file}` of session `{name}` has {has}, and at most {} are taken; make it shorter, or delete it and it is written again",
        size(LONGEST_TEXT as u64)
    )]
    TooLong {
        /// The session.
        name: String,
        /// The file.
        file: String,
        /// Its size, as text.
        has: String,
    },
    /// A newer version of the program wrote it.
    #[error(
        "session `{name}` has format {format}, this program writes {}: it can be shown, not changed; update redraft",
        crate::domain::event::FORMAT
    )]
    Newer {
        /// The session.
        name: String,
        /// Its format.
        format: u32,
    },
    /// The name is not valid for a folder.
    #[error(transparent)]
    Name(#[from] crate::domain::name::NameError),
    /// A data file cannot be used.
    #[error("cannot take `{file}` as data: {problem}")]
    Data {
        /// The file.
        file: String,
        /// Why.
        problem: String,
    },
    /// The version does not exist.
    #[error("session `{name}` has no version v{version}; {has}")]
    NoVersion {
        /// The session.
        name: String,
        /// The version.
        version: u32,
        /// The versions that exist.
        has: String,
    },
    /// The text after a session's colon is not a version.
    #[error("`{0}` is not a version; versions are v1, v2, ...")]
    NoVersionName(String),
    /// An event does not fit: a bug in this program.
    #[error("session `{name}` can't take an event: {problem}; please report this")]
    Unfitting {
        /// The session.
        name: String,
        /// Why.
        problem: String,
    },
}

/// Called with each line that is added to the journal.
type Watch = Box<dyn FnMut(&str) + Send>;

/// A session that is open for writing. It is locked until this value is dropped.
pub struct Store {
    folder: PathBuf,
    journal: Journal,
    session: Session,
    /// Paths that were written and not yet synced.
    dirty: Vec<PathBuf>,
    watch: Vec<Watch>,
    given: OnceCell<Given>,
    lock: Lock,
}

impl Store {
    /// The current state of the session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The session's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A line for the user if the session's folder has no file locks; names the file that is used instead.
    #[must_use]
    pub fn lock_note(&self) -> Option<String> {
        let file = self.lock.stand_in()?.file_name()?.to_string_lossy().into_owned();
        Some(format!("this folder has no file locks; `{file}` beside the journal is used instead"))
    }

    /// Calls `watch` with each line that is added to the journal from now on, in place of all
    /// earlier watchers.
    pub fn watch(&mut self, watch: impl FnMut(&str) + Send + 'static) {
        self.watch.clear();
        self.watch_too(watch);
    }

    /// Also calls `watch` with each line that is added to the journal from now on.
    pub fn watch_too(&mut self, watch: impl FnMut(&str) + Send + 'static) {
        self.watch.push(Box::new(watch));
    }

    /// Adds an event to the journal and writes its files.
    ///
    /// Precious events are synced to disk before this returns; others with the next precious one,
    /// or by [`Store::sync`].
    pub fn record(&mut self, event: Event) -> Result<(), StoreError> {
        self.record_as(event, Seal::Ours)
    }

    /// Records an event found in the session's files, which anybody may have edited: it is applied,
    /// but grants no permission.
    pub fn record_found(&mut self, event: Event) -> Result<(), StoreError> {
        self.record_as(event, Seal::Missing)
    }

    fn record_as(&mut self, mut event: Event, seal: Seal) -> Result<(), StoreError> {
        let files = artifacts::render(&event, &self.session);
        for (artifact, (file, content)) in event.artifacts_mut().into_iter().zip(&files) {
            *artifact = artifacts::of(file, content);
        }
        let unfitting =
            |problem| StoreError::Unfitting { name: self.session.name.clone(), problem };
        // An event that does not fit would damage the journal.
        fold::check(&self.session, &mut event).map_err(unfitting)?;
        let precious = event.is_precious();
        let written_by_hand = matches!(event, Event::Edited { .. });
        let entry = Entry { seal, ..Entry::now(self.session.seq + 1, event) };
        let line = self.journal.append(&entry)?;
        if precious {
            self.journal.sync()?;
        }
        for watch in &mut self.watch {
            watch(line.trim_end());
        }
        fold::apply(&mut self.session, entry).map_err(|problem| StoreError::Unfitting {
            name: self.session.name.clone(),
            problem,
        })?;
        if !written_by_hand {
            for (file, content) in files {
                self.write(&file, &content)?;
            }
        }
        Ok(())
    }

    /// Applies an event without writing anything, to replay events that are recorded elsewhere.
    pub fn follow(&mut self, entry: Entry) -> Result<(), StoreError> {
        let name = self.session.name.clone();
        fold::apply(&mut self.session, entry)
            .map_err(|problem| StoreError::Unfitting { name, problem })
    }

    fn write(&mut self, file: &str, content: &str) -> Result<(), StoreError> {
        let path = files::place(&self.folder, file)?;
        files::write(&path, content.as_bytes(), artifacts::mode(file))?;
        self.dirty.push(path);
        Ok(())
    }

    /// The folder for the files of a version's run. Files of an earlier run are removed.
    pub fn run_files(&self, version: u32) -> Result<PathBuf, StoreError> {
        let path =
            files::place(&self.folder, &format!("{}/files", artifacts::run_folder(version)))?;
        files::remove_folder(&path)?;
        files::remove_file(&path.with_file_name("screenshot.png"))?;
        Ok(path)
    }

    /// The emptied folder for the files of a further run of a version. Its picture is stored beside
    /// it, with the ending `.png`.
    pub fn further_files(&self, version: u32) -> Result<PathBuf, StoreError> {
        let path =
            files::place(&self.folder, &format!("{}/further", artifacts::run_folder(version)))?;
        files::remove_folder(&path)?;
        files::remove_file(&path.with_extension("png"))?;
        Ok(path)
    }

    /// Replaces the files of the earlier run with those of the further run.
    pub fn take_further_files(&self, version: u32) -> Result<(), StoreError> {
        let from =
            files::place(&self.folder, &format!("{}/further", artifacts::run_folder(version)))?;
        let to = self.run_files(version)?;
        files::move_into(&from, &to)?;
        files::move_into(&from.with_extension("png"), &to.with_file_name("screenshot.png"))?;
        Ok(())
    }

    /// The folder for the files of a candidate's run.
    pub fn sample_files(&self, version: u32, sample: u32) -> Result<PathBuf, StoreError> {
        let folder = format!("{}/run_{sample}", artifacts::candidates_folder(version));
        let path = files::place(&self.folder, &folder)?;
        files::remove_folder(&path)?;
        Ok(path.join("files"))
    }

    /// Makes the files of a candidate's run those of the version, and removes those of the others.
    pub fn keep_sample_files(&self, version: u32, sample: u32) -> Result<(), StoreError> {
        let kept = self.run_files(version)?;
        let candidates = artifacts::candidates_folder(version);
        for scored in self.session.version(version).iter().flat_map(|v| &v.samples) {
            let folder = format!("{candidates}/run_{}", scored.sample);
            let folder = files::place(&self.folder, &folder)?;
            if scored.sample == sample {
                files::move_into(&folder.join("files"), &kept)?;
                let picture = "screenshot.png";
                files::move_into(&folder.join(picture), &kept.with_file_name(picture))?;
            }
            files::remove_folder(&folder)?;
        }
        Ok(())
    }

    /// The user's data files and tests, verified once.
    pub fn given(&self) -> &Given {
        self.given.get_or_init(|| given(&self.folder, &self.session))
    }

    /// Syncs everything to disk: before a gate opens, and before the program ends.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        // Files come first: a journal that records a pause implies that they exist.
        files::sync(&std::mem::take(&mut self.dirty))?;
        Ok(self.journal.sync()?)
    }
}

/// The complete lines of a session's journal.
pub fn lines(folder: &Path) -> Result<Vec<String>, StoreError> {
    let bytes = files::read(&folder.join(JOURNAL))?;
    let (lines, _) = journal::split(&bytes);
    Ok(lines.into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

/// All entries of a session's journal.
///
/// # Errors
/// If the journal is damaged, or was written by a newer version of the program.
pub fn entries(folder: &Path) -> Result<Vec<Entry>, StoreError> {
    let loaded = open::load(folder)?;
    let session = &loaded.session;
    if session.format > crate::domain::event::FORMAT {
        return Err(StoreError::Newer { name: session.name.clone(), format: session.format });
    }
    let mut entries = loaded.entries()?;
    // Nothing is run from these, so they count as if read where they were recorded.
    for entry in &mut entries {
        entry.seal = Seal::Ours;
    }
    Ok(entries)
}

/// The user's files of a session that passed verification.
#[derive(Debug, Default)]
pub struct Given {
    /// The data files.
    pub data: Vec<PathBuf>,
    /// The acceptance tests.
    pub tests: Vec<PathBuf>,
    /// A message for each file that is not used.
    pub changed: Vec<String>,
}

/// Finds and verifies the user's files. Links are not followed, and data files must have the
/// recorded content: whoever made the folder could point to any file of this machine. Tests may
/// have been edited since.
#[must_use]
pub fn given(folder: &Path, session: &Session) -> Given {
    let mut changed = Vec::new();
    let mut intact = |within: &str, files: &[DataFile], same: &dyn Fn(&Path, &DataFile) -> bool| {
        let mut found = Vec::new();
        for file in files {
            let name = format!("{within}/{}", file.name);
            let path = files::place(folder, &name).ok();
            match path.filter(|path| same(path, file)) {
                Some(path) => found.push(path),
                None => changed.push(format!(
                    "`{name}` is not the file that was given, and is not used; put that one back, \
                     or give this one to a new session"
                )),
            }
        }
        found
    };
    let given = |path: &Path, file: &DataFile| {
        let is = |hash: Option<String>| hash.is_some_and(|hash| hash == file.sha256);
        is(files::hash_regular(path)) || is(files::hash_with_line_feeds(path))
    };
    let data = intact(DATA, &session.data, &given);
    let tests = intact(TESTS, &session.tests, &|path, _| files::hash_regular(path).is_some());
    Given { data, tests, changed }
}
