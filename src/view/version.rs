//! A version with everything that is known of it.

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

/// Endings of pictures.
const PICTURES: [&str; 3] = ["png", "jpg", "jpeg"];
/// Bytes of an output's beginning.
const HEAD: usize = 2000;

/// A version of the script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Its number, from 1.
    #[serde(rename = "version")]
    pub number: u32,
    /// Why it was written.
    pub cause: Cause,
    /// The version that it was written from.
    pub base: Option<u32>,
    /// Its file in the session's folder.
    pub file: String,
    /// Lines of the script.
    pub lines: usize,
    /// When it was written.
    pub at: String,
    /// The run; none before it.
    pub run: Option<Run>,
    /// The user's tests and examples; none before they were run.
    pub tests: Option<Vec<Test>>,
    /// The review; none before it.
    pub review: Option<Review>,
    /// What the program makes of a version that was reviewed.
    pub verdict: Option<Verdict>,
    /// How much was seen of it.
    pub evidence: Option<Evidence>,
    /// The same in words: `agreed: 2 of 3`, `not seen to run`.
    pub evidence_words: String,
    /// The lint score, from 0 to 10; none before the checks.
    pub score: Option<f64>,
    /// What the checks found, in words; none before the checks.
    pub checks_words: Option<String>,
    /// The candidates that it was chosen from.
    pub candidates: Vec<Scored>,
    /// In what its candidates differ.
    pub split: Option<Split>,
    /// Where what was seen overrules the Reviewer, in words.
    pub overruled: Option<String>,
    /// Everything that the user said of it.
    pub feedback: Option<String>,
    /// What the user saw of its requirements in tests by hand.
    pub answers: BTreeMap<String, Answered>,
    /// What stands against it, with the state that each finding had then.
    pub findings: Vec<Finding>,
    /// How far it fulfils each requirement of the plan that stands.
    pub requirements: Vec<Judged>,
    /// How the model's answer had to be changed to get at the script.
    pub notes: Vec<String>,
    /// Tokens of the calls about it.
    pub tokens: u64,
    /// Seconds of the calls about it, its run and its tests, added up.
    pub seconds: f64,
    /// US dollars of the calls about it, where the price is known.
    pub usd: Option<f64>,
    /// What is long: the script and its whole output.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// What is long of a version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Text {
    /// The script.
    pub script: String,
    /// The static checks.
    pub checks: Option<Checks>,
    /// What it printed, within the limit of the run.
    pub stdout: String,
    /// Its error output, within the limit of the run.
    pub stderr: String,
}

/// A version's run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The run as the journal has it.
    #[serde(flatten)]
    pub report: report::Run,
    /// How it went, in words: `ok, 0.3 s, 2 lines printed`.
    pub words: String,
    /// What was noticed that hardly anybody means, in words.
    pub noticed: Vec<String>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The beginning of what it printed.
    pub stdout: String,
    /// The beginning of its error output.
    pub stderr: String,
    /// Pictures that it left: paths in the session's folder.
    pub pictures: Vec<String>,
}

/// How far a version fulfils a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// `R1`, `R2`, ...
    pub id: String,
    /// How far; none if nobody judged it.
    pub status: Option<Status>,
    /// Who says so.
    pub by: Option<Source>,
}

impl Version {
    /// A version without its script and its whole output.
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

    /// A version with its script, its checks and its whole output.
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
        // Pages show no others.
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

/// Pictures that a version's run left, that of its window first: paths in the session's folder.
#[must_use]
pub fn pictures(version: &session::Version) -> Vec<String> {
    let files = left(version).into_iter().map(|(_, file)| file);
    files.filter(|file| ends_with(file, &PICTURES)).collect()
}

/// What a version's run left, each with what it is: paths in the session's folder.
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

/// Seconds of milliseconds.
#[expect(clippy::cast_precision_loss, reason = "hundreds of thousands of years are exact")]
pub(super) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}
