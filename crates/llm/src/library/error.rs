//! A model on its way: what is told of it, and what can go wrong.

use super::catalogue::Entry;
use futures_util::future::BoxFuture;
use redraft_domain::text::size;
use redraft_files::{self as files, FileError};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Bytes that are read at once.
pub(super) const AT_ONCE: usize = 1 << 20;

/// Has a package of the Python index, told by its requirement, put into a folder of its own, and
/// gives the largest file that it holds; or says why not. Nothing of the package is run.
pub type Content<'a> =
    &'a (dyn Fn(String, PathBuf) -> BoxFuture<'a, Result<PathBuf, String>> + Sync);

/// What is told while a model is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// Another process fetches it; it is waited for.
    Waiting(Option<u32>),
    /// It is fetched from here now.
    From(&'a str),
    /// So many of its bytes are here.
    Came(u64),
    /// It can't be had there.
    Failed {
        /// From where.
        source: &'a str,
        /// Why not.
        why: &'a str,
    },
    /// So many of its bytes are hashed.
    Checked(u64),
}

/// Why a model is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The caller cancelled; what came is kept.
    #[error("interrupted")]
    Interrupted,
    /// It does not fit on the disk.
    #[error(
        "`{name}` needs {} more in `{}`, where {} is free; make room, or set XDG_CACHE_HOME to a \
         folder with more",
        size(*needed), folder.display(), size(*free)
    )]
    NoRoom {
        /// The model.
        name: String,
        /// The folder.
        folder: PathBuf,
        /// What is still to come.
        needed: u64,
        /// What the disk has.
        free: u64,
    },
    /// It can't be had anywhere.
    #[error(
        "`{name}` could not be fetched: {reasons}; `redraft models pull {name}` tries again, or put \
         its file into `{}` yourself", path.display()
    )]
    Nowhere {
        /// The model.
        name: String,
        /// Where it was tried, and why in vain.
        reasons: String,
        /// Where its file belongs.
        path: PathBuf,
    },
    /// The cache folder can't be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a source did not give the whole file.
pub(super) enum Trouble {
    /// This source can't; another one may.
    Refused(String),
    /// No source could.
    End(FetchError),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::End(error.into())
    }
}

/// One file on its way.
pub(super) struct Way<'a> {
    pub(super) entry: &'a Entry,
    /// The beginning of the file, as far as it came.
    pub(super) part: &'a Path,
    pub(super) cancel: &'a CancellationToken,
}

impl Way<'_> {
    /// How much came.
    pub(super) fn came(&self) -> u64 {
        files::length(self.part).unwrap_or(0)
    }
}
