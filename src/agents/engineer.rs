//! The Engineer: answers a question by running code in several steps, up to a limit.
//!
//! Models with tool support call a tool; others, and those whose server ignores tools, write a
//! fenced block.

use super::calls::{self, Call, code_of, is_named};
use super::extract::{self, SyntaxProblem};
use super::marks::Marks;
use super::{ask, fences, text, thoughts, turns};
use crate::domain::chat::{Agent, Message, Outcome, Request, Tool, ToolCall};
use crate::domain::dialogue::{Piece, Reply};
use crate::domain::text::{ends, fenced, one_line, quoted};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;
use serde_json::json;

/// The tool's name.
pub const TOOL: &str = "run_python";
/// Maximum size of the text besides code that is stored, in bytes.
const SAID: usize = 4000;
/// The message to a model that wants to install packages.
const NO_INSTALLING: &str = "Code can't install packages. Write the whole program with what is \
                             there: the standard library.";
/// The message to a model whose call was cut off.
const CUT_CALL: &str = "Nothing was run: your answer was cut off inside the call. Write a shorter \
                        program, without thinking aloud.";

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The question.
    pub question: &'a str,
    /// The data files, one line each, which starts with the name to open.
    pub data: &'a [String],
    /// The files left by earlier programs, by the names to open.
    pub files: &'a [String],
    /// Earlier questions and answers, oldest first.
    pub before: &'a [(String, String)],
    /// The turns on this question, with their results.
    pub turns: &'a [Exchange<'a>],
    /// The model supports tool calls.
    pub tools: bool,
}

/// An answer of the model, and the response to it.
#[derive(Clone, Debug, Default)]
pub struct Exchange<'a> {
    /// The answer's text besides code.
    pub said: &'a str,
    /// Its pieces of code, each with the result.
    pub pieces: Vec<(&'a Piece, String)>,
    /// The response to an answer without code.
    pub note: Option<String>,
}

/// The variables of the template.
#[derive(Serialize)]
struct Told<'a> {
    question: &'a str,
    data: &'a [String],
    files: &'a [String],
    tools: bool,
}

/// Builds the request: the question, and the earlier turns as separate messages.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let Shown { question, data, files, tools, .. } = *shown;
    let told = Told { question: question.trim(), data, files, tools };
    let mut request = ask(prompts, Agent::Engineer, told)?;
    let at = request.messages.len() - 1;
    let before = shown.before.iter().flat_map(|(question, answer)| {
        [Message::user(question.as_str()), Message::assistant(answer.as_str(), Vec::new())]
    });
    request.messages.splice(at..at, before);
    for exchange in shown.turns {
        request.messages.extend(messages(exchange, tools));
    }
    if tools {
        request.tools.push(tool());
    }
    Ok(request)
}

fn tool() -> Tool {
    Tool {
        name: TOOL.to_owned(),
        description: "Runs a Python program and gives what it prints.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"code": {
                "type": "string",
                "description": "the whole program; it prints what you need to know",
            }},
            "required": ["code"],
        }),
    }
}

fn messages(exchange: &Exchange<'_>, tools: bool) -> Vec<Message> {
    let calls: Vec<ToolCall> =
        exchange.pieces.iter().filter_map(|(piece, _)| piece.call.clone()).collect();
    if tools && !calls.is_empty() {
        let given = exchange.pieces.iter().filter_map(|(piece, came)| {
            piece.call.as_ref().map(|call| Message::tool(call, came.as_str()))
        });
        return [Message::assistant(exchange.said, calls)].into_iter().chain(given).collect();
    }
    let mut said = exchange.said.trim().to_owned();
    for (piece, _) in exchange.pieces.iter().filter(|(piece, _)| !piece.code.is_empty()) {
        let begin = if said.is_empty() { "" } else { "\n\n" };
        said.extend([begin, &fenced(piece.code.trim_end(), "python")]);
    }
    if said.is_empty() {
        // Some servers reject empty messages.
        said.push_str("(nothing)");
    }
    let told =
        exchange.pieces.iter().map(|(_, came)| came.as_str()).chain(exchange.note.as_deref());
    let told: Vec<&str> = told.collect();
    vec![Message::assistant(said, Vec::new()), Message::user(told.join("\n\n"))]
}

/// Parses an answer: its text and its tool calls.
///
/// `parses` checks whether a text is Python. If the model has `called_before`, code in its text is
/// part of the answer, since it knows how to run code.
#[must_use]
pub fn parse(
    answer: &str,
    calls: &[ToolCall],
    outcome: Outcome,
    called_before: bool,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Reply {
    let normal = text::normalise(answer);
    let fits = |text: &str| parses(text).is_ok();
    let marks = Marks::of_code(&fits);
    let own = thoughts::said(&normal, outcome == Outcome::Cut, &marks);
    let turn = turns::of_model(&own, &marks);
    let in_text = calls::written(turn.whole, TOOL);
    let said = in_text.as_ref().map(|written| spoken(written.said));
    if !calls.is_empty() {
        let said = said.unwrap_or_else(|| turn.stretches.first().map_or("", |text| text.trim()));
        let pieces = calls.iter().map(|call| called(call, parses)).collect();
        return Reply::Code { said: ends(said, SAID), pieces };
    }
    if let Some(written) = in_text {
        let said = ends(said.unwrap_or_default(), SAID);
        if written.open && outcome == Outcome::Cut && !turn.ended {
            return Reply::Unusable { said, reason: CUT_CALL.to_owned() };
        }
        let pieces = written.calls.iter().map(|call| piece(call, parses)).collect();
        return Reply::Code { said, pieces };
    }
    let text = turn.stretches.first().map_or("", |text| text.trim());
    let ended = turn.ended || turns::said_ends(&normal, &own);
    let outcome = if ended && outcome == Outcome::Cut { Outcome::Whole } else { outcome };
    if text.is_empty() {
        let reason = match outcome {
            Outcome::Cut => "Your answer was cut off before it said anything: do not think aloud.",
            _ => "Your answer was empty.",
        };
        return Reply::Unusable { said: String::new(), reason: reason.to_owned() };
    }
    if called_before {
        return Reply::Words(text.to_owned());
    }
    written(text, outcome, parses)
}

/// The text before a call, without marks of a chat format.
fn spoken(text: &str) -> &str {
    turns::of_model(text, &Marks::of_words()).stretches.first().map_or("", |text| text.trim())
}

/// Parses a text as code or as words.
fn written(
    text: &str,
    outcome: Outcome,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Reply {
    let fits = |text: &str| parses(text).is_ok();
    let blocks = fences::blocks(text, &fits);
    let tagged: Vec<&fences::Block> =
        blocks.iter().filter(|block| fences::is_python(&block.tag)).collect();
    let piece =
        |code: String, notes| Piece { call: None, code, notes, problem: None, version: None };
    let said = ends(&outside(text), SAID);
    match extract::script(text, outcome, parses) {
        // Outside of fences, a line or two that look like code may be part of a sentence.
        Ok(found) if !blocks.is_empty() || found.script.contains("print(") => {
            Reply::Code { said, pieces: vec![piece(found.script, found.notes)] }
        }
        Ok(_) => Reply::Words(text.to_owned()),
        Err(refusal) => match tagged.first() {
            // A lone expression is not a script, but can be run.
            Some(block) if block.closed && fits(&block.text) => {
                Reply::Code { said, pieces: vec![piece(block.text.clone(), Vec::new())] }
            }
            Some(block) if installs(&block.text) => {
                Reply::Unusable { said, reason: NO_INSTALLING.to_owned() }
            }
            Some(_) => Reply::Unusable { said, reason: refusal.reason },
            None => Reply::Words(text.to_owned()),
        },
    }
}

/// Whether code only installs packages.
fn installs(code: &str) -> bool {
    let lines = code.lines().map(|line| line.trim().trim_start_matches(['!', '%']));
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.all(|line| ["pip ", "pip3 ", "conda ", "uv "].iter().any(|c| line.starts_with(c)))
}

/// The text before the first and after the last fence. Text in between describes the model's own
/// code, or is made-up output.
fn outside(text: &str) -> String {
    let fence = |line: &str| line.trim_start().starts_with("```");
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| fence(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| fence(line)).map_or(lines.len(), |at| at + 1);
    let parts = [lines[..first].join("\n"), lines[last..].join("\n")];
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// The code in a tool call.
fn called(call: &ToolCall, parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>) -> Piece {
    let arguments = calls::joined(call.arguments.clone());
    let read = Call { name: call.name.clone(), arguments };
    let piece = piece(&read, parses);
    // Whatever its arguments were, the history contains a call that every server accepts.
    let arguments = json!({"code": piece.code});
    let call = ToolCall { id: call.id.clone(), name: TOOL.to_owned(), arguments };
    Piece { call: Some(call), ..piece }
}

/// The code in a call, or why it is not run.
fn piece(call: &Call, parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>) -> Piece {
    let name = one_line(&call.name, 40);
    let form = format!("{TOOL} with {{\"code\": \"the whole program\"}}.");
    let (code, notes, problem) = if !(name.is_empty() || is_named(&call.name, TOOL)) {
        let problem =
            format!("Nothing was run: there is no tool {}. The only tool is {form}", quoted(&name));
        (String::new(), Vec::new(), Some(problem))
    } else if let Some(code) = code_of(&call.arguments) {
        understood(text::normalise(code), parses)
    } else {
        let name = if name.is_empty() { TOOL } else { &name };
        let problem = format!("Nothing was run: `{name}` was called without code. Call {form}");
        (String::new(), Vec::new(), Some(problem))
    };
    Piece { call: None, code, notes, problem, version: None }
}

/// Cleans up text that should be only code: returns the code, notes on the changes, and why it
/// cannot be run.
fn understood(
    code: String,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> (String, Vec<String>, Option<String>) {
    let Err(SyntaxProblem { line, message }) = parses(&code) else {
        return (code, Vec::new(), None);
    };
    if let Ok(found) = extract::script(&code, Outcome::Whole, parses) {
        return (found.script, found.notes, None);
    }
    let at = one_line(code.lines().nth(line.saturating_sub(1)).unwrap_or_default(), 120);
    let problem =
        format!("It was not run: it does not parse. Line {line}: {message}: {}", quoted(&at));
    (code, Vec::new(), Some(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::check;

    fn read(answer: &str) -> Reply {
        let parses = |code: &str| {
            check::syntax(code)
                .map_err(|problem| SyntaxProblem { line: problem.line, message: problem.message })
        };
        parse(answer, &[], Outcome::Whole, false, &parses)
    }

    #[test]
    fn code_is_distinguished_from_prose_in_every_notation() {
        let code = "print(sum(range(9)))";
        let fenced = format!("```python\n{code}\n```");
        let made_up = format!("First I add:\n\n{fenced}\n\nOutput:\n```\n36\n```\nSo it is 36.");
        let called = json!({"name": "run_python", "arguments": {"code": code}});
        for (answer, said, expected) in [
            (fenced.clone(), "", code),
            (code.to_owned(), "", code),
            (format!("```\n{code}\n```"), "", code),
            (format!("Let me see.\n{code}"), "Let me see.", code),
            (made_up, "First I add:\n\nSo it is 36.", code),
            (format!("```bash\npip install x\n```\n{fenced}"), "", code),
            ("```python\n6 * 7\n```".to_owned(), "", "6 * 7"),
            (format!("```json\n{called}\n```"), "", code),
            (format!("<tool_call>\n{called}\n</tool_call>"), "", code),
            (called.to_string(), "", code),
        ] {
            let Reply::Code { said: words, pieces } = read(&answer) else {
                panic!("no code: {answer}: {:?}", read(&answer));
            };
            let found: Vec<&str> = pieces.iter().map(|piece| piece.code.trim_end()).collect();
            assert_eq!(found, [expected], "{answer}");
            if answer.contains("```python") || answer == code {
                assert_eq!(words, if answer == code { code } else { said }, "{answer}");
            }
        }
        for words in [
            "It is 36.",
            "36",
            "The sum is:\n\n36",
            "Use `print(36)` to see it.",
            "x = 36",
            "The table:\n```\na 1\nb 2\n```",
            "Run this:\n```bash\npython -c 'print(36)'\n```",
            "I can't answer that (there is no such file).",
            "import this and that from the file",
        ] {
            assert_eq!(read(words), Reply::Words(words.to_owned()));
        }
        for broken in [
            "```python\nprint((\n```",
            "```py\nfor x in\n```\nThat is it.",
            "First:\n```python\n# Install it\n!pip install pandas\n```\nThen run it again.",
        ] {
            let Reply::Unusable { reason, .. } = read(broken) else { panic!("{broken}") };
            assert_eq!(reason == NO_INSTALLING, broken.contains("pip"), "{reason}");
        }
    }

    #[test]
    fn a_call_of_an_unknown_tool_is_reported_and_not_run() {
        let parses = |_: &str| Ok(());
        for (name, runs) in [
            ("run_python", true),
            ("", true),
            ("functions.run_python", true),
            ("python", false),
            ("search\u{1b}[2J", false),
        ] {
            let arguments = json!({"code": "print(1)"});
            let call = ToolCall { id: "c1".to_owned(), name: name.to_owned(), arguments };
            let Reply::Code { pieces, .. } = parse("", &[call], Outcome::Whole, true, &parses)
            else {
                panic!("no code: {name}");
            };
            let problem = pieces[0].problem.clone().unwrap_or_default();
            assert_eq!(pieces[0].code == "print(1)", runs, "{name}: {problem}");
            assert_eq!(problem.contains("The only tool is run_python"), !runs, "{problem}");
            assert!(!problem.contains('\u{1b}'), "{problem}");
            // A call that every server accepts.
            assert_eq!(pieces[0].call.as_ref().map(|call| call.name.as_str()), Some(TOOL));
        }
    }
}
