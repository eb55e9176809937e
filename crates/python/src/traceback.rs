//! Parses the error output of a Python program.
//!
//! The script controls all of this text, so nothing here is certain: at worst an error is described
//! the way the script wants.

use std::fmt::Write as _;

use super::execution::Execution;
use super::hints::{BOOTSTRAPPING, hint};
use redraft_domain::report::RunError;
use redraft_domain::text::{one_line, visible};

const HEADER: &str = "Traceback (most recent call last):";
/// Bytes kept of a message.
const LONGEST_MESSAGE: usize = 500;
/// Characters kept of a source line and of a function's name.
const LONGEST_LINE: usize = 120;
/// Outermost and innermost stack frames kept.
const OUTERMOST: usize = 3;
const INNERMOST: usize = 7;
/// Maximum number of lines between a syntax error and the line that names its file.
const SYNTAX_LINES: usize = 6;
/// Lines kept if there is no traceback.
const LAST_LINES: usize = 5;

/// The error that ended a script, from its standard error.
///
/// `None` if nothing was written. Without a traceback, the error has no `kind` and its message is
/// the last lines.
#[must_use]
pub fn error(stderr: &str, ran: Execution<'_>) -> Option<RunError> {
    let lines: Vec<&str> = stderr.lines().collect();
    let (beside, place) = last_traceback(&lines).unzip();
    // A script that exits deliberately prints the reason on a line of its own.
    let gave_up = beside.filter(|beside| *beside != Beside::End);
    let gave_up = gave_up.and_then(|_| last_lines(&without_others(&lines)));
    hinted(gave_up.or_else(|| read(&lines, place.as_ref(), ran))?, stderr, ran)
}

/// The last error reported by a script that continued and was stopped later.
#[must_use]
pub fn error_behind(stderr: &str, ran: Execution<'_>) -> Option<RunError> {
    let lines: Vec<&str> = stderr.lines().collect();
    let (_, place) = last_traceback(&lines).unzip();
    hinted(read(&lines, place.as_ref(), ran)?, stderr, ran)
}

fn hinted(mut error: RunError, stderr: &str, ran: Execution<'_>) -> Option<RunError> {
    error.hint = hint(&error, &ran, stderr);
    Some(error)
}

/// The error of a traceback, or the last lines if there is none.
fn read(lines: &[&str], place: Option<&Place>, ran: Execution<'_>) -> Option<RunError> {
    match place {
        Some(Place::Plain(at)) => plain(&lines[*at + 1..], ran.name),
        Some(Place::Group(at)) => group(&lines[*at..], ran.name),
        Some(Place::Syntax(at)) => plain(&lines[*at..], ran.name),
        None => None,
    }
    .map_or_else(|| last_lines(lines), |found| Some(found.told(ran.script)))
}

/// Whether the text has a traceback, including one that did not end the script.
#[must_use]
pub fn is_in(stderr: &str) -> bool {
    stderr.lines().any(is_header)
}

/// Whether the text has a traceback other than those that Python reports as ignored.
#[must_use]
pub fn counts_in(stderr: &str) -> bool {
    any_in(stderr, |beside| beside != Beside::Ignored)
}

/// Whether an error ended a thread or a child process of the script: its work is not done, whatever
/// the script's exit code is.
#[must_use]
pub fn ended_a_worker(stderr: &str) -> bool {
    any_in(stderr, |beside| beside == Beside::Worker) || stderr.contains(BOOTSTRAPPING)
}

fn any_in(stderr: &str, fits: impl Fn(Beside) -> bool) -> bool {
    let lines: Vec<&str> = stderr.lines().collect();
    let headers = lines.iter().enumerate().filter(|(_, line)| is_header(line));
    headers.map(|(at, _)| place(&lines, at)).any(fits)
}

/// Whether a line starts a traceback, including that of an exception group or inside one.
fn is_header(line: &str) -> bool {
    let line = line.trim_start_matches(MARGIN);
    line.strip_prefix("Exception Group ").unwrap_or(line).starts_with(HEADER)
}

/// Characters before the lines of an exception group.
const MARGIN: &[char] = &[' ', '|', '+', '-'];

/// Line index of a traceback's start, and its form.
enum Place {
    Plain(usize),
    Group(usize),
    Syntax(usize),
}

/// Lines before the traceback of an error that ended nothing, in all Python versions: `Exception
/// ignored in: <..>`, `Exception ignored while calling deallocator <..>:`, ...
const IGNORED: [&str; 2] = ["Exception ignored ", "Error in atexit._run_exitfuncs:"];
/// Lines before the traceback of an error that ended a callback, a log message or a task.
const ELSEWHERE: [&str; 4] =
    ["Exception in Tkinter callback", "--- Logging error ---", "future: <", "handle: <"];
/// Lines between the tracebacks of chained exceptions.
const LED_TO: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// What an error ended, in ascending order of relevance to the script's end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beside {
    /// Nothing: an error in a destructor, an exit handler or the like.
    Ignored,
    /// A callback, a log message or a task.
    Elsewhere,
    /// A thread or a process that the script started.
    Worker,
    /// The script, as far as can be determined.
    End,
}

fn place(lines: &[&str], header: usize) -> Beside {
    let mut at = header;
    // Of chained exceptions, the line before the first one counts for all.
    while at > 2 && LED_TO.contains(&lines[at - 2]) && lines[at - 1].is_empty() {
        let Some(before) = lines[..at - 2].iter().rposition(|line| *line == HEADER) else { break };
        at = before;
    }
    let Some(before) = at.checked_sub(1).map(|at| lines[at]) else { return Beside::End };
    said(before).unwrap_or(Beside::End)
}

/// What a line says about the traceback below it.
fn said(line: &str) -> Option<Beside> {
    let begins = |all: &[&str]| all.iter().any(|said| line.starts_with(said));
    let of_a_process = line.starts_with("Process ") && line.ends_with(':');
    match line {
        _ if begins(&IGNORED) => Some(Beside::Ignored),
        _ if begins(&ELSEWHERE) => Some(Beside::Elsewhere),
        _ if of_a_process || begins(&["Exception in thread "]) => Some(Beside::Worker),
        _ => None,
    }
}

/// The lines outside tracebacks that did not end the script: they may say why it gave up.
fn without_others<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut rest = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let is_header = |at: usize| lines.get(at) == Some(&HEADER);
        if said(line).is_none() && !is_header(at) {
            rest.push(*line);
            at += 1;
            continue;
        }
        at += 1 + usize::from(is_header(at + 1));
        let inner = |line: &&&str| line.starts_with(' ');
        at += lines[at.min(lines.len())..].iter().take_while(inner).count() + 1;
        // Exceptions chained to it.
        while lines.get(at + 1).is_some_and(|line| LED_TO.contains(line)) && is_header(at + 3) {
            at += 4;
            at += lines[at.min(lines.len())..].iter().take_while(inner).count() + 1;
        }
    }
    rest
}

/// The last traceback of the highest relevance.
fn last_traceback(lines: &[&str]) -> Option<(Beside, Place)> {
    let mut best: Option<(Beside, usize)> = None;
    // The last traceback may be incomplete if the script was stopped while writing.
    let mut whole = false;
    for (at, line) in lines.iter().enumerate().rev() {
        if *line == HEADER && whole {
            let beside = place(lines, at);
            if beside == Beside::End {
                return Some((beside, Place::Plain(at)));
            }
            if best.is_none_or(|(known, _)| beside > known) {
                best = Some((beside, at));
            }
            continue;
        }
        whole |= !line.starts_with(' ') && !line.is_empty() && *line != HEADER;
        if line.starts_with("  + Exception Group Traceback") {
            return Some((Beside::End, Place::Group(at)));
        }
        if is_syntax_error(line) {
            // There is no header if the script itself could not be parsed.
            let from = at.saturating_sub(SYNTAX_LINES);
            let file = lines[from..at].iter().rposition(|line| frame(line).is_some());
            let first = |place: &usize| {
                *place == 0 || !(lines[place - 1].starts_with("  ") || lines[place - 1] == HEADER)
            };
            if let Some(file) = file.map(|file| from + file).filter(first) {
                return Some((Beside::End, Place::Syntax(file)));
            }
        }
    }
    best.map(|(beside, at)| (beside, Place::Plain(at)))
}

fn is_syntax_error(line: &str) -> bool {
    ["SyntaxError:", "IndentationError:", "TabError:"].iter().any(|kind| line.starts_with(kind))
}

/// A parsed traceback, without the script's source lines.
#[derive(Default)]
struct Found {
    kind: String,
    message: String,
    /// The script's own stack frames: line and function.
    frames: Vec<(usize, String)>,
}

impl Found {
    fn told(self, script: &str) -> RunError {
        let line = self.frames.last().map(|(line, _)| *line);
        RunError {
            kind: one_line(&self.kind, LONGEST_LINE),
            message: bounded(&self.message),
            line,
            frames: told_frames(&self.frames, script),
            hint: None,
        }
    }
}

fn told_frames(frames: &[(usize, String)], script: &str) -> Vec<String> {
    let sources: Vec<&str> = script.lines().collect();
    let told = |(line, function): &(usize, String)| {
        let source = sources.get(line - 1).copied().unwrap_or_default();
        let place = match function.as_str() {
            "" | "<module>" => String::new(),
            name => format!(", in {}", one_line(name, LONGEST_LINE)),
        };
        format!("line {line}{place}: {}", one_line(source, LONGEST_LINE))
    };
    if frames.len() <= OUTERMOST + INNERMOST {
        return frames.iter().map(told).collect();
    }
    let inner = frames.len() - INNERMOST;
    let left_out = format!("... {} frames left out ...", inner - OUTERMOST);
    let outer = frames[..OUTERMOST].iter().map(told);
    outer.chain([left_out]).chain(frames[inner..].iter().map(told)).collect()
}

/// Parses an ordinary traceback, from the line after its header.
fn plain(lines: &[&str], script_name: &str) -> Option<Found> {
    let end = lines.iter().position(|line| !line.starts_with(' ') && !line.is_empty())?;
    let (kind, first) = exception(lines[end]);
    let rest = lines[end + 1..].iter().take_while(|line| !starts_another(line));
    let message: Vec<&str> = std::iter::once(&first).chain(rest).copied().collect();
    Some(Found {
        kind: kind.to_owned(),
        message: message.join("\n").trim().to_owned(),
        frames: own_frames(&lines[..end], script_name),
    })
}

/// Whether a line no longer belongs to the message before it.
fn starts_another(line: &str) -> bool {
    line == HEADER || said(line).is_some() || is_warning(line)
}

/// Whether a line is a warning of Python: `FILE:LINE: CATEGORY: TEXT`.
fn is_warning(line: &str) -> bool {
    let mut parts = line.splitn(4, ':').skip(1);
    let number = parts.next().is_some_and(|part| part.parse::<usize>().is_ok());
    let category = parts.next().and_then(|part| part.strip_prefix(' '));
    number
        && category.is_some_and(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric))
}

/// Parses an exception group from its header: its own frames, then those of its first exception.
fn group(lines: &[&str], script_name: &str) -> Option<Found> {
    let lines: Vec<String> = lines.iter().map(|line| without_margin(line)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let is_rule = |line: &&str| line.starts_with("----");
    let own = &lines[1..lines.iter().position(is_rule).unwrap_or(lines.len())];
    let mut found = plain(own, script_name)?;
    let parts = lines[1 + own.len()..].split(is_rule).filter(|part| !part.is_empty());
    for (n, part) in parts.enumerate() {
        let header = part.iter().position(|line| *line == HEADER).map_or(0, |at| at + 1);
        let Some(inner) = plain(&part[header..], script_name) else { continue };
        let _ = write!(found.message, "\n{}: {}", inner.kind, inner.message);
        if n == 0 {
            found.frames.extend(inner.frames);
        }
        if found.message.len() > LONGEST_MESSAGE {
            break;
        }
    }
    Some(found)
}

/// A line of an exception group in the form of an ordinary traceback.
fn without_margin(line: &str) -> String {
    let inner = line.trim_start();
    match inner.strip_prefix("| ").or_else(|| inner.strip_prefix('|')) {
        Some(rest) => rest.to_owned(),
        None => match inner.strip_prefix('+') {
            Some(rest) if rest.contains("----") => "----".to_owned(),
            Some(rest) => rest.trim_start_matches(MARGIN).to_owned(),
            None => inner.to_owned(),
        },
    }
}

/// Splits `ValueError: bad` into type and message.
fn exception(line: &str) -> (&str, &str) {
    let (kind, message) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
    // An exception's type is a dotted name; anything else is a message without one.
    if kind.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>')) {
        (kind.trim_start_matches("__main__."), message)
    } else {
        ("", line)
    }
}

fn own_frames(lines: &[&str], script_name: &str) -> Vec<(usize, String)> {
    let frames = lines.iter().filter_map(|line| frame(line));
    let own = frames.filter(|(path, _, _)| path.rsplit(['/', '\\']).next() == Some(script_name));
    own.map(|(_, line, function)| (line, function.to_owned())).collect()
}

/// Splits `  File "a/b.py", line 3, in main` into path, line and function.
fn frame(line: &str) -> Option<(&str, usize, &str)> {
    let rest = line.strip_prefix("  ")?.trim_start().strip_prefix("File \"")?;
    let (path, rest) = rest.rsplit_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some((path, number.parse().ok().filter(|number| *number > 0)?, function))
}

fn last_lines(lines: &[&str]) -> Option<RunError> {
    let said: Vec<&str> = lines.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    let message = said[said.len().saturating_sub(LAST_LINES)..].join("\n");
    (!message.is_empty()).then(|| RunError { message: bounded(&message), ..RunError::default() })
}

/// Escapes the message and cuts it to the limit, keeping the start.
fn bounded(message: &str) -> String {
    let shown = visible(&message[..message.floor_char_boundary(LONGEST_MESSAGE)]);
    if shown.len() <= LONGEST_MESSAGE && message.len() <= LONGEST_MESSAGE {
        return shown;
    }
    format!("{}…", &shown[..shown.floor_char_boundary(LONGEST_MESSAGE)])
}
