//! The root file system of a child: the system and its interpreter read-only, its own folders
//! writable.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::{Plan, WORK, raw, step};
use crate::Job;
use redraft_files as files;

/// System folders that programs need to read.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// Files that they need in `/etc`, without secrets.
const SETTINGS: &[&str] = &[
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/timezone",
];
/// Files that they need to verify certificates.
const CERTIFICATES: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];
/// Files that they need for name resolution.
const NETWORK: &[&str] = &["/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/resolv.conf"];
/// Devices without access to data.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// The controlling terminal of the process that opens it.
const TERMINAL: &str = "/dev/tty";
/// Folder for shared memory files: a file system of its own, whose files count as memory.
const SHARED: &str = "/dev/shm";
/// The folders that a child may write to. All but [`SHARED`] are on the root's size-limited file
/// system.
pub(super) const WRITABLE: &[&str] = &[WORK, "/tmp", SHARED];
/// The largest settings file that is copied, in bytes.
const SMALL: u64 = 256 << 10;
/// Inodes of a child per MiB of its disk limit, and the minimum.
const FILES_PER_MIB: u64 = 64;
const FILES: u64 = 4096;
/// Bytes and inodes of the root itself: links, folders, and copies of settings.
const OWN: u64 = 4 << 20;
const OWN_FILES: u64 = 1024;

/// A child's root while it is built.
pub(super) struct Tree<'a> {
    root: &'a Path,
    /// What could not be provided.
    pub(super) gaps: Vec<String>,
}

impl<'a> Tree<'a> {
    /// Mounts an empty root on an existing folder, in the mount namespace of this process. `given`
    /// is the size of the inputs in bytes.
    pub(super) fn begin(root: &'a Path, plan: &Plan, given: u64) -> Result<Self, String> {
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        step("cannot keep mounts to itself", mount(NONE, "/", NONE, private, NONE))?;
        let disk = plan.job.limits.disk + given;
        let files = FILES.max(disk / (1 << 20) * FILES_PER_MIB) + OWN_FILES;
        let size = format!("mode=755,size={},nr_inodes={files}", disk + OWN);
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        step("cannot mount its root", mount(TMPFS, root, TMPFS, flags, Some(size.as_str())))?;
        let tree = Self { root, gaps: Vec::new() };
        for name in WRITABLE {
            let place = tree.inside(Path::new(name));
            make_folder(&place)?;
            // Separate mounts, which stay writable when the root becomes read-only.
            if *name == SHARED {
                let size = plan.job.limits.disk.min(plan.job.limits.memory);
                let size = format!("mode=755,size={size},nr_inodes={FILES}");
                let made = mount(TMPFS, &place, TMPFS, flags, Some(size.as_str()));
                step("cannot mount its shared memory", made)?;
            } else {
                bind(&place, &place)?;
            }
        }
        Ok(tree)
    }

    /// The folder that becomes the child's work folder.
    pub(super) fn work(&self) -> PathBuf {
        self.inside(Path::new(WORK))
    }

    /// Changes the owner of the writable folders and everything in them.
    pub(super) fn give_to(&self, uid: u32, gid: u32) -> Result<(), String> {
        let mut open: Vec<_> = WRITABLE.iter().map(|place| self.inside(Path::new(place))).collect();
        while let Some(path) = open.pop() {
            let given = std::os::unix::fs::lchown(&path, Some(uid), Some(gid));
            step("cannot give its files to it", given)?;
            if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                open.extend(files::entries(&path).map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    }

    /// Adds everything that the child sees, and makes all but its own folders read-only.
    pub(super) fn finish(&mut self, plan: &Plan) -> Result<(), String> {
        let settings = match (plan.network, plan.job.hosts.is_empty()) {
            (true, _) => [SETTINGS, CERTIFICATES, NETWORK].concat(),
            (false, false) => [SETTINGS, CERTIFICATES].concat(),
            (false, true) => SETTINGS.to_vec(),
        };
        for path in SYSTEM.iter().map(Path::new) {
            self.show(path, path)?;
        }
        for path in settings.into_iter().map(Path::new) {
            // Follow a link that leads outside the visible folders, such as `/etc/resolv.conf`
            // often does.
            let Ok(real) = path.canonicalize() else { continue };
            let seen = SYSTEM.iter().any(|folder| real.starts_with(folder));
            match path.metadata() {
                // Copying is faster than creating, protecting and removing a mount.
                Ok(meta) if !seen && meta.is_file() && meta.len() <= SMALL => {
                    self.copy(&real, path)?;
                }
                _ => self.show(if seen { path } else { &real }, path)?,
            }
        }
        for path in &plan.job.readable {
            self.show(path, path)?;
            // Programs may use either path.
            if let Ok(real) = path.canonicalize()
                && real != *path
            {
                self.show(&real, &real)?;
            }
        }
        self.accounts()?;
        for (link, to) in [
            ("dev/fd", "/proc/self/fd"),
            ("dev/stdin", "/proc/self/fd/0"),
            ("dev/stdout", "/proc/self/fd/1"),
            ("dev/stderr", "/proc/self/fd/2"),
        ] {
            step("cannot link its output", symlink(to, self.root.join(link)))?;
        }
        let proc = self.inside(Path::new("/proc"));
        make_folder(&proc)?;
        let devices: Vec<_> = devices(&plan.job).map(Path::new).filter(|d| d.exists()).collect();
        for device in &devices {
            write(&self.inside(device), "")?;
        }
        self.protect()?;
        // Devices are mounted last; the child owns none, so it can't change their permissions.
        for device in &devices {
            // `/dev/zero` can be mapped as memory that is not counted. `/dev/full` reads the same
            // and can't be mapped.
            let is_zero = *device == Path::new("/dev/zero");
            bind(if is_zero { Path::new("/dev/full") } else { device }, &self.inside(device))?;
        }
        // In `/proc`, the child can only write files that concern itself.
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        if let Err(error) = mount(Some("proc"), &proc, Some("proc"), flags, NONE) {
            // Containers that hide parts of their own `/proc` forbid mounting another.
            self.gaps.push(format!(
                "it has no /proc of its own ({error}): some programs need one, \
                 and memory is bounded only for each process by itself"
            ));
        }
        Ok(())
    }

    /// Path of a file of the child as seen from outside.
    fn inside(&self, path: &Path) -> PathBuf {
        let parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
        self.root.join(parts.collect::<PathBuf>())
    }

    /// Makes a file, folder or link visible to the child, if it exists and is not visible already.
    fn show(&self, ours: &Path, as_path: &Path) -> Result<(), String> {
        let to = self.inside(as_path);
        let Ok(meta) = ours.symlink_metadata() else { return Ok(()) };
        if to.symlink_metadata().is_ok() {
            return Ok(());
        }
        if let Some(parent) = to.parent().filter(|parent| !parent.exists()) {
            make_folder(parent)?;
        }
        if meta.is_symlink() {
            let target = step("cannot read a link", fs::read_link(ours))?;
            return step("cannot make a link", symlink(target, &to));
        }
        if meta.is_dir() {
            make_folder(&to)?;
        } else {
            write(&to, "")?;
        }
        bind(ours, &to)
    }

    /// Copies a small file into the child's root.
    fn copy(&self, ours: &Path, as_path: &Path) -> Result<(), String> {
        let to = self.inside(as_path);
        if let Some(parent) = to.parent().filter(|parent| !parent.exists()) {
            make_folder(parent)?;
        }
        let content = files::read(ours).map_err(|error| error.to_string())?;
        step("cannot write into its root", files::put(&to, content))
    }

    /// The child's user and group, for programs that look them up.
    fn accounts(&self) -> Result<(), String> {
        let etc = self.inside(Path::new("/etc"));
        make_folder(&etc)?;
        let uid = nix::unistd::Uid::effective();
        let uid = if uid.is_root() { super::user::NOBODY } else { uid.as_raw() };
        let gid = nix::unistd::Gid::effective().as_raw();
        let gid = if gid == 0 { super::user::NOBODY } else { gid };
        let texts = [
            ("passwd", format!("user:x:{uid}:{gid}:user:{WORK}:/bin/sh\n")),
            ("group", format!("user:x:{gid}:\n")),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
        ];
        for (name, text) in texts {
            write(&etc.join(name), &text)?;
        }
        if !etc.join("hosts").exists() {
            write(&etc.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        }
        Ok(())
    }

    /// Makes every mount read-only except the writable ones.
    fn protect(&self) -> Result<(), String> {
        let what = "cannot make its root read-only (Linux 5.12 or newer is needed)";
        let harmless = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        step(what, raw::protect(self.root, true, harmless, 0))?;
        for place in WRITABLE.iter().map(|place| self.inside(Path::new(place))) {
            step(what, raw::protect(&place, false, 0, libc::MOUNT_ATTR_RDONLY))?;
        }
        Ok(())
    }
}

/// The devices that a child sees.
pub(super) fn devices(job: &Job) -> impl Iterator<Item = &'static str> {
    DEVICES.iter().copied().chain(job.terminal.then_some(TERMINAL))
}

const NONE: Option<&str> = None;
const TMPFS: Option<&str> = Some("tmpfs");

fn bind(from: &Path, to: &Path) -> Result<(), String> {
    let bound = mount(Some(from), to, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE);
    step(&format!("cannot show it `{}`", from.display()), bound)
}

fn make_folder(path: &Path) -> Result<(), String> {
    files::create_folder(path).map_err(|error| error.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    step("cannot write into its root", files::put(path, text))
}
