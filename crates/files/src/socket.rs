//! Where the processes of one user find each other: sockets in a folder that nobody else can enter.

use super::{FileError, create_private_folder, failed, remove_file, state_folder};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The folder of the sockets in the state folder.
const FOLDER: &str = "live";

/// Where the process that holds a lock's file listens. It follows from the file itself (its device and
/// number), not from its path or content: a copied folder names no socket but its own.
#[must_use]
pub fn socket_of(lock: &Path) -> Option<PathBuf> {
    let meta = lock.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    Some(state_folder()?.join(FOLDER).join(format!("{:x}-{:x}", meta.dev(), meta.ino())))
}

/// The name of a socket, which goes with this value unless another process has taken the place since.
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

/// Listens at a socket that nobody but this user can connect to. One that a process left there when it was
/// killed is removed.
///
/// # Errors
/// The folder or the socket can't be made there, as where the path is too long for a socket.
pub fn listen(place: &Path) -> Result<(UnixListener, SocketName), FileError> {
    create_private_folder(place.parent().unwrap_or(place))?;
    remove_file(place)?;
    let listener = UnixListener::bind(place).map_err(failed("listen at", place))?;
    let name = SocketName { place: place.to_owned(), id: id(place) };
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place, private).map_err(failed("listen at", place))?;
    Ok((listener, name))
}
