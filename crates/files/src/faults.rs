//! Disk operations that make a session durable. With the feature `faults`, the operation with a
//! given number fails, so that tests can check that no data is lost.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Runs an operation on the disk.
pub(crate) fn guarded<T>(operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(feature = "faults")]
    match injected::next() {
        None => {}
        Some(injected::Fault::Error(error)) => return Err(error),
        Some(injected::Fault::KilledBefore) => std::process::abort(),
        Some(injected::Fault::KilledAfter) => {
            let _ = operation();
            std::process::abort();
        }
    }
    operation()
}

/// Writes the whole content to a file.
pub(crate) fn write_all(file: &mut File, content: &[u8]) -> io::Result<()> {
    use io::Write;
    // If it has to fail, a part of the content is written first.
    #[cfg(feature = "faults")]
    let content = if injected::wanted().is_some() {
        let (some, content) = content.split_at(content.len() / 2);
        file.write_all(some)?;
        content
    } else {
        content
    };
    guarded(|| file.write_all(content))
}

/// Requests a file lock.
pub(crate) fn flock(
    file: &File,
    request: impl FnOnce(&File) -> Result<(), TryLockError>,
) -> Result<(), TryLockError> {
    #[cfg(feature = "faults")]
    if let Some(error) = injected::no_locks() {
        return Err(TryLockError::Error(error));
    }
    request(file)
}

/// Renames a file.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    guarded(|| std::fs::rename(from, to))
}

/// Faults of [`guarded`] in tests: `REDRAFT_FILE_FAULT=NUMBER:KIND`; `REDRAFT_FILE_FAULT_SEEN` is
/// the path of a file that is written when the fault occurs.
#[cfg(feature = "faults")]
mod injected {
    use nix::errno::Errno;
    use std::io;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    pub(super) enum Fault {
        Error(io::Error),
        KilledBefore,
        KilledAfter,
    }

    static DONE: AtomicUsize = AtomicUsize::new(0);

    /// Number of the operation that fails, and the kind of fault.
    pub(super) fn wanted() -> Option<&'static (usize, String)> {
        static WANTED: OnceLock<Option<(usize, String)>> = OnceLock::new();
        let wanted = WANTED.get_or_init(|| {
            let text = std::env::var("REDRAFT_FILE_FAULT").ok()?;
            let (number, kind) = text.split_once(':')?;
            Some((number.parse().ok()?, kind.to_owned()))
        });
        wanted.as_ref()
    }

    /// The error of every lock request, with `REDRAFT_FILE_LOCKS` set: as on a file system without locks.
    pub(super) fn no_locks() -> Option<io::Error> {
        let errno = match std::env::var("REDRAFT_FILE_LOCKS").ok()?.as_str() {
            "ENOLCK" => Errno::ENOLCK,
            "EOPNOTSUPP" => Errno::EOPNOTSUPP,
            _ => Errno::ENOSYS,
        };
        Some(errno.into())
    }

    /// The fault of the next operation, if it has that number.
    pub(super) fn next() -> Option<Fault> {
        let (number, kind) = wanted()?;
        if DONE.fetch_add(1, Ordering::SeqCst) + 1 != *number {
            return None;
        }
        if let Some(path) = std::env::var_os("REDRAFT_FILE_FAULT_SEEN") {
            let _ = std::fs::write(path, kind);
        }
        let error = |errno: Errno| Some(Fault::Error(io::Error::from(errno)));
        match kind.as_str() {
            "full" => error(Errno::ENOSPC),
            "broken" => error(Errno::EIO),
            "denied" => error(Errno::EACCES),
            "killed-before" => Some(Fault::KilledBefore),
            _ => Some(Fault::KilledAfter),
        }
    }
}
