//! Progress and errors of a model download.

use super::catalogue::Entry;
use futures_util::future::BoxFuture;
use redraft_domain::text::size;
use redraft_files::{self as files, FileError, Holder};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Size of the read buffer, in bytes.
pub(super) const AT_ONCE: usize = 1 << 20;

/// Installs a package of the Python index, named by a requirement such as `name==version`, into a
/// folder of its own, and returns the path of its largest file; or the error. Nothing in the
/// package is executed.
pub type Content<'a> =
    &'a (dyn Fn(String, PathBuf) -> BoxFuture<'a, Result<PathBuf, String>> + Sync);

/// Progress of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// Another process is downloading the model; waiting for it.
    Waiting(Holder),
    /// The download from this source starts.
    From(&'a str),
    /// Number of bytes so far.
    Came(u64),
    /// The download from this source failed.
    Failed {
        /// The source.
        source: &'a str,
        /// The reason.
        why: &'a str,
    },
    /// Number of bytes that are verified so far.
    Checked(u64),
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The caller cancelled it; the downloaded part is kept.
    #[error("interrupted")]
    Interrupted,
    /// The disk is too small.
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
        /// Bytes that are still needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// All sources failed.
    #[error(
        "`{name}` could not be fetched: {reasons}; `redraft models pull {name}` tries again, or put \
         its file into `{}` yourself", path.display()
    )]
    Nowhere {
        /// The model.
        name: String,
        /// The sources, each with its error.
        reasons: String,
        /// The path of its file.
        path: PathBuf,
    },
    /// The cache folder can't be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a source did not return the whole file.
pub(super) enum Trouble {
    /// This source failed; another one may work.
    Refused(String),
    /// No source can work.
    End(FetchError),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::End(error.into())
    }
}

/// One file during its download.
pub(super) struct Way<'a> {
    pub(super) entry: &'a Entry,
    /// The path of the downloaded part.
    pub(super) part: &'a Path,
    pub(super) cancel: &'a CancellationToken,
}

impl Way<'_> {
    /// Number of bytes downloaded so far.
    pub(super) fn came(&self) -> u64 {
        files::length(self.part).unwrap_or(0)
    }
}
