//! Sockets between processes of one user, in a folder that no other user can access.

use super::{FileError, create_private_folder, failed, remove_file, state_folder};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Name of the socket folder in the state folder.
const FOLDER: &str = "live";

/// The socket of the process that holds a lock. Its name is made from the lock file's device and
/// inode number, not from its path or content: a copied folder has a socket name of its own.
#[must_use]
pub fn socket_of(lock: &Path) -> Option<PathBuf> {
    let meta = lock.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    Some(state_folder()?.join(FOLDER).join(format!("{:x}-{:x}", meta.dev(), meta.ino())))
}

/// A bound socket, removed on drop unless another process has replaced it.
#[derive(Debug)]
pub struct SocketName {
    place: PathBuf,
    id: Option<(u64, u64)>,
}

impl Drop for SocketName {
    fn drop(&mut self) {
        if self.id.is_some() && id(&self.place) == self.id {
            let _ = remove_file(&self.place);
        }
    }
}

fn id(place: &Path) -> Option<(u64, u64)> {
    place.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Listens at a socket that only this user can connect to. A socket left by a killed process is
/// removed.
///
/// # Errors
/// If the folder or the socket can't be created, for example because the path is too long for a
/// socket.
pub fn listen(place: &Path) -> Result<(UnixListener, SocketName), FileError> {
    create_private_folder(place.parent().unwrap_or(place))?;
    remove_file(place)?;
    let listener = UnixListener::bind(place).map_err(failed("listen at", place))?;
    let name = SocketName { place: place.to_owned(), id: id(place) };
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place, private).map_err(failed("listen at", place))?;
    Ok((listener, name))
}
