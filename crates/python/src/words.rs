//! Formats reports for a model: short, without anything that it can't use.

use redraft_domain::report::{Checks, Lint, Run, RunVerdict, Test, TestOutcome};
use redraft_domain::text::{count, fenced, fenced_within, one_line, quoted, visible, within};
use std::fmt::Write as _;

/// Findings shown of each kind.
const TOLD: usize = 4;
/// Failed tests shown.
const FAILURES: usize = 5;
/// Maximum number of characters in a line.
const WIDTH: usize = 160;
/// Lines shown from the start and the end of an output.
const FIRST_LINES: usize = 4;
const LAST_LINES: usize = 8;

/// Formats a run in at most `limit` bytes: 1,500 is enough for all but the longest.
///
/// The verdict; in a fenced block the error with the script's own lines, and the last and first
/// lines of the output as far as there is room; then the hint.
#[must_use]
pub fn run_in_words(run: &Run, stdout: &str, stderr: &str, limit: usize) -> String {
    let mut head = verdict(run);
    let mut lines = Vec::new();
    let mut hint = String::new();
    if let Some(error) = &run.error {
        let said = match (error.kind.as_str(), error.message.as_str()) {
            ("", message) => message.to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        };
        lines.push(format!("Error: {said}"));
        if !error.frames.is_empty() {
            lines.push("In the script, the innermost last:".to_owned());
            lines.extend(error.frames.iter().map(|frame| format!("  {frame}")));
        }
        hint.extend(error.hint.iter().map(|hint| format!("\nHint: {}", one_line(hint, 4 * WIDTH))));
    }
    lines.extend(run.blank.iter().map(|name| format!("Nothing is drawn on {name}.")));
    lines.extend(run.ignores.iter().map(|what| format!("It does not use {what}.")));
    if run.programs_refused {
        lines.push("Starting other programs is not allowed. Do it in Python itself.".to_owned());
    }
    lines.extend(run.refused_hosts().map(|tried| format!("Hosts: {tried}. Reach no other host.")));
    if !run.files.is_empty() {
        lines.push(one_line(&format!("Files written: {}", run.files.join(", ")), WIDTH));
    }
    if matches!(run.verdict, RunVerdict::Ok | RunVerdict::Timeout)
        && run.files.is_empty()
        && stdout.is_empty()
        && stderr.is_empty()
    {
        head.push_str("\nIt printed nothing and wrote no file.");
    }
    let head = within(&visible(&head), limit);
    let mut told = visible(&lines.join("\n"));
    // The error takes priority over the hint.
    let left = |told: &str| limit.saturating_sub(head.len() + 1 + fenced(told, "").len());
    let hint = within(&hint, left(&told));
    for (name, text, useful) in [
        (if run.terminal { "On its screen" } else { "Output" }, stdout, true),
        // Do not repeat what the error already says.
        ("Error output", stderr, run.error.is_none()),
    ] {
        if useful && run.verdict.ran() {
            told.push_str(&output(name, text, left(&told).saturating_sub(hint.len())));
        }
    }
    let room = limit.saturating_sub(head.len() + 1 + hint.len());
    let block = fenced_within(told.trim_start_matches('\n'), room);
    let begin = if block.is_empty() { "" } else { "\n" };
    format!("{head}{begin}{block}{hint}")
}

fn verdict(run: &Run) -> String {
    let ended = match (run.verdict, run.exit_code, run.signal) {
        (RunVerdict::Failed, Some(code), _) => format!("failed with exit code {code}"),
        (RunVerdict::Failed, None, Some(signal)) => format!("failed, killed by signal {signal}"),
        (verdict, _, _) => verdict.name().to_owned(),
    };
    let reason = run.reason.iter().map(|reason| format!(" ({})", one_line(reason, 4 * WIDTH)));
    format!("The run: {ended}{}", reason.collect::<String>())
}

/// The last lines of an output stream that fit into `room` bytes and, if there is room, the first
/// ones, where a table has its header; empty if nothing fits.
fn output(name: &str, text: &str, room: usize) -> String {
    let lines: Vec<&str> = text.trim_end().split('\n').collect();
    let mut used = name.len() + 60;
    let mut fits = |line: &&str| {
        let line = one_line(line, WIDTH);
        used += line.len() + 3;
        (used <= room).then(|| format!("\n  {line}"))
    };
    let left_out = lines.len().saturating_sub(FIRST_LINES + LAST_LINES);
    let start = if left_out == 0 { 0 } else { FIRST_LINES + left_out };
    let mut last: Vec<String> = lines[start..].iter().rev().map_while(&mut fits).collect();
    last.reverse();
    if text.trim().is_empty() || last.is_empty() {
        return String::new();
    }
    let whole = last.len() == lines.len() - start;
    let first: Vec<String> = lines[..start.min(FIRST_LINES)].iter().map_while(fits).collect();
    let last = last.concat();
    if whole && left_out == 0 {
        format!("\n{name}:{last}")
    } else if whole && first.len() == FIRST_LINES {
        let between = count(left_out, "more line");
        format!("\n{name}, its first and last lines:{}\n  ({between}){last}", first.concat())
    } else {
        format!("\n{name}, its last lines:{last}")
    }
}

/// For a run that ended well without a usable result: the problem and what to do. Empty otherwise.
#[must_use]
pub fn no_result_in_words(run: &Run) -> String {
    if run.no_output {
        return "It printed nothing and wrote no file. Running the file has to do the work: call what it \
                defines, and print what comes of it."
            .to_owned();
    }
    if run.not_numbers.is_empty() {
        return String::new();
    }
    format!(
        "It printed this, and nothing that it was given has such a value:\n{}\nFind the step that it \
         comes from, and mend that step. Do not only hide it.",
        fenced(&visible(&run.not_numbers.join("\n")), "")
    )
}

/// Formats the results of the Manager's tests in at most `limit` bytes: failed tests, those that
/// had passed before first.
#[must_use]
pub fn tests_in_words(tests: &[Test], limit: usize) -> String {
    let with = |outcome| tests.iter().filter(move |test| test.outcome == outcome);
    let (passed, failing) = (with(TestOutcome::Passed).count(), with(TestOutcome::Failed).count());
    if passed + failing == 0 {
        return String::new();
    }
    let head = format!("Acceptance tests: {passed} of {} passed", passed + failing);
    if failing == 0 {
        return format!("{head}.");
    }
    let head = format!("{head}. They import the script as `script`. What failed:");
    let mut lines = Vec::new();
    let mut failed: Vec<&Test> = with(TestOutcome::Failed).collect();
    failed.sort_by_key(|test| test.passed_in.is_none());
    for test in failed.iter().take(FAILURES) {
        let why = test.message.as_deref().unwrap_or("no reason was given");
        lines.push(format!("  {}: {}", one_line(&test.name, WIDTH), one_line(why, 2 * WIDTH)));
        lines.extend(regression(test).map(|words| format!("    {words}")));
    }
    if failing > FAILURES {
        lines.push(format!("  and {} more", failing - FAILURES));
    }
    let block = fenced_within(&visible(&lines.join("\n")), limit.saturating_sub(head.len() + 1));
    if block.is_empty() { within(&head, limit) } else { format!("{head}\n{block}") }
}

/// A note on a test that passed in an earlier version.
#[must_use]
pub fn regression(test: &Test) -> Option<String> {
    let version = test.passed_in?;
    Some(format!("regression: test {} passed in v{version}", one_line(&test.name, WIDTH)))
}

/// The command line and the input of a run, in at most ten short lines; `None` for a run without
/// either.
#[must_use]
pub fn run_as(args: &[String], stdin: &str) -> Option<String> {
    if args.is_empty() && stdin.is_empty() {
        return None;
    }
    let given = args.iter().map(|arg| match shlex::try_quote(arg) {
        Ok(quoted) => format!(" {quoted}"),
        Err(_) => format!(" {arg}"),
    });
    let command = format!("python script.py{}", given.collect::<String>());
    let mut words = one_line(&command, 2 * WIDTH);
    let lines: Vec<&str> = stdin.lines().collect();
    if !lines.is_empty() {
        words.push_str("\nwith this on standard input:");
        let shown =
            lines.iter().take(TOLD + 2).map(|line| format!("\n  {}", one_line(line, WIDTH)));
        words.extend(shown);
        if lines.len() > TOLD + 2 {
            let _ = write!(words, "\n  and {}", count(lines.len() - TOLD - 2, "more line"));
        }
    }
    Some(words)
}

/// The capabilities of a script, in one line.
#[must_use]
pub fn capabilities_in_words(checks: &Checks) -> String {
    let asks: Vec<String> = checks
        .capabilities
        .iter()
        .take(TOLD)
        .map(|c| format!("{} ({} in line {})", c.kind.words(), quoted(&c.what), c.line))
        .collect();
    if asks.is_empty() { "nothing that is known of".to_owned() } else { asks.join(", ") }
}

/// Formats the results of the checks in at most ten short lines; empty if there are none.
///
/// Errors come first, then security findings; the rest is counted, with the first few shown.
#[must_use]
pub fn checks_in_words(checks: &Checks) -> String {
    let mut lines = told("Errors that stop the script", &checks.errors, TOLD);
    let room = TOLD.saturating_sub(lines.len()).max(2);
    lines.extend(told("Security findings", &checks.security, room - 1));
    let room = 9_usize.saturating_sub(lines.len()).min(TOLD);
    lines.extend(told("Lint findings", &checks.lint, room - 1));
    lines.join("\n")
}

fn told(what: &str, findings: &[Lint], most: usize) -> Vec<String> {
    if findings.is_empty() {
        return Vec::new();
    }
    let more = findings.len().saturating_sub(most);
    let and = if more == 0 {
        String::new()
    } else {
        format!(" (the first {most} of {})", findings.len())
    };
    let head = format!("{what}{and}:");
    let lines = findings.iter().take(most).map(|finding| {
        let Lint { rule, line, message, .. } = finding;
        format!("  {}", one_line(&format!("line {line}: {message} ({rule})"), WIDTH))
    });
    std::iter::once(head).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use redraft_domain::report::RunError;

    #[test]
    fn a_failed_run_is_told_with_its_lines_and_within_its_limit() {
        let run = Run {
            exit_code: Some(1),
            reason: None,
            error: Some(RunError {
                kind: "ValueError".to_owned(),
                message: "bad \u{1b}[31m number".to_owned(),
                line: Some(3),
                frames: vec!["line 3, in main: x = int(s)".to_owned()],
                hint: Some("check the input".to_owned()),
            }),
            ..Run::not_run(RunVerdict::Failed, "")
        };
        let words = run_in_words(&run, "one\ntwo\n", "Traceback ...", 1_500);
        assert_eq!(
            words,
            "The run: failed with exit code 1\n```\nError: ValueError: bad \\x1b[31m number\n\
             In the script, the innermost last:\n  line 3, in main: x = int(s)\n\
             Output:\n  one\n  two\n```\nHint: check the input"
        );
        let long = "é".repeat(100_000) + &"\nline".repeat(10_000);
        for limit in [0, 2, 10, 50, 200, 1_500] {
            let words = run_in_words(&run, &long, &long, limit);
            assert!(words.len() <= limit, "{limit}: {} {words}", words.len());
        }
    }

    #[test]
    fn a_host_that_was_refused_is_told_with_what_is_allowed() {
        let tried = |n: usize| Run {
            hosts_allowed: vec!["api.a.org".to_owned()],
            hosts_refused: (0..n).map(|n| format!("api{n}.b.org:443")).collect(),
            ..Run::not_run(RunVerdict::Ok, "")
        };
        let words = run_in_words(&tried(1), "out", "", 1_500);
        let told =
            "\nHosts: tried api0.b.org:443, allowed is api.a.org. Reach no other host.\nOutput";
        assert!(words.contains(told), "{words}");
        let words = run_in_words(&tried(20), "", "", 1_500);
        assert!(words.contains("api4.b.org:443 and 15 more, allowed is api.a.org."), "{words}");
        assert!(!run_in_words(&tried(0), "out", "", 1_500).contains("Hosts"));
    }

    #[test]
    fn the_header_of_a_long_table_is_not_told_or_its_end_is_not() {
        let run = Run { exit_code: Some(0), ..Run::not_run(RunVerdict::Ok, "") };
        let run = Run { reason: None, ..run };
        let table = |rows: usize| {
            let rows: Vec<String> = (1..=rows).map(|n| format!("row {n}")).collect();
            rows.join("\n")
        };
        let told = |rows: usize, limit: usize| run_in_words(&run, &table(rows), "", limit);
        assert_eq!(
            told(14, 500),
            "The run: ok\n```\nOutput, its first and last lines:\n  row 1\n  row 2\n  row 3\n  row 4\n  \
             (2 more lines)\n  row 7\n  row 8\n  row 9\n  row 10\n  row 11\n  row 12\n  row 13\n  row 14\n```"
        );
        assert!(told(13, 500).contains("row 4\n  (1 more line)\n  row 6"));
        assert!(
            told(12, 500).starts_with("The run: ok\n```\nOutput:\n  row 1\n")
                && told(12, 500).ends_with("row 12\n```")
        );
        // The last lines take priority if there is not enough room.
        assert!(told(14, 160).contains("Output, its last lines:\n  row 7\n"), "{}", told(14, 160));
        assert!(told(14, 110).contains("Output, its last lines:\n  row 1"), "{}", told(14, 110));
    }

    #[test]
    fn a_script_that_is_run_with_nothing_has_nothing_told_and_a_long_input_is_cut() {
        assert_eq!(run_as(&[], ""), None);
        let args = ["--city".to_owned(), "New York".to_owned()];
        let told = "python script.py --city 'New York'\nwith this on standard input:\n  3\n  4";
        assert_eq!(run_as(&args, "3\n4\n").as_deref(), Some(told));
        let long = run_as(&args, &"9".repeat(1_000).repeat(50).replace("99999", "9999\n"));
        let long = long.unwrap_or_default();
        assert!(long.len() < 1_500 && long.ends_with("more lines"), "{long}");
    }

    #[test]
    fn failed_tests_are_told_within_their_limit_and_those_that_passed_before_first() {
        let test = |n: u32, outcome| Test {
            name: format!("t{n}"),
            outcome,
            message: Some("é".repeat(1_000)),
            milliseconds: 0,
            passed_in: (n == 7).then_some(2),
        };
        let tests: Vec<Test> = (0..20).map(|n| test(n, TestOutcome::Failed)).collect();
        let words = tests_in_words(&tests, 1_000);
        let head =
            "Acceptance tests: 0 of 20 passed. They import the script as `script`. What failed:\n";
        assert!(
            words.starts_with(&format!("{head}```\n  t7: éé")) && words.len() <= 1_000,
            "{words}"
        );
        let words = tests_in_words(&tests, 10_000);
        assert!(words.contains("\n    regression: test t7 passed in v2\n"), "{words}");
        assert!(words.ends_with("\n  and 15 more\n```"), "{words}");
        let fine = [test(1, TestOutcome::Passed), test(2, TestOutcome::Skipped)];
        assert_eq!(tests_in_words(&fine, 1_000), "Acceptance tests: 1 of 1 passed.");
        assert_eq!(tests_in_words(&fine[1..], 1_000), "");
    }

    #[test]
    fn a_run_that_did_not_take_place_says_why() {
        let run = Run::not_run(RunVerdict::Skipped, "needs a display, there is none here");
        let words = run_in_words(&run, "", "", 1_500);
        assert_eq!(words, "The run: skipped (needs a display, there is none here)");
    }

    #[test]
    fn many_findings_are_told_in_ten_lines_with_the_errors_first() {
        let finding = |rule: &str| Lint {
            rule: rule.to_owned(),
            line: 7,
            column: 1,
            message: "undefined name `x`".to_owned(),
        };
        let many = |rule| vec![finding(rule); 30];
        let all = Checks {
            errors: many("F821"),
            security: many("S307"),
            lint: many("F401"),
            ..Checks::default()
        };
        let words = checks_in_words(&all);
        assert!(words.lines().count() <= 10, "{words}");
        assert!(words.starts_with("Errors that stop the script (the first 4 of 30):\n  line 7: "));
        for rule in ["F821", "S307", "F401"] {
            assert!(words.contains(rule), "{words}");
        }
        assert_eq!(checks_in_words(&Checks::default()), "");
        let one = Checks { lint: vec![finding("F401")], ..Checks::default() };
        let told = "Lint findings:\n  line 7: undefined name `x` (F401)";
        assert_eq!(checks_in_words(&one), told);
    }
}
