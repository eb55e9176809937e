//! The form of a review: its words, the line of a finding, and the writer.
//!
//! ```text
//! R1: met
//! R2: not met
//! - [blocker] R2 "the line copied from the script" what goes wrong and when
//! - [should] F1 R2 "": what goes wrong, as any text
//!   > the line copied from the script
//! VERDICT: ITERATE
//! ```
//!
//! The head of a finding is its severity, the id of a known finding, the requirement and the quoted
//! line; a colon after one of them ends the head. The rest is its text, taken literally.

use super::super::text;
use crate::domain::review::{RawFinding, RawReview, Severity, Status, Verdict};
use crate::domain::text::one_line;
use std::fmt::Write;

/// Maximum length of a finding's text or quote, in characters.
pub(super) const MAX_WIDTH: usize = 600;

/// The severity named by a word.
pub(super) fn severity(word: &str) -> Option<Severity> {
    let all = [Severity::Blocker, Severity::Should, Severity::Nit];
    all.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(word.trim()))
}

/// The verdict named by a word.
pub(super) fn verdict(word: &str) -> Option<Verdict> {
    let all = [Verdict::Accept, Verdict::Iterate];
    all.into_iter().find(|verdict| verdict.name().eq_ignore_ascii_case(word.trim()))
}

/// The status at the start of a text, and the rest.
pub(super) fn status(said: &str) -> Option<(Status, &str)> {
    let said = said.trim_start_matches(['*', '_', '[', '(', '`', '"', ' ', ':', '=', '→']);
    let words = [
        ("not met", Status::NotMet),
        ("not_met", Status::NotMet),
        ("partly", Status::Partly),
        ("met", Status::Met),
    ];
    let (rest, status) = words.into_iter().find_map(|(word, status)| {
        text::starts_with(said, word).then(|| (&said[word.len()..], status))
    })?;
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && !"_'’".contains(c));
    ends.then_some((status, rest))
}

/// The verdict on a line, with any marks: `VERDICT: ACCEPT`, `**Verdict:** iterate`, `ITERATE`.
pub(super) fn verdict_line(line: &str) -> Option<Verdict> {
    let said = without_marks(line);
    let word = after_verdict(&said).unwrap_or(&said);
    verdict(word.trim_end_matches(['.', '!']))
}

/// Whether a line is `Verdict:` without the word.
pub(super) fn is_verdict_label(line: &str) -> bool {
    after_verdict(&without_marks(line)).is_some_and(str::is_empty)
}

fn after_verdict(said: &str) -> Option<&str> {
    let rest = text::starts_with(said, "verdict").then(|| &said["verdict".len()..])?;
    let word = rest.trim_start_matches([':', '=', '-', '–', '—', ' ']);
    (rest.is_empty() || word.len() < rest.len()).then_some(word)
}

fn without_marks(line: &str) -> String {
    let line = line.replace(['*', '_', '`'], "");
    line.trim_matches(|c: char| c.is_whitespace() || "#>-•".contains(c)).to_owned()
}

/// The finding in the body of a line, `[blocker] R2 "..." ...`; empty brackets mean no severity.
pub(super) fn finding(body: &str) -> Option<RawFinding> {
    let (word, rest) =
        body.trim_start_matches(['*', '_', '`', ' ']).strip_prefix('[')?.split_once(']')?;
    let severity = severity(word);
    if severity.is_none() && !word.is_empty() {
        return None;
    }
    let rest = rest.trim_start_matches(['*', '_', '`']);
    let finding = headed(rest.strip_prefix(':').unwrap_or(rest));
    Some(RawFinding { severity, ..finding })
}

/// A statement on a known finding.
pub(super) enum Said {
    /// It is still there.
    There(RawFinding),
    /// It is fixed.
    Gone,
}

/// Parses the statement on a finding that a line names: `F1: still there`, `F1: met`.
pub(super) fn named(body: &str) -> Option<Said> {
    let (_, after) = id(body, 'F')?;
    let after = after.trim_start();
    if !(after.is_empty() || after.starts_with([':', '-', '–', '—', '('])) {
        return None;
    }
    let met = status(after).is_some_and(|(status, _)| status == Status::Met);
    Some(if met { Said::Gone } else { Said::There(headed(body)) })
}

/// The number of `F1` or `R2`, with any marks, and the rest.
pub(super) fn id(said: &str, letter: char) -> Option<(u32, &str)> {
    let said = said.trim_start().trim_start_matches(['*', '_', '`', '(', '[']);
    let rest = said.strip_prefix(letter)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest.get(..digits.min(5))?.parse().ok()?;
    let rest = &rest[digits..];
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_');
    ends.then(|| (number, rest.trim_start_matches(['*', '_', '`', ')', ']', ','])))
}

/// Parses the text after a severity: ids, a quoted line, and the finding's text.
pub(super) fn headed(said: &str) -> RawFinding {
    let mut finding = RawFinding {
        id: None,
        requirement: None,
        severity: None,
        quote: None,
        text: String::new(),
    };
    let (mut rest, mut begun) = (said, false);
    let text = loop {
        let start = rest.trim_start_matches([' ', ',', ';']);
        if begun && let Some(text) = start.strip_prefix(':') {
            let text = text.trim();
            if finding.quote.is_none()
                && text.starts_with(['"', '“'])
                && let Some((quote, after)) = quote(text)
            {
                finding.quote = Some(quote.to_owned());
                break after.trim_start_matches([' ', ':', '-', '–', '—']);
            }
            break text;
        }
        if finding.id.is_none()
            && let Some((number, after)) = id(start, 'F')
        {
            (finding.id, rest) = (Some(format!("F{number}")), after);
        } else if finding.requirement.is_none()
            && let Some((number, after)) = id(start, 'R')
        {
            (finding.requirement, rest) = (Some(format!("R{number}")), after);
        } else if finding.quote.is_none()
            && let Some((quote, after)) = quote(start)
        {
            (finding.quote, rest) = (Some(quote.to_owned()), after);
        } else {
            break start.trim_start_matches(['-', '–', '—', ':', ' ']);
        }
        begun = true;
    };
    text.trim().clone_into(&mut finding.text);
    finding
}

/// The quoted code at the start of a text, and the rest.
pub(super) fn quote(said: &str) -> Option<(&str, &str)> {
    let close = match said.chars().next()? {
        mark @ ('"' | '`') => mark,
        '“' => '”',
        _ => return None,
    };
    let ticks = said.len() - said.trim_start_matches('`').len();
    if ticks > 1 {
        let inner = &said[ticks..];
        let end = inner.find(&"`".repeat(ticks))?;
        return Some((inner[..end].trim(), &inner[end + ticks..]));
    }
    let inner = &said[said.chars().next()?.len_utf8()..];
    let ends = |after: &str| {
        after.chars().next().is_none_or(|c| c.is_whitespace() || ":,.;-–—)]".contains(c))
    };
    // A quoted line may contain quotes: it ends where its brackets are balanced.
    let mut places = inner.match_indices(close).take(20).map(|(at, _)| at);
    let at = places.find(|at| ends(&inner[at + close.len_utf8()..]) && balanced(&inner[..*at]));
    // Unbalanced, such as `"def f(a,"`: use the first end.
    let at = at.or_else(|| {
        let at = inner.find(close)?;
        let next = inner[at + close.len_utf8()..].chars().next();
        next.is_none_or(|c| !c.is_alphanumeric()).then_some(at)
    })?;
    Some((inner[..at].trim().trim_matches('`'), &inner[at + close.len_utf8()..]))
}

fn balanced(text: &str) -> bool {
    let count = |open, close| text.matches(open).count() == text.matches(close).count();
    count('(', ')')
        && count('[', ']')
        && count('{', '}')
        && text.matches('"').count().is_multiple_of(2)
}

/// Formats a review in the requested text form, so that [`super::parse`] returns the same review
/// for any findings. Their texts and quotes must be single lines without surrounding blanks.
#[must_use]
pub fn write(review: &RawReview) -> String {
    let mut text = String::new();
    for judgement in &review.judgements {
        let _ = writeln!(text, "{}: {}", judgement.requirement, judgement.status.name());
    }
    for finding in &review.findings {
        let _ = writeln!(text, "- {}", line(finding));
    }
    if let Some(verdict) = review.verdict {
        let _ = writeln!(text, "VERDICT: {}", verdict.name());
    }
    text
}

/// Whether every line of a text belongs to the text form.
pub(super) fn is_all(text: &str) -> bool {
    let is_judgement = |line: &str| {
        let said = id(line, 'R').and_then(|(_, rest)| status(rest.strip_prefix(':')?));
        said.is_some_and(|(_, rest)| rest.trim().is_empty())
    };
    let is_finding =
        |line: &str| line.strip_prefix("- ").is_some_and(|body| finding(body).is_some());
    let is_verdict =
        |line: &str| line.strip_prefix("VERDICT: ").is_some_and(|word| verdict(word).is_some());
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    let begins = lines.peek().is_some_and(|line| !line.trim_start().starts_with('>'));
    begins
        && lines.all(|line| {
            let quotes = line.trim_start().starts_with("> ");
            quotes || is_judgement(line) || is_finding(line) || is_verdict(line)
        })
}

/// The text form as a pattern of the whole answer: a judgement of each of these requirements in
/// order, then findings, then the verdict. Every result of [`write`] for such a review matches.
#[must_use]
pub fn pattern(ids: &[&str]) -> String {
    const JUDGED: &str = "(met|partly|not met)\\n{1,2}";
    const FINDING: &str =
        r"((- \[(blocker|should|nit|)\]|(- )?F[0-9]{1,5})[^\n]*(\n *>[^\n]*)?\n{1,2})*";
    let judged: String = if ids.is_empty() {
        format!("(R[0-9]{{1,5}}: {JUDGED})*")
    } else {
        let each = ids.iter().map(|id| [&regex::escape(id), ": ", JUDGED].concat());
        each.collect()
    };
    format!(r"[ \n]{{0,4}}{judged}{FINDING}VERDICT: (ACCEPT|ITERATE)\n?")
}

/// A finding in the short form of the prompt if that is unambiguous, otherwise with every part in
/// its place.
fn line(finding: &RawFinding) -> String {
    let mut head = format!("[{}]", finding.severity.map_or("", Severity::name));
    for id in [&finding.id, &finding.requirement].into_iter().flatten() {
        let _ = write!(head, " {id}");
    }
    let quoted = finding.quote.as_ref().map_or_else(String::new, |quote| format!(" \"{quote}\""));
    let plain = format!("{head}{quoted} {}", finding.text);
    if self::finding(&plain).as_ref() == Some(finding) {
        return plain;
    }
    let quoted = finding.quote.as_ref().map_or_else(String::new, |quote| format!("\n  > {quote}"));
    format!("{head} \"\": {}{quoted}", finding.text)
}

/// A text or a quote, shortened to one line.
pub(super) fn kept(said: &str) -> String {
    one_line(said, MAX_WIDTH)
}
