//! The report of a session as one self-contained page.

use super::script::LONGEST;
use super::{Diff, Pages, cut, data_uri};
use crate::domain::report::{Test, TestOutcome};
use crate::domain::review::{FindingState, Severity, Verdict};
use crate::domain::session;
use crate::domain::text::{size, within};
use crate::view;
use minijinja::Error;
use serde::Serialize;

/// Maximum number of versions shown in detail, with their scripts.
const DETAILED: usize = 30;
/// Maximum number of versions listed.
const LISTED: usize = 2000;
/// Maximum number of versions with a column in the table of requirements.
const COLUMNS: usize = 8;
/// Maximum number of findings listed, the latest ones.
const FINDINGS: usize = 200;
/// Maximum size of all scripts of a page, in bytes.
const SCRIPTS: usize = 200 * 1024;
/// Maximum size of a picture, and of all pictures of a page, in bytes.
pub const PICTURE: u64 = 512 * 1024;
const PICTURES: usize = 768 * 1024;
/// Maximum number of rows of all comparisons of a page.
const ROWS: usize = 2500;
/// Maximum size of a conversation, and of all conversations of a page, in bytes.
const CHAT: usize = 12 * 1024;
const CHATS: usize = 240 * 1024;
/// Maximum number of pictures of a version.
const PER_VERSION: usize = 4;

/// The input of a report.
pub struct Material {
    /// The session.
    pub session: view::Session,
    /// The versions shown in detail, oldest first: see [`detailed`].
    pub details: Vec<Detail>,
    /// The conversations, oldest first.
    pub chats: Vec<Chat>,
    /// Notes on the session, shown first.
    pub notes: Vec<String>,
    /// The command that shows a version that is not in the page.
    pub show_with: String,
}

/// A version shown in detail.
pub struct Detail {
    /// The version, with its script.
    pub version: view::Version,
    /// The version that it is based on: its number and script.
    pub base: Option<(u32, String)>,
    /// Its pictures: the path in the session's folder, and the content if it could be read.
    pub pictures: Vec<(String, Option<Vec<u8>>)>,
}

/// A conversation with a model.
#[derive(Clone, Debug, Serialize)]
pub struct Chat {
    /// Its file in the session's folder.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its text, up to the limits of the page.
    pub text: String,
    /// What was left out, as text.
    pub left_out: String,
}

/// A picture of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// Its file in the session's folder.
    pub file: String,
    /// The picture itself, as a data URI.
    pub uri: Option<String>,
    /// A description, as alternative text.
    pub alt: String,
    /// Why it is not shown.
    pub why: Option<&'static str>,
}

/// The versions of a session that a report shows in detail, oldest first: the accepted one, the
/// head and the latest ones, as far as their scripts fit.
#[must_use]
pub fn detailed(session: &session::Session) -> Vec<u32> {
    let accepted = session.accepted.map(|accepted| accepted.version);
    let latest = session.versions.iter().rev().map(|version| version.number);
    let mut chosen: Vec<u32> = Vec::new();
    let mut room = SCRIPTS;
    for number in accepted.into_iter().chain(session.head).chain(latest) {
        let Some(version) = session.version(number).filter(|_| !chosen.contains(&number)) else {
            continue;
        };
        let Some(left) = room.checked_sub(version.script.len().min(LONGEST)) else { break };
        if chosen.len() == DETAILED {
            break;
        }
        room = left;
        chosen.push(number);
    }
    chosen.sort_unstable();
    chosen
}

/// A line of the list of versions.
#[derive(Serialize)]
struct Line {
    version: u32,
    /// `✓` for the accepted version.
    mark: &'static str,
    cause: &'static str,
    /// The version that it is based on, if that is not the previous one.
    from: Option<u32>,
    at: String,
    run: String,
    /// The CSS class for the result.
    class: &'static str,
    /// Passed and all tests: `3/4`.
    tests: Option<String>,
    findings: usize,
    blockers: usize,
    verdict: Option<&'static str>,
    evidence: String,
    tokens: u64,
    seconds: f64,
    usd: Option<f64>,
    /// Whether it is shown in detail below.
    detailed: bool,
}

impl Line {
    fn of(version: &view::Version, accepted: Option<u32>, detailed: bool) -> Self {
        let run = version.run.as_ref();
        let failed = version.findings.iter().any(|finding| {
            let said = matches!(finding.source, view::Source::Manager | view::Source::Reviewer);
            !said && finding.severity == Severity::Blocker
        });
        let well = run.is_some_and(|run| run.report.verdict.went_well());
        let passed = |tests: &Vec<Test>| {
            let passed = tests.iter().filter(|test| test.outcome == TestOutcome::Passed).count();
            format!("{passed}/{}", tests.len())
        };
        let open =
            |f: &&view::Finding| f.state == FindingState::Open && f.source != view::Source::Lint;
        let open = version.findings.iter().filter(open);
        let blockers = open.clone().filter(|f| f.severity == Severity::Blocker).count();
        Self {
            version: version.number,
            mark: if accepted == Some(version.number) { "✓" } else { "" },
            cause: version.cause.name(),
            from: version.base.filter(|base| base + 1 != version.number),
            at: version.at.clone(),
            run: run.map_or_else(|| "not run".to_owned(), |run| cut(&run.words, 160)),
            class: match (failed, well) {
                (true, _) => "bad",
                (false, true) => "good",
                (false, false) => "warm",
            },
            tests: version.tests.as_ref().map(passed),
            findings: open.count(),
            blockers,
            verdict: version.verdict.map(Verdict::name),
            evidence: version.evidence_words.clone(),
            tokens: version.tokens,
            seconds: version.seconds,
            usd: version.usd,
            detailed,
        }
    }
}

/// A version with the additional values for a page.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    version: view::Version,
    pictures: Vec<Picture>,
    diff: Option<Diff>,
    /// Whether the end of its script is cut off.
    cut: bool,
    /// Whether its script is shown expanded.
    open: bool,
}

#[derive(Serialize)]
struct Report {
    session: view::Session,
    plan: Option<view::Plan>,
    notes: Vec<String>,
    /// The versions with a column in the table of requirements.
    numbers: Vec<u32>,
    lines: Vec<Line>,
    /// Number of versions before the listed ones.
    earlier: usize,
    /// Number of versions that are not shown in detail.
    undetailed: usize,
    show_with: String,
    versions: Vec<Shown>,
    /// The versions that can be compared, and the two that are compared initially.
    scripts: Vec<u32>,
    compared: (u32, u32),
    findings_more: usize,
    chats: Vec<Chat>,
    program: &'static str,
}

/// The report as an HTML page.
///
/// # Errors
/// An error in the template, which is one in this program.
pub fn html(material: Material) -> Result<String, Error> {
    Pages::new()?.page("report.html", &Report::of(material))
}

impl Report {
    fn of(material: Material) -> Self {
        let Material { mut session, details, chats, notes, show_with } = material;
        let all = std::mem::take(&mut session.versions);
        let scripts: Vec<u32> = details.iter().map(|detail| detail.version.number).collect();
        let earlier = all.len().saturating_sub(LISTED);
        let line = |version: &view::Version| {
            Line::of(version, session.accepted, scripts.contains(&version.number))
        };
        let lines: Vec<Line> = all[earlier..].iter().map(line).collect();
        let numbers: Vec<u32> = all.iter().rev().take(COLUMNS).rev().map(|v| v.number).collect();
        for requirement in &mut session.requirements {
            requirement.versions.retain(|cell| numbers.contains(&cell.version));
        }
        let findings_more = session.findings.len().saturating_sub(FINDINGS);
        session.findings.drain(..findings_more);
        session.findings.reverse();
        let shown = session.accepted.or(session.head).or(scripts.last().copied());
        let base = details.iter().find(|detail| Some(detail.version.number) == shown);
        let base = base.and_then(|detail| detail.version.base);
        let first = base.filter(|base| scripts.contains(base)).or(scripts.first().copied());
        let compared = (first.unwrap_or_default(), shown.unwrap_or_default());
        Self {
            plan: session.proposal.clone().or_else(|| session.plan.clone()),
            notes,
            numbers,
            undetailed: all.len() - scripts.len(),
            lines,
            earlier,
            show_with,
            versions: with_pictures(details, shown),
            scripts,
            compared,
            findings_more,
            chats: within_room(chats),
            program: concat!("redraft ", env!("CARGO_PKG_VERSION")),
            session,
        }
    }
}

/// Adds pictures and comparisons to the versions within the limits of a page, latest version first.
fn with_pictures(details: Vec<Detail>, open: Option<u32>) -> Vec<Shown> {
    let (mut room, mut rows) = (PICTURES, ROWS);
    let mut shown: Vec<Shown> = Vec::new();
    for Detail { version, base, pictures } in details.into_iter().rev() {
        let script = version.text.as_ref().map_or("", |text| text.script.as_str());
        let diff = base.map(|(base, before)| {
            let diff = Diff::of((base, &before), (version.number, script), rows);
            rows -= diff.rows.as_ref().map_or(0, Vec::len);
            diff
        });
        let mut seen = Vec::new();
        for (file, content) in pictures.into_iter().take(PER_VERSION) {
            let alt = if file.ends_with("/screenshot.png") {
                format!("The window of v{}", version.number)
            } else {
                format!("A picture that v{} wrote: {}", version.number, cut(&file, 100))
            };
            let (uri, why) = match content {
                None => (None, Some("it is too large for this page, or not there any more")),
                Some(content) if content.len() > room => (None, Some("this page has no more room")),
                Some(content) => match data_uri(&content) {
                    Some(uri) => {
                        room -= content.len();
                        (Some(uri), None)
                    }
                    None => (None, Some("it is no PNG")),
                },
            };
            seen.push(Picture { file, uri, alt, why });
        }
        let cut = script.len() > LONGEST;
        let open = open == Some(version.number);
        shown.push(Shown { version, pictures: seen, diff, cut, open });
    }
    shown.reverse();
    shown
}

/// Cuts the texts of the conversations to the limits of a page; the latest ones get the space
/// first.
fn within_room(mut chats: Vec<Chat>) -> Vec<Chat> {
    let mut room = CHATS;
    for chat in chats.iter_mut().rev() {
        if chat.text.is_empty() {
            continue;
        }
        let limit = CHAT.min(room);
        if chat.text.len() > limit {
            chat.text = within(&chat.text, limit);
            let bytes = size(chat.bytes);
            chat.left_out = format!("The rest is left out: {} has all {bytes}.", chat.file);
        }
        room -= chat.text.len();
    }
    chats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::session::{Accepted, Version};

    fn session(versions: u32, bytes: usize) -> session::Session {
        let script = "x".repeat(bytes);
        let version = |n| Version::new(n, Cause::Review, None, script.clone());
        session::Session {
            versions: (1..=versions).map(version).collect(),
            head: Some(versions),
            ..session::Session::default()
        }
    }

    #[test]
    fn the_latest_versions_and_the_accepted_one_are_shown_in_detail() {
        for (versions, bytes, accepted, first, last, count) in [
            (3, 10, None, 1, 3, 3),
            (100, 10, None, 71, 100, 30),
            (100, 10, Some(5), 5, 100, 30),
            (100, SCRIPTS / 20, Some(5), 5, 100, 20),
            // A script above the limit for a page counts with the size of the limit.
            (100, 1 << 20, Some(1), 1, 100, SCRIPTS / LONGEST),
        ] {
            let mut session = session(versions, bytes);
            session.accepted =
                accepted.map(|version| Accepted { version, without_run: false, evidence: None });
            let shown = detailed(&session);
            let ends = (shown.first().copied(), shown.last().copied(), shown.len());
            assert_eq!(ends, (Some(first), Some(last), count), "{versions} of {bytes}");
        }
        assert!(detailed(&session::Session::default()).is_empty());
    }

    #[test]
    fn only_the_latest_conversations_keep_their_text() {
        let chat = |n: usize| Chat {
            file: format!("chats/{n:04}-coder.md"),
            bytes: 20 * 1024,
            text: "x".repeat(20 * 1024),
            left_out: String::new(),
        };
        let chats = within_room((1..=100).map(chat).collect());
        assert!(chats.iter().map(|chat| chat.text.len()).sum::<usize>() <= CHATS);
        assert_eq!((chats[0].text.len(), chats[99].text.len()), (0, CHAT));
        assert!(chats.iter().all(|chat| chat.left_out.contains(&chat.file)));
    }
}
