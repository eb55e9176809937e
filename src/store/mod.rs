//! Sessions on disk: a journal that is the only source of a session's state, and the files that
//! follow from it. Folds events into a session; decides nothing.

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
/// The folder of the files that the Manager gave.
const DATA: &str = "data";
/// The folder of the tests that the Manager gave.
const TESTS: &str = "tests";
/// The lock's file in a session's folder.
const LOCK: &str = ".lock";

/// Why a session can't be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk said no.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such session.
    #[error("there is no session `{0}`; `redraft list` shows those that there are")]
    Unknown(String),
    /// There is no session at all.
    #[error("there is no session in `{0}` yet; start one with: redraft new \"TASK\"")]
    Nothing(String),
    /// A folder of this name is there already.
    #[error("there is a session `{0}` already; go on with it, or choose another name")]
    Exists(String),
    /// Another process works on it.
    #[error("session `{name}` is locked by {holder}; wait for it to end, or end it")]
    Locked {
        /// The session.
        name: String,
        /// `process 123`, or `another process`.
        holder: String,
    },
    /// The journal can't be understood.
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
    /// A file was edited by hand and is too long now.
    #[error(
        "`{file}` of session `{name}` has {has}, and at most {} are taken; make it shorter, or delete it and it is written again",
        size(LONGEST_TEXT as u64)
    )]
    TooLong {
        /// The session.
        name: String,
        /// The file.
        file: String,
        /// Its size, in words.
        has: String,
    },
    /// A newer program wrote it.
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
    /// The name can't be a folder's.
    #[error(transparent)]
    Name(#[from] crate::domain::name::NameError),
    /// A file that the Manager gave can't be taken.
    #[error("cannot take `{file}` as data: {problem}")]
    Data {
        /// The file.
        file: String,
        /// Why.
        problem: String,
    },
    /// A version that is not there.
    #[error("session `{name}` has no version v{version}; {has}")]
    NoVersion {
        /// The session.
        name: String,
        /// The version.
        version: u32,
        /// What there is instead.
        has: String,
    },
    /// What stands after a session's colon.
    #[error("`{0}` is no version; versions are v1, v2, ...")]
    NoVersionName(String),
    /// An event that does not fit: a fault of this program.
    #[error("session `{name}` can't take an event: {problem}; please report this")]
    Unfitting {
        /// The session.
        name: String,
        /// Why.
        problem: String,
    },
}

/// Is given each line that is added to the journal.
type Watch = Box<dyn FnMut(&str) + Send>;

/// A session that is open for writing: locked until this value goes.
pub struct Store {
    folder: PathBuf,
    journal: Journal,
    session: Session,
    /// Written and not yet synced.
    dirty: Vec<PathBuf>,
    watch: Vec<Watch>,
    given: OnceCell<Given>,
    _lock: Lock,
}

impl Store {
    /// The session as it stands.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The session's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on, each line that is added to the journal is also given to `watch`, and to nobody else.
    pub fn watch(&mut self, watch: impl FnMut(&str) + Send + 'static) {
        self.watch.clear();
        self.watch_too(watch);
    }

    /// From now on, each line that is added to the journal is given to `watch` too.
    pub fn watch_too(&mut self, watch: impl FnMut(&str) + Send + 'static) {
        self.watch.push(Box::new(watch));
    }

    /// Adds an event to the journal and writes the files that follow from it.
    ///
    /// What is precious is on the disk when this returns; the rest with the next that is, or with
    /// [`Store::sync`].
    pub fn record(&mut self, event: Event) -> Result<(), StoreError> {
        self.record_as(event, Seal::Ours)
    }

    /// Records what was found in the session's files, which anybody may have written: it counts, and
    /// opens nothing.
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
        // What does not fit would make the journal a damaged one.
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

    /// Takes an event into the session without writing anything: for a replay of what is recorded
    /// elsewhere.
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

    /// Where a version's run may leave the files that the script wrote. Those of an earlier run, and
    /// whatever else stands there, are removed.
    pub fn run_files(&self, version: u32) -> Result<PathBuf, StoreError> {
        let path =
            files::place(&self.folder, &format!("{}/files", artifacts::run_folder(version)))?;
        files::remove_folder(&path)?;
        files::remove_file(&path.with_file_name("screenshot.png"))?;
        Ok(path)
    }

    /// Where a further run of a version may leave its files, emptied; its picture goes beside it,
    /// with the ending `.png`.
    pub fn further_files(&self, version: u32) -> Result<PathBuf, StoreError> {
        let path =
            files::place(&self.folder, &format!("{}/further", artifacts::run_folder(version)))?;
        files::remove_folder(&path)?;
        files::remove_file(&path.with_extension("png"))?;
        Ok(path)
    }

    /// Puts what a further run left in the place of what the run before it left.
    pub fn take_further_files(&self, version: u32) -> Result<(), StoreError> {
        let from =
            files::place(&self.folder, &format!("{}/further", artifacts::run_folder(version)))?;
        let to = self.run_files(version)?;
        files::move_into(&from, &to)?;
        files::move_into(&from.with_extension("png"), &to.with_file_name("screenshot.png"))?;
        Ok(())
    }

    /// Where the run of a sample may leave the files that the script wrote.
    pub fn sample_files(&self, version: u32, sample: u32) -> Result<PathBuf, StoreError> {
        let folder = format!("{}/run_{sample}", artifacts::candidates_folder(version));
        let path = files::place(&self.folder, &folder)?;
        files::remove_folder(&path)?;
        Ok(path.join("files"))
    }

    /// Makes the files of a sample's run those of the version, and removes the others'.
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

    /// The files that the Manager gave, looked for once.
    pub fn given(&self) -> &Given {
        self.given.get_or_init(|| given(&self.folder, &self.session))
    }

    /// Makes everything last: before a gate opens, and before the program ends.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        // The files first: a journal that says that the program waited says that they are there.
        files::sync(&std::mem::take(&mut self.dirty))?;
        Ok(self.journal.sync()?)
    }
}

/// The whole lines of a session's journal, as they stand there.
pub fn lines(folder: &Path) -> Result<Vec<String>, StoreError> {
    let bytes = files::read(&folder.join(JOURNAL))?;
    let (lines, _) = journal::split(&bytes);
    Ok(lines.into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

/// Everything that is recorded of a session.
///
/// # Errors
/// A journal that is damaged, or that a newer program wrote.
pub fn entries(folder: &Path) -> Result<Vec<Entry>, StoreError> {
    let loaded = open::load(folder)?;
    let session = &loaded.session;
    if session.format > crate::domain::event::FORMAT {
        return Err(StoreError::Newer { name: session.name.clone(), format: session.format });
    }
    let mut entries = loaded.entries()?;
    // Nothing is run for them: they are taken as they were where they were recorded.
    for entry in &mut entries {
        entry.seal = Seal::Ours;
    }
    Ok(entries)
}

/// The files that the Manager gave to a session, as far as they are what was given.
#[derive(Debug, Default)]
pub struct Given {
    /// The data files.
    pub data: Vec<PathBuf>,
    /// The acceptance tests.
    pub tests: Vec<PathBuf>,
    /// Those that are not used, a line each.
    pub changed: Vec<String>,
}

/// Looks for the files that the Manager gave. A link is not followed, and data with another content is
/// not what was given: whoever made the folder may mean any file of this machine by it. A test may have
/// been changed by hand since.
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
