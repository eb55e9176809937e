//! Locks between processes, on one machine or on several that share a folder.
//!
//! A lock is a `flock`, which ends with its process. On file systems without locks (some network drives), a file
//! beside it ([`STAND_IN`]) is used instead: one process alone can create it, and its content identifies that
//! process, so that the lock of an ended process can be taken over.

use super::process::Process;
use super::{FileError, failed, faults, guarded, read_bounded, remove_file, unlinked};
use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how long each time, to wait for a process that only looks at a lock.
const LOOKS: u32 = 50;
const LOOK: Duration = Duration::from_millis(2);
/// Extension of the file that is used if the file system has no locks.
const STAND_IN: &str = ".held";
/// Maximum size of a lock's file that is read, in bytes.
const LARGEST: u64 = 1024;

/// A lock that ends with this value or with the process, even if that is killed.
#[derive(Debug)]
pub struct Lock {
    file: Option<File>,
    stands: Option<PathBuf>,
}

impl Lock {
    /// The file that is used as the lock, if the file system has no locks.
    #[must_use]
    pub fn stand_in(&self) -> Option<&Path> {
        self.stands.as_deref()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(stands) = self.stands.take()
            && read(&stands).is_some_and(|said| said == Process::this().line())
        {
            let _ = remove_file(&stands);
        }
        drop(self.file.take());
    }
}

/// The process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Process id, if known.
    pub process: Option<u32>,
    /// Host name, if it runs on another machine.
    pub host: Option<String>,
    /// The file that is used as the lock, for the user to remove if that machine is gone.
    stands: Option<PathBuf>,
}

impl Holder {
    /// Whether it is the calling process.
    #[must_use]
    pub fn is_this_process(&self) -> bool {
        self.host.is_none() && self.process == Some(std::process::id())
    }

    fn of(said: &str, stands: Option<&Path>) -> Self {
        let process = Process::parse(said);
        let host = process.host.filter(|host| Process::this().host.as_ref() != Some(host));
        Self { process: process.id, host, stands: stands.map(Path::to_owned) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(id) => write!(f, "process {id}")?,
            None => f.write_str("another process")?,
        }
        if let Some(host) = &self.host {
            write!(f, " on `{host}`")?;
        }
        match &self.stands {
            Some(file) => write!(f, " (if it is gone, remove `{}`)", file.display()),
            None => Ok(()),
        }
    }
}

/// Result of an attempt to lock.
#[derive(Debug)]
pub enum Locking {
    /// The lock was taken.
    Taken(Lock),
    /// Another process holds it.
    Held(Holder),
}

/// The process that holds the lock of this file, or `None` if it is not locked. Neither takes the lock nor
/// writes anything.
#[must_use]
pub fn holder(path: &Path) -> Option<Holder> {
    let mut file = unlinked(OpenOptions::new().read(true)).open(path).ok()?;
    match faults::flock(&file, File::try_lock_shared) {
        Err(TryLockError::WouldBlock) => Some(Holder::of(&said(&mut file), None)),
        _ => standing(path).filter(|(_, said)| !Process::parse(said).is_gone()).map(named),
    }
}

/// Takes the lock of a file, or returns the process that holds it.
///
/// # Errors
/// The file cannot be created or written.
pub fn lock(path: &Path) -> Result<Locking, FileError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    let opened = guarded(|| unlinked(&mut options).open(path));
    let mut file = opened.map_err(failed("lock", path))?;
    match locked(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Ok(Locking::Held(Holder::of(&said(&mut file), None)));
        }
        Err(TryLockError::Error(error)) if has_no_locks(&error) => return stand_in(path),
        Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
    }
    // Another machine may mount the same folder without locks.
    if let Some(standing) = standing(path)
        && !removed(&standing)
    {
        return Ok(Locking::Held(named(standing)));
    }
    file.set_len(0)
        .and_then(|()| file.write_all(Process::this().line().as_bytes()))
        .map_err(failed("lock", path))?;
    Ok(Locking::Taken(Lock { file: Some(file), stands: None }))
}

/// Tries to lock a file. A process that only looks at the lock ([`holder`]) shares it for a moment, and is
/// waited for.
fn locked(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match faults::flock(file, File::try_lock) {
            Err(TryLockError::WouldBlock) => {}
            tried => return tried,
        }
        faults::flock(file, File::try_lock_shared)?;
        let _ = file.unlock();
        std::thread::sleep(LOOK);
    }
    Err(TryLockError::WouldBlock)
}

/// Whether the file system has no locks. NFS without its lock service returns `ENOLCK`.
fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(nix::errno::Errno::ENOLCK as i32) {
        return true;
    }
    error.kind() == ErrorKind::Unsupported
}

/// Takes a lock by creating the stand-in file.
fn stand_in(path: &Path) -> Result<Locking, FileError> {
    let stands = stands(path);
    loop {
        let mut options = OpenOptions::new();
        match guarded(|| unlinked(options.write(true).create_new(true)).open(&stands)) {
            Ok(mut file) => {
                let lock = Lock { file: None, stands: Some(stands) };
                let line = Process::this().line();
                if let Err(error) = faults::write_all(&mut file, line.as_bytes()) {
                    let _ = lock.stands.as_deref().map(remove_file);
                    return Err(failed("lock", path)(error));
                }
                return Ok(Locking::Taken(lock));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("lock", path)(error)),
        }
        // If there is none, it was removed meanwhile: try again.
        if let Some(standing) = standing(path)
            && !removed(&standing)
        {
            return Ok(Locking::Held(named(standing)));
        }
    }
}

fn stands(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(STAND_IN);
    name.into()
}

/// The stand-in file of a lock with its content, if there is one.
fn standing(path: &Path) -> Option<(PathBuf, String)> {
    let stands = stands(path);
    match unlinked(OpenOptions::new().read(true)).open(&stands) {
        Ok(mut file) => Some((stands, said(&mut file))),
        // The process behind a link or an unreadable file cannot be known to have ended.
        Err(error) if error.kind() != ErrorKind::NotFound => Some((stands, String::new())),
        Err(_) => None,
    }
}

fn named((stands, said): (PathBuf, String)) -> Holder {
    Holder::of(&said, Some(&stands))
}

/// Removes the stand-in file of a process that has ended. Returns whether it did.
///
/// Only processes of the same machine can know that. One at a time does this: else a process that looked
/// earlier would remove the file that another one has created since.
fn removed((stands, before): &(PathBuf, String)) -> bool {
    if !Process::parse(before).is_gone() {
        return false;
    }
    #[cfg(unix)]
    let user = nix::unistd::geteuid().to_string();
    #[cfg(not(unix))]
    let user = "user";
    let alone = std::env::temp_dir().join(format!("redraft-locks-{user}"));
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let Ok(file) = unlinked(&mut options).open(alone) else { return false };
    // Others hold it for a moment only.
    if file.lock().is_err() {
        return false;
    }
    match read(stands) {
        Some(now) if now == *before => remove_file(stands).is_ok(),
        Some(_) => false,
        None => true,
    }
}

/// Content of a stand-in file, if it exists.
fn read(stands: &Path) -> Option<String> {
    Some(said(&mut unlinked(OpenOptions::new().read(true)).open(stands).ok()?))
}

fn said(file: &mut File) -> String {
    read_bounded(file, LARGEST).unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use std::fs;

    /// The holder that is reported for a stand-in file with this content, or `None` if it is taken over.
    fn held_by(line: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".lock");
        fs::write(stands(&path), line).unwrap();
        let told = stand_in(&path).unwrap();
        // A process for which the file system has locks reports the same.
        if let Locking::Held(holder) = &told {
            assert!(matches!(lock(&path).unwrap(), Locking::Held(other) if other == *holder));
            fs::write(&path, "").unwrap();
            assert_eq!(super::holder(&path).as_ref(), Some(holder));
        }
        match told {
            Locking::Taken(lock) => {
                assert_eq!(fs::read_to_string(stands(&path)).unwrap(), Process::this().line());
                drop(lock);
                assert!(!stands(&path).exists());
                None
            }
            Locking::Held(holder) => {
                let words = holder.to_string();
                Some(words.split(" (if").next().unwrap().to_owned())
            }
        }
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over_and_what_may_live_is_not() {
        let this = Process::this();
        let line = |id: u32, start: u64, system: &str, boot: &str, host: &str| {
            format!("{id} {start} {system} {boot} {host}\n")
        };
        let (id, start) = (this.id.unwrap(), this.start.unwrap());
        let (system, boot) = (this.system.as_deref().unwrap(), this.boot.as_deref().unwrap());
        let host = this.host.as_deref().unwrap();
        let us = Some(format!("process {id}"));
        for (case, said, held) in [
            ("this process", line(id, start, system, boot, host), us.clone()),
            ("its number is another's now", line(id, start - 1, system, boot, host), None),
            ("no such process", line(u32::MAX >> 2, 1, system, boot, host), None),
            ("this machine was started anew", line(id, start, "ab", "other", host), None),
            (
                "a container of this machine",
                line(7, start, "ab", boot, host),
                Some("process 7".to_owned()),
            ),
            (
                "another machine",
                line(7, 1, "ab", "other", "far"),
                Some("process 7 on `far`".to_owned()),
            ),
            ("nothing is said", String::new(), Some("another process".to_owned())),
            ("nothing that is known", "7\n".to_owned(), Some("process 7".to_owned())),
            ("a name to draw", "7 1 a b \u{1b}[2J\n".to_owned(), Some("process 7".to_owned())),
        ] {
            assert_eq!(held_by(&said), held, "{case}: {said}");
        }
    }

    #[test]
    fn one_of_many_takes_over_what_a_dead_process_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".lock");
        let this = Process::this();
        let dead = Process { id: Some(u32::MAX >> 2), ..this.clone() };
        for _ in 0..50 {
            fs::write(stands(&path), dead.line()).unwrap();
            let took: Vec<Locking> = std::thread::scope(|scope| {
                let tries: Vec<_> =
                    (0..4).map(|_| scope.spawn(|| stand_in(&path).unwrap())).collect();
                tries.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let taken = took.iter().filter(|one| matches!(one, Locking::Taken(_))).count();
            assert_eq!(taken, 1);
        }
    }
}
