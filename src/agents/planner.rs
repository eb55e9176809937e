//! The Planner: turns a request into numbered requirements.

pub(super) mod form;
pub(super) mod line;

use super::given::{self, Given};
use super::lists::{self, Item, Shape};
use super::thoughts::after_thinking;
use super::{Refusal, RefusalKind, ask, fences, text};
use crate::domain::chat::{Agent, Outcome, Request};
use crate::domain::example;
use crate::domain::permission;
use crate::domain::plan::Requirement;
use crate::domain::text::one_line;
use crate::domain::writes;
use crate::prompts::{PromptError, Prompts};
pub use form::{Parts, read as read_form, write};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Maximum number of requirements; a model that writes more does not stop.
const MAX_REQUIREMENTS: usize = 20;
/// Maximum number of requirements in a plan written by the user.
const MAX_WRITTEN: usize = 100;
const MAX_QUESTIONS: usize = 3;
/// Maximum length of a requirement, and of the restatement, in characters.
const MAX_WIDTH: usize = 500;

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The user's request.
    pub request: &'a str,
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, as text.
    pub run_as: Option<&'a str>,
    /// The previous plan, as text.
    pub previous: Option<&'a str>,
    /// The user's remarks on the plan, in order.
    pub remarks: &'a [String],
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
}

/// The Planner's proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The whole plan as Markdown, formatted from its parts.
    pub text: String,
    /// Its requirements, `R1` to `Rn`.
    pub requirements: Vec<Requirement>,
    /// Questions to the user, at most three.
    pub questions: Vec<String>,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let request = shown.request.trim();
    let previous = shown.previous.map(str::trim_end);
    ask(prompts, Agent::Planner, Shown { request, previous, ..*shown })
}

/// The inputs that a plan proposes to run the script with.
#[must_use]
pub fn tried_with(plan: &str) -> Given {
    form::read(plan).map_or_else(|| given::read(plan), |parts| parts.given)
}

/// Parses the plan in an answer that ended with `outcome`.
pub fn parse(answer: &str, outcome: Outcome) -> Result<Proposal, Refusal> {
    let normal = text::normalise(answer);
    let text = after_thinking(&normal);
    if text.trim().is_empty() {
        return Err(Refusal::new(RefusalKind::Empty, "The answer was empty. Write the plan."));
    }
    let formal = form::read(&normal).or_else(|| form::read(text));
    if let Some(parts) = formal.filter(|p| p.requirements.len() <= MAX_REQUIREMENTS) {
        return Ok(proposal(&parts));
    }
    let (needs, _) = permission::needs(text);
    let given = given::read(text);
    let examples = example::of_plan(text);
    let written = writes::of_plan(text);
    let asked: Vec<&str> = text.lines().filter_map(form::question).collect();
    let text = given::without(&permission::without_needs(text));
    let text = writes::without_writes(&example::without_examples(&text));
    let text = text.as_str();
    let mut found = json_parts(text).unwrap_or_else(|| read(text, false));
    if outcome == Outcome::Cut {
        found.drop_cut_off();
    }
    // Questions come last in a plan, wherever its last part is.
    let known: BTreeSet<String> = found.questions.iter().cloned().collect();
    found.questions.extend(asked.into_iter().map(question_text).filter(|q| !known.contains(q)));
    let mut seen = BTreeSet::new();
    let texts = found.points.iter().filter_map(|point| {
        let text = point.text()?;
        let key = if point.formal { text.clone() } else { text::key(&text) };
        seen.insert(key).then_some(text)
    });
    let requirements = number(texts.take(MAX_REQUIREMENTS));
    if requirements.is_empty() || found.points.iter().any(Point::is_code) {
        return Err(refuse(text, outcome));
    }
    let said = requirements.iter().map(|r| r.text.as_str()).chain([found.restatement.as_str()]);
    let said = said.collect::<Vec<_>>().join("\n");
    Ok(proposal(&Parts {
        restatement: found.restatement,
        requirements,
        given: given::meant(given, &said),
        questions: found.questions.into_iter().take(MAX_QUESTIONS).collect(),
        examples,
        writes: written,
        needs,
        ..Parts::default()
    }))
}

fn proposal(parts: &Parts) -> Proposal {
    let Parts { requirements, questions, .. } = parts.clone();
    Proposal { text: write(parts), requirements, questions }
}

/// The requirements of a plan that may have been written or edited by the user.
///
/// The form that [`parse`] produces is read word for word. Otherwise any kind of list is accepted,
/// and labels `R1`, `R2` are kept. A text without a list is one requirement, its first line.
#[must_use]
pub fn read_plan(text: &str) -> Vec<Requirement> {
    let text = text::normalise(text);
    if let Some(requirements) = as_written(&text) {
        return requirements;
    }
    let found = read(&given::without(&permission::without_needs(&text)), true);
    let mut taken: BTreeSet<u32> =
        found.points.iter().map(|p| p.number).filter(|n| *n > 0).collect();
    let mut used = BTreeSet::new();
    let mut requirements = Vec::new();
    for point in found.points.iter().take(MAX_WRITTEN) {
        let Some(text) = point.text() else { continue };
        let number = if point.number > 0 && used.insert(point.number) {
            point.number
        } else {
            let free = taken.last().map_or(1, |last| last + 1);
            taken.insert(free);
            free
        };
        requirements.push(Requirement { id: format!("R{number}"), text });
    }
    if requirements.is_empty() {
        let line = text.lines().map(|l| text::plain(l.trim_start_matches(['#', '>', ' '])));
        return number(line.filter(|line| !line.is_empty()).take(1));
    }
    requirements
}

/// The requirements under the heading that the program writes. Their texts are taken literally,
/// even if they look like marks or headings.
fn as_written(text: &str) -> Option<Vec<Requirement>> {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.iter().rposition(|line| *line == form::HEADING)? + 1;
    let mut requirements: Vec<Requirement> = Vec::new();
    for line in lines[from..].iter().take_while(|line| !line.starts_with("## ")) {
        if line.trim().is_empty() {
            continue;
        }
        let (id, text) = line.strip_prefix("- ")?.split_once(": ")?;
        let id = format!("R{}", line::requirement_number(id)?);
        if text.trim().is_empty() || requirements.iter().any(|r| r.id == id) {
            return None;
        }
        requirements.push(Requirement { id, text: text.trim().to_owned() });
    }
    (1..=MAX_WRITTEN).contains(&requirements.len()).then_some(requirements)
}

fn number(texts: impl Iterator<Item = String>) -> Vec<Requirement> {
    texts.enumerate().map(|(n, text)| Requirement { id: format!("R{}", n + 1), text }).collect()
}

/// The parts found in a plan's text.
#[derive(Debug, Default)]
struct Found {
    restatement: String,
    points: Vec<Point>,
    questions: Vec<String>,
    /// The last line belongs to the last point, and to nothing else.
    ends_in_point: bool,
    /// The last line is a question.
    ends_in_question: bool,
}

/// A possible requirement.
#[derive(Debug, Default)]
struct Point {
    /// The number in its label, 0 without a label.
    number: u32,
    text: String,
    /// Additional lines that belong to it, such as how to check it.
    details: Vec<String>,
    /// It has the requested form: its text is taken literally.
    formal: bool,
    /// Number of headings before it.
    section: usize,
}

impl Point {
    /// The requirement on one line; `None` for a heading, or a text without words.
    fn text(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        let details: Vec<&str> = self
            .details
            .iter()
            .map(String::as_str)
            .filter(|d| has_words(d) && seen.insert(*d))
            .collect();
        // Marks of nested lists are not words, and would be parsed as marks again.
        let formal = self.formal;
        let text = if formal { &self.text } else { lists::without_marks(self.text.trim()) };
        if !formal && (!has_words(text) || (text.ends_with(':') && details.is_empty())) {
            return None;
        }
        let dot =
            if text.ends_with(['.', '!', ':', ';', ',']) || details.is_empty() { "" } else { "." };
        let space = if details.is_empty() { "" } else { " " };
        Some(one_line(
            &format!("{text}{dot}{space}{}", details.join("; ").replace(":; ", ": ")),
            MAX_WIDTH,
        ))
    }

    /// Whether it is the script itself, line by line.
    fn is_code(&self) -> bool {
        !self.details.is_empty() && self.text().is_some_and(|text| is_code(&text))
    }
}

fn has_words(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

impl Found {
    /// Removes the unfinished part at the end of an answer that was cut off.
    fn drop_cut_off(&mut self) {
        let finished = |text: &str| text.ends_with(['.', '!', '?', ')', '`', '"', '。']);
        if self.ends_in_question && self.questions.last().is_some_and(|q| !q.ends_with('?')) {
            self.questions.pop();
        }
        if !self.ends_in_point {
            return;
        }
        let Some(last) = self.points.last_mut() else { return };
        if let Some(detail) = last.details.last() {
            if !finished(detail) {
                last.details.pop();
            }
        } else if !finished(&last.text) {
            self.points.pop();
        }
    }
}

/// The kind of section of a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Requirements,
    Questions,
    /// A list other than the requirements.
    Other,
}

/// The headings of the requested form, as returned by [`lists::heading`].
const REQUIREMENTS: &str = "requirements";
const QUESTIONS: &str = "questions";

/// Parses a text; `by_hand` if the user wrote it.
///
/// Lines `R1: ...` are requirements wherever they are. In a text without them, the items of its
/// best list are the requirements: those under the heading of the requested form if there is one,
/// otherwise all but those of a list that starts again under a later heading.
fn read(text: &str, by_hand: bool) -> Found {
    let lines = without_code(text);
    let shape = shape(&lines);
    let is_titled = lines.iter().any(|l| lists::heading(l).is_some_and(|h| h == REQUIREMENTS));
    let elsewhere = if is_titled { Section::Other } else { Section::Requirements };
    let mut found = Found::default();
    let mut now = elsewhere;
    // Lines before the first point.
    let mut before: Vec<&str> = Vec::new();
    let mut after_blank = true;
    // Whether lines at the margin still belong to the last point.
    let mut open = false;
    // Number of headings so far.
    let mut section = 0;
    // The last number of a list without labels.
    let mut last = 0;
    // Indentation of the list's items: lines that are indented further belong to an item.
    let margin = lines.iter().filter_map(|l| lists::item(l)).filter(|i| Some(i.shape) == shape);
    let margin = margin.map(|i| i.indent).min().unwrap_or(0) + 1;
    for line in &lines {
        if line.trim().is_empty() {
            after_blank = true;
            continue;
        }
        if found.points.len() > 10 * MAX_WRITTEN {
            break;
        }
        (found.ends_in_point, found.ends_in_question) = (false, false);
        let item = lists::item(line);
        let headed = found.points.last().is_some_and(|point| point.section < section);
        let labelled = item.is_some_and(|i| i.shape == Shape::Labelled);
        let heading = lists::heading(line).filter(|_| !line.starts_with([' ', '\t']) && !labelled);
        if let Some(question) = question(line, item, now).filter(|_| !labelled) {
            if !question.is_empty() {
                found.questions.push(question);
                found.ends_in_question = true;
            }
        } else if let Some(row) = table_row(line) {
            found.points.push(row);
        } else if let Some(item) =
            item.filter(|i| begins_point(i, shape, margin, by_hand && !headed, &found))
        {
            let known = |p: &&mut Point| p.number == item.number && p.section < section;
            let again = item.shape == Shape::Numbered && headed && item.number <= last;
            if again {
                now = Section::Other;
            }
            if labelled && let Some(point) = found.points.iter_mut().find(known) {
                point.details.push(text::plain(item.text));
            } else if labelled || now == Section::Requirements {
                let formal = line::requirement(line);
                let number = if labelled { item.number } else { 0 };
                let text =
                    formal.map_or_else(|| text::plain(item.text), |(_, said)| said.to_owned());
                let formal = formal.is_some();
                found.points.push(Point { number, text, formal, section, ..Point::default() });
                found.ends_in_point = true;
                (open, last) = (true, item.number);
            }
        } else if let Some(heading) = heading {
            now = match heading.as_str() {
                REQUIREMENTS => Section::Requirements,
                QUESTIONS => Section::Questions,
                _ => elsewhere,
            };
            open = false;
            section += 1;
            if found.points.is_empty() {
                before.push(line);
            }
        } else if found.points.is_empty() {
            before.push(line);
        } else if now == Section::Requirements
            && (line.starts_with([' ', '\t']) || (open && !after_blank))
        {
            let detail = item.map_or(line.trim(), |i| i.text);
            if let Some(point) = found.points.last_mut() {
                point.details.push(text::plain(detail));
                found.ends_in_point = true;
            }
        } else {
            open = false;
        }
        after_blank = false;
    }
    bullets_of_a_lone_heading(&mut found);
    found.restatement = restatement(&before);
    found
}

/// The shape of the list with the requirements: the best shape with words in it.
fn shape(lines: &[&str]) -> Option<Shape> {
    let says = |line: &&&str| {
        line::requirement(line).is_some() || lists::item(line).is_some_and(|i| has_words(i.text))
    };
    lines.iter().filter(says).filter_map(|line| lists::item(line)).map(|item| item.shape).min()
}

fn begins_point(
    item: &Item<'_>,
    shape: Option<Shape>,
    margin: usize,
    by_hand: bool,
    found: &Found,
) -> bool {
    if Some(item.shape) == shape {
        return item.indent <= margin || item.shape == Shape::Labelled;
    }
    // A bullet that the user adds to a list of `- R1: ...` is a new requirement.
    by_hand && item.bullet && item.indent < margin && !found.points.is_empty()
}

/// Handles "1. The requirements:" with the requirements as its bullets.
fn bullets_of_a_lone_heading(found: &mut Found) {
    if let [point] = &mut found.points[..]
        && point.text.ends_with(':')
        && point.details.len() > 1
    {
        let details = std::mem::take(&mut point.details);
        found.points = details.into_iter().map(|text| Point { text, ..Point::default() }).collect();
    }
}

/// The question on a line; empty if the line states that there is none.
fn question(line: &str, item: Option<Item<'_>>, now: Section) -> Option<String> {
    if let Some(asked) = form::question(line) {
        return Some(question_text(asked));
    }
    let start = item.map_or(line, |i| i.text);
    let start = start.trim_start_matches(['-', '*', ' ', '_']);
    let labelled = start.strip_prefix(['Q', 'q']).and_then(|rest| {
        let rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        rest.strip_prefix([':', '.', ')']).or_else(|| rest.strip_prefix("**:"))
    });
    let asked = match labelled {
        Some(rest) => rest,
        None if now == Section::Questions && item.is_some() => start,
        None if item.is_some() && start.trim_end().ends_with('?') => start,
        None => return None,
    };
    let asked = text::plain(asked.trim_start_matches(['*', ' ']));
    // A lone word is not a question.
    let asks = asked.contains(' ') || asked.ends_with(['?', '？']);
    Some(if asks { question_text(&asked) } else { String::new() })
}

fn question_text(asked: &str) -> String {
    one_line(asked, MAX_WIDTH)
}

/// The requirement in a row `| R1 | what | how |`.
fn table_row(line: &str) -> Option<Point> {
    let cells = line.trim().strip_prefix('|')?;
    let mut cells = cells.trim_end_matches('|').split('|').map(text::plain);
    let (number, rest) = lists::label(&cells.next()?).map(|(n, rest)| (n, rest.to_owned()))?;
    let text = if rest.is_empty() { cells.next()? } else { rest };
    Some(Point { number, text, details: cells.collect(), ..Point::default() })
}

/// The lines of a text without its code blocks. A plan inside a fence is kept.
fn without_code(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut fence: Option<bool> = None;
    for line in text.split('\n') {
        let start = line.trim_start();
        if let Some(tag) = start.strip_prefix("```").or_else(|| start.strip_prefix("~~~")) {
            let tag = tag.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
            let markdown = matches!(tag.as_str(), "markdown" | "md");
            let code = fences::is_python(&tag) || (fences::other_language(&tag) && !markdown);
            fence = if fence.is_some() { None } else { Some(code) };
        } else if fence != Some(true) {
            lines.push(line);
        }
    }
    lines
}

/// The text before the list: its sentences, or its title if there are none. Lines that end in a
/// colon only introduce what follows.
fn restatement(before: &[&str]) -> String {
    let leads_on = |line: &str| line.trim_end_matches(['*', '_', ' ']).ends_with(':');
    let said: Vec<&str> = before.iter().map(|l| l.trim()).filter(|l| !leads_on(l)).collect();
    let is_text = |line: &&str| lists::heading(line).is_none() && !line.starts_with('|');
    let mut sentences: Vec<&str> = said.iter().copied().filter(is_text).collect();
    if sentences.is_empty() {
        sentences = said.into_iter().filter(|line| line.starts_with('#')).take(1).collect();
        sentences = sentences.iter().map(|line| line.trim_matches(['#', ' '])).collect();
    }
    if let [sentence] = sentences[..] {
        return one_line(without_label(sentence), MAX_WIDTH);
    }
    one_line(&text::plain(without_label(&sentences.join(" "))), MAX_WIDTH)
}

/// A text without the bold label before it, such as `**Restatement**: `.
fn without_label(said: &str) -> &str {
    let label = said.strip_prefix("**").and_then(|rest| rest.split_once("**"));
    let behind = label.and_then(|(label, rest)| {
        rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' ').filter(|_| label.ends_with(':')))
    });
    behind.unwrap_or(said)
}

/// Parses requirements in JSON, such as `{"requirements": [{"id": "R1", "text": "..."}]}`.
fn json_parts(text: &str) -> Option<Found> {
    let from = text.find(['{', '['])?;
    let before = text[..from].trim();
    if !(before.is_empty() || before.ends_with("```json") || before.ends_with("```")) {
        return None;
    }
    let value =
        serde_json::Deserializer::from_str(&text[from..]).into_iter::<Value>().next()?.ok()?;
    let field =
        |value: &Value, names: &[&str]| names.iter().find_map(|name| value.get(*name)).cloned();
    let list = if value.is_array() {
        value.clone()
    } else {
        field(&value, &["requirements", "functional_requirements", "plan"])?
    };
    let line = |item: &Value| match item {
        Value::String(text) => Some(lists::item(text).map_or(text.as_str(), |i| i.text).to_owned()),
        item => field(item, &["text", "description", "requirement", "title"])
            .and_then(|v| v.as_str().map(str::to_owned)),
    };
    let check = |item: &Value| field(item, &["check", "how", "test", "verification"]);
    let points = list.as_array()?.iter().filter_map(|item| {
        let check = check(item).and_then(|c| c.as_str().map(text::plain));
        let from = item.get("from").and_then(Value::as_str);
        let from = from.map(|quote| format!("From: \"{}\"", quote.trim_matches('"')));
        let details = check.into_iter().chain(from).collect();
        Some(Point { text: text::plain(&line(item)?), details, ..Point::default() })
    });
    let points: Vec<Point> = points.collect();
    let questions = field(&value, &["questions"]);
    let questions = questions.as_ref().and_then(Value::as_array).into_iter().flatten();
    let restatement = field(&value, &["restatement", "summary", "request", "goal"]);
    (!points.is_empty()).then(|| Found {
        restatement: restatement.and_then(|r| r.as_str().map(text::plain)).unwrap_or_default(),
        points,
        questions: questions.filter_map(|q| q.as_str().map(text::plain)).collect(),
        ..Found::default()
    })
}

/// Whether a requirement is the script itself on one line: at least three statements, one of which
/// cannot be the name of a function or a setting.
fn is_code(text: &str) -> bool {
    let kinds: Vec<Statement> = text
        .split("; ")
        .filter_map(|part| statement(part.rsplit(": ").next().unwrap_or(part).trim()))
        .collect();
    kinds.len() > 2 && kinds.contains(&Statement::Certain)
}

#[derive(PartialEq, Eq)]
enum Statement {
    /// It starts with a Python keyword.
    Certain,
    /// A call or an assignment, or a name with its arguments or value.
    Likely,
}

fn statement(part: &str) -> Option<Statement> {
    let of_a_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let rest = part.trim_start_matches(of_a_name);
    let name = &part[..part.len() - rest.len()];
    let certain = match name {
        "" => return None,
        "import" => rest.trim().chars().all(|c| of_a_name(c) || c == ','),
        "from" => rest.contains(" import "),
        "def" | "class" | "for" | "while" | "if" | "with" => part.ends_with(':'),
        _ => {
            let call = rest.starts_with('(') && part.ends_with(')');
            return (call || rest.trim_start().starts_with("= ")).then_some(Statement::Likely);
        }
    };
    certain.then_some(Statement::Certain)
}

fn refuse(text: &str, outcome: Outcome) -> Refusal {
    if outcome == Outcome::Cut {
        return Refusal::new(
            RefusalKind::CutOff,
            "The answer was cut off before the first whole requirement. Write 3 to 8 short lines \
             `R1: ...` and stop.",
        );
    }
    let code = text.contains("```") || text.contains("def ") || text.contains("import ");
    Refusal::new(
        RefusalKind::Unusable,
        if code {
            "The answer is code or data, not a plan. Write no code. Write 3 to 8 lines `R1: ...`, \
             each saying one thing that the script must do."
        } else {
            "There were no requirements in the answer. Write 3 to 8 lines `R1: ...`, each saying \
             one thing that the script must do."
        },
    )
}
