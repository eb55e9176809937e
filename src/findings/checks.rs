//! Findings of the static checks and the linter.

use super::finding::{Finding, Source};
use crate::domain::report::Lint;
use crate::domain::review::Severity;
use crate::domain::session::Version;
use crate::domain::text::{one_line, quoted};

/// Maximum number of self-comparisons that are reported.
const SAME: usize = 3;
/// Maximum length of a fix text for the Coder, in characters.
const WIDTH: usize = 480;

/// Errors of the static checks: the script is certain to fail.
pub(super) fn errors(version: &Version) -> Vec<Finding> {
    let errors = version.checks.iter().flat_map(|checks| &checks.errors);
    errors.map(|lint| of_lint(version, lint, Source::Check, Severity::Blocker)).collect()
}

/// What the checks noticed besides errors and lint: names removed since the version before without
/// a request, and suspicious code.
#[must_use]
pub fn noticed(version: &Version) -> Vec<Finding> {
    let Some(checks) = &version.checks else { return Vec::new() };
    let found = |source, text: String, fix: String| Finding {
        fix: Some(one_line(&fix, WIDTH)),
        ..Finding::seen(version, source, Severity::Should, text)
    };
    let mut all = Vec::new();
    if !checks.removed.is_empty() {
        let gone = names(&checks.removed);
        let text = format!("Gone since the version before, without anybody asking for it: {gone}");
        let fix = format!("{text}. Bring back what is still needed.");
        all.push(found(Source::Check, text, fix));
    }
    if !checks.ignores_parameters.is_empty() {
        let functions = names(&checks.ignores_parameters);
        all.push(found(
            Source::Suspicion,
            format!("Uses nothing of what it is given: {functions}"),
            format!(
                "Uses nothing of what it is given, so that it can be right for one case only: \
                 {functions}. Compute what it returns from its parameters."
            ),
        ));
    }
    all.extend(checks.same().take(SAME).map(|lint| {
        let line = lint.line;
        let fix = format!(
            "Line {line} compares a value with itself, which says nothing. If one of the two is meant to \
             be another variable of the same name, rename the one of the inner loop."
        );
        let text = "compares a value with itself".to_owned();
        Finding { line: Some(line), ..found(Source::Suspicion, text, fix) }
    }));
    all
}

/// Lint and security findings of the linter.
pub(super) fn linted(version: &Version) -> Vec<Finding> {
    let Some(checks) = &version.checks else { return Vec::new() };
    let security = checks.security.iter().map(|lint| (lint, Source::Security, Severity::Should));
    let lint = checks.lint.iter().map(|lint| (lint, Source::Lint, Severity::Nit));
    let all = security.chain(lint);
    all.map(|(lint, source, severity)| of_lint(version, lint, source, severity)).collect()
}

fn of_lint(version: &Version, lint: &Lint, source: Source, severity: Severity) -> Finding {
    let text = format!("{} ({})", lint.message, lint.rule);
    Finding { line: Some(lint.line), ..Finding::seen(version, source, severity, text) }
}

fn names(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}
