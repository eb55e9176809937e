//! The root that a child sees: the system and its interpreter to read, its own folders to write.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::{Plan, WORK, raw, step};
use crate::Job;
use redraft_files as files;

/// What a system's programs need, to read.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// What they need of `/etc`: nothing that is a secret.
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
/// What they need of it to know a host's certificate.
const CERTIFICATES: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];
/// What they need of it to find a host.
const NETWORK: &[&str] = &["/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/resolv.conf"];
/// Devices that hold nothing of anybody's.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// The terminal of whoever opens it.
const TERMINAL: &str = "/dev/tty";
/// Where programs share memory by files: a file system of its own, whose files count as memory.
const SHARED: &str = "/dev/shm";
/// The folders that a child may write. All but [`SHARED`] are on the root's bounded file system.
pub(super) const WRITABLE: &[&str] = &[WORK, "/tmp", SHARED];
/// The size of a setting that is copied, in bytes.
const SMALL: u64 = 256 << 10;
/// Files, folders and links that a child may make for each MiB that it may write, and at least.
const FILES_PER_MIB: u64 = 64;
const FILES: u64 = 4096;
/// What the root takes for itself: links, folders, and copies of settings.
const OWN: u64 = 4 << 20;
const OWN_FILES: u64 = 1024;

/// A child's root while it is built.
pub(super) struct Tree<'a> {
    root: &'a Path,
    /// What could not be had.
    pub(super) gaps: Vec<String>,
}

impl<'a> Tree<'a> {
    /// Begins an empty root at a folder that is there, in the mount namespace of this process.
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
            // Mounts of their own, that stay writable when the root no longer is.
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

    /// Gives the writable folders and all in them to somebody.
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

    /// Puts in all that the child sees, and makes all but its own folders read-only.
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
            // A link that leads out of what is seen, as `/etc/resolv.conf` often is.
            let Ok(real) = path.canonicalize() else { continue };
            let seen = SYSTEM.iter().any(|folder| real.starts_with(folder));
            match path.metadata() {
                // A mount, made, protected and taken away again, takes longer than a copy.
                Ok(meta) if !seen && meta.is_file() && meta.len() <= SMALL => {
                    self.copy(&real, path)?;
                }
                _ => self.show(if seen { path } else { &real }, path)?,
            }
        }
        for path in &plan.job.readable {
            self.show(path, path)?;
            // Programs find their way by either name.
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
        // What a device is can't be changed by who owns none of them.
        for device in &devices {
            // `/dev/zero` can be mapped, which makes memory that nobody counts. `/dev/full` reads
            // the same and can't be.
            let is_zero = *device == Path::new("/dev/zero");
            bind(if is_zero { Path::new("/dev/full") } else { device }, &self.inside(device))?;
        }
        // Of it nothing can be written but what tells of the child itself.
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        if let Err(error) = mount(Some("proc"), &proc, Some("proc"), flags, NONE) {
            // Containers that hide parts of theirs allow no other.
            self.gaps.push(format!(
                "it has no /proc of its own ({error}): some programs need one, \
                 and memory is bounded only for each process by itself"
            ));
        }
        Ok(())
    }

    /// A path of the child as it is seen from here.
    fn inside(&self, path: &Path) -> PathBuf {
        let parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
        self.root.join(parts.collect::<PathBuf>())
    }

    /// Lets the child see a file, a folder or a link of ours, if it is there and not seen already.
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

    /// Gives the child a copy of a small file of ours.
    fn copy(&self, ours: &Path, as_path: &Path) -> Result<(), String> {
        let to = self.inside(as_path);
        if let Some(parent) = to.parent().filter(|parent| !parent.exists()) {
            make_folder(parent)?;
        }
        let content = files::read(ours).map_err(|error| error.to_string())?;
        step("cannot write into its root", files::put(&to, content))
    }

    /// Who the child is, for programs that ask.
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

    /// Makes every mount read-only but the writable ones.
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
