//! `redraft diff`: shows what changed between two versions.

use super::{Context, code};
use crate::cli;
use crate::diff;
use crate::domain::session::{Session, Version};
use crate::store::{self, StoreError, artifacts, catalog};
use crate::terminal::sides;
use anyhow::{Result, bail};
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Diff) -> Result<u8> {
    let (session, versions) = split(&args.what)?;
    let place = context.find(session)?;
    let session = store::read(&place.folder)?.session;
    let wanted: Vec<u32> = place.version.into_iter().chain(versions).collect();
    let (old, new) = pair(&session, &wanted)?;
    let before = old.map_or("", |v| v.script.as_str());
    let old_name = old.map_or_else(|| "/dev/null".to_owned(), |v| artifacts::script_file(v.number));
    let new_name = artifacts::script_file(new.number);
    let stat = diff::stat(before, &new.script);
    let terminal = &context.terminal;
    if terminal.json {
        let unified = diff::unified(before, &new.script, &old_name, &new_name);
        terminal.json(&json!({
            "from": old.map(|v| v.number),
            "to": new.number,
            "added": stat.added,
            "removed": stat.removed,
            "diff": unified,
        }));
    } else if args.stat {
        terminal.say(&format!("{old_name} → {new_name}: +{} −{}", stat.added, stat.removed));
    } else if args.side_by_side {
        terminal.print(&sides::beside(terminal, before, &new.script));
    } else {
        let unified = diff::unified(before, &new.script, &old_name, &new_name);
        terminal.print(&sides::unified(terminal, &unified));
    }
    Ok(code::DONE)
}

/// Separates the session from the versions: `diff v1 v2` means the session last worked on.
fn split(what: &[String]) -> Result<(Option<&str>, Vec<u32>)> {
    let is_version = |word: &String| catalog::lone_version(word).is_some();
    let (session, versions) = match what.split_first() {
        Some((first, rest)) if !is_version(first) || rest.len() == 2 => {
            (Some(first.as_str()), rest)
        }
        _ => (None, what),
    };
    if let Some(word) = versions.iter().find(|word| cli::version(word).is_err()) {
        bail!(
            "`{}` is not a version; versions are v1, v2, ...",
            crate::domain::text::one_line(word, 40)
        );
    }
    Ok((session, versions.iter().filter_map(|word| cli::version(word).ok()).collect()))
}

/// The two versions to compare: the last one named is the new one.
pub(super) fn pair<'a>(
    session: &'a Session,
    wanted: &[u32],
) -> Result<(Option<&'a Version>, &'a Version), StoreError> {
    let get = |n: u32| session.version(n).ok_or_else(|| store::no_version(session, n));
    match wanted {
        [] => {
            let new = get(session.head.unwrap_or(1))?;
            Ok((new.base.and_then(|b| session.version(b)), new))
        }
        [old] => Ok((Some(get(*old)?), get(session.head.unwrap_or(1))?)),
        [old, new, ..] => Ok((Some(get(*old)?), get(*new)?)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    #[test]
    fn version_arguments_are_separated_from_the_session_name() {
        for (what, session, versions) in [
            ("", None, vec![]),
            ("clock", Some("clock"), vec![]),
            ("v1 v2", None, vec![1, 2]),
            ("v1", None, vec![1]),
            ("clock v1", Some("clock"), vec![1]),
            ("clock v1 v3", Some("clock"), vec![1, 3]),
            ("v1 v2 v3", Some("v1"), vec![2, 3]),
        ] {
            let words: Vec<String> = what.split_whitespace().map(str::to_owned).collect();
            assert_eq!(split(&words).unwrap(), (session, versions), "{what}");
        }
        assert!(split(&["clock".into(), "x".into()]).is_err());
    }
}
