//! Embedded models: the catalogue, the files on this machine, and downloads.
//!
//! Complete files have their names in a folder of the user's cache; an unfinished download is
//! beside them with the suffix `.part`, and is always a beginning of the file, from any source. A
//! file is renamed only after its checksum was verified.

mod catalogue;
mod error;
mod fetch;
mod fit;
mod http;
mod index;

use catalogue::is_gguf;
pub use catalogue::{BUILT_IN, CatalogueError, Entry, Parts};
pub use fetch::{Content, FetchError, News};
pub use fit::Machine;

use redraft_files::{self as files, FileError, Holder, Lock, Locking};
use std::path::{Path, PathBuf};

/// The models of the catalogue, and the folder of their files.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    entries: Vec<Entry>,
}

/// What a model's name refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant<'a> {
    /// A model of the catalogue.
    Known(&'a Entry),
    /// A file, which may not exist.
    File(PathBuf),
}

/// Why a model's name can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The catalogue can't be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// There is no model of this name.
    #[error("there is no embedded model `{name}`; there are {known}, or the path of a .gguf file")]
    Unknown {
        /// The name.
        name: String,
        /// The known names, most similar first.
        known: String,
    },
    /// The model has to be downloaded first.
    #[error(
        "the model `{name}` is not on this machine yet ({}); fetch it with: redraft models pull {name}",
        redraft_domain::text::size(*bytes)
    )]
    NotHere {
        /// The model.
        name: String,
        /// Size of the download.
        bytes: u64,
    },
    /// The file does not exist.
    #[error("there is no model file `{}`", path.display())]
    NoFile {
        /// Its path.
        path: PathBuf,
    },
    /// Another process is downloading it.
    #[error("another redraft ({holder}) is fetching `{name}`; try again when it is done")]
    Busy {
        /// The model.
        name: String,
        /// That process.
        holder: Holder,
    },
    /// Disk error.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The memory of this machine in bytes, if the system reports it.
#[must_use]
pub fn memory() -> Option<u64> {
    let told = files::read_text(Path::new("/proc/meminfo"), 1 << 16).ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024))
}

impl Library {
    /// Opens the library in the user's cache folder.
    pub fn open() -> Result<Self, CatalogueError> {
        let cache = files::cache_folder();
        Ok(Self { folder: cache.join("models"), entries: catalogue::load()? })
    }

    /// A library with this folder and this catalogue.
    pub fn in_folder(folder: PathBuf, catalogue: &str) -> Result<Self, CatalogueError> {
        Ok(Self { folder, entries: catalogue::read(catalogue, Path::new("catalogue"))? })
    }

    /// The folder of the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The models of the catalogue, the default first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Resolves a name after `embedded/`: a model of the catalogue, a file of the folder, or a
    /// path.
    pub fn meant(&self, name: &str) -> Result<Meant<'_>, LibraryError> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.is_called(name)) {
            return Ok(Meant::Known(entry));
        }
        if !name.contains('/') && !is_gguf(name) {
            let near = |entry: &&Entry| {
                let names = entry.aliases.iter().chain([&entry.name]);
                names.map(|own| strsim::osa_distance(own, name)).min()
            };
            let mut known: Vec<&Entry> = self.entries.iter().collect();
            known.sort_by_key(near);
            let known: Vec<String> = known.iter().map(|e| format!("`{}`", e.name)).collect();
            return Err(LibraryError::Unknown { name: name.to_owned(), known: known.join(", ") });
        }
        let path = match (name.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(name),
        };
        let own = self.folder.join(name);
        let is_own = !name.contains('/') && files::length(&own).is_some();
        Ok(Meant::File(if is_own { own } else { path }))
    }

    /// The file of the model with this name after `embedded/`.
    pub fn file(&self, name: &str) -> Result<PathBuf, LibraryError> {
        match self.meant(name)? {
            Meant::Known(entry) if self.has(entry) => Ok(self.path(entry)),
            Meant::Known(entry) => {
                Err(LibraryError::NotHere { name: entry.name.clone(), bytes: entry.bytes })
            }
            // A link to a file elsewhere is accepted.
            Meant::File(path) if path.is_file() => Ok(path),
            Meant::File(path) => Err(LibraryError::NoFile { path }),
        }
    }

    /// The model to use if none is named: the first of the catalogue that is on this machine and
    /// not a toy, else the default.
    #[must_use]
    pub fn preferred(&self) -> &Entry {
        let default = &self.entries[0];
        let mut here = self.entries.iter().filter(|entry| !entry.toy && self.has(entry));
        here.next().unwrap_or(default)
    }

    /// The path of a model's file, which may not exist yet.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.file)
    }

    /// Whether a model's file is on this machine. Its checksum was verified after the download.
    #[must_use]
    pub fn has(&self, entry: &Entry) -> bool {
        let path = self.path(entry);
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == entry.bytes)
    }

    /// Number of bytes that an interrupted download has.
    #[must_use]
    pub fn came(&self, entry: &Entry) -> u64 {
        files::length(&self.part(entry)).unwrap_or(0)
    }

    fn part(&self, entry: &Entry) -> PathBuf {
        self.folder.join(format!("{}.part", entry.file))
    }

    /// Model files in the folder that are not in the catalogue, with their lengths.
    #[must_use]
    pub fn others(&self) -> Vec<(PathBuf, u64)> {
        let entries = files::entries(&self.folder).unwrap_or_default();
        let own = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?;
            let known = self.entries.iter().any(|entry| entry.file == name);
            (is_gguf(name) && !known).then_some(())?;
            Some(path.metadata().ok().filter(std::fs::Metadata::is_file)?.len())
        };
        entries.iter().filter_map(|path| Some((path.clone(), own(path)?))).collect()
    }

    /// Removes a model's file and its unfinished download. Returns the number of bytes freed.
    pub fn remove(&self, name: &str) -> Result<u64, LibraryError> {
        let path = match self.meant(name)? {
            Meant::Known(entry) => self.path(entry),
            Meant::File(path) if path.parent() == Some(&self.folder) => path,
            // Files in other folders belong to the user and are not removed.
            Meant::File(path) => return Err(LibraryError::NoFile { path: self.folder.join(path) }),
        };
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let paths = [self.folder.join(format!("{file}.part")), path.clone()];
        if paths.iter().all(|path| path.symlink_metadata().is_err()) {
            return Err(LibraryError::NoFile { path });
        }
        let _lock = self
            .lock(&file)?
            .map_err(|holder| LibraryError::Busy { name: name.to_owned(), holder })?;
        let bytes = paths.iter().filter_map(|path| files::length(path)).sum();
        for path in &paths {
            files::remove_file(path)?;
        }
        Ok(bytes)
    }

    /// Locks a file of the folder for changes; or returns the process that holds the lock.
    fn lock(&self, file: &str) -> Result<Result<Lock, Holder>, FileError> {
        Ok(match files::lock(&self.folder.join(format!(".{file}.lock")))? {
            Locking::Taken(lock) => Ok(lock),
            Locking::Held(holder) => Err(holder),
        })
    }
}
