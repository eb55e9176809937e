//! The input of a version's run: from the user, otherwise from the approved plan, or as far as the
//! request states it too. Also describes the data files for prompts.

use crate::agents::given::Given;
use crate::agents::planner;
use crate::domain::name;
use crate::domain::report::GivenBy;
use crate::domain::session::Session;
use crate::domain::text::{stands_in, visible};

/// The arguments and standard input of every run of a session, and where they come from. The source
/// is `None` if there are none; a script that reads input then gets an end of file.
#[must_use]
pub fn given(session: &Session) -> (Given, Option<GivenBy>) {
    let (args, stdin) = (&session.settings.args, &session.settings.stdin);
    if let Some(stated) = session.stated.as_ref().filter(|_| args.is_empty() && stdin.is_empty()) {
        let given = Given { args: stated.args.clone(), stdin: stated.stdin.clone() };
        let by = (given != Given::default()).then_some(GivenBy::Request);
        return (given, by);
    }
    let mut given = of_plan(session);
    if !session.planning.by_manager {
        let stands = |text: &str| stands_in(&session.request, text);
        let known = |args: &[String]| args.iter().all(|arg| stands(arg));
        given.args = Some(given.args).filter(|args| known(args)).unwrap_or_default();
        given.stdin = Some(given.stdin).filter(|s| s.lines().all(stands)).unwrap_or_default();
    }
    // Each is replaced separately: a user who passes arguments may leave the input to the plan.
    if !args.is_empty() {
        given.args.clone_from(args);
    }
    if !stdin.is_empty() {
        given.stdin.clone_from(stdin);
    }
    let of_plan = (args.is_empty() && !given.args.is_empty())
        || (stdin.is_empty() && !given.stdin.is_empty());
    let by = match (!args.is_empty() || !stdin.is_empty(), of_plan) {
        (true, true) => Some(GivenBy::Both),
        (true, false) => Some(GivenBy::Manager),
        (false, true) => Some(GivenBy::Plan),
        (false, false) => None,
    };
    (given, by)
}

/// The input that an unapproved plan proposes, if it adds to the input of a run. A script need not
/// work with it, since the user did not ask for it.
pub(super) fn proposed(session: &Session) -> Option<Given> {
    let (counts, _) = given(session);
    let mut more = of_plan(session);
    if !counts.args.is_empty() {
        more.args.clone_from(&counts.args);
    }
    if !counts.stdin.is_empty() {
        more.stdin.clone_from(&counts.stdin);
    }
    (session.stated.is_none() && more != counts).then_some(more)
}

fn of_plan(session: &Session) -> Given {
    let plan = session.planning.plan.as_ref();
    plan.map(|plan| planner::tried_with(&plan.text)).unwrap_or_default()
}

/// The data files for a prompt: each name, with a description of the content. The descriptions
/// share `room` characters equally.
pub(super) fn data(session: &Session, room: usize) -> Vec<String> {
    let each = room / session.data.len().max(1);
    let told = session.data.iter().map(|file| {
        let name = name::told(&file.name);
        let Some(described) = &file.described else { return name };
        let end = if described.text.is_empty() { "" } else { ". " };
        let all = visible(&format!("{}{end}{}", described.summary, described.text));
        match all.char_indices().nth(each) {
            Some((0, _)) => name,
            Some((at, _)) => format!("{name}: {}…", &all[..at]),
            None => format!("{name}: {all}"),
        }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{DataFile, Described};

    #[test]
    fn every_data_file_is_named_and_described_within_its_share() {
        let file = |name: &str, described: Option<Described>| {
            let (name, sha256) = (name.to_owned(), String::new());
            DataFile { name, bytes: 1, sha256, described }
        };
        let told = Described {
            summary: "CSV, 2 rows".into(),
            text: "Columns: a\u{1b} (text).".into(),
            ..Described::default()
        };
        let session = Session {
            data: vec![file("a.csv", Some(told)), file("b.bin", None)],
            ..Session::default()
        };
        for (room, expected) in [
            (usize::MAX, ["a.csv: CSV, 2 rows. Columns: a\\x1b (text).", "b.bin"]),
            (30, ["a.csv: CSV, 2 rows. Co…", "b.bin"]),
            (0, ["a.csv", "b.bin"]),
        ] {
            assert_eq!(data(&session, room), expected, "{room}");
        }
    }
}
