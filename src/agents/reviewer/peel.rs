//! Takes a finding's own line apart: severity, requirement, quote, and what is wrong.

use super::super::{lists, text};
use super::words;
use crate::domain::review::RawFinding;

/// What a label like `Quote:` announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Severity,
    Requirement,
    Quote,
    Problem,
    Status,
}

const LABELS: [(&str, Field); 30] = [
    ("severity", Field::Severity),
    ("level", Field::Severity),
    ("priority", Field::Severity),
    ("requirement id", Field::Requirement),
    ("requirement", Field::Requirement),
    ("the quoted line is", Field::Quote),
    ("the quoted line", Field::Quote),
    ("quoted line", Field::Quote),
    ("quoted", Field::Quote),
    ("quote", Field::Quote),
    ("code", Field::Quote),
    ("line", Field::Quote),
    ("evidence", Field::Quote),
    ("what is wrong", Field::Problem),
    ("what's wrong", Field::Problem),
    ("wrong", Field::Problem),
    ("problem", Field::Problem),
    ("issue", Field::Problem),
    ("description", Field::Problem),
    ("finding", Field::Problem),
    ("details", Field::Problem),
    ("detail", Field::Problem),
    ("explanation", Field::Problem),
    ("comment", Field::Problem),
    ("text", Field::Problem),
    ("message", Field::Problem),
    ("reason", Field::Problem),
    ("fix", Field::Problem),
    ("suggestion", Field::Problem),
    ("status", Field::Status),
];

/// The field that the text begins with a label of, and what follows the label.
pub(super) fn field(text: &str) -> Option<(Field, &str)> {
    let start = text.trim_start_matches(['*', '_', '`', ' ']);
    LABELS.iter().find_map(|(label, field)| {
        if !text::starts_with(start, label) {
            return None;
        }
        let rest = start[label.len()..].trim_start_matches(['*', '_', '`']);
        // `Finding 3:`, `Line 12:`
        let unnumbered =
            rest.trim_start_matches([' ', '#']).trim_start_matches(|c: char| c.is_ascii_digit());
        let colon = [rest, unnumbered].into_iter().find_map(|rest| {
            rest.trim_start_matches(['*', '_'])
                .strip_prefix([':', '='])
                .map(|r| r.trim_start_matches(['*', '_', ' ']))
        });
        let is = (label.ends_with(" is")).then_some(rest);
        Some((*field, colon.or(is)?))
    })
}

/// A finding, and whether anything but plain words was found in it.
pub(super) struct Peeled {
    pub(super) finding: RawFinding,
    pub(super) marked: bool,
}

/// Takes the marks off a finding's text.
pub(super) fn peel(line: &str) -> Peeled {
    let mut finding =
        RawFinding { requirement: None, severity: None, quote: None, text: String::new() };
    let mut marked = false;
    let mut rest = line;
    for _ in 0..12 {
        rest = rest.trim_start_matches([
            ' ', '*', '_', '-', '–', '—', ':', ',', ';', '|', '>', '.', '→', ')',
        ]);
        if finding.severity.is_none()
            && let Some((severity, after)) = leading_severity(rest)
        {
            finding.severity = Some(severity);
            rest = after;
        } else if let Some((number, after)) = lists::label(rest) {
            finding.requirement.get_or_insert_with(|| format!("R{number}"));
            rest = after;
        } else if let Some((_, after)) = field(rest) {
            rest = after;
        } else if finding.quote.is_none()
            && let Some((quote, after)) = quote(rest)
        {
            finding.quote = Some(quote.to_owned());
            rest = after;
        } else {
            break;
        }
        marked = true;
    }
    rest.trim().clone_into(&mut finding.text);
    if finding.severity.is_none()
        && let Some((text, severity)) = trailing_severity(&finding.text)
    {
        finding.severity = Some(severity);
        finding.text = text;
        marked = true;
    }
    Peeled { finding, marked }
}

/// `[blocker] `, `(should)`, `**Nit**:`, `Blocker -`.
fn leading_severity(text: &str) -> Option<(crate::domain::review::Severity, &str)> {
    let inside = text.trim_start_matches(['[', '(', '*', '_', '`', '<', '"']);
    let bracketed = inside.len() < text.len();
    let end = inside.find(|c: char| !c.is_alphabetic()).unwrap_or(inside.len());
    let severity = words::severity(&inside[..end])?;
    let mut rest = inside[end..].trim_start_matches(['*', '_']);
    if let Some(mark @ ('`' | '"')) = text.chars().next() {
        rest = rest.strip_prefix(mark).unwrap_or(rest);
    }
    let closed = rest.starts_with([']', ')', '>', ':', '|', ',']);
    let dashed = rest.trim_start().starts_with(['-', '–', '—', ':', '|']);
    // "Should close the file" begins with a plain word.
    (bracketed || closed || dashed || rest.trim().is_empty())
        .then(|| (severity, rest.trim_start_matches([']', ')', '*', '_', '>', ':', ' '])))
}

/// `... (nit)`, `... [blocker]`, `... Severity: should`.
fn trailing_severity(text: &str) -> Option<(String, crate::domain::review::Severity)> {
    let end = text.trim_end_matches(['.', ' ', '*']);
    let (before, word) = match end.strip_suffix([')', ']']) {
        Some(open) => open.rsplit_once(['(', '['])?,
        None => end.rsplit_once("everity:")?,
    };
    let word = word.rsplit(':').next().unwrap_or(word);
    let severity = words::severity(word)?;
    Some((
        before.trim_end_matches(['s', 'S', ' ', '*', '-', '—', '(']).trim_end().to_owned(),
        severity,
    ))
}

/// The quoted code that the text begins with.
pub(super) fn quote(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next()?;
    let close = match mark {
        '"' | '\'' | '`' => mark,
        '“' => '”',
        '‘' => '’',
        _ => return None,
    };
    let ticks = text.len() - text.trim_start_matches('`').len();
    if ticks > 1 {
        let inner = &text[ticks..];
        let end = inner.find(&"`".repeat(ticks))?;
        return Some((inner[..end].trim(), &inner[end + ticks..]));
    }
    let inner = &text[mark.len_utf8()..];
    // A quoted line may hold quotes: the end is where its brackets are closed.
    for (at, _) in inner.match_indices(close).take(20) {
        let after = &inner[at + close.len_utf8()..];
        let ends =
            after.chars().next().is_none_or(|c| c.is_whitespace() || ":,.;-–—)]".contains(c));
        if ends && balanced(&inner[..at]) {
            let quoted = inner[..at].trim().trim_matches('`');
            return Some((quoted, after));
        }
    }
    // Unbalanced, as `"def f(a,"`: the first end will do.
    let at = inner.find(close)?;
    let ends = inner[at + close.len_utf8()..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    (ends && mark != '\'')
        .then(|| (inner[..at].trim().trim_matches('`'), &inner[at + close.len_utf8()..]))
}

fn balanced(text: &str) -> bool {
    let count = |open, close| text.matches(open).count() == text.matches(close).count();
    count('(', ')')
        && count('[', ']')
        && count('{', '}')
        && text.matches('"').count().is_multiple_of(2)
}
