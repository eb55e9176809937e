//! Reads a session back: folds the journal, handles an incomplete last line, missing files and
//! edits by hand.

use super::journal::{self, Extent, Journal, Skim};
use super::line::Entry;
use super::seal::Seal;
use super::sealer::Sealer;
use super::{JOURNAL, LOCK, Store, StoreError, artifacts, cores, fold};
use crate::domain::event::{Event, FORMAT, LONGEST_TEXT};
use crate::domain::session::{Placed, Session};
use crate::domain::text::size;
use crate::files::{self, FileError, Holder, Lock, Locking, Mode};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Number of files that is worth a thread.
const MANY: usize = 200;
/// Maximum size of a file that is verified, in bytes. A larger one was not written by this program,
/// and is left alone.
const LARGEST: u64 = 64 << 20;

/// A session that was read without opening it for writing.
pub struct Snapshot {
    /// The session's state.
    pub session: Session,
    /// Files that the user edited since; the next command that opens the session for writing
    /// records them.
    pub edited: Vec<String>,
}

/// What was found when a session was opened.
#[derive(Debug, Default)]
pub struct Found {
    /// The journal's last line was incomplete; it was moved to `journal.torn`.
    pub torn: bool,
    /// Files that were missing or incomplete and have been written again.
    pub restored: Vec<String>,
    /// Edits by hand that are not recorded yet.
    pub edits: Vec<HandEdit>,
}

/// A file that was edited by hand.
#[derive(Debug)]
pub struct HandEdit {
    /// Its path in the session's folder.
    pub file: String,
    /// Its present text.
    pub text: String,
}

/// A journal that was read.
pub(super) struct Loaded {
    journal: PathBuf,
    pub(super) session: Session,
    sealer: Sealer,
    /// Length of the complete lines, in bytes.
    length: u64,
    /// The incomplete line after them.
    torn: Vec<u8>,
}

impl Loaded {
    /// All entries, fully parsed.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let mut entries = Vec::new();
        files::lines_from(&self.journal, 0..self.length, self.length, |line| {
            entries.extend(Entry::parse(line).ok());
        })?;
        let mut sealer = Sealer::default();
        for entry in &mut entries {
            sealer.check(entry);
        }
        Ok(entries)
    }
}

/// The session's name, which is that of its folder.
pub(super) fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// Reads and folds a journal.
pub(super) fn load(folder: &Path) -> Result<Loaded, StoreError> {
    load_as(folder, Skim::State)
}

/// Reads and folds the wanted part of a journal.
pub(super) fn load_as(folder: &Path, skim: Skim) -> Result<Loaded, StoreError> {
    let name = name_of(folder);
    let journal = folder.join(JOURNAL);
    let (mut session, mut sealer) = (Session::default(), Sealer::default());
    let (mut line, mut damage) = (0, None);
    let extent = journal::skim_file(&journal, skim, |read| {
        line += 1;
        let entry = read.map_err(|error| error.to_string());
        let entry = entry.map(|mut entry| {
            sealer.check(&mut entry);
            entry
        });
        match entry.and_then(|entry| fold::apply(&mut session, entry)) {
            Ok(()) => {}
            // A newer version of the program may have recorded events that are unknown here.
            Err(_) if session.format > FORMAT => session.seq = line as u64,
            Err(problem) => {
                damage.get_or_insert((line, problem));
            }
        }
    })?;
    let Some(Extent { length, torn }) = extent else { return Err(StoreError::Unknown(name)) };
    if let Some((line, problem)) = damage {
        return Err(StoreError::Damaged { name, line, problem });
    }
    if session.seq == 0 {
        let problem = "it is not whole, and it is the first".to_owned();
        return Err(StoreError::Damaged { name, line: 1, problem });
    }
    // The folder's name counts, as it may have been renamed.
    session.name = name;
    let mut loaded = Loaded { journal, session, sealer, length, torn };
    fill_pending(&mut loaded)?;
    Ok(loaded)
}

/// Reads the prompts and answers of pending calls, which skimming leaves out.
fn fill_pending(loaded: &mut Loaded) -> Result<(), FileError> {
    let mut pending = std::mem::take(&mut loaded.session.calls.pending);
    if pending.is_empty() {
        return Ok(());
    }
    for entry in loaded.entries()? {
        match entry.event {
            Event::ModelCallStarted(e) => {
                if let Some(pending) = pending.iter_mut().find(|p| p.call == e.call) {
                    pending.told = fold::told(e.messages);
                }
            }
            Event::ModelCallFinished(e) => {
                if let Some(pending) = pending.iter_mut().find(|p| p.call == e.call) {
                    (pending.answer, pending.calls) = (e.answer, e.calls);
                }
            }
            _ => {}
        }
    }
    loaded.session.calls.pending = pending;
    Ok(())
}

/// Reads a session without locking it. Missing files are written again if no other process works on
/// the session.
pub fn read(folder: &Path) -> Result<Snapshot, StoreError> {
    let loaded = load(folder)?;
    let session = loaded.session;
    let wrong_length = |placed: &Placed| {
        files::length(&folder.join(&placed.artifact.file)) != Some(placed.artifact.bytes)
    };
    if session.format <= FORMAT
        && any_of(&session.artifacts.values().collect::<Vec<_>>(), wrong_length)
        && let Ok(Locking::Taken(_lock)) = files::lock(&folder.join(LOCK))
    {
        // Another command may have written meanwhile; its files are not checked here.
        let again = load(folder)?;
        if again.session.seq == session.seq {
            let mut rewritten = Vec::new();
            let (_, edits) = verify(folder, &again, &mut rewritten, wrong_length)?;
            let edited = edits.into_iter().map(|e| e.file).collect();
            return Ok(Snapshot { session, edited });
        }
    }
    let mut edited = Vec::new();
    let latest = artifacts::script_file(u32::try_from(session.versions.len()).unwrap_or(0));
    for file in [artifacts::PLAN, artifacts::SESSION, &latest] {
        if let Some(placed) = session.artifacts.get(file)
            && (too_long(folder, placed).is_some()
                || files::read_regular(&folder.join(file), LARGEST)
                    .is_some_and(|content| !artifacts::is_same(&content, &placed.artifact)))
        {
            edited.push(file.to_owned());
        }
    }
    Ok(Snapshot { session, edited })
}

/// Whether the predicate holds for any file. Uses all cores, since each check is a file system
/// call.
fn any_of(placed: &[&Placed], is: impl Fn(&Placed) -> bool + Sync) -> bool {
    cores::share(placed, MANY, |part| part.iter().any(|one| is(one))).contains(&true)
}

/// Takes the lock of a session, which one process can hold at a time.
pub(super) fn locked(folder: &Path) -> Result<Lock, StoreError> {
    match files::lock(&folder.join(LOCK))? {
        Locking::Taken(lock) => Ok(lock),
        Locking::Held(holder) => {
            Err(StoreError::Locked { name: name_of(folder), holder: holder.to_string() })
        }
    }
}

/// The process that holds a session's lock, or `None` if it is not locked.
#[must_use]
pub fn worked_on_by(folder: &Path) -> Option<Holder> {
    files::holder(&folder.join(LOCK))
}

/// The socket of the process that works on a session, if it listens.
#[cfg(unix)]
#[must_use]
pub fn socket_of(folder: &Path) -> Option<std::path::PathBuf> {
    files::socket_of(&folder.join(LOCK))
}

/// Opens a session for writing: locks it, repairs the traces of a crash, and finds edits by hand.
pub fn open(folder: &Path) -> Result<(Store, Found), StoreError> {
    let name = name_of(folder);
    if files::length(&folder.join(JOURNAL)).is_none() {
        return Err(StoreError::Unknown(name));
    }
    let lock = locked(folder)?;
    let loaded = load(folder)?;
    if loaded.session.format > FORMAT {
        return Err(StoreError::Newer { name, format: loaded.session.format });
    }
    for placed in loaded.session.artifacts.values() {
        if let Some(length) = too_long(folder, placed) {
            let (file, has) = (placed.artifact.file.clone(), size(length));
            return Err(StoreError::TooLong { name, file, has });
        }
    }
    let mut found = Found::default();
    if !loaded.torn.is_empty() {
        files::write(&folder.join("journal.torn"), &loaded.torn, Mode::Normal)?;
        found.torn = true;
    }
    let mut rewritten = Vec::new();
    (found.restored, found.edits) = verify(folder, &loaded, &mut rewritten, |_| true)?;
    let journal = Journal::open(folder, loaded.length, loaded.sealer)?;
    let dirty = found.restored.iter().map(|file| folder.join(file)).collect();
    let mut store = Store {
        folder: folder.to_owned(),
        journal,
        session: loaded.session,
        dirty,
        watch: Vec::new(),
        given: std::cell::OnceCell::new(),
        lock,
    };
    for artifact in rewritten {
        store.record(Event::Rewritten { artifact })?;
    }
    Ok((store, found))
}

/// Compares the files for which `suspect` holds with the journal. Missing, empty and incomplete
/// files are written again; other differences are edits by hand.
fn verify(
    folder: &Path,
    loaded: &Loaded,
    rewritten: &mut Vec<crate::domain::event::Artifact>,
    suspect: impl Fn(&Placed) -> bool,
) -> Result<(Vec<String>, Vec<HandEdit>), StoreError> {
    let mut restored = Vec::new();
    let mut edits = Vec::new();
    let placed = loaded.session.artifacts.values().filter(|placed| suspect(placed));
    let wrong: Vec<(&Placed, Vec<u8>)> = placed
        .filter_map(|placed| {
            let path = folder.join(&placed.artifact.file);
            let length = files::length(&path);
            if length.is_some_and(|n| n > LARGEST) || too_long(folder, placed).is_some() {
                return None;
            }
            // A link or anything but a regular file was not written by this program, and counts as
            // missing.
            let content = files::read_regular(&path, LARGEST).unwrap_or_default();
            let right = artifacts::is_same(&content, &placed.artifact);
            // A file that is meant to be empty need not be written again if it exists.
            (!right || (content.is_empty() && length.is_none())).then_some((placed, content))
        })
        .collect();
    if wrong.is_empty() {
        return Ok((restored, edits));
    }
    let contents = Contents::of(loaded)?;
    for (placed, found) in wrong {
        let file = &placed.artifact.file;
        let Some(content) = contents.get(placed.seq, file) else { continue };
        let crashed = placed.seq > loaded.session.settled;
        let stale = crashed && contents.had(placed.seq, file, &found);
        if stale || is_torn(&found, content.as_bytes(), crashed) {
            let path = files::place(folder, file)?;
            files::write(&path, content.as_bytes(), artifacts::mode(file))?;
            let artifact = artifacts::of(file, content);
            if artifact != placed.artifact {
                rewritten.push(artifact);
            }
            restored.push(file.clone());
        } else {
            let text = String::from_utf8_lossy(&found).into_owned();
            edits.push(HandEdit { file: file.clone(), text });
        }
    }
    Ok((restored, edits))
}

/// The length of an edited file that is too long to be read.
fn too_long(folder: &Path, placed: &Placed) -> Option<u64> {
    let file = &placed.artifact.file;
    let most = placed.artifact.bytes.max(LONGEST_TEXT as u64);
    files::length(&folder.join(file)).filter(|n| *n > most && artifacts::is_taken_up(file))
}

/// Whether the content is what a crash leaves of a file: nothing, its start, or zeros from some
/// point on. If complete lines are left of a file that was written long ago, the user deleted the
/// others.
fn is_torn(found: &[u8], whole: &[u8], crashed: bool) -> bool {
    let end = found.iter().rposition(|b| *b != 0).map_or(0, |n| n + 1);
    let kept = &found[..end];
    let is_start = kept.len() < whole.len() && whole.starts_with(kept);
    let whole_lines = kept.ends_with(b"\n") || whole.get(end) == Some(&b'\n');
    kept.is_empty() || (is_start && (crashed || end < found.len() || !whole_lines))
}

/// The content of all artifacts, rendered by folding the journal once more: for each file, the
/// contents with the number of their events.
struct Contents {
    files: HashMap<String, Vec<(u64, String)>>,
}

impl Contents {
    fn of(loaded: &Loaded) -> Result<Self, FileError> {
        let mut files: HashMap<String, Vec<(u64, String)>> = HashMap::new();
        let mut session = Session::default();
        for mut entry in loaded.entries()? {
            // Files are rendered as they were where the event was recorded.
            entry.seal = Seal::Ours;
            for (file, content) in artifacts::render(&entry.event, &session) {
                files.entry(file).or_default().push((entry.seq, content));
            }
            // The journal was folded before, so this succeeds.
            let _ = fold::apply(&mut session, entry);
        }
        Ok(Self { files })
    }

    fn get(&self, seq: u64, file: &str) -> Option<&String> {
        self.files.get(file)?.iter().find(|(at, _)| *at == seq).map(|(_, content)| content)
    }

    /// Whether a file had this content before an event: after a crash, a file may still have the
    /// old content.
    fn had(&self, seq: u64, file: &str, found: &[u8]) -> bool {
        let contents = self.files.get(file).into_iter().flatten();
        contents.take_while(|(at, _)| *at < seq).any(|(_, content)| content.as_bytes() == found)
    }
}
