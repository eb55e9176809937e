//! Merges an answer that is only a part of a script into that script: functions, classes and
//! methods replace those of the same name, new ones are added.

mod merge;
mod script;

use std::collections::BTreeSet;

use ruff_python_stdlib::builtins::is_python_builtin;

pub(super) use script::{Kind, import_lines, kind};

use super::check::{self, USUAL};
use super::depth::with_room;
use script::Script;

/// How an answer relates to the script that it was written from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// A script of its own.
    Whole,
    /// A part of that script, or a script that lacks some of its definitions.
    Part(Put),
    /// Ambiguous, or the merge failed. With `whole`, the answer could run as it is.
    Unclear {
        /// The reason, as a message to the model.
        reason: String,
        /// The answer is a script that runs by itself.
        whole: bool,
    },
}

/// A merged script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The whole script.
    pub script: String,
    /// What was done, as notes for the user.
    pub notes: Vec<String>,
}

/// Decides whether an answer is a whole script or a part of `base`, which it then completes. Both
/// must parse. With `repairs`, `base` failed, so a script that shares nothing with it is no
/// addition to it.
#[must_use]
pub fn complete(base: &str, answer: &str, repairs: bool) -> Fit {
    let fit = with_room(|| Some(fit(&Script::read(base)?, &Script::read(answer)?, repairs)));
    match fit.flatten().unwrap_or(Fit::Whole) {
        Fit::Part(put) => match check::syntax(&put.script) {
            Ok(()) => Fit::Part(put),
            Err(problem) => unclear(format!(
                "The answer is a part of the script, and the script does not parse with it: line \
                 {}: {}.",
                problem.line, problem.message
            )),
        },
        fit => fit,
    }
}

/// Describes, as a message to the model, what edits removed from a script that still needs it.
#[must_use]
pub fn removed(base: &str, edited: &str) -> Option<String> {
    let lost = with_room(|| {
        let (base, edited) = (Script::read(base)?, Script::read(edited)?);
        let defined = base.definitions();
        let free = edited.names.free();
        let missing: Vec<&str> =
            defined.iter().map(|(name, _)| *name).filter(|name| free.contains(name)).collect();
        if !missing.is_empty() {
            return Some(format!("they take away {}, which is still used", listed(&missing)));
        }
        (base.runs() && !edited.runs())
            .then(|| "they take away what runs when the script is started".to_owned())
    });
    lost.flatten()
}

fn fit(base: &Script<'_>, new: &Script<'_>, repairs: bool) -> Fit {
    let (old, own) = (base.definitions(), new.definitions());
    let kept = old.iter().filter(|(name, _)| new.names.bound.contains_key(*name)).count();
    let free = new.names.free();
    let needs = |wanted: fn(&Kind<'_>) -> bool| -> BTreeSet<&str> {
        let of_base = |name: &&str| {
            let mut places = base.names.bound.get(*name).into_iter().flatten();
            places.any(|place| wanted(&base.kinds[*place]))
        };
        // The script may define a name that is also a builtin; otherwise the builtin is meant.
        let own = |name: &&str| !is_python_builtin(name, USUAL.1, false);
        free.iter().copied().filter(own).filter(of_base).collect()
    };
    let definitions = needs(|kind| matches!(kind, Kind::Definition(_)));
    if base.runs() && !new.runs() {
        let mut values = base.kinds.iter().filter_map(|kind| match kind {
            Kind::Value(name) => Some(*name),
            _ => None,
        });
        let gives_same = values.any(|name| new.names.bound.contains_key(name));
        if kept > 0 || gives_same || base.guard.is_some() {
            return part(merge::into(base, new));
        }
        let own: Vec<&str> = own.iter().map(|(name, _)| *name).collect();
        let defines =
            if own.is_empty() { String::new() } else { format!(" defines {} and", listed(&own)) };
        return Fit::Unclear {
            reason: format!("The answer{defines} runs nothing, and the script did."),
            whole: true,
        };
    }
    if !definitions.is_empty() {
        if base.guard.is_none() && (new.guard.is_some() || kept > 0) {
            return part(Ok(merge::filled(new, base, &definitions)));
        }
        return part(merge::into(base, new));
    }
    let shorter = new.lines() < base.lines();
    if base.guard.is_some() && new.guard.is_none() && shorter {
        let called = base.used_by_guard();
        let called: Vec<&str> =
            old.iter().map(|(name, _)| *name).filter(|name| called.contains(name)).collect();
        // A script without a main block replaces its single `main` by top-level code.
        let instead = |name: &&str| called.len() == 1 && called.contains(name);
        let gone: Vec<&str> = old
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !new.names.bound.contains_key(*name) && !instead(name))
            .collect();
        let short = new.lines() * 2 <= base.lines();
        if !gone.is_empty() && kept == 0 && !repairs && !own.is_empty() && short {
            return part(merge::into(base, new));
        }
        if !gone.is_empty() && (kept > 0 || !repairs) {
            return Fit::Unclear {
                reason: format!(
                    "The answer has neither {} of the script nor its main block.",
                    listed(&gone)
                ),
                whole: true,
            };
        }
    }
    let imports = needs(|kind| matches!(kind, Kind::Import));
    if imports.is_empty() { Fit::Whole } else { part(Ok(merge::filled(new, base, &imports))) }
}

fn part(put: Result<Put, String>) -> Fit {
    match put {
        Ok(put) => Fit::Part(put),
        Err(reason) => unclear(reason),
    }
}

fn unclear(reason: String) -> Fit {
    Fit::Unclear { reason, whole: false }
}

/// Names as a list in a sentence.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 6;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests;
