//! The finding for a failed run.

use super::finding::{Finding, Source};
use crate::domain::report::{Run, RunError};
use crate::domain::review::Severity;
use crate::domain::session::Version;

/// The error of a failed run, or the reason why it ended.
pub(super) fn failed(version: &Version) -> Option<Finding> {
    let run = version.run.as_ref().filter(|_| version.run_failed())?;
    let found = |text| Finding::seen(version, Source::Run, Severity::Blocker, text);
    let Some(error) = &run.error else { return Some(found(ended(run))) };
    let RunError { kind, message, line, hint, .. } = error;
    let text = if kind.is_empty() { message.clone() } else { format!("{kind}: {message}") };
    Some(Finding { line: *line, fix: hint.clone(), ..found(text) })
}

/// Why a run ended that reported no error.
fn ended(run: &Run) -> String {
    match (&run.reason, run.exit_code) {
        (Some(reason), _) => reason.clone(),
        (None, Some(code)) => format!("it ended with exit code {code}"),
        (None, None) => "it was ended from outside".to_owned(),
    }
}
