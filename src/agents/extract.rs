//! Extracts the script from a Coder's answer, in any layout.
//!
//! Only the parser that is passed in decides what is Python. The code here proposes texts, and the
//! first plausible one that parses is the script.

mod choose;
mod cleanup;
mod done;
mod files;
mod notebook;
mod part;
mod placeholder;
pub(super) mod python;
mod signs;
mod unwrap;

use super::fences::{self, Block};
use super::marks::Marks;
use super::{Refusal, RefusalKind, text, thoughts, turns};
use crate::domain::chat::Outcome;
use crate::domain::text::{one_line, quoted};
use choose::Program;
pub use done::{is_copy, is_there};
pub use files::{File, files};
pub use part::part;
use std::cell::Cell;

/// A syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// The line of the text, from 1.
    pub line: usize,
    /// The parser's message.
    pub message: String,
}

/// An extracted script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// The whole script, with `
    /// ` line ends and exactly one at the end.
    pub script: String,
    /// How the answer was changed to extract it, as notes for the user.
    pub notes: Vec<String>,
}

/// Maximum number of parser calls for one answer, and maximum size of all parsed text in bytes.
const MAX_PARSES: usize = 200;
const MAX_PARSED_BYTES: usize = 24 << 20;
/// Maximum depth of nested wrappers.
const MAX_DEPTH: usize = 4;
/// Maximum number of stretches between chat format marks that are read.
const MAX_STRETCHES: usize = 4;

/// The parser, with a limit on the work for one answer.
struct Checker<'a> {
    parses: &'a dyn Fn(&str) -> Result<(), SyntaxProblem>,
    calls: Cell<usize>,
    bytes: Cell<usize>,
}

impl Checker<'_> {
    fn check(&self, text: &str) -> Result<(), SyntaxProblem> {
        let (calls, bytes) = (self.calls.get() + 1, self.bytes.get() + text.len());
        self.calls.set(calls);
        self.bytes.set(bytes);
        if calls > MAX_PARSES || bytes > MAX_PARSED_BYTES {
            let message = "the answer holds too many pieces of code".to_owned();
            return Err(SyntaxProblem { line: 1, message });
        }
        (self.parses)(text)
    }

    fn parses(&self, text: &str) -> bool {
        self.check(text).is_ok()
    }
}

/// A block that looks like the script, but does not parse.
struct Broken {
    text: String,
    problem: SyntaxProblem,
    /// The answer ended inside it.
    cut: bool,
}

/// Extracts the script from a Coder's answer that ended with `outcome`.
///
/// `parses` checks whether a text is Python. The number of calls is bounded.
pub fn script(
    answer: &str,
    outcome: Outcome,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Result<Extracted, Refusal> {
    let checker = Checker { parses, calls: Cell::new(0), bytes: Cell::new(0) };
    let normal = text::normalise(answer);
    if normal.trim().is_empty() {
        return Err(Refusal::new(
            RefusalKind::Empty,
            "The answer was empty. Answer with the whole Python script in one ```python block.",
        ));
    }
    let fits = |text: &str| checker.parses(text);
    let marks = Marks::of_code(&fits);
    let said = thoughts::said(&normal, outcome == Outcome::Cut, &marks);
    let turn = turns::of_model(&said, &marks);
    let ended = turn.ended || turns::said_ends(&normal, &said);
    let outcome = if ended && outcome == Outcome::Cut { Outcome::Whole } else { outcome };
    let mut refusal = no_code(outcome);
    // Some models say a word or two, and then start their turn again.
    for stretch in turn.stretches.into_iter().take(MAX_STRETCHES) {
        match read(stretch, outcome, &checker, 0).and_then(finish) {
            Err(error) if error.kind == RefusalKind::NoCode => refusal = error,
            read => return read,
        }
    }
    Err(refusal)
}

/// The packages that an answer says to install for its script, as named there.
#[must_use]
pub fn installs(answer: &str) -> Vec<String> {
    notebook::installs(&text::normalise(answer))
}

/// The fenced blocks of an answer.
pub(super) fn fenced(
    answer: &str,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Vec<fences::Block> {
    let normal = text::normalise(answer);
    let fits = |text: &str| parses(text).is_ok();
    let marks = Marks::of_code(&fits);
    let said = thoughts::said(&normal, false, &marks);
    let turn = turns::of_model(&said, &marks);
    fences::blocks(turn.stretches.first().copied().unwrap_or_default(), &fits)
}

/// Checks a script joined from the parts of an answer, which parses: refuses it if a line is a
/// placeholder for omitted code.
pub fn put_together(script: &str, notes: Vec<String>) -> Result<Extracted, Refusal> {
    finish(Program { text: script.to_owned(), notes })
}

/// The Python blocks of an answer that parse, in order, without those that only show how the others
/// are used.
pub fn pieces(answer: &str, parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>) -> Vec<String> {
    let checker = Checker { parses, calls: Cell::new(0), bytes: Cell::new(0) };
    let blocks = fenced(answer, &|text| checker.check(text));
    let python = |block: &Block| {
        let other = fences::other_language(&block.tag) || block.tag == "json";
        block.closed && !other && checker.parses(&block.text)
    };
    let pieces = blocks.into_iter().filter(python).map(|block| block.text);
    pieces.filter(|text| !python::names(text).defined.is_empty() || has_imports(text)).collect()
}

/// Whether a text is another version of a script: it defines most of the same names, or repeats
/// most of its lines.
pub(super) fn rewrites(script: &str, text: &str) -> bool {
    choose::rewrites(script, &python::names(script), text, &python::names(text))
}

/// The final checks of a script that parses.
fn finish(program: Program) -> Result<Extracted, Refusal> {
    let start = program.text.len() - program.text.trim_start_matches(['\n', ' ', '\t']).len();
    // An indented first line does not parse, so this removes only blank lines.
    let mut script = format!("{}\n", program.text[start..].trim_end());
    let mut notes = program.notes;
    if let Some(plain) = notebook::without_ipython(&script) {
        script = plain;
        notes.push("left out calls of a notebook".to_owned());
    }
    if let Some((line, text)) = placeholder::find(&script) {
        return Err(left_out(line, text));
    }
    Ok(Extracted { script, notes })
}

/// Extracts the program from a text, which is a whole answer or the content of a wrapper.
fn read(
    text: &str,
    outcome: Outcome,
    checker: &Checker<'_>,
    depth: usize,
) -> Result<Program, Refusal> {
    let cut = outcome == Outcome::Cut;
    if python::is_program(text)
        && checker.parses(text)
        && !text.trim_start().starts_with(['{', '['])
    {
        return whole(text, cut);
    }
    let mut refusal = None;
    if depth < MAX_DEPTH {
        for payload in unwrap::payloads(text) {
            let outcome = if payload.closed { Outcome::Whole } else { outcome };
            match read(&payload.text, outcome, checker, depth + 1) {
                Ok(mut program) => {
                    program.notes.insert(0, "took the script out of its wrapping".to_owned());
                    return Ok(program);
                }
                Err(error) if error.kind == RefusalKind::NoCode => {}
                Err(error) => refusal = Some(error),
            }
        }
    }
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let fits = |text: &str| checker.parses(text);
    let fenced = fences::blocks(text, &fits);
    let (programs, broken) = sort(&fenced, cut, checker);
    if programs.is_empty() && broken.is_empty() {
        for block in fenced.iter().filter(|_| depth < MAX_DEPTH) {
            let outcome = if block.closed { Outcome::Whole } else { outcome };
            if let Ok(program) = read_inner(block, outcome, checker, depth) {
                return Ok(program);
            }
        }
        let pieces = segments(text);
        let (programs, broken) = sort(&pieces, cut, checker);
        return decide(programs, &broken, text, outcome, checker);
    }
    decide(programs, &broken, text, outcome, checker)
}

/// Extracts the program from a wrapper block: JSON, XML, or Markdown in Markdown.
fn read_inner(
    block: &Block,
    outcome: Outcome,
    checker: &Checker<'_>,
    depth: usize,
) -> Result<Program, Refusal> {
    let wrapped = block.text.trim_start().starts_with(['{', '[', '<'])
        || matches!(block.tag.as_str(), "markdown" | "md");
    if wrapped {
        return read(&block.text, outcome, checker, depth + 1);
    }
    if let Some(script) = notebook::heredoc(&block.text) {
        return read(&script, Outcome::Whole, checker, depth + 1);
    }
    Err(no_code(outcome))
}

/// A text that is one program.
fn whole(text: &str, cut: bool) -> Result<Program, Refusal> {
    if cut && !python::ends_the_program(text) {
        return Err(cut_off(text));
    }
    Ok(Program { text: text.to_owned(), notes: Vec::new() })
}

/// Items with their index among the blocks of an answer.
type Placed<T> = Vec<(usize, T)>;

/// Sorts the blocks into programs and broken ones, each with its index.
fn sort(blocks: &[Block], cut: bool, checker: &Checker<'_>) -> (Placed<Program>, Placed<Broken>) {
    let (mut programs, mut broken) = (Vec::new(), Vec::new());
    for (n, block) in blocks.iter().enumerate() {
        if fences::other_language(&block.tag) || block.tag == "json" {
            continue;
        }
        let tagged = fences::is_python(&block.tag);
        let text = block.text.clone();
        let cut = cut && !block.closed;
        match checker.check(&text) {
            Ok(()) => {
                if cut && !python::ends_the_program(&text) {
                    if python::is_program(&text) || tagged {
                        let problem = SyntaxProblem { line: 1, message: String::new() };
                        broken.push((n, Broken { text, problem, cut }));
                    }
                } else if python::is_program(&text) || has_imports(&text) {
                    programs.push((n, Program { text, notes: Vec::new() }));
                }
            }
            Err(problem) => {
                if let Some((text, notes)) = cleanup::cleanup(&text, checker)
                    && python::is_program(&text)
                    && (!cut || python::ends_the_program(&text))
                {
                    programs.push((n, Program { text, notes }));
                    continue;
                }
                if let Some(program) = code_before_prose(block, cut, checker) {
                    programs.push((n, program));
                } else if looks_like_script(&text, tagged)
                    && !(n + 1 < blocks.len() && is_prose(&text))
                {
                    broken.push((n, Broken { text, problem, cut }));
                }
            }
        }
    }
    (programs, broken)
}

fn has_imports(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("import ") || line.starts_with("from "))
}

/// Whether a text that does not parse was meant as the script, not as output or a command.
fn looks_like_script(text: &str, tagged: bool) -> bool {
    let lines = python::top_lines(text);
    let commands =
        ["pip ", "pip3 ", "python ", "python3 ", "$ ", "cd ", "uv ", "conda ", "! ", "!pip"];
    if lines.iter().all(|line| commands.iter().any(|c| line.starts_with(c))) && !lines.is_empty() {
        return false;
    }
    tagged && !text.trim_start().starts_with('{')
        || lines.iter().any(|line| {
            ["import ", "from ", "def ", "class ", "print(", "if __name__"]
                .iter()
                .any(|start| line.starts_with(start))
        })
}

/// Whether no line of a text is code: a model whose answer was prefilled with a fence may write
/// prose first, and then open another fence for its script.
fn is_prose(text: &str) -> bool {
    !text.lines().any(python::is_code)
}

/// The script in a block that was never closed, before the prose that follows it.
fn code_before_prose(block: &Block, cut: bool, checker: &Checker<'_>) -> Option<Program> {
    if block.closed {
        return None;
    }
    let mut text = block.text.trim_end();
    // A word where an answer was cut off may be code.
    if cut
        && let Some((before, last)) = text.rsplit_once('\n')
        && !last.trim().contains(' ')
    {
        text = before;
    }
    let pieces = segments(text);
    let [first, rest @ ..] = &pieces[..] else { return None };
    let alone = rest.is_empty() && first.closed;
    let is_whole = alone && !cut || first.closed;
    (is_whole
        && rest.iter().all(|piece| !python::is_program(&piece.text))
        && python::is_program(&first.text)
        && checker.parses(&first.text))
    .then(|| Program { text: first.text.clone(), notes: vec!["left out the prose".to_owned()] })
}

/// The runs of code in a text without fences, as blocks. A run followed by prose counts as closed.
fn segments(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut run = String::new();
    let close = |run: &mut String, closed: bool, blocks: &mut Vec<Block>| {
        let text = std::mem::take(run);
        if blocks.len() < 64 && (python::is_program(&text) || has_imports(&text)) {
            blocks.push(Block { tag: String::new(), text, closed });
        }
    };
    let mut strings = StringLines::default();
    let mut fenced = false;
    for line in text.split('\n') {
        if !strings.inside() && fences::is_fence(line) {
            // The content of fences was examined before, and is not a script.
            close(&mut run, true, &mut blocks);
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let in_code = !run.trim().is_empty();
        let blank = line.trim().is_empty();
        let indented = line.starts_with([' ', '\t']);
        let code = strings.inside()
            || (in_code && (blank || indented))
            || (!blank && !indented && (python::is_code(line) || strip_marks(line)));
        if code {
            strings.step(line);
            run.push_str(line);
            run.push('\n');
        } else {
            close(&mut run, !blank, &mut blocks);
        }
    }
    close(&mut run, false, &mut blocks);
    blocks
}

/// Whether a line has code after a line number, a prompt or a diff mark.
fn strip_marks(line: &str) -> bool {
    let code = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let code = match code.strip_prefix([':', '|', ' ', '+', '\t']) {
        Some(code) if code.len() < line.len() => code.trim_start_matches([' ', '|']),
        _ => line.strip_prefix(">>>").or_else(|| line.strip_prefix("... ")).unwrap_or_default(),
    };
    line.starts_with(">>>") || (!code.is_empty() && python::is_code(code))
}

/// Tracks triple-quoted strings from line to line.
#[derive(Default)]
struct StringLines {
    open: Option<char>,
}

impl StringLines {
    fn inside(&self) -> bool {
        self.open.is_some()
    }

    fn step(&mut self, line: &str) {
        self.open = python::string_after(line, self.open);
    }
}

/// Chooses the script among programs and broken ones, or explains why there is none.
fn decide(
    programs: Vec<(usize, Program)>,
    broken: &[(usize, Broken)],
    text: &str,
    outcome: Outcome,
    checker: &Checker<'_>,
) -> Result<Program, Refusal> {
    let several = programs.len() + broken.len() > 1;
    if several
        && !broken.is_empty()
        && let Some(program) = join_all(&programs, broken, checker)
    {
        return Ok(program);
    }
    let last = programs.last().map_or(0, |(n, _)| *n);
    let whole: Vec<Program> = without_gaps(programs);
    let script = choose::choose(whole, checker);
    let worst = broken.iter().max_by_key(|(_, b)| b.text.len());
    match (script, worst) {
        (Some(script), Some((n, broken))) if hides(&script, last, broken, *n) => {
            Err(refuse(broken))
        }
        (Some(script), _) => Ok(script),
        (None, Some((_, broken))) => Err(refuse(broken)),
        (None, None) => {
            let unclosed = outcome == Outcome::Cut && has_imports(text);
            Err(if unclosed { cut_off(text) } else { no_code(outcome) })
        }
    }
}

/// The programs without those that omit code, if any remain.
fn without_gaps(programs: Vec<(usize, Program)>) -> Vec<Program> {
    let programs: Vec<Program> = programs.into_iter().map(|(_, program)| program).collect();
    let whole = |p: &&Program| !placeholder::may_leave_out(&p.text) && python::is_program(&p.text);
    if programs.iter().any(|p| whole(&p)) {
        // Blocks with only imports belong to a program that is given in pieces.
        let keep = |p: &Program| !placeholder::may_leave_out(&p.text);
        return programs.into_iter().filter(keep).collect();
    }
    programs
}

/// Whether a broken block is the real script, and the one that parses only an example.
fn hides(script: &Program, last: usize, broken: &Broken, place: usize) -> bool {
    let (old, new) = (python::names(&broken.text), python::names(&script.text));
    broken.text.lines().count() > script.text.lines().count()
        && !(place < last && choose::rewrites(&broken.text, &old, &script.text, &new))
        && !(place > last
            && broken.cut
            && python::has_entry(&script.text)
            && choose::rewrites(&script.text, &new, &broken.text, &old))
}

/// Joins a script that was split in the middle of a statement.
fn join_all(
    programs: &[(usize, Program)],
    broken: &[(usize, Broken)],
    checker: &Checker<'_>,
) -> Option<Program> {
    let mut pieces: Vec<(usize, &str)> =
        programs.iter().map(|(n, p)| (*n, p.text.as_str())).collect();
    pieces.extend(broken.iter().filter(|(_, b)| !b.cut).map(|(n, b)| (*n, b.text.as_str())));
    pieces.sort_by_key(|(n, _)| *n);
    let texts: Vec<&str> = pieces.iter().map(|(_, text)| text.trim_end_matches('\n')).collect();
    let text = texts.join("\n");
    (pieces.len() > 1 && python::is_program(&text) && checker.parses(&text))
        .then(|| Program { text, notes: vec![format!("joined {} blocks", pieces.len())] })
}

fn refuse(broken: &Broken) -> Refusal {
    if broken.cut {
        return cut_off(&broken.text);
    }
    if let Some((line, text)) = placeholder::find(&broken.text) {
        return left_out(line, text);
    }
    let SyntaxProblem { line, message } = &broken.problem;
    let code = broken.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    Refusal::new(
        RefusalKind::Syntax,
        format!(
            "The script does not parse. Line {line}: {message}: {}. Put this right and write the \
             whole script again in one ```python block.",
            quoted(&one_line(code, 120))
        ),
    )
}

fn left_out(line: usize, text: &str) -> Refusal {
    Refusal::new(
        RefusalKind::Placeholder,
        format!(
            "Line {line} stands for code that was left out: {}. Write the whole script, every \
             line of it.",
            quoted(&one_line(text, 120))
        ),
    )
}

fn cut_off(text: &str) -> Refusal {
    Refusal::new(
        RefusalKind::CutOff,
        format!(
            "The answer was cut off at its length limit after {} lines of the script. Write a \
             shorter script: no comments, no repetition, no explanation.",
            text.trim_end().lines().count()
        ),
    )
}

fn no_code(outcome: Outcome) -> Refusal {
    let reason = match outcome {
        Outcome::Refused => {
            "The answer declined the task. The task is to write an ordinary Python \
             script. Answer with the whole script in one ```python block."
        }
        Outcome::Cut => {
            "The answer met its length limit before any code. Answer with the script \
             alone, in one ```python block, without thinking aloud."
        }
        Outcome::Whole => {
            "There was no Python script in the answer. Answer with the whole script \
             in one ```python block and nothing else."
        }
    };
    Refusal::new(RefusalKind::NoCode, reason)
}
