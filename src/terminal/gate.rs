//! The text of gates, versions and findings for the user at a terminal.

use super::{Terminal, flow, links, matrix};
use crate::diff;
use crate::domain;
use crate::domain::event::Gate;
use crate::domain::packages::Missing;
use crate::domain::plan::Plan;
use crate::domain::report::{AS_GIVEN, RunVerdict, TestOutcome};
use crate::domain::review::{Finding, FindingState, Severity, Status, Verdict};
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, one_line, printed_line, visible};
use crate::findings;
use crate::findings::evidence::{self, Held, Source};
use crate::findings::ledger;
use crate::store::artifacts;
use crate::view::{self, words};
use crate::workflow::manager::Question;
use crate::workflow::{install, permission};
use std::fmt::Write as _;
use std::path::Path;

/// Maximum number of findings, permissions, packages or failed tests shown.
const SHOWN: usize = 12;
/// Maximum number of lines of a candidate's output shown.
const LINES: usize = 20;
/// Maximum number of files of a run named.
const FILES: usize = 5;
/// Maximum number of failed tests named.
const NAMED: usize = 3;
/// Maximum width of a title with its rule, in columns.
const RULE: usize = 76;

/// The text before a gate's menu. `folder` has the session's files.
#[must_use]
pub fn question(terminal: &Terminal, question: &Question<'_>, folder: &Path) -> String {
    let session = question.session;
    let mut text = match (question.gate, session.head()) {
        (Gate::Plan, _) => {
            let proposal = session.planning.proposal.as_ref();
            proposal.map_or_else(String::new, |p| plan(terminal, &session.name, p))
        }
        (Gate::Version, Some(head)) => {
            let mut text = version(terminal, session, head, folder);
            text.push_str(&split(terminal, head));
            // At a menu, the choice `look` shows this table.
            if !session.requirements().is_empty() && !terminal.interactive {
                let _ = write!(text, "\n{}", matrix::table(terminal, session));
            }
            text
        }
        (Gate::Safety, Some(head)) => safety(terminal, session, head),
        (Gate::Stopped, _) => stopped(terminal, question.partial.unwrap_or_default()),
        (Gate::Install, Some(head)) => packages(terminal, &install::unanswered(session, head)),
        _ => String::new(),
    };
    if let Some(trouble) = &question.trouble {
        text.push('\n');
        text.push_str(&flow::hang(terminal, "  ", &terminal.warm(&visible(trouble))));
    }
    text
}

fn title(terminal: &Terminal, words: &str) -> String {
    let width = terminal.width().min(RULE);
    let rule = "─".repeat(width.saturating_sub(console::measure_text_width(words) + 4));
    format!("\n{} {} {}\n", terminal.dim("──"), terminal.bold(words), terminal.dim(&rule))
}

fn plan(terminal: &Terminal, session: &str, plan: &Plan) -> String {
    let mut text = title(terminal, &visible(&format!("{session}: the plan")));
    let lines = plan.text.trim().lines().map(|line| heading(terminal, &visible(line)));
    text.push_str(&flow::indented(terminal, "  ", &lines.collect::<Vec<_>>().join("\n")));
    if plan.requirements.iter().any(domain::origin::is_proposal) {
        let words = "What is marked as a proposal was not in your request. It applies if you approve the plan.";
        let _ = write!(text, "\n{}", flow::hang(terminal, "  ", &terminal.warm(words)));
    }
    let (needs, impossible) = domain::permission::needs(&plan.text);
    if !needs.is_empty() {
        let _ = writeln!(text, "\n  {}", terminal.bold("This plan opens:"));
        for need in needs {
            let words = terminal.warm(&one_line(&need.words(), 200));
            text.push_str(&flow::hang(terminal, "  - ", &words));
        }
    }
    for (line, why) in impossible {
        let words = format!("can't be opened: {line} ({why})");
        text.push_str(&flow::hang(terminal, "  - ", &terminal.dim(&words)));
    }
    text
}

/// A line of Markdown; on a terminal, a heading is bold and loses its marks.
fn heading(terminal: &Terminal, line: &str) -> String {
    let title = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'));
    title.filter(|_| terminal.live).map_or_else(|| line.to_owned(), |title| terminal.bold(title))
}

/// The two behaviours that a version's candidates have with the same inputs; empty if they do not
/// differ, or if the user's own tests decide.
#[must_use]
pub fn split(terminal: &Terminal, version: &Version) -> String {
    let Some(split) = version.split.as_ref().filter(|_| view::asks_which(version)) else {
        return String::new();
    };
    let mut text = title(terminal, "Which of these do you mean?");
    let inputs = if split.given == AS_GIVEN {
        "The candidates give different results for the given input.".to_owned()
    } else {
        format!(
            "The candidates give the same result for the given input, but not with {}.",
            split.given
        )
    };
    text.push_str(&flow::hang(terminal, "  ", &inputs));
    for (number, side) in (1..).zip(&split.sides) {
        let samples: Vec<String> = side.samples.iter().map(u32::to_string).collect();
        let chosen = if number == 1 { ", this version" } else { "" };
        let label = format!("{number}: candidates {}{chosen}", samples.join(", "));
        let _ = writeln!(text, "  {}", terminal.bold(&label));
        let lines: Vec<&str> = side.shows.trim_end().lines().collect();
        for line in lines.iter().take(LINES) {
            let _ = writeln!(text, "     │ {}", printed_line(line, 100));
        }
        if lines.len() > LINES {
            let _ = writeln!(text, "     │ and {} more", count(lines.len() - LINES, "line"));
        }
    }
    let words = "`mean 1` or `mean 2` makes it an example that every version has to pass.";
    text.push_str(&flow::hang(terminal, "  ", &terminal.dim(words)));
    text
}

/// The end of a model's partial answer when it was stopped.
fn stopped(terminal: &Terminal, partial: &str) -> String {
    let Some(partial) = view::Partial::of(partial) else { return String::new() };
    let mut text = title(terminal, "What it had written");
    if partial.before > 0 {
        let words = format!("{} before this", count(partial.before, "line"));
        let _ = writeln!(text, "  {}", terminal.dim(&words));
    }
    let width = terminal.width().saturating_sub(4);
    for line in &partial.lines {
        let _ = writeln!(text, "  {}", terminal.dim(&format!("│ {}", printed_line(line, width))));
    }
    text
}

fn safety(terminal: &Terminal, session: &Session, head: &Version) -> String {
    let mut text = title(terminal, "What it asks for");
    if let Some(reason) = permission::suspicion(session, head) {
        let label = format!("  {} ", terminal.bad("judged not safe:"));
        text.push_str(&flow::hang(terminal, &label, &visible(reason)));
        text.push_str(&flow::hang(
            terminal,
            "  ",
            "A model says so of this version; with `allow`, it runs in the sandbox all the same.",
        ));
        return text;
    }
    let asked = permission::open(session, head);
    let of_settings = asked.iter().any(|need| need.permission.is_of_settings());
    if of_settings {
        let words = "This session was made elsewhere, or by an earlier redraft. It wants to";
        text.push_str(&flow::hang(terminal, "  ", words));
    }
    for need in asked.iter().take(SHOWN) {
        let mut words = terminal.warm(&one_line(&need.permission.words(), 200));
        if let Some(place) = need.place() {
            words.push_str(&terminal.dim(&format!("  {}", one_line(&place, 100))));
        }
        if session.elsewhere.contains(&need.permission) && !of_settings {
            words.push_str(&terminal.dim("  allowed elsewhere"));
        }
        text.push_str(&flow::hang(terminal, "  - ", &words));
    }
    if asked.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", asked.len() - SHOWN);
    }
    let words = if of_settings {
        "With `allow` it does; with `deny` it runs in the strict sandbox, on the Python found here."
    } else {
        "Nobody allowed this so far. With `allow`, it may do just that in this session, inside the \
         sandbox; `redraft revoke` takes it back."
    };
    text.push_str(&flow::hang(terminal, "  ", words));
    text
}

/// The packages that wait for the user's approval.
#[must_use]
pub fn packages(terminal: &Terminal, asked: &[&Missing]) -> String {
    let mut text = title(terminal, "What it needs");
    for package in asked.iter().take(SHOWN) {
        let label = format!("  {} ", terminal.bold(&one_line(&package.requirement, 60)));
        let words = match &package.warning {
            Some(warning) => terminal.bad(&visible(warning)),
            None if package.known && package.exists.is_some() => {
                terminal.dim(&words::known(package))
            }
            None => terminal.warm(&words::known(package)),
        };
        text.push_str(&flow::hang(terminal, &label, &words));
    }
    if asked.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", asked.len() - SHOWN);
    }
    let words = "The Python in use does not have this. With `allow` it is installed, wheels only, \
                 into an environment in your cache folder; the script still runs in the sandbox.";
    text.push_str(&flow::hang(terminal, "  ", words));
    text
}

/// A version with all its results, the most important first. `folder` has the session's files.
#[must_use]
pub fn version(terminal: &Terminal, session: &Session, version: &Version, folder: &Path) -> String {
    let name = format!("{} v{} ({})", session.name, version.number, version.cause.name());
    let mut text = title(terminal, &visible(&name));
    let row = |label: &str, words: &str| {
        let label = format!("  {} ", terminal.dim(&format!("{label:<9}")));
        flow::hang(terminal, &label, words)
    };
    let verdict = evidence::verdict(session, version);
    let shown = match verdict {
        Verdict::Accept => terminal.good(verdict.name()),
        Verdict::Iterate => terminal.warm(verdict.name()),
    };
    let seen = terminal.dim(&format!(" ({})", evidence::level_in_words(version)));
    text += &row("verdict", &format!("{shown}{}{seen}", words::reviewer_differs(version, verdict)));
    if let Some(words) = evidence::overruled(session, version) {
        text += &row("why", &terminal.warm(&words));
    }
    text += &row("run", &run(terminal, version));
    if let Some(error) = error(terminal, version) {
        text += &row("", &error);
    }
    let file = |name: &str| links::path(terminal, &folder.join(name));
    if let Some(run) = &version.run {
        for finding in findings::suspicions(version) {
            text += &row("", &terminal.warm(&visible(&finding.text)));
        }
        for gap in &run.gaps {
            text += &row("sandbox", &terminal.warm(&visible(gap)));
        }
    }
    text += &left(terminal, version, folder, row);
    if let Some(tests) = tests(terminal, version) {
        text += &row("tests", &tests);
    } else if !session.tests.is_empty() {
        text += &row("tests", &terminal.warm("not run"));
    }
    let judged = version.review.as_ref().is_none_or(|review| !review.before_run);
    if judged && !session.requirements().is_empty() {
        text += &row("plan", &requirements(terminal, session, version));
    }
    text += &row("findings", &words::findings(session, version));
    for finding in listed(session, version) {
        text += &finding_lines(terminal, finding);
    }
    text += &row("script", &file(&artifacts::script_file(version.number)));
    if let Some(checks) = words::checks(version) {
        text += &row("checks", &checks);
    }
    if let Some(base) = version.base.and_then(|b| session.version(b)) {
        let stat = diff::stat(&base.script, &version.script);
        let words = format!("+{} −{} lines since v{}", stat.added, stat.removed, base.number);
        text += &row("changed", &words);
    }
    text += &row("spent", &words::spent(session));
    text + &row("next", &words::next(session))
}

/// The files from a version's run, each as a `row` of a label and a path relative to the current
/// folder.
#[must_use]
pub fn left(
    terminal: &Terminal,
    version: &Version,
    folder: &Path,
    row: impl Fn(&str, &str) -> String,
) -> String {
    let left = view::left(version);
    let (mut text, mut last) = (String::new(), "");
    for (label, file) in left.iter().take(FILES) {
        let label = if std::mem::replace(&mut last, label) == *label { "" } else { label };
        text += &row(label, &links::path(terminal, &folder.join(file)));
    }
    if left.len() > FILES {
        text += &row("", &format!("and {} more", left.len() - FILES));
    }
    text
}

/// The error that stopped a version's run, if there is one.
#[must_use]
pub fn error(terminal: &Terminal, version: &Version) -> Option<String> {
    let error = version.run.as_ref()?.error.as_ref()?;
    let line = error.line.map_or_else(String::new, |n| format!(" (line {n})"));
    let words = one_line(&format!("{}: {}", error.kind, error.message), 300);
    Some(format!("{}{line}", terminal.bad(words.trim_start_matches(": "))))
}

/// The results of the user's tests on one line: `3 of 4 passed, failed: test_sum.py::test_of_two`.
#[must_use]
pub fn tests(terminal: &Terminal, version: &Version) -> Option<String> {
    let tests = version.tests.as_ref()?;
    let with = |outcome| tests.iter().filter(move |test| test.outcome == outcome);
    let passed = format!("{} of {} passed", with(TestOutcome::Passed).count(), tests.len());
    let mut failed: Vec<String> = with(TestOutcome::Failed)
        .take(NAMED)
        .map(|test| {
            let before = test.passed_in.map_or_else(String::new, |v| format!(" (passed in v{v})"));
            format!("{}{before}", one_line(&test.name, 80))
        })
        .collect();
    let more = with(TestOutcome::Failed).count() - failed.len();
    if more > 0 {
        failed.push(format!("and {more} more"));
    }
    let mut words = if failed.is_empty() {
        terminal.good(&passed)
    } else {
        format!("{passed}, {}", terminal.bad(&format!("failed: {}", failed.join(", "))))
    };
    for outcome in [TestOutcome::Skipped, TestOutcome::Unproven] {
        if let Some(first) = with(outcome).next() {
            let why = one_line(first.message.as_deref().unwrap_or_default(), 100);
            let told = format!("{} {}: {why}", with(outcome).count(), outcome.name());
            let _ = write!(words, ", {}", terminal.warm(&told));
        }
    }
    Some(words)
}

/// The tests that did not pass, one per line, each with its message.
#[must_use]
pub fn test_lines(terminal: &Terminal, version: &Version) -> String {
    let tests = version.tests.iter().flatten();
    let told = tests.filter(|test| test.outcome != TestOutcome::Passed).take(SHOWN);
    told.map(|test| {
        let name = one_line(&test.name, 80);
        let name = if test.failed() { terminal.bad(&name) } else { terminal.warm(&name) };
        let why = one_line(test.message.as_deref().unwrap_or_default(), 300);
        flow::hang(terminal, &format!("  {} ", test.outcome.name()), &format!("{name}: {why}"))
    })
    .collect()
}

/// The result of a version's run, in a few words.
#[must_use]
pub fn run(terminal: &Terminal, version: &Version) -> String {
    let Some(run) = &version.run else { return "not yet".to_owned() };
    let name = run.verdict.name();
    let word = match run.verdict {
        RunVerdict::Ok | RunVerdict::Window => terminal.good(name),
        RunVerdict::Failed => terminal.bad(name),
        RunVerdict::Timeout | RunVerdict::Waits | RunVerdict::Refused | RunVerdict::Skipped => {
            terminal.warm(name)
        }
    };
    format!("{word}{}", words::run_details(version))
}

fn requirements(terminal: &Terminal, session: &Session, version: &Version) -> String {
    let all = session.requirements();
    let held: Vec<(&str, Option<Held>)> = all
        .iter()
        .map(|requirement| (requirement.id.as_str(), evidence::held(version, &requirement.id)))
        .collect();
    if held.iter().all(|(_, held)| held.is_none()) {
        return format!("{} requirements, not judged", all.len());
    }
    // The Reviewer is the default source, and is not named.
    let with = |status: Status| -> Vec<String> {
        let with = held.iter().filter_map(|(id, held)| Some((id, (*held)?)));
        with.filter(|(_, held)| held.status == status)
            .map(|(id, held)| match held.by {
                Source::Reviewer => (*id).to_owned(),
                by => format!("{id} ({})", by.name()),
            })
            .collect()
    };
    let mut words = format!("{} of {} requirements met", with(Status::Met).len(), all.len());
    let (partly, unmet) = (with(Status::Partly), with(Status::NotMet));
    if !partly.is_empty() {
        let _ = write!(words, ", partly: {}", terminal.warm(&partly.join(" ")));
    }
    if !unmet.is_empty() {
        let _ = write!(words, ", not met: {}", terminal.bad(&unmet.join(" ")));
    }
    let silent: Vec<&str> =
        held.iter().filter(|(_, held)| held.is_none()).map(|(id, _)| *id).collect();
    if !silent.is_empty() {
        let _ = write!(words, ", not judged: {}", terminal.warm(&silent.join(" ")));
    }
    words
}

/// The findings to show for this version: open and contested ones, those that its review settled,
/// and unsupported ones last reported on it.
fn listed<'a>(session: &'a Session, version: &'a Version) -> Vec<&'a Finding> {
    let review = version.review.as_ref();
    let mut listed: Vec<&Finding> = ledger::findings(session)
        .filter(|f| match f.state {
            FindingState::Open | FindingState::Contested => true,
            FindingState::Unsupported => f.last == version.number,
            _ => review.is_some_and(|r| r.settled.contains(&f.id)),
        })
        .collect();
    listed.sort_by_key(|f| (f.state != FindingState::Open, f.severity, f.first));
    listed.truncate(SHOWN);
    listed
}

/// A finding: its id, severity or state, and requirement, then its text and quote.
#[must_use]
pub fn finding_lines(terminal: &Terminal, finding: &Finding) -> String {
    let word = match finding.state {
        FindingState::Open => finding.severity.name(),
        state => state.name(),
    };
    let label = format!("  {:<3} {} ", finding.id, colored(terminal, finding, word));
    let mut about = finding.requirement.as_ref().map_or_else(String::new, |r| format!("{r} "));
    if finding.by_manager {
        about.push_str("you: ");
    }
    if let Some(other) = &finding.against {
        let _ = write!(about, "(the opposite of {other}) ");
    }
    // A settled finding is shortened: it only has to be recognised.
    let open = matches!(finding.state, FindingState::Open | FindingState::Contested);
    let words = one_line(&format!("{about}{}", finding.text), if open { 300 } else { 60 });
    let quote = finding.quote.as_ref().filter(|_| open).map_or_else(String::new, |q| {
        format!(" {}", terminal.dim(&format!("`{}`", one_line(q, 60))))
    });
    flow::hang(terminal, &label, &format!("{words}{quote}"))
}

/// A word about a finding, in the colour of its state and severity.
pub(super) fn colored(terminal: &Terminal, finding: &Finding, word: &str) -> String {
    let padded = format!("{word:<8}");
    match (finding.state, finding.severity) {
        (FindingState::Open, Severity::Blocker) => terminal.bad(&padded),
        (FindingState::Open | FindingState::Contested, _) => terminal.warm(&padded),
        (FindingState::Fixed, _) => terminal.good(&padded),
        _ => terminal.dim(&padded),
    }
}
