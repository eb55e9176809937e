//! The output files that a plan names: a run that does not write one of them has failed. Pure.

use crate::domain::report::{NO_DISPLAY, NOT_KEPT, Run, RunVerdict};
use crate::domain::session::Session;
use crate::domain::text::stands_in;
use crate::domain::writes;

/// Maximum number of file names in a hint.
const LISTED: usize = 5;

/// The run, marked as failed if it ended without writing a file under the plan's `## Writes` that
/// the user approved or the request names. That includes runs skipped because the machine has no
/// display. A program whose window is still open may write the file later.
#[must_use]
pub fn checked(session: &Session, run: Run) -> Run {
    let not_all_known = run.reason.as_ref().is_some_and(|reason| reason.ends_with(NOT_KEPT));
    let no_display = run.verdict == RunVerdict::Skipped
        && run.reason.as_ref().is_some_and(|reason| reason.starts_with(NO_DISPLAY));
    if !(run.verdict == RunVerdict::Ok || no_display) || not_all_known {
        return run;
    }
    let Some(name) = expected(session).into_iter().find(|name| !is_among(name, &run.files)) else {
        return run;
    };
    let hint = match run.files.as_slice() {
        [] if no_display => format!("open no window, there is no display: save it as `{name}`"),
        [] => format!("it wrote no file: save it as `{name}` in the current folder"),
        files => {
            let files: Vec<String> =
                files.iter().take(LISTED).map(|file| format!("`{file}`")).collect();
            format!("it wrote {}: save it as `{name}` in the current folder", files.join(", "))
        }
    };
    let message = format!("it was to write `{name}`, and did not");
    run.unfit(message, hint)
}

/// Whether the file exists in the run folder or below it.
fn is_among(name: &str, files: &[String]) -> bool {
    files.iter().any(|file| {
        file.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
    })
}

fn expected(session: &Session) -> Vec<String> {
    let Some(plan) = &session.planning.plan else { return Vec::new() };
    let wanted = |name: &String| session.planning.by_manager || stands_in(&session.request, name);
    writes::of_plan(&plan.text).into_iter().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::plan::Plan;

    fn session(by_manager: bool, request: &str) -> Session {
        let text = "## Writes\n\n- clock.png\n- out/a b.csv\n".to_owned();
        let mut session = Session { request: request.into(), ..Session::default() };
        let plan = Plan { text, requirements: Vec::new() };
        session.planning = session.planning.approved(plan, by_manager, 1);
        session
    }

    #[test]
    fn a_run_without_a_promised_file_fails() {
        use RunVerdict::{Failed, Ok, Skipped, Timeout, Window};
        for (by_manager, request, verdict, files, counts) in [
            (true, "a clock", Ok, vec!["clock.png", "out/a b.csv"], Ok),
            (true, "a clock", Ok, vec!["figures/clock.png", "x/out/a b.csv"], Ok),
            (true, "a clock", Ok, vec!["clock.png"], Failed),
            (true, "a clock", Ok, vec!["myclock.png", "out/a b.csv"], Failed),
            (true, "a clock", Ok, vec![], Failed),
            (true, "a clock", Window, vec![], Window),
            (true, "a clock", Timeout, vec![], Timeout),
            // The request does not name these files.
            (false, "a clock", Ok, vec![], Ok),
            (false, "a clock, as clock.png", Ok, vec![], Failed),
            (false, "a clock, as clock.png", Ok, vec!["clock.png"], Ok),
        ] {
            let files: Vec<String> = files.into_iter().map(String::from).collect();
            let run = Run { files, ..Run::not_run(verdict, "") };
            let counted = checked(&session(by_manager, request), run);
            assert_eq!(counted.verdict, counts, "{by_manager} {request} {verdict:?}");
        }
        let run = Run { files: vec!["a.png".into()], ..Run::not_run(Ok, "") };
        let error = checked(&session(true, ""), run).error.unwrap();
        assert_eq!(error.message, "it was to write `clock.png`, and did not");
        assert!(error.hint.unwrap().starts_with("it wrote `a.png`"));
        let none = Run::not_run(Ok, "50 files that it wrote not kept");
        assert_eq!(checked(&session(true, ""), none).verdict, Ok);
        let no_display = Run::not_run(Skipped, format!("{NO_DISPLAY}: no virtual display"));
        assert_eq!(checked(&session(true, ""), no_display).verdict, Failed);
        let off = Run::not_run(Skipped, "switched off");
        assert_eq!(checked(&session(true, ""), off).verdict, Skipped);
    }
}
