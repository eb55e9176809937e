//! One finding about a version, from any source.

use crate::domain::review::{self, FindingState, Severity};
use crate::domain::session::Version;
use serde::Serialize;

/// Where a finding comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The user, in a test by hand.
    Manager,
    /// The Reviewer.
    Reviewer,
    /// A static check.
    Check,
    /// The linter.
    Lint,
    /// The linter's security rules.
    Security,
    /// The script needs something that is not allowed.
    Permission,
    /// The run failed.
    Run,
    /// A test or an example of the user failed.
    Test,
    /// The script runs, but does something that is rarely intended.
    Suspicion,
}

impl Source {
    /// The source's name on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manager => "you",
            Self::Reviewer => "Reviewer",
            Self::Check => "check",
            Self::Lint => "lint",
            Self::Security => "security",
            Self::Permission => "permission",
            Self::Run => "run",
            Self::Test => "test",
            Self::Suspicion => "suspicion",
        }
    }
}

/// A finding: one point that speaks against a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `F1`, `F2`, ...; `None` for a finding of the program itself, which is computed anew for each
    /// version.
    pub id: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// The requirement that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The quoted line of the script, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The line of the script, from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub text: String,
    /// The text for the Coder in place of `text`: what to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Its state: open, fixed, waived, ...
    pub state: FindingState,
    /// The version in which it was first found.
    pub first: u32,
    /// The version in which it was last found.
    pub last: u32,
    /// How many points of reviews were merged into it.
    pub times: u32,
    /// For a contested finding: the id of the finding that asks for the opposite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Found by the user, in a test by hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_manager: bool,
}

impl Finding {
    /// Converts a finding of the ledger. The quote's line number is looked up in `script`.
    #[must_use]
    pub fn of(finding: &review::Finding, script: Option<&str>) -> Self {
        let quote = finding.quote.as_deref();
        Self {
            id: Some(finding.id.clone()),
            source: if finding.by_manager { Source::Manager } else { Source::Reviewer },
            requirement: finding.requirement.clone(),
            severity: finding.severity,
            quote: finding.quote.clone(),
            line: script.zip(quote).and_then(|(script, quote)| line_of(script, quote)),
            text: finding.text.clone(),
            fix: None,
            state: finding.state,
            first: finding.first,
            last: finding.last,
            times: finding.times,
            against: finding.against.clone(),
            by_manager: finding.by_manager,
        }
    }

    /// A new finding of the program about a version.
    pub(super) const fn seen(
        version: &Version,
        source: Source,
        severity: Severity,
        text: String,
    ) -> Self {
        let number = version.number;
        Self {
            id: None,
            source,
            requirement: None,
            severity,
            quote: None,
            line: None,
            text,
            fix: None,
            state: FindingState::Open,
            first: number,
            last: number,
            times: 1,
            against: None,
            by_manager: false,
        }
    }
}

/// The line of a script, from 1, that contains a quote. Backticks around the quote are ignored.
fn line_of(script: &str, quote: &str) -> Option<usize> {
    let quote = quote.trim().trim_matches('`').trim();
    let at = script.find(quote).filter(|_| !quote.is_empty())?;
    Some(script[..at].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_in_its_line() {
        let script = "import time\n\nprint(time.time())\n";
        for (quote, line) in [
            ("import time", Some(1)),
            ("`print(time.time())`", Some(3)),
            ("  print(time.time())  ", Some(3)),
            ("print(1)", None),
            ("``", None),
            ("", None),
        ] {
            assert_eq!(line_of(script, quote), line, "{quote}");
        }
    }
}
