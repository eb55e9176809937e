//! File access. Lints forbid raw file writes in all other crates.
#![expect(clippy::disallowed_methods, reason = "this is the place that may write files")]

mod faults;
mod lock;
mod process;
#[cfg(unix)]
mod socket;
mod temporary;
pub mod yaml;

pub use lock::{Holder, Lock, Locking, holder, lock};
pub use process::this_boot;
#[cfg(unix)]
pub use socket::{SocketName, listen, socket_of};
pub use temporary::{put_for_all, small_temporary_folder, sweep, temporary_folder};

use faults::guarded;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;
use thiserror::Error;

/// A failed operation on a file.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`: {}", .path.display(), reason(.source))]
pub struct FileError {
    /// The operation: `read`, `write`, ...
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: io::Error,
}

/// The text of a system error in lower case, without the error number.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::InvalidData {
        return "it is not UTF-8 text".to_owned();
    }
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = plain.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { action, path, source }
}

/// Size of the read buffer, in bytes.
const AT_ONCE: usize = 64 * 1024;

/// Permissions of a written file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the user's umask.
    Normal,
    /// Without write permission, as a hint to people.
    ReadOnly,
    /// Only for the user, whatever the umask is.
    Private,
}

/// The whole content of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    guarded(|| fs::read(path)).map_err(failed("read", path))
}

/// The whole content of a file; `None` if it does not exist.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match guarded(|| fs::read(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("read", path)(e)),
    }
}

/// Result of [`lines_from`].
#[derive(Debug, Default)]
pub struct Lines {
    /// Total length of the complete lines, including line feeds.
    pub length: u64,
    /// Bytes after the last line feed.
    pub rest: Vec<u8>,
}

/// Calls `each` with every complete line that begins in `part` of a file, without its line feed.
/// The file is read up to `end`. Only a small piece of the file is in memory at a time.
pub fn lines_from(
    path: &Path,
    part: Range<u64>,
    end: u64,
    mut each: impl FnMut(&[u8]),
) -> Result<Lines, FileError> {
    let read = || {
        // A line begins after a line feed, which may be the last byte before the part.
        let mut place = part.start.saturating_sub(1);
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(place))?;
        let mut file = BufReader::with_capacity(AT_ONCE, file.take(end - place));
        let (mut line, mut lines) = (Vec::new(), Lines::default());
        if part.start > 0 {
            place += file.read_until(b'\n', &mut line)? as u64;
        }
        while place < part.end {
            line.clear();
            place += file.read_until(b'\n', &mut line)? as u64;
            let Some(whole) = line.strip_suffix(b"\n") else {
                return Ok(Lines { rest: line, ..lines });
            };
            lines.length += line.len() as u64;
            each(whole);
        }
        Ok(lines)
    };
    guarded(read).map_err(failed("read", path))
}

/// The content of a regular file of at most `limit` bytes; `None` for links, larger files and
/// everything that is not a regular file.
#[must_use]
pub fn read_regular(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let file = unlinked(OpenOptions::new().read(true)).open(path).ok()?;
    let regular = file.metadata().is_ok_and(|m| m.is_file() && m.len() <= limit);
    let mut content = Vec::new();
    (regular && file.take(limit).read_to_end(&mut content).is_ok()).then_some(content)
}

/// Options that open the file itself, not the target of a link, and do not block on a pipe.
fn unlinked(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use nix::fcntl::OFlag;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    }
    options
}

/// The program's folder in the user's cache folder.
#[must_use]
pub fn cache_folder() -> PathBuf {
    directories::ProjectDirs::from("", "", "redraft")
        .map_or_else(std::env::temp_dir, |dirs| dirs.cache_dir().to_owned())
}

/// The folder of user state that is neither a setting nor can be recreated, such as the secret that
/// seals permissions. `None` if the user has no home folder.
#[must_use]
pub fn state_folder() -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "redraft")?;
    Some(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
}

/// Reads a file that no other user can have written: a regular file of at most `limit` bytes that
/// belongs to this user and is closed to others.
#[must_use]
pub fn read_private(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let content = read_regular(path, limit)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let meta = path.symlink_metadata().ok()?;
        if meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
            return None;
        }
    }
    Some(content)
}

/// Creates a file that only this user can read, unless it exists; its folder becomes private as
/// well.
pub fn make_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let mut temporary = OsString::from(".");
    temporary.push(path.file_name().unwrap_or_default());
    temporary.push(format!("-{}-{:08x}", std::process::id(), fastrand::u32(..)));
    let temporary = path.with_file_name(temporary);
    create_private_folder(path.parent().unwrap_or(path))?;
    let made = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        // The file appears complete or not at all, and an existing one is kept.
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    })();
    let _ = fs::remove_file(&temporary);
    made.map_err(failed("write", path))
}

/// SHA-256 of a regular file, in hexadecimal; `None` for anything else, including links.
#[must_use]
pub fn hash_regular(path: &Path) -> Option<String> {
    hash_parts(path, |part, _| part.to_vec())
}

/// The same, with each CRLF replaced by a line feed.
#[must_use]
pub fn hash_with_line_feeds(path: &Path) -> Option<String> {
    let mut held = false;
    hash_parts(path, |part, last| {
        let mut out = Vec::with_capacity(part.len() + 1);
        for byte in part {
            if std::mem::take(&mut held) && *byte != b'\n' {
                out.push(b'\r');
            }
            held = *byte == b'\r';
            out.extend((!held).then_some(*byte));
        }
        if last && held {
            out.push(b'\r');
        }
        out
    })
}

/// SHA-256 of a regular file whose parts are converted by `made`. The last part is empty and marked
/// by `true`.
fn hash_parts(path: &Path, mut made: impl FnMut(&[u8], bool) -> Vec<u8>) -> Option<String> {
    let mut file = unlinked(OpenOptions::new().read(true)).open(path).ok()?;
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let mut hasher = Sha256::new();
    let mut part = vec![0; AT_ONCE];
    loop {
        let length = file.read(&mut part).ok()?;
        hasher.update(made(&part[..length], length == 0));
        if length == 0 {
            return Some(hexadecimal(&hasher.finalize()));
        }
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256, in hexadecimal.
#[must_use]
pub fn hash(content: &[u8]) -> String {
    hexadecimal(&Sha256::digest(content))
}

/// The text of a file of at most `limit` bytes; an error if it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    let file = File::open(path).map_err(failed("read", path))?;
    read_bounded(file, limit).map_err(failed("read", path))
}

/// The same for a regular file or a link to one; does not block on a pipe.
pub fn read_regular_text(path: &Path, limit: u64) -> Result<String, FileError> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        nix::fcntl::OFlag::O_NONBLOCK.bits(),
    );
    let mut read = || {
        let file = options.read(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        read_bounded(file, limit)
    };
    read().map_err(failed("read", path))
}

/// The whole stream, as text of at most `limit` bytes.
pub fn read_bounded(from: impl Read, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    // Before the conversion to text: the limit can split a character.
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Free space for this user on the disk of a folder, in bytes; `None` if unknown.
#[must_use]
pub fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = nix::sys::statvfs::statvfs(folder).ok()?;
        #[allow(clippy::useless_conversion, reason = "the types differ between systems")]
        let (blocks, size) = (u64::from(disk.blocks_available()), u64::from(disk.fragment_size()));
        Some(blocks.saturating_mul(size))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// The canonical path of an existing file or folder, without links.
pub fn resolve(path: &Path) -> Result<PathBuf, FileError> {
    path.canonicalize().map_err(failed("read", path))
}

/// The length of a regular file; `None` if there is none.
#[must_use]
pub fn length(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|m| m.len())
}

/// A fingerprint of a file's state: every write changes one of these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Length in bytes.
    pub length: u64,
    /// Time of the last change of its content, as reported by the file system.
    pub modified: SystemTime,
    /// Time of the last change of its inode, in seconds and nanoseconds, which can't be set by
    /// programs.
    changed: (i64, i64),
    /// Inode number.
    inode: u64,
}

/// The stamp of a regular file; `None` for anything else, including links.
#[must_use]
pub fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let modified = meta.modified().ok().filter(|time| *time >= SystemTime::UNIX_EPOCH)?;
    #[cfg(unix)]
    let (changed, inode) = {
        use std::os::unix::fs::MetadataExt;
        ((meta.ctime(), meta.ctime_nsec()), meta.ino())
    };
    #[cfg(not(unix))]
    let (changed, inode) = ((0, 0), 0);
    Some(Stamp { length: meta.len(), modified, changed, inode })
}

/// Checks that a file or folder can be accessed.
pub fn exists(path: &Path) -> Result<(), FileError> {
    path.metadata().map(drop).map_err(failed("read", path))
}

/// The length of a file, or of all files in a folder together; unreadable ones count as 0.
#[must_use]
pub fn size(path: &Path) -> u64 {
    let mut open = vec![path.to_owned()];
    let mut bytes = 0;
    while let Some(path) = open.pop() {
        match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => open.extend(entries(&path).unwrap_or_default()),
            Ok(meta) => bytes += meta.len(),
            Err(_) => {}
        }
    }
    bytes
}

/// Writes a file atomically: a reader sees the old content or the new, never a part. A link in its
/// place is replaced, not followed.
///
/// The content is not synced to disk before [`sync`].
pub fn write(path: &Path, content: &[u8], mode: Mode) -> Result<(), FileError> {
    let mut temporary = OsString::from(".");
    temporary.push(path.file_name().unwrap_or_default());
    temporary.push(".redraft-tmp");
    // Always the same name, so that the leftover of a killed process is replaced.
    let temporary = path.with_file_name(temporary);
    let written = (|| {
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        if mode == Mode::Private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = guarded(|| options.write(true).create_new(true).open(&temporary))?;
        faults::write_all(&mut file, content)?;
        if mode == Mode::ReadOnly {
            let mut permissions = file.metadata()?.permissions();
            permissions.set_readonly(true);
            file.set_permissions(permissions)?;
        }
        faults::rename(&temporary, path)
    })();
    written.map_err(|error| {
        // Removes the leftover of a failed write.
        let _ = fs::remove_file(&temporary);
        failed("write", path)(error)
    })
}

/// Writes to a path from the user: links are followed, and special files, such as a pipe or
/// `/dev/stdout`, are written to instead of replaced.
pub fn write_into(path: &Path, content: &[u8]) -> Result<(), FileError> {
    match path.metadata() {
        Ok(there) if !there.is_file() && !there.is_dir() => {
            let opened = File::options().write(true).open(path);
            opened.and_then(|mut file| file.write_all(content)).map_err(failed("write", path))
        }
        Ok(_) => {
            let target = path.canonicalize().map_err(failed("write", path))?;
            write(&target, content, Mode::Normal)
        }
        Err(_) => write(path, content, Mode::Normal),
    }
}

/// Writes to a file directly, not atomically: for files of the kernel and in short-lived file
/// systems, where nobody can read a partial file.
pub fn put(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    fs::write(path, content).map_err(failed("write", path))
}

/// Syncs files and their folders to disk, so that they survive a power failure.
pub fn sync<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), FileError> {
    let mut folders: Vec<&Path> = Vec::new();
    for path in paths {
        match File::open(path) {
            Ok(file) => guarded(|| file.sync_all()).map_err(failed("sync", path))?,
            // Removed by the user since it was written: it will be written again at load.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(failed("sync", path)(e)),
        }
        if let Some(folder) = path.parent()
            && !folders.contains(&folder)
        {
            folders.push(folder);
        }
    }
    folders.into_iter().try_for_each(sync_folder)
}

/// Syncs the entries of a folder to disk.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    // Windows can't open folders; its renames are journaled by the file system.
    if cfg!(windows) {
        return Ok(());
    }
    guarded(|| File::open(folder).and_then(|f| f.sync_all())).map_err(failed("sync", folder))
}

/// Creates a folder and its parents.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    guarded(|| fs::create_dir_all(path)).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            failed("create", path)(io::Error::other("a file is in its place"))
        }
        _ => failed("create", path)(error),
    })
}

/// Creates a folder that only the user can access, and its parents.
pub fn create_private_folder(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path).map_err(failed("create", path))?;
    // An existing folder may be open to others.
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .map_err(failed("create", path))?;
    Ok(())
}

/// The path of a file below a folder; creates the folders between. An error if one of these is a
/// link, because the file would be written elsewhere.
pub fn place(folder: &Path, file: &str) -> Result<PathBuf, FileError> {
    let path = folder.join(file);
    for between in path.ancestors().skip(1).take_while(|between| *between != folder) {
        if between.is_symlink() {
            return Err(failed("write", &path)(io::Error::other(format!(
                "`{}` is a link",
                between.display()
            ))));
        }
    }
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }
    Ok(path)
}

/// The path of a file below a folder, for reading; `None` if the path leaves the folder, or if any
/// part of it is a link.
#[must_use]
pub fn within(folder: &Path, file: &str) -> Option<PathBuf> {
    let mut place = folder.to_owned();
    for part in Path::new(file).components() {
        let Component::Normal(part) = part else { return None };
        place.push(part);
        if place.is_symlink() {
            return None;
        }
    }
    Some(place)
}

/// Moves a file or a folder to an unused name.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    faults::rename(from, to).map_err(failed("write", to))
}

/// Appends to a file, and creates it if it does not exist.
pub fn append(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    let file = unlinked(options.append(true).create(true)).open(path);
    file.and_then(|mut file| faults::write_all(&mut file, bytes)).map_err(failed("write", path))
}

/// Moves a file or a folder to an unused path; does nothing if it does not exist.
pub fn move_into(from: &Path, to: &Path) -> Result<(), FileError> {
    if from.symlink_metadata().is_err() {
        return Ok(());
    }
    to.parent().map_or(Ok(()), create_folder)?;
    rename(from, to)
}

/// Removes a folder and its contents; does nothing if it does not exist.
pub fn remove_folder(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(e)),
        _ => Ok(()),
    }
}

/// Removes a file; does nothing if it does not exist.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(e)),
        _ => Ok(()),
    }
}

/// Copies a file, creates the folder of the copy, and returns the number of bytes.
pub fn copy(from: &Path, to: &Path) -> Result<u64, FileError> {
    if let Some(folder) = to.parent() {
        create_folder(folder)?;
    }
    let bytes = guarded(|| fs::copy(from, to)).map_err(failed("copy", from))?;
    // The user's file may be read-only; the copy belongs to the session.
    let mut permissions = fs::metadata(to).map_err(failed("copy", to))?.permissions();
    make_writable(&mut permissions);
    fs::set_permissions(to, permissions).map_err(failed("copy", to))?;
    Ok(bytes)
}

#[cfg(unix)]
fn make_writable(permissions: &mut Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(permissions.mode() | 0o200);
}

#[cfg(not(unix))]
fn make_writable(permissions: &mut Permissions) {
    permissions.set_readonly(false);
}

/// Copies up to `room` bytes of a regular file and returns their number. A file that was replaced
/// by a link or a pipe is refused: the process that wrote it may still be running.
pub fn take(from: &Path, to: &Path, room: u64) -> Result<u64, FileError> {
    let mut options = OpenOptions::new();
    let file = unlinked(options.read(true)).open(from).map_err(failed("read", from))?;
    if !file.metadata().map_err(failed("read", from))?.is_file() {
        return Err(failed("read", from)(io::ErrorKind::InvalidInput.into()));
    }
    if let Some(folder) = to.parent() {
        create_folder(folder)?;
    }
    let mut copy = File::create(to).map_err(failed("write", to))?;
    guarded(|| io::copy(&mut file.take(room), &mut copy)).map_err(failed("write", to))
}

/// The entries of a folder, sorted by name.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
        .map_err(failed("read", folder))?;
    paths.sort();
    Ok(paths)
}

/// A file that is only appended to.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Appender {
    /// Opens an existing file and truncates it to `length` bytes.
    pub fn open(path: &Path, length: u64) -> Result<Self, FileError> {
        let mut options = OpenOptions::new();
        let file = unlinked(options.write(true)).open(path).map_err(failed("write", path))?;
        let mut appender = Self { path: path.to_owned(), file, length };
        appender.cut()?;
        Ok(appender)
    }

    /// Appends all of the bytes or, if the disk refuses them, none.
    ///
    /// A file that was removed or replaced is an error, because the appended bytes would not be
    /// found under its name.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.still_there()?;
        if let Err(error) = faults::write_all(&mut self.file, bytes) {
            // If this fails too, the incomplete line is removed at the next load.
            let _ = self.cut();
            return Err(failed("write", &self.path)(error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Syncs the appended bytes to disk.
    pub fn sync(&self) -> Result<(), FileError> {
        self.still_there()?;
        guarded(|| self.file.sync_data()).map_err(failed("sync", &self.path))
    }

    fn still_there(&self) -> Result<(), FileError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
            let ours = self.file.metadata().map(id).map_err(failed("write", &self.path))?;
            if self.path.symlink_metadata().map(id).ok() != Some(ours) {
                let gone = "it was removed or replaced while this program worked on it";
                return Err(failed("write", &self.path)(io::Error::other(gone)));
            }
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), FileError> {
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .map(|_| ())
            .map_err(failed("write", &self.path))
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_path_never_leads_out_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("run/files")).unwrap();
        fs::write(folder.path().join("run/a.png"), "a").unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("a.png", folder.path().join("run/b.png")).unwrap();
        for (file, is_within) in [
            ("run/a.png", true),
            ("run/files/not-there.txt", true),
            ("run/b.png", false),
            ("etc/passwd", false),
            ("run/../../secret", false),
            ("/etc/passwd", false),
        ] {
            assert_eq!(within(folder.path(), file).is_some(), is_within, "{file}");
        }
    }
}
