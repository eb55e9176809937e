//! The child's user in its user namespace.

use super::step;
use nix::unistd::{Gid, Uid};
use redraft_files as files;
use std::path::Path;

/// User id of the child if redraft runs as root: a user that owns nothing.
pub(super) const NOBODY: u32 = 65534;

/// Maps one user and group into the user namespace of this process: to the same ids, or to nobody
/// for root.
pub(super) fn map(uid: Uid, gid: Gid) -> Result<(), String> {
    let inside = |id: u32| if id == 0 { NOBODY } else { id };
    let lines = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{} {uid} 1", inside(uid.as_raw()))),
        ("/proc/self/gid_map", format!("{} {gid} 1", inside(gid.as_raw()))),
    ];
    for (file, line) in lines {
        step("cannot map the user", files::put(Path::new(file), &line))?;
    }
    Ok(())
}
