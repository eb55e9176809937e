//! The journal: one JSON object a line, append-only.

use super::JOURNAL;
use crate::domain::chat::{Agent, Outcome, Usage};
use crate::domain::event::{Artifact, CallFinished, CallStarted, Event};
use crate::files::{Appender, FileError};
use chrono::{SecondsFormat, Utc};
use memchr::{memchr_iter, memmem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The line's number; there are no gaps.
    pub seq: u64,
    /// When, in UTC, as RFC 3339.
    pub at: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// The line as it stands in the journal, with its line feed.
    #[must_use]
    pub fn line(&self) -> String {
        // Plain data with string keys always serialises.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

/// The journal of a session that is open for writing.
pub(super) struct Journal {
    file: Appender,
}

impl Journal {
    /// Opens the journal of a session's folder; what stands behind `length` bytes is cut off.
    pub(super) fn open(folder: &Path, length: u64) -> Result<Self, FileError> {
        Ok(Self { file: Appender::open(&folder.join(JOURNAL), length)? })
    }

    /// Adds a line and gives it back.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<String, FileError> {
        let line = entry.line();
        self.file.append(line.as_bytes())?;
        Ok(line)
    }

    /// Makes what was added last.
    pub(super) fn sync(&self) -> Result<(), FileError> {
        self.file.sync()
    }
}

/// The entry for an event that happens now.
pub(super) fn entry(seq: u64, event: Event) -> Entry {
    Entry { seq, at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true), event }
}

/// Lines that are whole, and what stands behind the last line feed.
pub(super) fn split(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr_iter(b'\n', bytes) {
        lines.push(&bytes[start..end]);
        start = end + 1;
    }
    (lines, &bytes[start..])
}

/// What every line begins with, whatever its event.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// The line's number.
    pub seq: u64,
    /// When, in UTC.
    #[serde(borrow)]
    pub at: Cow<'a, str>,
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
}

/// What a line begins with. Our own lines have it in front, so that they are not read twice; where
/// somebody put it elsewhere, it is found all the same.
fn head(line: &[u8]) -> Result<Head<'_>, serde_json::Error> {
    match first_fields(line) {
        Some(head) => Ok(head),
        None => serde_json::from_slice(line),
    }
}

/// The head of a line that begins as [`Entry::line`] writes it.
fn first_fields(line: &[u8]) -> Option<Head<'_>> {
    fn plain(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
        let end = text.iter().position(|b| *b == b'"' || *b == b'\\')?;
        let (word, rest) = text.split_at(end);
        Some((Cow::Borrowed(std::str::from_utf8(word).ok()?), rest.strip_prefix(b"\"")?))
    }
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let seq = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let (at, rest) = plain(rest[digits..].strip_prefix(b",\"at\":\"")?)?;
    let (event, rest) = plain(rest.strip_prefix(b",\"event\":\"")?)?;
    matches!(rest.first(), Some(b',' | b'}')).then_some(Head { seq, at, event })
}

/// Reads a whole line.
pub(super) fn parse(line: &[u8]) -> Result<Entry, serde_json::Error> {
    let head = head(line)?;
    let event = serde_json::from_slice(line)?;
    Ok(Entry { seq: head.seq, at: head.at.into_owned(), event })
}

/// Lines that are worth a thread.
const MANY: usize = 500;

/// How much of a journal is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skim {
    /// All but prompts, answers and the text of reviews, which are most of it.
    State,
    /// Where the session stands: scripts are left empty too.
    Status,
}

/// Reads a line for what is wanted of it; the rest is left empty.
fn skim(line: &[u8], how: Skim) -> Result<Entry, serde_json::Error> {
    let head = head(line)?;
    let event = match head.event.as_ref() {
        "reviewed" => read_without(line, text(line, b",\"text\":\""))?,
        "version_created" if how == Skim::Status => {
            read_without(line, text(line, b",\"script\":\""))?
        }
        "model_call_started" => {
            let Started { call, agent, version, model } = read_without(line, messages(line))?;
            Event::ModelCallStarted(Box::new(CallStarted {
                call,
                agent,
                version,
                model,
                temperature: 0.0,
                max_tokens: 0,
                messages: Vec::new(),
            }))
        }
        "model_call_finished" => {
            let light: Finished = read_without(line, answer(line))?;
            Event::ModelCallFinished(Box::new(CallFinished {
                call: light.call,
                agent: light.agent,
                outcome: light.outcome,
                answer: String::new(),
                reasoning: String::new(),
                usage: light.usage,
                usd: light.usd,
                milliseconds: light.milliseconds,
                artifact: Artifact { file: light.file, sha256: light.sha256, bytes: light.bytes },
            }))
        }
        _ => serde_json::from_slice(line)?,
    };
    Ok(Entry { seq: head.seq, at: head.at.into_owned(), event })
}

/// Reads many lines, on all cores where they are many.
pub(super) fn skim_all(lines: &[&[u8]], how: Skim) -> Vec<Result<Entry, serde_json::Error>> {
    let read = move |lines: &[&[u8]]| lines.iter().map(|line| skim(line, how)).collect::<Vec<_>>();
    if lines.len() < MANY {
        return read(lines);
    }
    let workers = super::workers();
    std::thread::scope(|scope| {
        let share = lines.len().div_ceil(workers);
        let parts: Vec<_> =
            lines.chunks(share).map(|part| scope.spawn(move || read(part))).collect();
        parts
            .into_iter()
            // A thread that panicked did so on a line that would have here.
            .flat_map(|part| part.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            .collect()
    })
}

/// Where a line's messages stand, with their name.
fn messages(line: &[u8]) -> Option<Range<usize>> {
    Some(memmem::find(line, b",\"messages\":[")?..memmem::rfind(line, b"]}")? + 1)
}

/// Where an answer and its reasoning stand, with their names.
fn answer(line: &[u8]) -> Option<Range<usize>> {
    Some(memmem::find(line, b",\"answer\":\"")?..memmem::rfind(line, b",\"usage\":{")?)
}

/// Where the text stands that is the last one before the artifact: what is between its quotes.
fn text(line: &[u8], key: &[u8]) -> Option<Range<usize>> {
    Some(memmem::rfind(line, key)? + key.len()..memmem::rfind(line, b"\",\"file\":\"")?)
}

/// Reads a line without a part of it. What marks the parts above can't stand inside a text, whose
/// quotes are escaped. A line that lacks the part, or has its fields in another order than ours, is
/// read whole.
fn read_without<T: DeserializeOwned>(
    line: &[u8],
    part: Option<Range<usize>>,
) -> Result<T, serde_json::Error> {
    let short = part.filter(|part| part.start <= part.end).and_then(|part| {
        serde_json::from_slice(&[&line[..part.start], &line[part.end..]].concat()).ok()
    });
    short.map_or_else(|| serde_json::from_slice(line), Ok)
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
    milliseconds: u64,
    file: String,
    sha256: String,
    bytes: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

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

    fn finished(answer: &str, reasoning: &str) -> Event {
        Event::ModelCallFinished(Box::new(CallFinished {
            call: 1,
            agent: Agent::Coder,
            outcome: Outcome::Whole,
            answer: answer.to_owned(),
            reasoning: reasoning.to_owned(),
            usage: Usage { prompt: 1, answer: 2, ..Usage::default() },
            usd: None,
            milliseconds: 3,
            artifact: Artifact { file: "f".to_owned(), sha256: "s".to_owned(), bytes: 4 },
        }))
    }

    #[test]
    fn a_line_read_in_part_says_what_it_says_read_whole() {
        let tricky = "\"]},\"usage\":{ ,\"messages\":[ \\ \n ,\"answer\":\"";
        for event in [
            started(None, ""),
            started(Some(3), tricky),
            finished("", ""),
            finished(tricky, ""),
            finished("x", tricky),
            Event::Paused { reason: tricky.to_owned() },
            written(tricky),
            written(""),
            reviewed(tricky, tricky),
            reviewed("", ""),
        ] {
            let line = entry(7, event).line();
            let mut whole = parse(line.trim_end().as_bytes()).unwrap();
            match &mut whole.event {
                Event::ModelCallStarted(e) => {
                    (e.temperature, e.max_tokens, e.messages) = (0.0, 0, Vec::new());
                }
                Event::ModelCallFinished(e) => {
                    (e.answer, e.reasoning) = (String::new(), String::new());
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
            // Another order of the fields, as another program may write them.
            let other: serde_json::Value = serde_json::from_str(line).unwrap();
            let other = format!("{{ \"z\": 1, {}", &other.to_string()[1..]);
            let read = skim(other.as_bytes(), Skim::Status).unwrap();
            let same = std::mem::discriminant(&read.event) == std::mem::discriminant(&whole.event);
            assert!(read.seq == 7 && same, "{other}");
        }
    }

    #[test]
    fn a_line_that_is_not_whole_is_an_error() {
        for event in [
            started(Some(3), "a prompt"),
            finished("an answer", "a thought"),
            written("a script"),
            reviewed("a", "b"),
        ] {
            let line = entry(7, event).line();
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
