//! Turns an answer of the Coder into a script: a whole script, or edits to the version before.

use crate::agents::edits::{self, Edited, Found};
use crate::agents::{Refusal, extract};
use crate::domain::chat::{Agent, Outcome, Role};
use crate::domain::session::{Pending, Session, Version};
use crate::domain::text::{one_line, quoted};
use crate::python::parts::{self, Fit, Put};
use crate::python::{check, join};
use crate::workflow::machine::{self, Told};

/// A script, and notes for the user on how it was extracted from the answer.
pub(super) struct Written {
    pub(super) script: String,
    pub(super) notes: Vec<String>,
}

/// Returns the script of an answer.
///
/// With `sampled`, the answer is one of several candidates, and is not asked for again.
///
/// # Errors
/// Why there is no usable script, as text for the model.
pub(super) fn written(
    session: &Session,
    pending: &Pending,
    sampled: bool,
) -> Result<Written, String> {
    let Some(base) = shown(session, pending) else {
        return whole(&pending.answer, pending.outcome, session, sampled);
    };
    let fit = Fitting {
        base: &base.script,
        repairs: pending.agent == Agent::Repair,
        // A script of unclear intent is taken as it is if the Coder was asked once already, or if
        // candidates or tests will decide.
        insists: sampled
            || !session.interface.is_empty()
            || session.refusals_of(Role::Coder).next().is_some(),
    };
    match edits::read(&pending.answer, pending.outcome, fit.base, &parses) {
        Some(Ok(Found::Edits(found))) => return fit.edited(&found),
        Some(Ok(Found::Script(script))) => return fit.complete(put_together(&script, Vec::new())?),
        Some(Err(refusal)) => return Err(refusal.reason),
        None => {}
    }
    if let Some(written) = fit.pieces(&pending.answer) {
        return Ok(written);
    }
    fit.complete(whole(&pending.answer, pending.outcome, session, sampled)?)
}

/// The version that the Coder was shown for an answer, if any.
fn shown<'s>(session: &'s Session, pending: &Pending) -> Option<&'s Version> {
    let calls = &session.calls;
    // The calls of one round have consecutive numbers.
    let of_round = u32::try_from(calls.settled + calls.pending.len()).ok()?;
    let first = (calls.last + 1).checked_sub(of_round)?;
    let place = usize::try_from(pending.call.checked_sub(first)?).ok()?;
    let further =
        if session.samples.is_empty() { 0 } else { session.settings.samples(pending.agent) };
    let told = machine::told(session, pending.agent, place + further);
    session.head().filter(|_| told == Told::Script)
}

/// The script in an answer that does not refer to an earlier version.
fn whole(
    answer: &str,
    outcome: Outcome,
    session: &Session,
    sampled: bool,
) -> Result<Written, String> {
    let incomplete = match extract::files(answer, outcome, &parses) {
        Ok(files) => match joined(files) {
            Some(Ok(Put { script, notes })) => {
                return put_together(&script, notes);
            }
            Some(Err(reason)) => {
                return Err(format!(
                    "{reason} Write everything into one script, in one ```python block, without imports \
                     of files of your own."
                ));
            }
            None => None,
        },
        Err(refusal) => Some(refusal.reason),
    };
    let extracted = match extract::script(answer, outcome, &parses) {
        Ok(extracted) => extracted,
        Err(Refusal { reason, .. }) => {
            // A candidate is not asked for again, so any usable part is tried.
            let part = extract::part(answer, &session.interface, &parses);
            part.filter(|_| sampled).ok_or(reason)?
        }
    };
    if let Some(reason) = incomplete.filter(|_| join::may_need_more(&extracted.script)) {
        return Err(reason);
    }
    Ok(Written { script: extracted.script, notes: extracted.notes })
}

/// The script that results from joining several files.
fn joined(files: Vec<extract::File>) -> Option<Result<Put, String>> {
    if files.len() < 2 {
        return None;
    }
    let file = |extract::File { name, text }| join::File { name, text };
    join::join(&files.into_iter().map(file).collect::<Vec<_>>())
}

/// Accepts a joined script, unless a line in it is a placeholder for omitted code.
fn put_together(script: &str, notes: Vec<String>) -> Result<Written, String> {
    let whole = extract::put_together(script, notes).map_err(|refusal| refusal.reason)?;
    Ok(Written { script: whole.script, notes: whole.notes })
}

/// Fits an answer to the script that it is about.
struct Fitting<'a> {
    base: &'a str,
    repairs: bool,
    /// Whether a runnable script is taken as it is when it is unclear whether it is a part or the
    /// whole.
    insists: bool,
}

impl Fitting<'_> {
    fn edited(&self, found: &[edits::Edit]) -> Result<Written, String> {
        let Edited { script, added, mut notes } =
            edits::apply(self.base, found).map_err(|refusal| refusal.reason)?;
        parsed(&script)?;
        let mut script = script;
        for added in added {
            parsed(&added)?;
            let put = match parts::complete(&script, &added, self.repairs) {
                Fit::Whole => Put { script: added, notes: Vec::new() },
                Fit::Part(put) => put,
                Fit::Unclear { reason, .. } => return Err(again(&reason)),
            };
            script = put.script;
            notes.extend(put.notes);
        }
        if let Some(lost) = parts::removed(self.base, &script) {
            return Err(again(&format!("The edits were not made: {lost}.")));
        }
        put_together(&script, notes)
    }

    /// Merges several parts in separate blocks, one after the other.
    fn pieces(&self, answer: &str) -> Option<Written> {
        let pieces = extract::pieces(answer, &parses);
        if pieces.len() < 2 {
            return None;
        }
        let mut script = self.base.to_owned();
        let mut notes = Vec::new();
        for piece in &pieces {
            let Fit::Part(put) = parts::complete(&script, piece, self.repairs) else { return None };
            script = put.script;
            notes.extend(put.notes);
        }
        put_together(&script, notes).ok()
    }

    fn complete(&self, written: Written) -> Result<Written, String> {
        let Written { script, mut notes } = written;
        match parts::complete(self.base, &script, self.repairs) {
            Fit::Whole => Ok(Written { script, notes }),
            Fit::Unclear { whole: true, .. } if self.insists => Ok(Written { script, notes }),
            Fit::Unclear { reason, .. } => Err(again(&reason)),
            Fit::Part(put) => {
                notes.extend(put.notes);
                Ok(Written { script: put.script, notes })
            }
        }
    }
}

/// Whether the edited script parses as Python.
fn parsed(script: &str) -> Result<(), String> {
    check::syntax(script).map_err(|problem| {
        let line = script.lines().nth(problem.line.saturating_sub(1)).unwrap_or_default();
        again(&format!(
            "The script does not parse with the edits made. Line {}: {}: {}.",
            problem.line,
            problem.message,
            quoted(&one_line(line, 120))
        ))
    })
}

fn again(reason: &str) -> String {
    format!("{reason} Write the whole script, changed where needed, in one ```python block.")
}

/// Checks that a text is Python, with the error type of [`extract`].
pub(super) fn parses(script: &str) -> Result<(), extract::SyntaxProblem> {
    let problem = |check::SyntaxProblem { line, message }| extract::SyntaxProblem { line, message };
    check::syntax(script).map_err(problem)
}
