//! Downloads models: from several sources, resuming interrupted downloads, and verifying checksums.

use super::catalogue::Entry;
use super::error::{AT_ONCE, Trouble, Way};
pub use super::error::{Content, FetchError, News};
use super::{Library, http, index};
use redraft_files::{self as files, FileError, Lock};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Interval between checks whether another process has finished its download.
const LOOK: Duration = Duration::from_millis(100);

/// Disk space to leave free, in bytes.
const SPARE: u64 = 32 << 20;

impl Library {
    /// Downloads a model unless it is on this machine, and returns its file. An existing file is
    /// verified, and downloaded again if it is damaged. A second process that wants the same model
    /// waits for the first.
    pub async fn fetch(
        &self,
        entry: &Entry,
        content: Content<'_>,
        cancel: &CancellationToken,
        on: &mut (dyn FnMut(News<'_>) + Send),
    ) -> Result<PathBuf, FetchError> {
        files::create_folder(&self.folder)?;
        let _lock = self.wait(entry, cancel, on).await?;
        let (path, part) = (self.path(entry), self.part(entry));
        let way = Way { entry, part: &part, cancel };
        if self.has(entry) {
            match way.check(&path, on).await? {
                Ok(()) => return Ok(path),
                Err(why) => on(News::Failed { source: "the file that is here", why: &why }),
            }
        }
        if way.came() >= entry.bytes {
            // Complete but not verified, because it was interrupted then, or too long.
            if way.came() == entry.bytes && way.check(&part, on).await?.is_ok() {
                return keep(&part, path);
            }
            files::remove_file(&part)?;
        }
        let mut reasons = String::new();
        let addresses =
            entry.addresses.iter().map(|address| (http::server(address), Some(address)));
        let packages = entry.packages.iter().map(|_| ("the Python index".to_owned(), None));
        for (source, address) in addresses.chain(packages) {
            self.room(&way, address.is_none())?;
            on(News::From(&source));
            on(News::Came(way.came()));
            let got = match (address, &entry.packages) {
                (Some(address), _) => http::get(&way, address, on).await,
                (None, Some(parts)) => index::get(&way, parts, content, on).await,
                (None, None) => Ok(()),
            };
            let checked = match got {
                Ok(()) => way.check(&part, on).await?,
                Err(Trouble::Refused(why)) => Err(why),
                Err(Trouble::End(error)) => return Err(error),
            };
            let Err(why) = checked else { return keep(&part, path) };
            if way.came() >= entry.bytes {
                files::remove_file(&part)?;
            }
            on(News::Failed { source: &source, why: &why });
            let _ =
                write!(reasons, "{}{source}: {why}", if reasons.is_empty() { "" } else { "; " });
        }
        Err(FetchError::Nowhere { name: entry.name.clone(), reasons, path })
    }

    /// Waits until no other process downloads this model.
    async fn wait(
        &self,
        entry: &Entry,
        cancel: &CancellationToken,
        on: &mut (dyn FnMut(News<'_>) + Send),
    ) -> Result<Lock, FetchError> {
        let mut told = false;
        loop {
            match self.lock(&entry.file)? {
                Ok(lock) => return Ok(lock),
                Err(holder) if !told => on(News::Waiting(holder)),
                Err(_) => {}
            }
            told = true;
            tokio::select! {
                () = cancel.cancelled() => return Err(FetchError::Interrupted),
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Checks that the disk has room for the rest of the download.
    fn room(&self, way: &Way<'_>, by_index: bool) -> Result<(), FetchError> {
        let entry = way.entry;
        // Two packages are downloaded at a time, each of them packed and unpacked.
        let packages = entry.packages.as_ref().filter(|_| by_index);
        let beside = packages.map_or(0, |parts| 2 * 2 * parts.part_bytes.min(entry.bytes));
        let needed = entry.bytes.saturating_sub(way.came()) + beside + SPARE;
        match files::free(&self.folder) {
            Some(free) if free < needed => {
                let (name, folder) = (entry.name.clone(), self.folder.clone());
                Err(FetchError::NoRoom { name, folder, needed, free })
            }
            _ => Ok(()),
        }
    }
}

/// Renames a verified file to its final name.
fn keep(part: &Path, path: PathBuf) -> Result<PathBuf, FetchError> {
    files::sync([&part.to_owned()])?;
    files::rename(part, &path)?;
    Ok(path)
}

impl Way<'_> {
    /// Verifies length and checksum of a file; the inner result has the problem.
    async fn check(
        &self,
        path: &Path,
        on: &mut (dyn FnMut(News<'_>) + Send),
    ) -> Result<Result<(), String>, FetchError> {
        let unread = |source| FileError { action: "read", path: path.to_owned(), source };
        let mut file = File::open(path).map_err(unread)?;
        let mut buffer = vec![0; AT_ONCE];
        let (mut hash, mut done) = (Sha256::new(), 0);
        loop {
            if self.cancel.is_cancelled() {
                return Err(FetchError::Interrupted);
            }
            let count = file.read(&mut buffer).map_err(unread)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            done += count as u64;
            on(News::Checked(done));
            tokio::task::yield_now().await;
        }
        let sum = hash.finalize().iter().fold(String::new(), |mut sum, byte| {
            let _ = write!(sum, "{byte:02x}");
            sum
        });
        Ok(if sum == self.entry.sha256 && done == self.entry.bytes {
            Ok(())
        } else {
            Err("its checksum is wrong, so nothing of it was kept".to_owned())
        })
    }
}
