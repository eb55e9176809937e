//! What came of each task, and the files that keep it: `results.jsonl` and `results.csv`.

use crate::domain::report::Evidence;
use crate::files::{self, FileError, Mode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the names of files of results begin with.
const WHOLE: &str = "results";
/// The largest file of results that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A version was accepted.
    Accepted,
    /// It waits at a gate or a limit.
    Paused,
    /// It was broken off, and goes on when the batch does.
    Interrupted,
    /// The model's provider failed, or the task can't be worked on as it is.
    Failed,
}

impl Outcome {
    /// The word in results and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// What came of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The task's id.
    pub id: String,
    /// Which time it is of those that `--repeat` asks for, from 1.
    #[serde(default = "one")]
    pub repeat: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// How much was seen of the accepted version; none: it was accepted without a run.
    pub evidence: Option<Evidence>,
    /// The exit code that `redraft new --auto` would have had.
    pub exit: u8,
    /// The session's folder.
    pub session: PathBuf,
    /// The accepted script.
    pub script: Option<PathBuf>,
    /// Versions in all.
    pub versions: usize,
    /// Tokens of prompts and answers together.
    pub tokens: u64,
    /// Seconds that were spent on it.
    pub seconds: f64,
    /// US dollars, where prices are known.
    pub usd: Option<f64>,
    /// Why it was not accepted.
    pub reason: Option<String>,
}

const fn one() -> u32 {
    1
}

/// Which result it is: the task's id, and which time it was done.
pub type Key = (String, u32);
/// Results, each once.
pub type Rows = BTreeMap<Key, Row>;

impl Row {
    /// Which result it is.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.id.clone(), self.repeat)
    }

    /// How it ended, with the level of evidence.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (self.outcome, self.evidence) {
            (Outcome::Accepted, Some(level)) => level.name(),
            (Outcome::Accepted, None) => "not run",
            (outcome, _) => outcome.name(),
        }
    }
}

/// The folder of a batch's results.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// What the names of this part's files begin with: `results`, or `results-2-of-8`.
    name: String,
}

impl Folder {
    /// The results of the whole batch, or of a part of this name.
    #[must_use]
    pub fn new(path: PathBuf, part: Option<&str>) -> Self {
        let name = part.map_or_else(|| WHOLE.to_owned(), |part| format!("{WHOLE}-{part}"));
        Self { path, name }
    }

    /// The folders of all parts that have left something in this one: results, or a lock.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn parts(path: &Path) -> Result<Vec<Self>, FileError> {
        let names: BTreeSet<String> = files::entries(path)?
            .iter()
            .filter_map(|file| file.file_name()?.to_str())
            .map(|name| name.trim_start_matches('.'))
            .filter_map(|name| name.strip_suffix(".jsonl").or_else(|| name.strip_suffix(".lock")))
            .filter(|name| *name == WHOLE || name.starts_with(&format!("{WHOLE}-")))
            .map(str::to_owned)
            .collect();
        Ok(names.into_iter().map(|name| Self { path: path.to_owned(), name }).collect())
    }

    /// The part's name as it stands in the names of its files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with a result a line.
    #[must_use]
    pub fn lines(&self) -> PathBuf {
        self.path.join(format!("{}.jsonl", self.name))
    }

    /// The same as a table for other programs.
    #[must_use]
    pub fn table(&self) -> PathBuf {
        self.path.join(format!("{}.csv", self.name))
    }

    /// The file that is locked while somebody works on this part.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.path.join(format!(".{}.lock", self.name))
    }

    /// The file that says on which machine that is.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.path.join(format!(".{}.host", self.name))
    }

    /// Adds a result to the lines, so that it can be seen while others are worked on.
    ///
    /// # Errors
    /// The disk said no.
    pub fn add(&self, row: &Row) -> Result<(), FileError> {
        files::append(&self.lines(), line(row).as_bytes())
    }

    /// Writes all results, in this order, each once.
    ///
    /// # Errors
    /// The disk said no.
    pub fn write(&self, rows: &[Row]) -> Result<(), FileError> {
        let lines: String = rows.iter().map(line).collect();
        files::write(&self.lines(), lines.as_bytes(), Mode::Normal)?;
        files::write(&self.table(), csv(rows).as_bytes(), Mode::Normal)
    }
}

fn line(row: &Row) -> String {
    // Plain data with string keys always serialises.
    format!("{}\n", serde_json::to_string(row).unwrap_or_default())
}

/// Reads results, the last of each task. A line that was torn by a kill is left out.
///
/// # Errors
/// The file can't be read.
pub fn read(path: &Path) -> Result<Rows, FileError> {
    let text = files::read_text(path, LARGEST)?;
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok());
    Ok(rows.map(|row| (row.key(), row)).collect())
}

/// The columns of the table for other programs.
const COLUMNS: [&str; 12] = [
    "id", "repeat", "outcome", "evidence", "exit", "versions", "tokens", "seconds", "usd",
    "script", "session", "reason",
];

fn csv(rows: &[Row]) -> String {
    let mut table = format!("{}\n", COLUMNS.join(","));
    for row in rows {
        let path = |path: &Path| path.display().to_string();
        let fields = [
            row.id.clone(),
            row.repeat.to_string(),
            row.outcome.name().to_owned(),
            row.evidence.map_or_else(String::new, |level| level.name().to_owned()),
            row.exit.to_string(),
            row.versions.to_string(),
            row.tokens.to_string(),
            format!("{:.3}", row.seconds),
            row.usd.map_or_else(String::new, |usd| format!("{usd:.6}")),
            row.script.as_deref().map_or_else(String::new, path),
            path(&row.session),
            row.reason.clone().unwrap_or_default(),
        ];
        table += &fields.map(|field| quoted(&field)).join(",");
        table.push('\n');
    }
    table
}

/// A field of a table, between quotes where it holds what ends one.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    /// A result of a task.
    pub(in crate::batch) fn row(id: &str, outcome: Outcome, evidence: Option<Evidence>) -> Row {
        let accepted = outcome == Outcome::Accepted;
        Row {
            id: id.to_owned(),
            repeat: 1,
            outcome,
            evidence,
            exit: if accepted { 0 } else { 3 },
            session: PathBuf::from(id),
            script: accepted.then(|| PathBuf::from(id).join("script_v1.py")),
            versions: 1,
            tokens: 100,
            seconds: 2.0,
            usd: None,
            reason: (!accepted).then(|| "it stands still, \"so\"".to_owned()),
        }
    }

    #[test]
    fn written_results_are_read_back_without_a_torn_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::new(folder.path().to_owned(), Some("2-of-8"));
        let rows =
            [row("a", Outcome::Accepted, Some(Evidence::Tested)), row("b", Outcome::Paused, None)];
        folder.add(&row("b", Outcome::Failed, None)).unwrap();
        folder.add(&rows[1]).unwrap();
        assert_eq!(read(&folder.lines()).unwrap()[&("b".to_owned(), 1)], rows[1]);
        files::append(&folder.lines(), b"{\"id\":\"tor").unwrap();
        assert_eq!(read(&folder.lines()).unwrap().len(), 1);
        folder.write(&rows).unwrap();
        assert_eq!(read(&folder.lines()).unwrap().len(), 2);
        files::write(&folder.path.join(".results.lock"), b"1", Mode::Normal).unwrap();
        let parts = Folder::parts(&folder.path).unwrap();
        let parts: Vec<&str> = parts.iter().map(Folder::name).collect();
        assert_eq!(parts, ["results", "results-2-of-8"]);
        let text = files::read_text(&folder.table(), LARGEST).unwrap();
        assert_eq!(
            text,
            "id,repeat,outcome,evidence,exit,versions,tokens,seconds,usd,script,session,reason\n\
             a,1,accepted,tested,0,1,100,2.000,,a/script_v1.py,a,\n\
             b,1,paused,,3,1,100,2.000,,,b,\"it stands still, \"\"so\"\"\"\n"
        );
    }
}
