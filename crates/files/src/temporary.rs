//! Temporary folders: private from the first moment, and removed by a later process of the same user
//! if the one that made them was killed.
//!
//! A folder's name says who made it, so that there is no moment at which nothing says so:
//! `redraft-PID-START-SYSTEM-RANDOM`, where `START` is the kernel's time of the process's start and
//! `SYSTEM` stands for this boot and process namespace. Where the kernel does not tell these, the
//! name has the random part only, and the folder is never swept.

use super::{FileError, failed};
use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// What the names of all of them begin with.
const PREFIX: &str = "redraft-";
/// A file system in memory, where there is one.
const IN_MEMORY: &str = "/dev/shm";

/// An empty folder that only this user can enter. It goes with this value.
pub fn temporary_folder() -> Result<TempDir, FileError> {
    let root = std::env::temp_dir();
    temporary_in(&root).map_err(failed("create", &root))
}

/// The same for a few small files, in memory where that can be had: nothing of them has to go to a
/// disk.
pub fn small_temporary_folder() -> Result<TempDir, FileError> {
    temporary_in(Path::new(IN_MEMORY)).or_else(|_| temporary_folder())
}

fn temporary_in(root: &Path) -> io::Result<TempDir> {
    let owner = Owner::this().map(Owner::name).unwrap_or_default();
    let prefix = format!("{PREFIX}{owner}");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700));
    builder.tempdir_in(root)
}

/// Writes a file in a folder of its own within a temporary one. Whoever is shown that inner folder
/// can read it, whatever the user's mask says. Gives the inner folder.
pub fn put_for_all(
    temporary: &TempDir,
    name: &str,
    content: impl AsRef<[u8]>,
) -> Result<PathBuf, FileError> {
    let folder = temporary.path().join("shown");
    let file = folder.join(name);
    let written = fs::create_dir(&folder)
        .and_then(|()| fs::write(&file, content))
        .and_then(|()| open_to_all(&folder, 0o755))
        .and_then(|()| open_to_all(&file, 0o644));
    written.map(|()| folder).map_err(failed("write", &file))
}

#[cfg(unix)]
fn open_to_all(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn open_to_all(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Removes the temporary folders of this user's processes that are gone: one that was killed could
/// not do it itself.
///
/// What is a link, somebody else's, or of another boot or process namespace stays: nobody here can
/// tell whether its process is gone.
pub fn sweep() {
    let Some(this) = Owner::this() else { return };
    for root in [PathBuf::from(IN_MEMORY), std::env::temp_dir()] {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(owner) = name.to_str().and_then(Owner::parse) else { continue };
            let left = owner.system == this.system && !owner.is_alive();
            if left && is_own_folder(&entry) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Whether an entry is itself a folder, and this user's.
#[cfg(unix)]
fn is_own_folder(entry: &fs::DirEntry) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = nix::unistd::Uid::effective().as_raw();
    // Of the entry, not of what a link points to.
    entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == user)
}

#[cfg(not(unix))]
fn is_own_folder(_: &fs::DirEntry) -> bool {
    false
}

/// The process that made a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    pid: u32,
    /// When it started, in the kernel's ticks since boot: numbers of processes are used again.
    start: u64,
    /// A hash of this boot and process namespace.
    system: String,
}

impl Owner {
    /// This process; none where the kernel does not tell.
    fn this() -> Option<&'static Self> {
        static THIS: OnceLock<Option<Owner>> = OnceLock::new();
        THIS.get_or_init(|| {
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            let space = fs::read_link("/proc/self/ns/pid").ok()?;
            let hash = super::hash(format!("{boot} {}", space.display()).as_bytes());
            let (pid, start) = running(&fs::read_to_string("/proc/self/stat").ok()?)?;
            Some(Self { pid, start, system: hash.get(..8)?.to_owned() })
        })
        .as_ref()
    }

    /// What a folder's name has of it.
    fn name(&self) -> String {
        format!("{}-{}-{}-", self.pid, self.start, self.system)
    }

    /// Who made a folder of this name; none if it does not say.
    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.splitn(4, '-');
        let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let system = parts.next()?.to_owned();
        parts.next().filter(|random| !random.is_empty())?;
        Some(Self { pid, start, system })
    }

    fn is_alive(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else {
            // A `/proc` that hides processes (`hidepid`) hides those of this user that hide their memory.
            let pid = i32::try_from(self.pid).unwrap_or(i32::MAX);
            return pid > 0
                && nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok();
        };
        running(&stat) == Some((self.pid, self.start))
    }
}

/// The number and the start of the process that the text of a `stat` file is of; none if it has ended.
fn running(text: &str) -> Option<(u32, u64)> {
    // The program's name stands between parentheses and may hold anything.
    let (before, after) = text.rsplit_once(") ")?;
    let pid = before.split(' ').next()?.parse().ok()?;
    let mut fields = after.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    let start = fields.nth(18)?.parse().ok()?;
    (!ended).then_some((pid, start))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_who_made_the_folder() {
        for (name, pid, start) in [
            ("redraft-12-345-abcdef01-x", Some(12), Some(345)),
            ("redraft-12-345-abcdef01-x-y", Some(12), Some(345)),
            ("redraft-12-345-abcdef01-", None, None),
            ("redraft-12-345-abcdef01", None, None),
            ("redraft-abcdef", None, None),
            ("redraft--1-2-3-4", None, None),
            ("other-12-345-abcdef01-x", None, None),
        ] {
            let owner = Owner::parse(name);
            assert_eq!(owner.as_ref().map(|owner| owner.pid), pid, "{name}");
            assert_eq!(owner.map(|owner| owner.start), start, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_alive_and_one_of_another_start_is_not() {
        let this = Owner::this().unwrap();
        assert!(this.is_alive());
        assert!(!Owner { start: this.start + 1, ..this.clone() }.is_alive());
        let folder = temporary_folder().unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(Owner::parse(name).as_ref(), Some(this));
        sweep();
        assert!(folder.path().is_dir());
    }
}
