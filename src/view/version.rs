//! The full view of a version.

use super::words;
use crate::domain::event::Cause;
use crate::domain::report::{self, Checks, Evidence, Scored, Split, Test};
use crate::domain::review::{Answered, Review, Status, Verdict};
use crate::domain::session;
use crate::domain::text::within;
use crate::findings::evidence::{self, Source};
use crate::findings::{self, Finding};
use crate::store::artifacts;
use serde::Serialize;
use std::collections::BTreeMap;

/// File extensions of pictures.
const PICTURES: [&str; 3] = ["png", "jpg", "jpeg"];
/// Maximum size of the start of an output, in bytes.
const HEAD: usize = 2000;

/// A version of the script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Its number, from 1.
    #[serde(rename = "version")]
    pub number: u32,
    /// Why it was written.
    pub cause: Cause,
    /// The version that it is based on.
    pub base: Option<u32>,
    /// Its file in the session's folder.
    pub file: String,
    /// Number of lines of the script.
    pub lines: usize,
    /// When it was written.
    pub at: String,
    /// The run; `None` before it.
    pub run: Option<Run>,
    /// The user's tests and examples; `None` before they were run.
    pub tests: Option<Vec<Test>>,
    /// The review; `None` before it.
    pub review: Option<Review>,
    /// The program's verdict on a reviewed version.
    pub verdict: Option<Verdict>,
    /// The level of evidence.
    pub evidence: Option<Evidence>,
    /// The evidence as text: `agreed: 2 of 3`, `not seen to run`.
    pub evidence_words: String,
    /// The lint score, from 0 to 10; `None` before the checks.
    pub score: Option<f64>,
    /// The results of the checks, as text; `None` before the checks.
    pub checks_words: Option<String>,
    /// The candidates that it was chosen from.
    pub candidates: Vec<Scored>,
    /// The difference between its candidates.
    pub split: Option<Split>,
    /// Where the evidence overrules the Reviewer, as text.
    pub overruled: Option<String>,
    /// All of the user's feedback on it.
    pub feedback: Option<String>,
    /// The user's answers on its requirements, from tests by hand.
    pub answers: BTreeMap<String, Answered>,
    /// The findings on it, each in the state that it had at this version.
    pub findings: Vec<Finding>,
    /// The status of each requirement of the approved plan.
    pub requirements: Vec<Judged>,
    /// How the script was extracted from the model's answer.
    pub notes: Vec<String>,
    /// Tokens of the calls about it.
    pub tokens: u64,
    /// Duration of the calls about it, its run and its tests, in seconds.
    pub seconds: f64,
    /// Cost of the calls about it in US dollars, where prices are known.
    pub usd: Option<f64>,
    /// The long fields: the script and its full output.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// The long fields of a version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Text {
    /// The script.
    pub script: String,
    /// The static checks.
    pub checks: Option<Checks>,
    /// Standard output, up to the limit of the run.
    pub stdout: String,
    /// Standard error, up to the limit of the run.
    pub stderr: String,
}

/// A version's run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The run as recorded in the journal.
    #[serde(flatten)]
    pub report: report::Run,
    /// The result as text: `ok, 0.3 s, 2 lines printed`.
    pub words: String,
    /// Suspicious results, as text.
    pub noticed: Vec<String>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The start of standard output.
    pub stdout: String,
    /// The start of standard error.
    pub stderr: String,
    /// Pictures from the run: paths in the session's folder.
    pub pictures: Vec<String>,
}

/// The status of a requirement in a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// `R1`, `R2`, ...
    pub id: String,
    /// The status; `None` if there is no evidence.
    pub status: Option<Status>,
    /// The source of the status.
    pub by: Option<Source>,
}

impl Version {
    /// The view of a version without the script and the full output.
    #[must_use]
    pub fn of(session: &session::Session, version: &session::Version) -> Self {
        let took = session.calls.of_version.get(&version.number).copied().unwrap_or_default();
        let run = version.run.as_ref().map_or(0, |run| run.milliseconds);
        let tests: u64 = version.tests.iter().flatten().map(|test| test.milliseconds).sum();
        let requirements = session.requirements().iter().map(|requirement| {
            let held = evidence::held(version, &requirement.id);
            Judged {
                id: requirement.id.clone(),
                status: held.map(|held| held.status),
                by: held.map(|held| held.by),
            }
        });
        Self {
            number: version.number,
            cause: version.cause,
            base: version.base,
            file: artifacts::script_file(version.number),
            lines: version.script.lines().count(),
            at: version.at.clone(),
            run: version.run.as_ref().map(|run| Run::of(version, run)),
            tests: version.tests.clone(),
            review: version.review.clone(),
            verdict: version.review.as_ref().map(|_| evidence::verdict(session, version)),
            evidence: evidence::level(version),
            evidence_words: evidence::level_in_words(version),
            score: version.checks.as_ref().map(Checks::lint_score),
            checks_words: words::checks(version),
            candidates: version.samples.clone(),
            split: version.split.clone(),
            overruled: evidence::overruled(session, version),
            feedback: version.feedback.clone(),
            answers: version.answers.clone(),
            findings: findings::of_version(session, version),
            requirements: requirements.collect(),
            notes: version.notes.clone(),
            tokens: took.tokens,
            seconds: seconds(took.milliseconds.saturating_add(run).saturating_add(tests)),
            usd: took.usd,
            text: None,
        }
    }

    /// The view of a version with the script, the checks and the full output.
    #[must_use]
    pub fn whole(session: &session::Session, version: &session::Version) -> Self {
        let text = Text {
            script: version.script.clone(),
            checks: version.checks.clone(),
            stdout: version.stdout.clone(),
            stderr: version.stderr.clone(),
        };
        Self { text: Some(text), ..Self::of(session, version) }
    }
}

impl Run {
    fn of(version: &session::Version, run: &report::Run) -> Self {
        let noticed = findings::suspicions(version).into_iter();
        // Pages show no other formats.
        let shown = |file: &String| ends_with(file, &PICTURES[..1]);
        Self {
            words: words::run(version),
            noticed: noticed.map(|finding| finding.text).collect(),
            seconds: seconds(run.milliseconds),
            stdout: within(&version.stdout, HEAD),
            stderr: within(&version.stderr, HEAD),
            pictures: pictures(version).into_iter().filter(shown).collect(),
            report: run.clone(),
        }
    }
}

/// Pictures from a version's run, that of its window first: paths in the session's folder.
#[must_use]
pub fn pictures(version: &session::Version) -> Vec<String> {
    let files = left(version).into_iter().map(|(_, file)| file);
    files.filter(|file| ends_with(file, &PICTURES)).collect()
}

/// The files from a version's run, each with its kind: paths in the session's folder.
#[must_use]
pub fn left(version: &session::Version) -> Vec<(&'static str, String)> {
    let Some(run) = &version.run else { return Vec::new() };
    let folder = artifacts::run_folder(version.number);
    let window = run.screenshot.then(|| ("picture", format!("{folder}/screenshot.png")));
    let written = run.files.iter().map(|file| ("wrote", format!("{folder}/files/{file}")));
    window.into_iter().chain(written).collect()
}

fn ends_with(file: &str, endings: &[&str]) -> bool {
    let own = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    endings.iter().any(|ending| own.eq_ignore_ascii_case(ending))
}

/// Converts milliseconds to seconds.
#[expect(clippy::cast_precision_loss, reason = "hundreds of thousands of years are exact")]
pub(super) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
