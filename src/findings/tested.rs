//! Findings for failed tests and examples of the user.

use super::finding::{Finding, Source};
use crate::domain::review::Severity;
use crate::domain::session::Version;

/// One finding for each failed test.
pub(super) fn failed(version: &Version) -> Vec<Finding> {
    let failed = version.tests.iter().flatten().filter(|test| test.failed());
    let found = failed.map(|test| {
        let why = test.message.as_deref().unwrap_or("no reason was given");
        let before = test.passed_in.map(|version| format!("it passed in v{version}; "));
        let text = format!("test {} failed: {}{why}", test.name, before.unwrap_or_default());
        Finding::seen(version, Source::Test, Severity::Blocker, text)
    });
    found.collect()
}
