//! Reviews in lines: those of the requested form, and lists and tables in place of them.

use super::super::lists::{self, Shape};
use super::super::text;
use super::Sheet;
use super::form::{self, Said};
use crate::domain::review::{RawFinding, Status};

/// Maximum size of a finding's text from all of its lines, in bytes.
const MAX_TEXT: usize = 4096;

/// A finding whose lines are still being read.
struct Draft {
    finding: RawFinding,
    indent: usize,
    /// It is in the requested form.
    formal: bool,
    /// Its quote is below it.
    below: bool,
}

/// The state of the reader.
struct Reader<'s, 'r> {
    sheet: &'s mut Sheet<'r>,
    draft: Option<Draft>,
    /// The status that a line gives to the requirements below it.
    group: Option<Status>,
    /// Lines that consist of a status, in order.
    bare: Vec<Status>,
    after_blank: bool,
}

/// The kind of content between two fences.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fenced {
    /// The line that the finding above is about.
    Quote,
    /// The answer itself.
    Answer,
    /// Anything else.
    Other,
}

/// Reads the lines of an answer.
pub(super) fn read(text: &str, sheet: &mut Sheet<'_>) {
    let all_quoted = text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('>'));
    let mut reader =
        Reader { sheet, draft: None, group: None, bare: Vec::new(), after_blank: true };
    let mut fenced = None;
    for line in text.lines() {
        let line = if all_quoted { line.trim_start().trim_start_matches('>') } else { line };
        let start = line.trim_start();
        if let Some(tag) = start.strip_prefix("```").or_else(|| start.strip_prefix("~~~")) {
            let python = super::super::fences::is_python(tag.trim());
            fenced = match fenced {
                Some(_) => None,
                None if reader.draft.is_some() => Some(Fenced::Quote),
                None if python => Some(Fenced::Other),
                None => Some(Fenced::Answer),
            };
        } else if fenced == Some(Fenced::Quote) {
            reader.quote(start);
        } else if fenced == Some(Fenced::Other) {
        } else if start.is_empty() {
            reader.after_blank = true;
        } else {
            reader.line(line);
            reader.after_blank = false;
        }
    }
    reader.close();
    reader.judge_in_order();
}

impl Reader<'_, '_> {
    fn line(&mut self, line: &str) {
        let start = line.trim_start();
        if self.draft.is_some()
            && let Some(quoted) = start.strip_prefix('>')
        {
            self.quote(quoted);
            return;
        }
        let verdict = form::verdict_line(line);
        if verdict.is_some() || form::is_verdict_label(line) {
            self.close();
            self.sheet.verdict = verdict.or(self.sheet.verdict);
            return;
        }
        if start.starts_with('|') {
            self.close();
            self.row(start);
            return;
        }
        let indent = line.chars().count() - start.chars().count();
        let item = lists::item(line);
        let (marked, number, body) = unmarked(start);
        if let Some(said) = form::finding(body).map(Said::There).or_else(|| form::named(body)) {
            self.close();
            if let Said::There(finding) = said {
                self.draft = Some(Draft { finding, indent, formal: true, below: false });
            }
            return;
        }
        if self.judges(start, body, number, indent) {
            return;
        }
        if item.is_none() && lists::heading(line).is_some() {
            self.close();
            self.group = None;
            return;
        }
        let nested = self.draft.as_ref().is_some_and(|draft| indent > draft.indent);
        if item.is_some() && (!nested || item.is_some_and(|i| i.shape == Shape::Labelled)) {
            let finding = loose(body);
            self.begin(Draft { finding, indent, formal: false, below: false });
        } else if self.draft.is_some() && (indent > 0 || !self.after_blank) {
            self.add(if marked { body } else { start });
        } else {
            self.close();
        }
    }

    /// Reads judgements from a line. Returns whether it was one.
    fn judges(&mut self, start: &str, body: &str, number: Option<u32>, indent: usize) -> bool {
        if let Some((ids, rest)) = ids(body)
            && let Some((status, reason)) = form::status(rest)
        {
            self.close();
            self.sheet.judged.extend(ids.iter().map(|id| (id.clone(), status)));
            self.reason(&ids, status, reason, indent);
            return true;
        }
        let boxed = checkbox(start);
        let (icon, behind) =
            icon(body).map_or((boxed, body), |(status, rest)| (Some(status), rest));
        let behind =
            ["[x] ", "[X] ", "[ ] "].iter().find_map(|b| behind.strip_prefix(b)).unwrap_or(behind);
        if let Some((ids, rest)) = ids(behind) {
            let (lead, worded) = self::icon(rest).map_or((None, rest), |(s, rest)| (Some(s), rest));
            let worded = form::status(worded);
            let alone = text::key(rest).is_empty();
            let said = worded
                .or(lead.map(|status| (status, "")))
                .or(icon.map(|status| (status, "")))
                .or(self.group.filter(|_| alone).map(|status| (status, "")))
                .or_else(|| trailing(rest).map(|status| (status, "")));
            let Some((status, reason)) = said else { return false };
            self.close();
            self.sheet.guessed.extend(ids.iter().map(|id| (id.clone(), status)));
            self.reason(&ids, status, reason, indent);
            return true;
        }
        let Some((status, rest)) = form::status(behind) else { return false };
        let rest = rest.trim_matches(['*', '_', ')', ']', ':', ' ', '-', '–', '—', '.', '`']);
        let behind = ids(rest);
        if let Some((ids, _)) = behind.filter(|(_, after)| text::key(after).is_empty()) {
            self.close();
            self.sheet.guessed.extend(ids.into_iter().map(|id| (id, status)));
            return true;
        }
        let owner = self.draft.as_ref().filter(|draft| indent > draft.indent);
        if let Some(id) = owner.and_then(|draft| draft.finding.requirement.clone()) {
            self.sheet.guessed.push((id, status));
            self.add(if status == Status::Met { "" } else { rest });
        } else if !rest.is_empty() {
            return false;
        } else if let Some(number) = number {
            self.close();
            self.sheet.guessed.push((format!("R{number}"), status));
        } else {
            self.close();
            self.group = Some(status);
            if self.bare.len() <= 1000 {
                self.bare.push(status);
            }
        }
        true
    }

    /// The text after a status explains why a requirement is not met.
    fn reason(&mut self, ids: &[String], status: Status, reason: &str, indent: usize) {
        let reason =
            reason.trim_matches(['*', '_', ' ', ':', '-', '–', '—', ';', ',', ']', '`', '.']);
        let inner = reason.strip_prefix('(').and_then(|reason| reason.strip_suffix(')'));
        let reason = inner.unwrap_or(reason);
        if status == Status::Met || reason.is_empty() {
            return;
        }
        let finding = form::headed(reason);
        let requirement = finding.requirement.clone().or_else(|| ids.first().cloned());
        self.begin(Draft {
            finding: RawFinding { requirement, ..finding },
            indent,
            formal: false,
            below: false,
        });
    }

    fn begin(&mut self, draft: Draft) {
        self.close();
        self.draft = Some(draft);
    }

    /// Adds a line to the finding above.
    fn add(&mut self, more: &str) {
        let Some(Draft { finding, .. }) = &mut self.draft else { return };
        let more = more.trim();
        if more.is_empty() || finding.text.len() + more.len() > MAX_TEXT {
            return;
        }
        if !finding.text.is_empty() {
            finding.text.push(' ');
        }
        finding.text.push_str(more);
    }

    /// Adds a line of the script that the finding above is about.
    fn quote(&mut self, line: &str) {
        let Some(Draft { finding, below, .. }) = &mut self.draft else { return };
        let (quote, line) = (finding.quote.get_or_insert_default(), line.trim());
        *below |= quote.is_empty();
        if *below && quote.len() + line.len() <= MAX_TEXT {
            if !quote.is_empty() && !line.is_empty() {
                quote.push(' ');
            }
            quote.push_str(line);
        }
    }

    fn close(&mut self) {
        let Some(Draft { mut finding, formal, .. }) = self.draft.take() else { return };
        if finding.quote.as_ref().is_some_and(|quote| !quote.is_empty()) {
            // "... draws nothing:" with the quote below.
            let said = finding.text.trim_end_matches(|c: char| !formal && ": ".contains(c));
            finding.text.truncate(said.len());
        }
        let into = if formal { &mut self.sheet.findings } else { &mut self.sheet.loose };
        into.push(finding);
    }

    /// Reads a row of a table: a requirement with a status, or a finding.
    fn row(&mut self, line: &str) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let alone = |cell: &&str| ids(cell).is_some_and(|(_, rest)| text::key(rest).is_empty());
        let id = cells.iter().find(|cell| alone(cell)).and_then(|cell| ids(cell));
        let id = id.and_then(|(ids, _)| ids.into_iter().next());
        let status = cells.iter().find_map(|cell| {
            let (status, rest) = form::status(cell).or_else(|| icon(cell))?;
            let said = form::status(rest).map_or(rest, |(_, rest)| rest);
            text::key(said).is_empty().then_some(status)
        });
        if let (Some(id), Some(status)) = (&id, status) {
            self.sheet.guessed.push((id.clone(), status));
            return;
        }
        let marks = ['[', ']', '(', ')', '*', '`', '_'];
        let severe = |cell: &&str| form::severity(cell.trim_matches(marks));
        let Some(severity) = cells.iter().find_map(severe) else { return };
        let quote =
            cells.iter().find_map(|cell| quoted_alone(cell)).map(|(quote, _)| quote.to_owned());
        let words = |cell: &&&str| {
            !alone(cell)
                && severe(cell).is_none()
                && quoted_alone(cell).is_none()
                && !cell.is_empty()
        };
        if let Some(said) = cells.iter().rfind(|cell| words(cell)) {
            self.sheet.loose.push(RawFinding {
                id: None,
                requirement: id,
                severity: Some(severity),
                quote,
                text: (*said).to_owned(),
            });
        }
    }

    /// If there are as many bare statuses as requirements, they are assigned in order.
    fn judge_in_order(&mut self) {
        let requirements = self.sheet.requirements;
        let options = self.bare.len() == 3
            && self.bare.contains(&Status::Met)
            && self.bare.contains(&Status::Partly)
            && self.bare.contains(&Status::NotMet);
        if self.sheet.guessed.is_empty() && self.bare.len() == requirements.len() && !options {
            let ids = requirements.iter().map(|requirement| requirement.id.clone());
            self.sheet.guessed.extend(ids.zip(self.bare.iter().copied()));
        }
    }
}

/// The quoted code, if the cell of a table contains nothing else.
fn quoted_alone(cell: &str) -> Option<(&str, &str)> {
    form::quote(cell).filter(|(_, rest)| rest.is_empty())
}

/// Whether a line is marked as an item, its number, and the text after the marks.
fn unmarked(start: &str) -> (bool, Option<u32>, &str) {
    let start = start.trim_start_matches(['#', '>', ' ']);
    if let Some(rest) = start.strip_prefix(['-', '*', '+', '•', '‣', '◦', '–'])
        && let Some(rest) = rest.strip_prefix([' ', '\t'])
    {
        let (_, number, body) = unmarked_number(rest.trim_start());
        return (true, number, body);
    }
    unmarked_number(start)
}

fn unmarked_number(start: &str) -> (bool, Option<u32>, &str) {
    let digits = start.bytes().take_while(u8::is_ascii_digit).count();
    let number = start.get(..digits.min(4)).and_then(|number| number.parse().ok());
    let rest = start[digits..].strip_prefix(['.', ')']);
    match (number, rest.and_then(|rest| rest.strip_prefix([' ', '\t']))) {
        (Some(number), Some(rest)) => (true, Some(number), rest.trim_start()),
        _ => (false, None, start),
    }
}

/// Parses a point in another form: a severity in any brackets at its start or end counts.
fn loose(body: &str) -> RawFinding {
    const OPEN: [char; 6] = ['*', '_', '(', '[', '<', '`'];
    const CLOSE: [char; 8] = ['*', '_', ')', ']', '>', '`', ':', '|'];
    let start = body.trim_start_matches(OPEN);
    let word = start.find(|c: char| !c.is_alphabetic()).unwrap_or(start.len());
    let rest = &start[word..];
    let ends = rest.starts_with(CLOSE) || rest.trim_start().starts_with(['-', '–', '—', ':']);
    if let Some(severity) = form::severity(&start[..word]).filter(|_| ends) {
        let rest =
            rest.trim_start_matches(CLOSE).trim_start_matches([' ', '-', '–', '—', ':', '*']);
        return RawFinding { severity: Some(severity), ..form::headed(rest) };
    }
    let mut finding = form::headed(body);
    // `R1 [nit]: ...`
    if let Some((word, rest)) =
        finding.text.strip_prefix(['[', '(']).and_then(|text| text.split_once([']', ')']))
        && let Some(severity) = form::severity(word)
    {
        let rest = rest.trim_start_matches([':', ' ', '-', '–', '—']);
        let inner = form::headed(rest);
        finding.severity = Some(severity);
        finding.quote = finding.quote.or(inner.quote);
        finding.text = inner.text;
    }
    let end = finding.text.trim_end_matches(['.', ' ', '*']);
    if finding.severity.is_none()
        && let Some((before, word)) =
            end.strip_suffix([')', ']']).and_then(|end| end.rsplit_once(['(', '[']))
        && let Some(severity) = form::severity(word)
    {
        finding.severity = Some(severity);
        finding.text = before.trim_end().to_owned();
    }
    finding
}

/// `- [x] R1`, `- [ ] R2`.
fn checkbox(start: &str) -> Option<Status> {
    let rest = start.strip_prefix(['-', '*'])?.trim_start();
    if text::starts_with(rest, "[x]") {
        Some(Status::Met)
    } else {
        rest.starts_with("[ ]").then_some(Status::NotMet)
    }
}

/// The status that an icon at the start stands for, and the rest.
fn icon(said: &str) -> Option<(Status, &str)> {
    const MET: [char; 6] = ['✅', '✔', '☑', '✓', '🟢', '👍'];
    const NOT: [char; 6] = ['❌', '✗', '✘', '✖', '🔴', '❎'];
    const PARTLY: [char; 5] = ['⚠', '🟡', '🟠', '◐', '➖'];
    let first = said.chars().next()?;
    let status = if MET.contains(&first) {
        Status::Met
    } else if NOT.contains(&first) {
        Status::NotMet
    } else if PARTLY.contains(&first) {
        Status::Partly
    } else {
        return None;
    };
    Some((status, said[first.len_utf8()..].trim_start_matches(['\u{fe0f}', ' '])))
}

/// The requirements at the start of a text, and the rest: `R1`, `R1, R2`, `R1-R5`.
fn ids(said: &str) -> Option<(Vec<String>, &str)> {
    let (first, mut rest) = bare_id(said.trim_start_matches(['*', '_', '[', '(', '`']))?;
    let mut numbers = vec![first];
    while numbers.len() < 100 {
        let gap = rest.trim_start_matches(['*', '_', ' ', ']', ')', '`']);
        let next = ["-", "–", ",", "&", "/"].iter().find_map(|mark| {
            let after = gap.strip_prefix(mark)?.trim_start();
            bare_id(after.trim_start_matches(['*', '_'])).map(|(n, rest)| (*mark, n, rest))
        });
        let Some((mark, number, after)) = next else { break };
        if ["-", "–"].contains(&mark) {
            let last = numbers.last().copied().unwrap_or(number);
            numbers.extend((last + 1..=number).take(100));
        } else {
            numbers.push(number);
        }
        rest = after;
    }
    let rest =
        rest.trim_start_matches(['*', '_', ']', ')', ' ', ':', '-', '–', '—', '=', '.', '→']);
    Some((numbers.into_iter().map(|n| format!("R{n}")).collect(), rest))
}

fn bare_id(said: &str) -> Option<(u32, &str)> {
    let (number, _) = lists::label(said)?;
    let digits = said.find(|c: char| c.is_ascii_digit())?;
    Some((number, said[digits..].trim_start_matches(|c: char| c.is_ascii_digit())))
}

/// `The clock shows the time: met`, `... - Not met`, `... (partly)`.
fn trailing(said: &str) -> Option<Status> {
    let end = said.trim_end_matches(['.', ' ', '*', ')', ']']);
    let marks = [": ", " - ", " – ", " — ", " (", " [", "→ ", "** "];
    let after = marks.iter().filter_map(|mark| end.rfind(mark).map(|at| at + mark.len())).max()?;
    let (status, rest) = form::status(&end[after..])?;
    text::key(rest).is_empty().then_some(status)
}
