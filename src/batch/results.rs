//! The results of tasks, and the files that store them: `results.jsonl` and `results.csv`.

use crate::domain::report::Evidence;
use crate::files::{self, FileError, Mode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Prefix of the names of result files.
const WHOLE: &str = "results";
/// The largest result file to read, in bytes.
const LARGEST: u64 = 1 << 30;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A version was accepted.
    Accepted,
    /// It waits at a gate or a limit.
    Paused,
    /// It was interrupted, and continues when the batch does.
    Interrupted,
    /// The model's provider failed, or the task is invalid.
    Failed,
}

impl Outcome {
    /// The name in results and tables.
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

/// Result of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Task id.
    pub id: String,
    /// Repetition number with `--repeat`, from 1.
    #[serde(default = "one")]
    pub repeat: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Evidence level of the accepted version; `None` if it was accepted without a run.
    pub evidence: Option<Evidence>,
    /// The exit code that `redraft new --auto` would have returned.
    pub exit: u8,
    /// Session folder.
    pub session: PathBuf,
    /// Path of the accepted script.
    pub script: Option<PathBuf>,
    /// Number of versions.
    pub versions: usize,
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// Time spent, in seconds.
    pub seconds: f64,
    /// Cost in US dollars, if prices are known.
    pub usd: Option<f64>,
    /// Why it was not accepted.
    pub reason: Option<String>,
}

const fn one() -> u32 {
    1
}

/// Key of a result: task id and repetition number.
pub type Key = (String, u32);
/// Results by key.
pub type Rows = BTreeMap<Key, Row>;

impl Row {
    /// Key of this result.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.id.clone(), self.repeat)
    }

    /// The outcome in one word, with the level of evidence.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (self.outcome, self.evidence) {
            (Outcome::Accepted, Some(level)) => level.name(),
            (Outcome::Accepted, None) => "not run",
            (outcome, _) => outcome.name(),
        }
    }
}

/// The results folder of a batch.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Path of the folder.
    pub path: PathBuf,
    /// Prefix of this part's files: `results`, or `results-2-of-8`.
    name: String,
}

impl Folder {
    /// The results of the whole batch, or of the part with this name.
    #[must_use]
    pub fn new(path: PathBuf, part: Option<&str>) -> Self {
        let name = part.map_or_else(|| WHOLE.to_owned(), |part| format!("{WHOLE}-{part}"));
        Self { path, name }
    }

    /// All parts that have results or a lock in this folder.
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

    /// The part's name as used in file names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with one JSON result per line.
    #[must_use]
    pub fn lines(&self) -> PathBuf {
        self.path.join(format!("{}.jsonl", self.name))
    }

    /// The same results as CSV.
    #[must_use]
    pub fn table(&self) -> PathBuf {
        self.path.join(format!("{}.csv", self.name))
    }

    /// The file that is locked while a process works on this part.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.path.join(format!(".{}.lock", self.name))
    }

    /// The file that names the machine of that process.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.path.join(format!(".{}.host", self.name))
    }

    /// Appends a result to the lines, so that it is visible while other tasks run.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn add(&self, row: &Row) -> Result<(), FileError> {
        files::append(&self.lines(), line(row).as_bytes())
    }

    /// Writes all results in this order, each once.
    ///
    /// # Errors
    /// The file can't be written.
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

/// Reads results; the last one of each task counts. A line cut off by a kill is skipped.
///
/// # Errors
/// The file can't be read.
pub fn read(path: &Path) -> Result<Rows, FileError> {
    let text = files::read_text(path, LARGEST)?;
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok());
    Ok(rows.map(|row| (row.key(), row)).collect())
}

/// Columns of the CSV file.
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

/// A CSV field, quoted if needed.
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

    /// A result for tests.
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
    fn what_was_written_is_read_again() {
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
