//! The journal: one JSON object per line, append-only.

use super::line::{Entry, Head};
use super::seal::Seal;
use super::sealer::Sealer;
use super::{JOURNAL, cores};
use crate::domain::chat::{Agent, Outcome, Usage};
use crate::domain::event::{Artifact, CallFinished, CallStarted, Event};
use crate::files::{self, Appender, FileError};
use memchr::{memchr_iter, memmem};
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;

/// A session's journal, open for writing.
pub(super) struct Journal {
    file: Appender,
    sealer: Sealer,
}

impl Journal {
    /// Opens the journal in a session's folder, truncated to `length` bytes.
    pub(super) fn open(folder: &Path, length: u64, sealer: Sealer) -> Result<Self, FileError> {
        Ok(Self { file: Appender::open(&folder.join(JOURNAL), length)?, sealer })
    }

    /// Appends an entry, and returns its line.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<String, FileError> {
        let line = self.sealer.line(entry);
        self.file.append(line.as_bytes())?;
        Ok(line)
    }

    /// Syncs the journal to disk.
    pub(super) fn sync(&self) -> Result<(), FileError> {
        self.file.sync()
    }
}

/// Splits the bytes into complete lines and the rest after the last line feed.
pub(super) fn split(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr_iter(b'\n', bytes) {
        lines.push(&bytes[start..end]);
        start = end + 1;
    }
    (lines, &bytes[start..])
}

/// Size of the part of a journal that is worth a thread, in bytes.
const PIECE: u64 = 256 * 1024;

/// How much of a journal is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skim {
    /// All but prompts, answers and the text of reviews, which make up most of it.
    State,
    /// Only what the session's status needs: scripts are left out too.
    Status,
}

/// Parses the wanted fields of a line; the others stay empty.
fn skim(line: &[u8], how: Skim) -> Result<Entry, serde_json::Error> {
    let head = Head::of(line)?;
    let whole = |line: &[u8]| head.event(line);
    let event = match head.event.as_ref() {
        "reviewed" => read_without(line, text(line, b",\"text\":\""), whole)?,
        "version_created" if how == Skim::Status => {
            read_without(line, text(line, b",\"script\":\""), whole)?
        }
        "model_call_started" => {
            let Started { call, agent, version, model } =
                read_without(line, messages(line), |line| serde_json::from_slice(line))?;
            Event::ModelCallStarted(Box::new(CallStarted {
                call,
                agent,
                version,
                model,
                temperature: 0.0,
                max_tokens: 0,
                structured: false,
                messages: Vec::new(),
            }))
        }
        "model_call_finished" => {
            let light: Finished =
                read_without(line, answer(line), |line| serde_json::from_slice(line))?;
            Event::ModelCallFinished(Box::new(CallFinished {
                call: light.call,
                agent: light.agent,
                outcome: light.outcome,
                repeats: false,
                enough: false,
                answer: String::new(),
                reasoning: String::new(),
                calls: Vec::new(),
                usage: light.usage,
                usd: light.usd,
                usual_price: light.usual_price,
                milliseconds: light.milliseconds,
                artifact: Artifact { file: light.file, sha256: light.sha256, bytes: light.bytes },
            }))
        }
        _ => whole(line)?,
    };
    let seal = if how == Skim::Status { Seal::Missing } else { Seal::of(line, head.seq == 1) };
    Ok(Entry { seq: head.seq, at: head.at.into_owned(), event, seal })
}

/// The extent of a journal.
pub(super) struct Extent {
    /// Length of the complete lines, in bytes.
    pub(super) length: u64,
    /// The incomplete line after the last line feed.
    pub(super) torn: Vec<u8>,
}

/// Parses a journal and passes the entries of its complete lines to `each`, in order. Returns
/// `None` if the file does not exist.
///
/// A long file is read in parts on all cores: bringing it into new memory takes longer than parsing
/// it.
pub(super) fn skim_file(
    path: &Path,
    how: Skim,
    mut each: impl FnMut(Result<Entry, serde_json::Error>),
) -> Result<Option<Extent>, FileError> {
    let Some(end) = files::length(path) else { return Ok(None) };
    if end <= PIECE {
        let read = files::lines_from(path, 0..end, end, |line| each(skim(line, how)))?;
        return Ok(Some(Extent { length: read.length, torn: read.rest }));
    }
    let pieces: Vec<u64> = (0..end.div_ceil(PIECE)).collect();
    let read = |pieces: &[u64]| {
        let part = pieces[0] * PIECE..end.min((pieces[pieces.len() - 1] + 1) * PIECE);
        let mut lines = Vec::new();
        let read = files::lines_from(path, part, end, |line| lines.push(skim(line, how)))?;
        Ok((lines, read))
    };
    let mut extent = Extent { length: 0, torn: Vec::new() };
    for part in cores::share(&pieces, 1, read) {
        let (lines, read) = part?;
        lines.into_iter().for_each(&mut each);
        extent.length += read.length;
        // Only the last line can be incomplete, even if it spans several parts.
        extent.torn.extend(read.rest);
    }
    Ok(Some(extent))
}

/// The range of a line's messages, including the key.
fn messages(line: &[u8]) -> Option<Range<usize>> {
    Some(memmem::find(line, b",\"messages\":[")?..memmem::rfind(line, b"]}")? + 1)
}

/// The range of a line's answer, reasoning and tool calls, including the keys.
fn answer(line: &[u8]) -> Option<Range<usize>> {
    Some(memmem::find(line, b",\"answer\":\"")?..memmem::rfind(line, b",\"usage\":{")?)
}

/// The range of the last text before the artifact, between its quotes.
fn text(line: &[u8], key: &[u8]) -> Option<Range<usize>> {
    Some(memmem::rfind(line, key)? + key.len()..memmem::rfind(line, b"\",\"file\":\"")?)
}

/// Parses a line without one part of it. The markers of that part cannot occur inside a text, where
/// quotes are escaped. A line without the part, or with its fields in another order, is parsed
/// whole.
fn read_without<T>(
    line: &[u8],
    part: Option<Range<usize>>,
    read: impl Fn(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    let short = part
        .filter(|part| part.start <= part.end)
        .and_then(|part| read(&[&line[..part.start], &line[part.end..]].concat()).ok());
    short.map_or_else(|| read(line), Ok)
}

#[derive(Deserialize)]
struct Started {
    call: u32,
    agent: Agent,
    #[serde(default)]
    version: Option<u32>,
    model: String,
}

#[derive(Deserialize)]
struct Finished {
    call: u32,
    agent: Agent,
    outcome: Outcome,
    usage: Usage,
    #[serde(default)]
    usd: Option<f64>,
    #[serde(default)]
    usual_price: bool,
    milliseconds: u64,
    file: String,
    sha256: String,
    bytes: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::chat::ToolCall;

    fn started(version: Option<u32>, content: &str) -> Event {
        let messages = vec![crate::domain::chat::Message::user(content)];
        let model = "a/b\",\"messages\":[".to_owned();
        let (call, agent) = (1, Agent::Coder);
        let (temperature, max_tokens) = (0.5, 9);
        Event::ModelCallStarted(Box::new(CallStarted {
            call,
            agent,
            version,
            model,
            temperature,
            max_tokens,
            structured: false,
            messages,
        }))
    }

    fn written(script: &str) -> Event {
        Event::VersionCreated {
            version: 1,
            cause: crate::domain::event::Cause::First,
            base: None,
            call: Some(1),
            notes: vec![script.to_owned()],
            samples: Vec::new(),
            split: None,
            others: vec![Artifact { file: script.to_owned(), sha256: "s".to_owned(), bytes: 4 }],
            script: script.to_owned(),
            artifact: Artifact { file: "f".to_owned(), sha256: "s".to_owned(), bytes: 4 },
        }
    }

    fn reviewed(said: &str, text: &str) -> Event {
        let finding = crate::domain::review::Finding {
            id: "F1".to_owned(),
            requirement: None,
            severity: crate::domain::review::Severity::Nit,
            quote: Some(said.to_owned()),
            text: said.to_owned(),
            state: crate::domain::review::FindingState::Open,
            first: 1,
            last: 1,
            times: 1,
            against: None,
            by_manager: false,
        };
        Event::Reviewed {
            version: 1,
            call: 2,
            review: Box::default(),
            findings: vec![finding],
            text: text.to_owned(),
            artifact: Artifact { file: "f".to_owned(), sha256: "s".to_owned(), bytes: 4 },
        }
    }

    fn finished(answer: &str, reasoning: &str, calls: &[ToolCall]) -> Event {
        Event::ModelCallFinished(Box::new(CallFinished {
            call: 1,
            agent: Agent::Coder,
            outcome: Outcome::Whole,
            repeats: false,
            enough: false,
            answer: answer.to_owned(),
            reasoning: reasoning.to_owned(),
            calls: calls.to_vec(),
            usage: Usage { prompt: 1, answer: 2, ..Usage::default() },
            usd: None,
            usual_price: false,
            milliseconds: 3,
            artifact: Artifact { file: "f".to_owned(), sha256: "s".to_owned(), bytes: 4 },
        }))
    }

    #[test]
    fn skimming_a_journal_line_gives_the_same_event_without_long_texts() {
        let tricky = "\"]},\"usage\":{ ,\"messages\":[ \\ \n ,\"answer\":\"";
        let arguments = serde_json::json!({"a": tricky, "usage": {"prompt": 9}, "answer": "b"});
        let call = ToolCall { id: "c1".to_owned(), name: "run".to_owned(), arguments };
        for event in [
            started(None, ""),
            started(Some(3), tricky),
            finished("", "", &[]),
            finished(tricky, "", &[]),
            finished("x", tricky, &[]),
            finished("x", tricky, &[call]),
            Event::Paused { reason: tricky.to_owned() },
            written(tricky),
            written(""),
            reviewed(tricky, tricky),
            reviewed("", ""),
        ] {
            let line = Entry::now(7, event).line();
            let mut whole = Entry::parse(line.trim_end().as_bytes()).unwrap();
            match &mut whole.event {
                Event::ModelCallStarted(e) => {
                    (e.temperature, e.max_tokens, e.messages) = (0.0, 0, Vec::new());
                }
                Event::ModelCallFinished(e) => {
                    (e.answer, e.reasoning) = (String::new(), String::new());
                    e.calls.clear();
                }
                Event::Reviewed { text, .. } => text.clear(),
                _ => {}
            }
            let line = line.trim_end();
            assert_eq!(skim(line.as_bytes(), Skim::State).unwrap(), whole, "{line}");
            if let Event::VersionCreated { script, .. } = &mut whole.event {
                script.clear();
            }
            assert_eq!(skim(line.as_bytes(), Skim::Status).unwrap(), whole, "{line}");
            // Fields in another order, as another program may write them.
            let other: serde_json::Value = serde_json::from_str(line).unwrap();
            let other = format!("{{ \"z\": 1, {}", &other.to_string()[1..]);
            let read = skim(other.as_bytes(), Skim::Status).unwrap();
            let same = std::mem::discriminant(&read.event) == std::mem::discriminant(&whole.event);
            assert!(read.seq == 7 && same, "{other}");
        }
    }

    #[test]
    fn an_incomplete_journal_line_is_an_error() {
        for event in [
            started(Some(3), "a prompt"),
            finished("an answer", "a thought", &[]),
            written("a script"),
            reviewed("a", "b"),
        ] {
            let line = Entry::now(7, event).line();
            let line = line.trim_end().as_bytes();
            for end in 0..line.len() {
                assert!(
                    skim(&line[..end], Skim::Status).is_err(),
                    "{}",
                    String::from_utf8_lossy(&line[..end])
                );
            }
        }
    }
}
