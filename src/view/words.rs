//! Short descriptions of versions and sessions. Text from scripts, models and files is cut to one
//! line each, with its control characters made visible.

use crate::domain::chat::Agent;
use crate::domain::packages::Missing;
use crate::domain::report::GivenBy;
use crate::domain::review::{FindingState, Severity, Verdict};
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, one_line};
use crate::findings::ledger;
use crate::workflow::forecast;
use std::fmt::Write as _;

/// Maximum length of the reason why a version was not run, in characters.
const REASON: usize = 1000;

/// The result of a version's run: `ok, 0.3 s, 2 lines printed`.
#[must_use]
pub fn run(version: &Version) -> String {
    let name = version.run.as_ref().map_or("not yet", |run| run.verdict.name());
    format!("{name}{}", run_details(version))
}

/// The text after a run's verdict: `, 0.3 s, 2 lines printed`; empty before the run.
#[must_use]
pub fn run_details(version: &Version) -> String {
    let Some(run) = &version.run else { return String::new() };
    let mut parts = Vec::new();
    if let Some(reason) = &run.reason {
        // The reason of a refused run ends with the flag that allows it.
        parts.push(one_line(reason, if run.verdict.ran() { 100 } else { REASON }));
    }
    if run.verdict.ran() {
        parts.push(seconds(run.milliseconds));
        parts.push(match version.stdout.lines().count() {
            0 => "nothing printed".to_owned(),
            n => format!("{} printed", count(n, "line")),
        });
        if !run.files.is_empty() {
            let names: Vec<String> = run.files.iter().take(3).map(|f| one_line(f, 40)).collect();
            let more = if run.files.len() > 3 { ", ..." } else { "" };
            parts.push(format!("wrote {}{more}", names.join(", ")));
        }
        if matches!(run.given_by, Some(GivenBy::Plan | GivenBy::Both)) {
            parts.push("with what the plan says to try".to_owned());
        }
        if let Some(level) = run.sandbox.as_deref().filter(|level| *level != "strict") {
            parts.push(format!("sandbox {level}"));
        }
        parts.extend(run.refused_hosts());
        if run.programs_refused {
            parts.push("starting other programs was not allowed".to_owned());
        }
    }
    if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) }
}

/// The results of the checks; `None` before them.
#[must_use]
pub fn checks(version: &Version) -> Option<String> {
    let checks = version.checks.as_ref()?;
    let mut parts = vec![match checks.errors.first() {
        None => "no errors".to_owned(),
        Some(first) => {
            let words = one_line(&first.message, 70);
            format!("{} ({} in line {})", count(checks.errors.len(), "error"), words, first.line)
        }
    }];
    if !checks.lint.is_empty() {
        parts.push(format!("{} of lint", count(checks.lint.len(), "point")));
    }
    if !checks.security.is_empty() {
        parts.push(format!("{} of security", count(checks.security.len(), "point")));
    }
    if !checks.removed.is_empty() {
        parts.push(format!("gone: {}", one_line(&checks.removed.join(", "), 60)));
    }
    if !checks.ignores_parameters.is_empty() {
        let names = one_line(&checks.ignores_parameters.join(", "), 60);
        parts.push(format!("uses nothing of what it is given: {names}"));
    }
    if !checks.dependencies.is_empty() {
        parts.push(format!("needs {}", one_line(&checks.dependencies.join(", "), 60)));
    }
    Some(parts.join(", "))
}

/// The numbers of open, new and settled findings.
#[must_use]
pub fn findings(session: &Session, version: &Version) -> String {
    let known = |id: &&String| ledger::findings(session).any(|finding| finding.id == **id);
    let open = || ledger::findings(session).filter(|f| f.state == FindingState::Open);
    let blockers = open().filter(|f| f.severity == Severity::Blocker).count();
    let open = open().count();
    let (new, settled) = version.review.as_ref().map_or((0, 0), |review| {
        (review.new.iter().filter(known).count(), review.settled.iter().filter(known).count())
    });
    let mut words =
        format!("{open} open ({}), {new} new, {settled} settled", count(blockers, "blocker"));
    let contested = session.ledger.iter().filter(|f| f.state == FindingState::Contested).count();
    if contested > 0 {
        let _ = write!(words, ", {contested} contested: `waive` or `reopen` decides");
    }
    words
}

/// How the Reviewer's verdict differs from the program's, as text; empty if they agree or there is
/// no review.
#[must_use]
pub fn reviewer_differs(version: &Version, verdict: Verdict) -> String {
    let Some(review) = &version.review else { return String::new() };
    match review.said {
        Some(said) if said == verdict => String::new(),
        Some(said) => {
            let when = if review.before_run { " before it was run" } else { "" };
            format!(", though the Reviewer said {}{when}", said.name())
        }
        None => ", the Reviewer gave none".to_owned(),
    }
}

/// What is known about a package.
#[must_use]
pub fn known(package: &Missing) -> String {
    let known = if package.known { "well known" } else { "not one of the well-known packages" };
    let unasked = package.warning.is_none() && package.exists.is_none();
    let more = if unasked { "; the index could not be reached" } else { "" };
    format!("{known}{more}")
}

/// The number of versions and calls: `4 versions, 6 calls of the Coder`.
#[must_use]
pub fn work_done(session: &Session) -> String {
    let of = |agent| session.calls.finished.get(&agent).copied().unwrap_or_default();
    let calls = of(Agent::Coder) + of(Agent::Repair);
    let calls = format!("{} of the Coder", count(calls, "call"));
    format!("{}, {calls}", count(session.versions.len(), "version"))
}

/// Tokens, cost and calls so far.
#[must_use]
pub fn spent(session: &Session) -> String {
    let calls = &session.calls;
    let about = if calls.usage.estimated { "about " } else { "" };
    let limits = &session.settings.limits;
    let of = limits.budget_tokens.map_or_else(String::new, |budget| format!(" of {budget}"));
    let mut words = format!(
        "{about}{}{of} tokens in {}",
        calls.usage.total(),
        count(calls.finished.values().sum(), "call")
    );
    if calls.priced {
        let of = limits.budget_usd.map_or_else(String::new, |budget| format!(" of ${budget:.2}"));
        let _ = write!(words, ", ${:.4}{of}{}", calls.usd, usual(session));
    }
    words
}

/// The estimated cost of one more iteration, from the last calls of this session.
#[must_use]
pub fn next(session: &Session) -> String {
    let Some(took) = forecast::iteration(session) else {
        return "nothing is known before the first version".to_owned();
    };
    let mut words = format!(
        "another version takes about {} tokens, {}",
        took.tokens,
        seconds(took.milliseconds)
    );
    if let Some(usd) = took.usd {
        let _ = write!(words, ", ${usd:.4}{}", usual(session));
    }
    words
}

/// The note that usual prices were assumed.
fn usual(session: &Session) -> &'static str {
    if session.calls.at_usual_prices { " (usual prices)" } else { "" }
}

/// A timestamp of the journal as text, in UTC, without the zone.
#[must_use]
pub fn moment(at: &str) -> String {
    at.trim_end_matches('Z').replacen('T', " ", 1)
}

/// Milliseconds as text.
#[must_use]
pub fn seconds(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..120_000 => format!("{} s", milliseconds / 1000),
        _ => format!("{} min", milliseconds.div_ceil(60_000)),
    }
}
