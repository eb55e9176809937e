//! The picture that a request wants to be saved: a run that leaves none has failed, however it ended.
//! Pure.

use crate::domain::report::{NO_DISPLAY, NOT_KEPT, Run, RunError, RunVerdict};
use crate::domain::session::Session;
use regex::Regex;
use std::sync::LazyLock;

/// Names of files that a hint lists.
const LISTED: usize = 5;

/// What a request is read by.
struct Patterns {
    /// The name of a picture where something is put: "as clock.png", "into a file called `a.svg`".
    place: Regex,
    /// A picture's name.
    picture: Regex,
    /// Words of putting something there.
    saved: Regex,
    /// Words of a program that saves only where its user wants it, of one that saves nothing or several,
    /// and of one that is given the picture.
    perhaps: Regex,
    /// Words of a program whose window stays up: it may save later than anybody waits.
    window: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let name = r"[\w-]+\.(?:png|jpe?g|gif|bmp|webp|svg)\b";
    let before = r"(?:as|to|into|named|called|file)\s+(?:(?:an?|the|file|image|picture|png)\s+)*";
    // Not "write", which is what is asked for in "write a script".
    let saved = "sav(?:e|es|ed|ing)|stor(?:e|es|ed|ing)|exports?|exported";
    let perhaps = "if|when|whenever|unless|optional|optionally|can|could|may|button|menu|clicks?|\
                   press|pressed|key|lets?|allows?|users?|asks?|not|never|don't|without|instead|\
                   reads?|loads?|opens?|given|ctrl|shortcut|toolbar|exit|quits?|clos(?:e|es|ed|ing)|\
                   paint|drawing program|drawing app|editor|game|arguments?|each|every|per";
    let pattern = |text: &str| Regex::new(&format!("(?i){text}")).ok();
    Some(Patterns {
        place: pattern(&format!(r#"\b{before}["'`“‘]?({name})"#))?,
        picture: pattern(name)?,
        saved: pattern(&format!(r"\b(?:{saved})\b"))?,
        perhaps: pattern(&format!(r"\b(?:{perhaps})\b"))?,
        window: pattern(r"\b(?:windows?|gui|tkinter|pygame|turtle|pyqt\d?|interactive)\b")?,
    })
});

/// The run as it counts: failed where it was to save a picture and is over without one, also where
/// it wanted a window on a machine that has none. Anything else is given back as it is.
#[must_use]
pub fn kept(session: &Session, args: &[String], run: Run) -> Run {
    let no_display = run.verdict == RunVerdict::Skipped
        && run.reason.as_ref().is_some_and(|reason| reason.starts_with(NO_DISPLAY));
    let seen = matches!(run.verdict, RunVerdict::Ok | RunVerdict::Window);
    if !(seen || no_display) {
        return run;
    }
    let Some(name) = promised(session, args) else { return run };
    let stays_up = |patterns: &Patterns| patterns.window.is_match(&session.request);
    if run.verdict == RunVerdict::Window && PATTERNS.as_ref().is_none_or(stays_up) {
        return run;
    }
    let is_it = |file: &String| file.rsplit('/').next() == Some(name.as_str());
    let not_all_known = run.reason.as_ref().is_some_and(|reason| reason.ends_with(NOT_KEPT));
    if not_all_known || run.files.iter().any(is_it) {
        return run;
    }
    let hint = if seen && !run.files.is_empty() {
        let files: Vec<String> =
            run.files.iter().take(LISTED).map(|file| format!("`{file}`")).collect();
        format!("it wrote {}: save it as `{name}` in the current folder", files.join(", "))
    } else {
        let window = if no_display { "open no window: no `turtle`, no `tkinter`; " } else { "" };
        let way = if name.to_ascii_lowercase().ends_with(".svg") {
            format!("write the `<svg>` text to it with `open('{name}', 'w')`")
        } else {
            format!(
                "`import matplotlib.pyplot as plt`, draw with `plt`, and end with \
                 `plt.savefig('{name}')`"
            )
        };
        format!("{window}{way}")
    };
    let message = if no_display {
        format!("it opens a window, there is no display, and `{name}` was not written")
    } else {
        format!("it was to save `{name}`, and did not")
    };
    let error = RunError { message, hint: Some(hint), ..RunError::default() };
    Run { verdict: RunVerdict::Failed, reason: None, error: Some(error), ..run }
}

/// The picture that the request wants to be saved whatever its user does. None where the run's
/// arguments name a picture, which say where, and where the Manager said more since.
fn promised(session: &Session, args: &[String]) -> Option<String> {
    if session.dialogue.is_some() || session.said_more() {
        return None;
    }
    let (request, patterns) = (&session.request, PATTERNS.as_ref()?);
    let elsewhere = args.iter().any(|arg| patterns.picture.is_match(arg));
    if elsewhere || patterns.perhaps.is_match(request) {
        return None;
    }
    let named = patterns.place.captures_iter(request).find_map(|found| {
        let name = found.get(1)?;
        let before = request[..name.start()].rsplit(['.', '\n']).next()?;
        let stem = name.as_str().split('.').next()?;
        if stem.len() > 1 && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            // It stands for several names.
            return None;
        }
        patterns.saved.is_match(before).then(|| name.as_str().to_owned())
    })?;
    let given = session.data.iter().any(|file| file.name.eq_ignore_ascii_case(&named));
    // What a person approved stands; what a Planner left out does not.
    let plan = session.planning.plan.as_ref().filter(|_| session.planning.by_manager);
    let dropped = plan.is_some_and(|plan| !plan.text.contains(&named));
    (!given && !dropped).then_some(named)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::dialogue::Dialogue;
    use crate::domain::event::{Cause, DataFile};
    use crate::domain::plan::Plan;
    use crate::domain::session::{Planning, Version, Wish};

    fn session(request: &str) -> Session {
        Session { request: request.into(), ..Session::default() }
    }

    #[test]
    fn only_a_picture_that_is_to_be_saved_in_any_case_is_waited_for() {
        for (request, args, name) in [
            ("Draw a clock and save it as clock.png", "", Some("clock.png")),
            ("Plot sine with a legend and save it as waves.png.", "", Some("waves.png")),
            ("Plot it. Save the plot to \"out-1.svg\"", "", Some("out-1.svg")),
            ("stores the chart in a file called `a.jpeg`", "", Some("a.jpeg")),
            ("exports it into the file a.gif", "", Some("a.gif")),
            ("adds a watermark to photo.jpg and saves the result as out.png", "", Some("out.png")),
            ("Write a script that counts the colours in picture.png", "", None),
            ("Write a program that finds the faces in photo.jpg and prints how many", "", None),
            ("Write a script that adds a line to photo.jpg", "", None),
            ("A drawing program in tkinter: Ctrl+S saves the drawing as drawing.png", "", None),
            ("A timer that saves its face to face.png on exit", "", None),
            ("Draw a bar chart of the city and save it as CITY.png", "", None),
            ("Take a picture as the first argument and save it as small.png", "", None),
            ("The picture is saved in the file Clock.PNG", "", Some("Clock.PNG")),
            ("save it as clock.png", "--output other.png", None),
            ("save it as clock.png", "--size 3", Some("clock.png")),
            ("save it as notes.txt", "", None),
            ("Convert logo.png to logo.jpg", "", None),
            ("saves a smaller copy of photo.jpg", "", None),
            ("A paint program that can save as picture.png", "", None),
            ("A clock; when s is pressed it is saved as clock.png", "", None),
            ("A window with a button that saves the drawing as a.png", "", None),
            ("Show a clock. Do not save it as clock.png", "", None),
            ("Read the photo saved as photo.jpg and print its width", "", None),
            ("Save the table. Show it next to clock.png", "", None),
            ("", "", None),
        ] {
            let args: Vec<String> = args.split_whitespace().map(String::from).collect();
            assert_eq!(promised(&session(request), &args).as_deref(), name, "{request}");
        }
        let mut given = session("Turn the picture and save it as clock.png");
        let name = "clock.png".to_owned();
        given.data.push(DataFile { name, bytes: 0, sha256: String::new(), described: None });
        assert_eq!(promised(&given, &[]), None);
    }

    #[test]
    fn a_window_that_was_asked_for_may_save_its_picture_later() {
        let up = Run::not_run(RunVerdict::Window, "its window was up");
        for (request, verdict) in [
            ("Draw a clock and save it as clock.png", RunVerdict::Failed),
            ("Draw a clock in a window and save it as clock.png", RunVerdict::Window),
        ] {
            assert_eq!(kept(&session(request), &[], up.clone()).verdict, verdict, "{request}");
        }
    }

    #[test]
    fn what_the_manager_said_after_the_request_is_not_undone() {
        let first = session("Draw a clock and save it as clock.png");
        assert!(promised(&first, &[]).is_some());
        let plan = |text: &str| Some(Plan { text: text.into(), requirements: Vec::new() });
        for (by_manager, text, stands) in [
            (true, "- R1: Save it as dial.svg", false),
            (true, "- R1: Save it as clock.png", true),
            (false, "- R1: Save it as a picture", true),
        ] {
            let planning = Planning { plan: plan(text), by_manager, ..Planning::default() };
            let session = Session { planning, ..first.clone() };
            assert_eq!(promised(&session, &[]).is_some(), stands, "{text}");
        }
        for cause in [Cause::Feedback, Cause::Manager] {
            let wish = Some(Wish::Iterate(cause));
            assert_eq!(promised(&Session { wish, ..first.clone() }, &[]), None);
            let versions = vec![Version::new(1, cause, None, String::new())];
            assert_eq!(promised(&Session { versions, ..first.clone() }, &[]), None);
        }
        let dialogue = Some(Dialogue::default());
        assert_eq!(promised(&Session { dialogue, ..first }, &[]), None);
    }

    #[test]
    fn a_run_without_the_picture_that_was_asked_for_is_no_success() {
        use RunVerdict::{Failed, Ok, Refused, Skipped, Timeout, Window};
        let session = session("Draw a clock and save it as clock.png");
        let display = format!("{NO_DISPLAY}: no virtual display");
        for (verdict, reason, files, counts, told) in [
            (Ok, "", vec!["clock.png"], Ok, ""),
            (Ok, "", vec!["out/clock.png"], Ok, ""),
            (Ok, "", vec!["a.png"], Failed, "`a.png`"),
            (Ok, "", vec![], Failed, "plt.savefig('clock.png')"),
            (Window, "", vec![], Failed, "plt.savefig('clock.png')"),
            (Ok, "50 files that it wrote not kept", vec!["1.png"], Ok, ""),
            (Skipped, &display, vec![], Failed, "no window"),
            (Skipped, "", vec![], Skipped, ""),
            (Skipped, "switched off", vec![], Skipped, ""),
            (Timeout, "", vec![], Timeout, ""),
            (Refused, "", vec![], Refused, ""),
        ] {
            let files: Vec<String> = files.into_iter().map(String::from).collect();
            let run = Run { files, ..Run::not_run(verdict, reason) };
            let counted = kept(&session, &[], run.clone());
            assert_eq!(counted.verdict, counts, "{run:?}");
            if verdict == counts {
                assert_eq!(counted, run);
            } else {
                assert!(counted.error.unwrap().hint.unwrap().contains(told), "{told}");
            }
        }
    }
}
