//! Temporary folders: private from the start, and removed by a later process of the same user if
//! their owner was killed.
//!
//! A folder's name identifies its owner, so that the owner is known from the start:
//! `redraft-PID-START-SYSTEM-RANDOM`, where `START` is the kernel's start time of the process and
//! `SYSTEM` is a hash of this boot and process namespace. If the kernel does not report these, the
//! name has only the random part, and the folder is never swept.

use super::process::{Process, is_alive};
use super::{FileError, failed};
use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Prefix of all names.
const PREFIX: &str = "redraft-";
/// A file system in memory, if there is one.
const IN_MEMORY: &str = "/dev/shm";

/// An empty folder that only this user can access, removed on drop.
pub fn temporary_folder() -> Result<TempDir, FileError> {
    let root = std::env::temp_dir();
    temporary_in(&root).map_err(failed("create", &root))
}

/// The same for a few small files, in memory if possible, so that they need not go to a disk.
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

/// Writes a file into a new inner folder of a temporary one, both readable for everybody whatever
/// the umask is: sandboxed processes see only the inner folder. Returns the inner folder.
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

/// Removes the temporary folders of this user's processes that have ended: a killed process could
/// not do so itself.
///
/// Links, folders of other users, and those of another boot or process namespace are kept, because
/// their processes can't be checked.
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

/// Whether an entry is a folder, not a link, and belongs to this user.
#[cfg(unix)]
fn is_own_folder(entry: &fs::DirEntry) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = nix::unistd::Uid::effective().as_raw();
    // Metadata of the entry itself, not of a link's target.
    entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == user)
}

#[cfg(not(unix))]
fn is_own_folder(_: &fs::DirEntry) -> bool {
    false
}

/// The process that created a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    pid: u32,
    /// Start time in the kernel's ticks since boot, because process ids are reused.
    start: u64,
    /// Hash of this boot and process namespace.
    system: String,
}

impl Owner {
    /// This process; `None` if the kernel does not report it.
    fn this() -> Option<&'static Self> {
        static THIS: OnceLock<Option<Owner>> = OnceLock::new();
        THIS.get_or_init(|| {
            let this = Process::this();
            Some(Self { pid: this.id?, start: this.start?, system: this.system.clone()? })
        })
        .as_ref()
    }

    /// The part of a folder's name that identifies the owner.
    fn name(&self) -> String {
        format!("{}-{}-{}-", self.pid, self.start, self.system)
    }

    /// Parses the owner from a folder's name; `None` if it has none.
    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.splitn(4, '-');
        let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let system = parts.next()?.to_owned();
        parts.next().filter(|random| !random.is_empty())?;
        Some(Self { pid, start, system })
    }

    fn is_alive(&self) -> bool {
        is_alive(self.pid, self.start)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_temporary_folder_names_its_process() {
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
    fn a_process_is_alive_only_with_its_own_start_time() {
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
