//! Repairs a journal: keeps all entries that can be parsed and applied.

use super::journal;
use super::line::Entry;
use super::open::{locked, name_of};
use super::{JOURNAL, StoreError, fold};
use crate::domain::event::{Event, FORMAT};
use crate::domain::session::Session;
use crate::files::{self, Mode};
use std::path::Path;

/// The result of a repair.
#[derive(Debug)]
pub struct Outcome {
    /// A message for each line that was left out; empty if the journal was intact.
    pub left_out: Vec<String>,
    /// The file with the old journal.
    pub saved: Option<String>,
    /// Number of lines that were kept.
    pub kept: usize,
}

/// Repairs a session's journal. The old one is kept beside it.
///
/// # Errors
/// If the first line cannot be parsed; nothing is written then.
pub fn repair(folder: &Path) -> Result<Outcome, StoreError> {
    let name = name_of(folder);
    let path = folder.join(JOURNAL);
    if files::length(&path).is_none() {
        return Err(StoreError::Unknown(name));
    }
    let _lock = locked(folder)?;
    let bytes = files::read(&path)?;
    let (lines, torn) = journal::split(&bytes);
    let mut session = Session::default();
    let mut kept: Vec<Entry> = Vec::new();
    let mut left_out = Vec::new();
    // The number of the next line if none is missing before it.
    let mut expected = 1;
    for (n, line) in lines.iter().enumerate() {
        let problem = match Entry::parse(line) {
            Ok(entry) if entry.seq < expected && kept.iter().any(|e| same(e, &entry)) => {
                "it is there twice".to_owned()
            }
            Ok(mut entry) => {
                let jumps = entry.seq != expected;
                let gap = format!("before line {}: {expected} is missing", n + 1);
                expected = entry.seq.saturating_add(1);
                entry.seq = session.seq + 1;
                match fold::apply(&mut session, entry.clone()) {
                    Ok(()) => {
                        kept.push(entry);
                        left_out.extend(jumps.then_some(gap));
                        continue;
                    }
                    Err(problem) => problem,
                }
            }
            Err(error) => {
                expected += u64::from(!line.is_empty());
                error.to_string()
            }
        };
        if kept.is_empty() {
            return Err(StoreError::Damaged { name, line: n + 1, problem });
        }
        left_out.push(format!("line {}: {problem}", n + 1));
    }
    if session.format > FORMAT {
        return Err(StoreError::Newer { name, format: session.format });
    }
    if kept.is_empty() {
        let problem = "nothing in it can be read".to_owned();
        return Err(StoreError::Damaged { name, line: 1, problem });
    }
    if left_out.is_empty() {
        return Ok(Outcome { left_out, saved: None, kept: kept.len() });
    }
    if !torn.is_empty() {
        left_out.push("the last line, which is torn".to_owned());
    }
    let saved = (1..u32::MAX)
        .map(|n| format!("journal.damaged-{n}"))
        .find(|name| files::length(&folder.join(name)).is_none())
        .unwrap_or_default();
    files::write(&folder.join(&saved), &bytes, Mode::Normal)?;
    let event = Event::Repaired { left_out: left_out.clone() };
    kept.push(Entry::now(session.seq + 1, event));
    let text: String = kept.iter().map(Entry::line).collect();
    files::write(&path, text.as_bytes(), Mode::Normal)?;
    files::sync(&[folder.join(&saved), path])?;
    Ok(Outcome { left_out, saved: Some(saved), kept: kept.len() })
}

/// Whether two entries are the same except for their numbers.
fn same(a: &Entry, b: &Entry) -> bool {
    a.at == b.at && a.event == b.event
}
