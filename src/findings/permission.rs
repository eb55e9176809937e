//! Findings for a version that was not run because a permission is missing.

use super::finding::{Finding, Source};
use crate::domain::review::Severity;
use crate::domain::session::{Session, Version};
use crate::domain::text::fenced;
use crate::workflow::permission;

/// The refused permission, or `None` if the version was run.
pub(super) fn refused(session: &Session, version: &Version) -> Option<Finding> {
    if !version.withheld() {
        return None;
    }
    let found = |text| Finding::seen(version, Source::Permission, Severity::Blocker, text);
    let Some(why) = permission::refusal(session, version) else {
        return Some(found("it was not allowed to run".to_owned()));
    };
    let fix = format!(
        "It was not run:\n{}\nThat stays so. Write it without that: do what the plan asks for in another \
         way, and where there is none, print in one line what is left out.",
        fenced(&why, "")
    );
    Some(Finding { fix: Some(fix), ..found(why) })
}
