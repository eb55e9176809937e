//! Presents a gate to the user behind a client: as a permission request, and as text to be answered
//! with the next prompt.

use crate::domain::event::Gate;
use crate::domain::text::{fenced, one_line, visible};
use crate::terminal::{Terminal, gate as words};
use crate::view;
use crate::workflow::manager::{self, Answer, Line, Question};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// The option that ends the turn, so that the answer can be typed.
const SAY: &str = "say";

/// The tool call of a permission request, and its options.
pub(super) fn request(terminal: &Terminal, question: &Question<'_>, id: &str) -> (Value, Value) {
    let gate = view::Gate::of(question);
    let asked: Vec<String> = gate.asked.iter().map(|asked| one_line(&asked.what, 100)).collect();
    let title = format!("{} {}", gate.question, asked.join(", "));
    let call = json!({
        "toolCallId": id,
        "title": title.trim(),
        "kind": "other",
        "status": "pending",
        "content": [{ "type": "content", "content": { "type": "text", "text": text(terminal, question) } }],
    });
    let mut options: Vec<Value> = offered(question)
        .map(|(choice, answer)| {
            let name = format!("{}: {}", choice.word, choice.what);
            json!({ "optionId": choice.line, "name": name, "kind": kind(&answer) })
        })
        .collect();
    if gate.choices.iter().any(wants_text) {
        let name = "say what should be different, in your next message";
        options.push(json!({ "optionId": SAY, "name": name, "kind": "reject_once" }));
    }
    (call, options.into())
}

/// The text that the user needs to decide, as a fenced block.
fn text(terminal: &Terminal, question: &Question<'_>) -> String {
    // File paths are relative to the session's folder.
    let text = visible(&words::question(terminal, question, Path::new("")));
    fenced(text.trim_matches('\n'), "")
}

/// The question as a message, with instructions for answering it in the next prompt.
pub(super) fn message(terminal: &Terminal, question: &Question<'_>) -> String {
    let mut message = format!(
        "\n\n{}\n{}\n\nYour next message answers:\n",
        text(terminal, question),
        view::prompt(question.gate)
    );
    for choice in view::choices(question).iter().filter(|c| is_typed(question.gate, c)) {
        let _ = writeln!(message, "- `{}`: {}", choice.line, choice.what);
    }
    message
}

/// The answers that need no text, which are offered as options.
fn offered(question: &Question<'_>) -> impl Iterator<Item = (view::Choice, Answer)> {
    let gate = question.gate;
    view::choices(question).into_iter().filter(|choice| !wants_text(choice)).filter_map(
        move |choice| {
            match manager::read_line(gate, choice.line) {
                // Not offered: cancelling the turn does this.
                Line::Answer(Answer::Quit) | Line::Edit | Line::Unknown(_) => None,
                Line::Answer(answer) => Some((choice, answer)),
            }
        },
    )
}

/// Whether an answer needs a text: its placeholder is in capitals.
fn wants_text(choice: &view::Choice) -> bool {
    choice.line.contains(|c: char| c.is_ascii_uppercase())
}

/// Whether an answer can be given in a message.
fn is_typed(gate: Gate, choice: &view::Choice) -> bool {
    wants_text(choice) || typed(gate, choice.line).is_ok()
}

/// The kind of an option. Never "always", because a client must not answer later gates by itself.
const fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Approve | Answer::Accept | Answer::Allow | Answer::Meant(_) | Answer::Right => {
            "allow_once"
        }
        _ => "reject_once",
    }
}

/// The answer for a chosen option; `None` if the answer will be typed, or the option was not
/// offered.
pub(super) fn chosen(question: &Question<'_>, option: &str) -> Option<Answer> {
    offered(question).find(|(choice, _)| choice.line == option).map(|(_, answer)| answer)
}

/// Parses a message as the answer at a gate. Permissions can only be granted in the request's
/// dialog.
///
/// # Errors
/// Explains why it is not a valid answer.
pub(super) fn typed(gate: Gate, text: &str) -> Result<Answer, &'static str> {
    match manager::read_line(gate, text) {
        Line::Answer(Answer::Allow) => Err("`allow` is chosen where it is asked for"),
        Line::Answer(answer) => Ok(answer),
        Line::Edit => Err("there is no editor here: say in words what to change"),
        Line::Unknown(hint) => Err(hint),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::session::{Session, Version};

    fn session() -> Session {
        let mut version = Version::new(1, Cause::First, None, "print(1)\n".into());
        version.stdout = "1\n".into();
        Session { versions: vec![version], head: Some(1), ..Session::default() }
    }

    #[test]
    fn what_needs_no_text_is_an_option_and_everything_else_is_said() {
        let session = session();
        for (gate, expected) in [
            (Gate::Plan, vec![("approve", "allow_once"), ("say", "reject_once")]),
            (
                Gate::Version,
                vec![
                    ("accept", "allow_once"),
                    ("iterate", "reject_once"),
                    ("run", "reject_once"),
                    ("test output: yes", "allow_once"),
                    ("say", "reject_once"),
                ],
            ),
            (Gate::Safety, vec![("deny", "reject_once"), ("allow", "allow_once")]),
            (Gate::Install, vec![("allow", "allow_once"), ("deny", "reject_once")]),
            (Gate::Budget, vec![("allow", "allow_once"), ("deny", "reject_once")]),
        ] {
            let question = Question { gate, session: &session, trouble: None, partial: None };
            let (_, options) = request(&Terminal::new(false, true, false), &question, "id");
            let options: Vec<(&str, &str)> = options
                .as_array()
                .unwrap()
                .iter()
                .map(|option| {
                    (option["optionId"].as_str().unwrap(), option["kind"].as_str().unwrap())
                })
                .collect();
            assert_eq!(options, expected, "{gate:?}");
            for (option, _) in options {
                assert_eq!(chosen(&question, option).is_some(), option != SAY, "{option}");
            }
            assert_eq!(chosen(&question, "quit"), None);
        }
    }

    #[test]
    fn a_message_is_an_answer_in_the_gates_words_and_opens_nothing() {
        use Answer as A;
        for (gate, text, expected) in [
            (Gate::Plan, "approve", Some(A::Approve)),
            (Gate::Plan, "in blue, please", Some(A::Say("in blue, please".into()))),
            (Gate::Plan, "edit", None),
            (Gate::Version, "accept", Some(A::Accept)),
            (Gate::Version, "too slow", Some(A::Feedback("too slow".into()))),
            (Gate::Version, "rewind v1", Some(A::Rewind(1))),
            (Gate::Safety, "allow", None),
            (Gate::Safety, "yes, go on", None),
            (Gate::Safety, "deny", Some(A::Deny)),
            (Gate::Budget, "Allow.", None),
            (Gate::Install, "quit", Some(A::Quit)),
        ] {
            assert_eq!(typed(gate, text).ok(), expected, "{text}");
        }
    }
}
