//! Reviews given as lines: lists, tables, headings, and loops of them.

use super::super::lists::{self, Shape};
use super::super::{fences, text};
use super::peel::{self, Field, Peeled};
use super::{Notes, words};
use crate::domain::review::{RawFinding, Severity, Status};

/// Longest text that one finding's lines may add up to, in bytes.
const MAX_TEXT: usize = 4096;

/// A finding whose lines are still being read.
#[derive(Default)]
struct Draft {
    requirement: Option<String>,
    severity: Option<Severity>,
    quote: Option<String>,
    text: String,
    indent: usize,
    /// The requirement was said to be met: what follows is praise.
    praise: bool,
}

/// Where in the answer the reader is.
struct Reader<'n, 'r> {
    notes: &'n mut Notes<'r>,
    draft: Option<Draft>,
    /// The status that a heading gives to the requirements below it.
    group: Option<Status>,
    /// The severity that a heading gives to the findings below it.
    section: Option<Severity>,
    /// Below a heading like "Strengths".
    ignoring: bool,
    /// Lines that are a status and nothing else, in order.
    bare: Vec<Status>,
    after_blank: bool,
    /// After a line `Verdict:`.
    awaits_verdict: bool,
}

/// Collects what the lines of an answer say.
pub(super) fn read(text: &str, notes: &mut Notes<'_>) {
    let mut reader = Reader {
        notes,
        draft: None,
        group: None,
        section: None,
        ignoring: false,
        bare: Vec::new(),
        after_blank: true,
        awaits_verdict: false,
    };
    let mut code = None;
    for line in text.lines() {
        let start = line.trim_start();
        if let Some(tag) = start.strip_prefix("```").or_else(|| start.strip_prefix("~~~")) {
            let in_code = fences::is_python(tag.trim()) || reader.draft.is_some();
            code = if code.is_some() { None } else { Some(in_code) };
        } else if code == Some(true) {
            if let Some(draft) = &mut reader.draft
                && draft.quote.is_none()
                && !start.is_empty()
            {
                draft.quote = Some(start.trim_end().to_owned());
            }
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
        let verdict = words::verdict_line(line)
            .or_else(|| self.awaits_verdict.then(|| words::verdict_of(line)).flatten());
        self.awaits_verdict = words::is_verdict_label(line);
        if verdict.is_some() || self.awaits_verdict {
            self.close();
            self.notes.verdict = verdict.or(self.notes.verdict);
            return;
        }
        if words::is_echo(line) {
            self.close();
            self.group = None;
            return;
        }
        if line.trim_start().starts_with('|') {
            self.close();
            self.row(line);
            return;
        }
        let indent = line.len() - line.trim_start().len();
        let item = lists::item(line);
        let boxed = checkbox(line);
        let body = item.filter(|i| i.shape != Shape::Labelled).map_or_else(
            || line.trim_start().trim_start_matches(['#', '>', ' ']).trim_start_matches("- "),
            |i| i.text,
        );
        let number = item.filter(|i| i.shape == Shape::Numbered).map(|i| i.number);
        let body = body
            .trim_start_matches(['*', ' '])
            .trim_start_matches("[x] ")
            .trim_start_matches("[ ] ")
            .trim_start_matches("[X] ");
        if self.judges(body, boxed, number, indent, item.is_some()) {
            return;
        }
        if let Some((field, rest)) = peel::field(body)
            && self.field(field, rest, indent)
        {
            return;
        }
        let Peeled { finding, marked } = peel::peel(body);
        if !marked && let Some(heading) = lists::heading(line).filter(|_| number.is_none()) {
            self.heading(&heading);
            return;
        }
        let nested = self.draft.as_ref().is_some_and(|d| indent > d.indent);
        let own = finding.severity.is_some() || finding.requirement.is_some();
        if own || (item.is_some() && !nested) {
            if own
                && finding.text.is_empty()
                && finding.quote.is_none()
                && finding.requirement.is_none()
            {
                // `**Blocker**` as a heading of its own
                self.close();
                self.section = finding.severity;
                self.ignoring = false;
                if item.is_none() {
                    return;
                }
            }
            self.begin(finding, indent);
        } else if self.draft.is_some() && (indent > 0 || !self.after_blank) {
            self.add(&finding);
        } else {
            self.close();
        }
    }

    /// Reads judgements from a line. Whether it was one.
    fn judges(
        &mut self,
        body: &str,
        boxed: Option<Status>,
        number: Option<u32>,
        indent: usize,
        is_item: bool,
    ) -> bool {
        let (icon, after_icon) =
            words::icon(body).map_or((boxed, body), |(s, rest)| (Some(s), rest));
        if let Some((ids, rest)) = ids(after_icon) {
            let severe = peel::peel(rest).finding.severity.is_some();
            let said = words::leading_status(rest)
                .or_else(|| icon.map(|status| (status, rest)))
                .or_else(|| {
                    (ids.len() > 1 || rest.trim().is_empty())
                        .then_some(())
                        .and(self.group.map(|status| (status, rest)))
                })
                .or_else(|| self.group.filter(|_| is_item).map(|status| (status, rest)))
                .or_else(|| trailing_status(rest).map(|(before, status)| (status, before)));
            if let Some((status, rest)) = said.filter(|_| !severe) {
                // Behind a box stands the requirement, not what is wrong with it.
                self.judge(&ids, status, if boxed.is_some() { "" } else { rest }, indent);
                return true;
            }
            return false;
        }
        let lower = body.to_lowercase();
        if lower.starts_with("all requirements") || lower.starts_with("all of the requirements") {
            let rest = &body[body.to_ascii_lowercase().find("requirements").unwrap_or(0) + 12..];
            if let Some((status, _)) = words::leading_status(rest) {
                self.close();
                self.notes.judge_all(status);
                return true;
            }
        }
        let said = if text::starts_with(body, "status:") { body[7..].trim_start() } else { body };
        let Some((status, rest)) = words::leading_status(said) else { return false };
        let rest = rest.trim_start_matches(['*', '_', ')', ']', ':', ' ', '-', '–', '—', '.', '`']);
        if let Some((ids, after)) =
            ids(rest).filter(|(_, after)| after.trim_matches(['.', ' ', '*']).is_empty())
        {
            let _ = after;
            self.close();
            for id in ids {
                self.notes.judge(&id, status);
            }
            return true;
        }
        let owner =
            self.draft.as_ref().filter(|d| indent > d.indent).and_then(|d| d.requirement.clone());
        if let Some(id) = owner {
            self.notes.judge(&id, status);
            if let Some(draft) = &mut self.draft {
                draft.praise |= status == Status::Met;
                push(&mut draft.text, rest);
            }
            return true;
        }
        if let Some(number) = number {
            self.judge(&[format!("R{number}")], status, rest, indent);
            return true;
        }
        if text::key(rest).is_empty() || matches!(text::key(rest).as_str(), "none" | "requirements")
        {
            self.close();
            self.group = Some(status);
            self.ignoring = false;
            if self.bare.len() <= 1000 {
                self.bare.push(status);
            }
            return true;
        }
        false
    }

    /// Notes a status; the reason for anything but "met" becomes a finding.
    fn judge(&mut self, ids: &[String], status: Status, rest: &str, indent: usize) {
        self.close();
        for id in ids {
            self.notes.judge(id, status);
        }
        let mut finding = peel::peel(rest.trim_start_matches([')', ']', ' ', '*'])).finding;
        finding.text = unwrapped(&finding.text);
        self.draft = Some(Draft {
            requirement: ids.first().cloned(),
            severity: finding.severity,
            quote: finding.quote,
            text: finding.text,
            indent,
            praise: status == Status::Met,
        });
    }

    /// Puts a labelled line into the finding that is being read. Whether it belonged to one.
    fn field(&mut self, field: Field, rest: &str, indent: usize) -> bool {
        let peeled = peel::peel(rest).finding;
        let starts = match (&self.draft, field) {
            (None, _) => true,
            (Some(draft), Field::Severity) => draft.severity.is_some(),
            (Some(draft), Field::Requirement) => {
                draft.requirement.is_some() && indent <= draft.indent
            }
            (Some(draft), Field::Quote) => draft.quote.is_some() && indent <= draft.indent,
            (Some(draft), Field::Problem) => {
                !draft.text.is_empty() && indent <= draft.indent && self.after_blank
            }
            (Some(_), Field::Status) => false,
        };
        let severity = words::severity(rest.split([',', ' ', ';', '|']).next().unwrap_or_default());
        if field == Field::Severity && severity.is_none() {
            return false;
        }
        if starts || self.draft.as_ref().is_some_and(|d| d.praise && field == Field::Severity) {
            self.close();
            self.draft = Some(Draft { indent, ..Draft::default() });
        }
        let Some(draft) = &mut self.draft else { return false };
        match field {
            Field::Severity => {
                draft.severity = severity;
                let after = rest.split_once([',', ';', '|']).map_or("", |(_, after)| after);
                let more = peel::peel(after).finding;
                draft.requirement = draft.requirement.take().or(more.requirement);
                draft.quote = draft.quote.take().or(more.quote);
                push(&mut draft.text, &more.text);
            }
            Field::Requirement => {
                draft.requirement = draft.requirement.take().or(peeled.requirement);
            }
            Field::Quote => {
                let whole = rest.trim().trim_matches(['"', '`', '“', '”']).to_owned();
                let number = !whole.is_empty() && whole.chars().all(|c| c.is_ascii_digit());
                if !number {
                    push(&mut draft.text, if peeled.quote.is_some() { &peeled.text } else { "" });
                    draft.quote = draft.quote.take().or(peeled.quote).or(Some(whole));
                }
            }
            Field::Problem => {
                draft.severity = draft.severity.or(peeled.severity);
                draft.requirement = draft.requirement.take().or(peeled.requirement);
                draft.quote = draft.quote.take().or(peeled.quote);
                push(&mut draft.text, &peeled.text);
            }
            Field::Status => {}
        }
        true
    }

    fn heading(&mut self, heading: &str) {
        self.close();
        self.group = None;
        let has = |words: &[&str]| words.iter().any(|w| heading.contains(w));
        self.ignoring =
            has(&["strength", "positive", "what works", "pros", "praise", "good", "summary"]);
        self.section = if has(&["blocker", "critical", "major"]) {
            Some(Severity::Blocker)
        } else if has(&["nit", "suggestion", "minor", "improvement"]) {
            Some(Severity::Nit)
        } else if heading.starts_with("should") {
            Some(Severity::Should)
        } else {
            None
        };
    }

    fn begin(&mut self, finding: RawFinding, indent: usize) {
        self.close();
        let RawFinding { requirement, severity, quote, text } = finding;
        if !self.ignoring || severity.is_some() {
            self.draft = Some(Draft { requirement, severity, quote, text, indent, praise: false });
        }
    }

    fn add(&mut self, finding: &RawFinding) {
        let Some(draft) = &mut self.draft else { return };
        draft.quote = draft.quote.take().or_else(|| finding.quote.clone());
        push(&mut draft.text, &finding.text);
    }

    fn close(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        if !draft.praise {
            self.notes.find(RawFinding {
                requirement: draft.requirement,
                severity: draft.severity.or(self.section),
                quote: draft.quote,
                text: draft.text,
            });
        }
    }

    /// A row of a table: a requirement with a status, or a finding.
    fn row(&mut self, line: &str) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let filled = cells.iter().any(|c| c.chars().any(char::is_alphanumeric));
        if !filled || cells.len() < 2 {
            return;
        }
        let id = cells.iter().find_map(|c| lists::label(c)).map(|(n, _)| format!("R{n}"));
        let severity = cells.iter().find_map(|c| words::severity(c));
        let status = cells.iter().skip(1).find_map(|cell| {
            let (status, rest) = words::leading_status(cell)?;
            (text::key(rest).split(' ').count() <= 3).then_some(status)
        });
        if let (Some(id), Some(status)) = (&id, status) {
            self.notes.judge(id, status);
        }
        let quote = cells.iter().find_map(|c| peel::quote(c)).filter(|(_, rest)| rest.is_empty());
        let mut text = cells.iter().filter(|c| {
            words::severity(c).is_none()
                && peel::quote(c).is_none_or(|(_, rest)| !rest.is_empty())
                && lists::label(c).is_none_or(|(_, rest)| !rest.is_empty())
                && words::leading_status(c).is_none()
        });
        // The last cell with words tells what is wrong; the first may repeat the requirement.
        if let Some(text) = text.rfind(|c| c.contains(' '))
            && (id.is_some() || severity.is_some())
            && status != Some(Status::Met)
        {
            let quote = quote.map(|(quote, _)| quote.to_owned());
            self.notes.find(RawFinding {
                requirement: id,
                severity,
                quote,
                text: (*text).to_owned(),
            });
        }
    }

    /// As many bare statuses as requirements: they are meant in order.
    fn judge_in_order(&mut self) {
        let requirements = self.notes.requirements;
        let options = self.bare.len() == 3
            && self.bare.contains(&Status::Met)
            && self.bare.contains(&Status::Partly)
            && self.bare.contains(&Status::NotMet);
        if self.notes.statuses.is_empty() && self.bare.len() == requirements.len() && !options {
            for (requirement, status) in requirements.iter().zip(self.bare.clone()) {
                self.notes.judge(&requirement.id, status);
            }
        }
    }
}

/// Appends a line to a finding's text.
fn push(text: &mut String, more: &str) {
    let more = more.trim();
    if more.is_empty() || text.len() + more.len() > MAX_TEXT {
        return;
    }
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

/// A text that stands in brackets as a whole, without them.
fn unwrapped(text: &str) -> String {
    let inner = text.strip_prefix('(').and_then(|t| t.trim_end_matches('.').strip_suffix(')'));
    let text = inner.unwrap_or(text);
    let lone = text.ends_with(')') && !text.contains('(');
    if lone { text.trim_end_matches(')').to_owned() } else { text.to_owned() }
}

/// `- [x] R1`, `- [ ] R2`.
fn checkbox(line: &str) -> Option<Status> {
    let line = line.trim_start().strip_prefix(['-', '*'])?.trim_start();
    if text::starts_with(line, "[x]") {
        Some(Status::Met)
    } else {
        line.starts_with("[ ]").then_some(Status::NotMet)
    }
}

/// The requirements that a text begins with: `R1`, `R1, R2 and R3`, `R1-R5`; and what follows.
fn ids(text: &str) -> Option<(Vec<String>, &str)> {
    let (first, mut rest) = bare_id(text.trim_start_matches(['*', '_', '[', '(', '`']))?;
    let mut numbers = vec![first];
    while numbers.len() < 100 {
        let gap = rest.trim_start_matches(['*', '_', ' ', ']', ')', '`']);
        let next = ["-", "–", "to ", "through ", ",", "and ", "&", "/"].iter().find_map(|mark| {
            let after = gap.strip_prefix(mark)?.trim_start();
            let after = after.strip_prefix("and ").unwrap_or(after);
            bare_id(after.trim_start_matches(['*', '_'])).map(|(n, rest)| (*mark, n, rest))
        });
        let Some((mark, number, after)) = next else { break };
        if ["-", "–", "to ", "through "].contains(&mark) {
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

fn bare_id(text: &str) -> Option<(u32, &str)> {
    let (number, _) = lists::label(text)?;
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let rest = text[digits..].trim_start_matches(|c: char| c.is_ascii_digit());
    Some((number, rest))
}

/// `The clock shows the time: met`, `... - Not met`, `... (partly)`.
fn trailing_status(text: &str) -> Option<(&str, Status)> {
    let end = text.trim_end_matches(['.', ' ', '*', ')', ']']);
    let at = [": ", " - ", " – ", " — ", " (", " [", "→ ", "** "]
        .iter()
        .filter_map(|mark| end.rfind(mark).map(|at| (at, at + mark.len())));
    let (before, after) = at.max()?;
    let said = end[after..].trim_matches(['*', '_', ' ', '`']);
    let (status, rest) = words::leading_status(said)?;
    text::key(rest).is_empty().then_some((&text[..before], status))
}
