//! What an answer of the Coder's stands for: a script, or one that it makes of the version before.

use crate::agents::edits::{self, Edited, Found};
use crate::agents::{Refusal, extract};
use crate::domain::chat::{Agent, Outcome, Role};
use crate::domain::session::{Pending, Session, Version};
use crate::domain::text::{one_line, quoted};
use crate::python::parts::{self, Fit, Put};
use crate::python::{check, join};
use crate::workflow::machine::{self, Told};

/// A script, and what was done to the answer to get it, for people.
pub(super) struct Written {
    pub(super) script: String,
    pub(super) notes: Vec<String>,
}

/// The script that an answer stands for.
///
/// `sampled`: it is one of several, which nobody is asked for again.
///
/// # Errors
/// Why it stands for none, in words for the model.
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
        // It was told once that it can't be seen whether it meant a part; or tests will say.
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

/// The version that the Coder was shown for an answer, if it was shown one.
fn shown<'s>(session: &'s Session, pending: &Pending) -> Option<&'s Version> {
    let calls = &session.calls;
    // The answers of one round were asked for one after the other.
    let of_round = u32::try_from(calls.settled + calls.pending.len()).ok()?;
    let first = (calls.last + 1).checked_sub(of_round)?;
    let place = usize::try_from(pending.call.checked_sub(first)?).ok()?;
    let further =
        if session.samples.is_empty() { 0 } else { session.settings.samples(pending.agent) };
    let told = machine::told(session, pending.agent, place + further);
    session.head().filter(|_| told == Told::Script)
}

/// The script in an answer, whatever was before.
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
            // A sample is not asked for again: what it has of use is tried.
            let part = extract::part(answer, &session.interface, &parses);
            part.filter(|_| sampled).ok_or(reason)?
        }
    };
    if let Some(reason) = incomplete.filter(|_| join::may_need_more(&extracted.script)) {
        return Err(reason);
    }
    Ok(Written { script: extracted.script, notes: extracted.notes })
}

/// The script that several files make.
fn joined(files: Vec<extract::File>) -> Option<Result<Put, String>> {
    if files.len() < 2 {
        return None;
    }
    let file = |extract::File { name, text }| join::File { name, text };
    join::join(&files.into_iter().map(file).collect::<Vec<_>>())
}

/// A script that was put together, if no line of it stands for code that was left out.
fn put_together(script: &str, notes: Vec<String>) -> Result<Written, String> {
    let whole = extract::put_together(script, notes).map_err(|refusal| refusal.reason)?;
    Ok(Written { script: whole.script, notes: whole.notes })
}

/// How an answer is fitted to the script that it is about.
struct Fitting<'a> {
    base: &'a str,
    repairs: bool,
    /// What runs by itself is taken as it is where it can't be told what it was meant as.
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

    /// Several parts in blocks of their own, one put in after the other.
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

/// Whether what edits lead to is Python.
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

/// Whether a text is Python, in the words of whoever takes scripts out of answers.
pub(super) fn parses(script: &str) -> Result<(), extract::SyntaxProblem> {
    let problem = |check::SyntaxProblem { line, message }| extract::SyntaxProblem { line, message };
    check::syntax(script).map_err(problem)
}
