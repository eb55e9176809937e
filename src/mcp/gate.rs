//! The answers that a client, and the user behind it, can give at a gate.

use crate::domain::event::Gate;
use crate::view;
use crate::workflow::manager::{self, Answer, Line, Question};
use serde_json::{Value, json};

/// One answer at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The answer's keyword.
    pub answer: &'static str,
    /// It needs a text.
    pub text: bool,
    /// Reserved for the user: it grants access or vouches for a result.
    pub person: bool,
    /// Explanation.
    pub means: &'static str,
}

/// A gate as presented to a client or user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The gate.
    pub gate: Gate,
    /// The text that the user needs to decide.
    pub asks: String,
    /// The possible answers.
    pub choices: Vec<Choice>,
}

const fn choice(answer: &'static str, means: &'static str) -> Choice {
    Choice { answer, text: false, person: false, means }
}

const fn with_text(answer: &'static str, means: &'static str) -> Choice {
    Choice { answer, text: true, person: false, means }
}

const fn of_person(answer: &'static str, means: &'static str) -> Choice {
    Choice { answer, text: false, person: true, means }
}

const PLAN: &[Choice] = &[
    choice("approve", "the plan stands, and the script is written"),
    with_text("change", "the text says what should be different; the plan is written anew"),
    choice("quit", "stop here; the session can be continued later"),
];

const VERSION: &[Choice] = &[
    choice("accept", "this version is the result"),
    choice("iterate", "another version, for the findings that are open"),
    with_text("feedback", "the text says what is wrong or missing; then another version"),
    choice("run", "run it again"),
    with_text("plan", "the text says what the plan should say instead"),
    with_text("rewind", "continue from an earlier version; the text is its number"),
    of_person("mean 1", "of what the candidates did, the first is meant"),
    of_person("mean 2", "of what the candidates did, the second is meant"),
    of_person("test output: yes", "its output is correct: keep it as an example"),
    choice("quit", "stop here; the session can be continued later"),
];

const OPENING: &[Choice] = &[
    of_person("allow", "yes, for this session"),
    choice("deny", "no, for this session; the work goes on without it"),
    choice("quit", "stop here; the session can be continued later"),
];

/// The answers to a question: those of the gate that apply.
#[must_use]
pub fn choices(question: &Question<'_>) -> Vec<Choice> {
    let all = match question.gate {
        Gate::Plan => PLAN,
        Gate::Version => VERSION,
        Gate::Safety | Gate::Install | Gate::Budget => OPENING,
        // Only a user at a terminal can stop a step.
        Gate::Stopped => &[],
    };
    let offered = view::choices(question);
    let fits = |choice: &&Choice| {
        let word = match choice.answer {
            "change" => "say",
            "test output: yes" => "right",
            word => word,
        };
        let there = word != "rewind" || question.session.versions.len() > 1;
        there && offered.iter().any(|choice| choice.word == word)
    };
    all.iter().filter(fits).copied().collect()
}

/// Parses an answer at a gate, with its text.
///
/// # Errors
/// Explains why it is not a valid answer.
pub fn read(gate: Gate, answer: &str, text: &str) -> Result<Answer, String> {
    let (answer, text) = (answer.trim(), text.trim());
    if text.is_empty() {
        if is_bare(gate, answer) {
            return Err(format!("`{answer}` needs a `text`"));
        }
        return match manager::read_line(gate, answer) {
            Line::Answer(answer) => Ok(answer),
            Line::Edit => {
                Err("only a terminal has an editor: say in words what to change".to_owned())
            }
            Line::Unknown(hint) => Err(hint.to_owned()),
        };
    }
    let text = text.to_owned();
    match (gate, answer) {
        (Gate::Plan, "change") => Ok(Answer::Say(text)),
        (Gate::Version, "feedback") => Ok(Answer::Feedback(text)),
        (Gate::Version, "plan") => Ok(Answer::Plan(text)),
        (Gate::Version, "rewind") => {
            let number = text.trim_start_matches('v').parse();
            number.map(Answer::Rewind).map_err(|_| format!("`{text}` is no number of a version"))
        }
        // An unneeded text is not dropped silently, since the line may have another meaning with
        // it.
        _ => read(gate, &format!("{answer}: {text}"), ""),
    }
}

/// Whether this answer needs a text and has none.
fn is_bare(gate: Gate, said: &str) -> bool {
    let all = if gate == Gate::Plan { PLAN } else { VERSION };
    all.iter().any(|choice| choice.text && choice.answer == said)
}

/// Whether the answer is reserved for the user: it grants a script access, raises a budget, or
/// vouches for something that nobody else can know.
#[must_use]
pub const fn is_for_persons(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::Allow
            | Answer::Meant(_)
            | Answer::Right
            | Answer::Tested(_)
            | Answer::Waive(_)
            | Answer::Reopen(_)
    )
}

impl Form {
    /// The gate for a tool result: question, answers, and how to answer.
    #[must_use]
    pub fn value(&self, is_person: bool) -> Value {
        let answers = self.choices.iter().filter(|choice| is_person || !choice.person);
        let answers = answers.map(|choice| {
            let mut value = json!({ "answer": choice.answer, "means": choice.means });
            if choice.text {
                value["text"] = "needed".into();
            }
            value
        });
        let left: Vec<&str> = self
            .choices
            .iter()
            .filter(|choice| choice.person && !is_person)
            .map(|choice| choice.answer)
            .collect();
        let mut value = json!({
            "name": self.gate.name(),
            "asks": self.asks,
            "answers": answers.collect::<Vec<_>>(),
            "answer_with": "the tool `answer_gate`: `session`, `answer`, and `text` where it is needed",
        });
        if !left.is_empty() {
            value["only_a_person_may_say"] = json!(left);
        }
        value
    }

    /// The form for the user, as a JSON schema.
    #[must_use]
    pub fn schema(&self) -> Value {
        let words: Vec<&str> = self.choices.iter().map(|choice| choice.answer).collect();
        let meanings: Vec<String> = self
            .choices
            .iter()
            .map(|choice| format!("{}: {}", choice.answer, choice.means))
            .collect();
        let mut properties = json!({
            "answer": {
                "type": "string",
                "title": "Answer",
                "description": meanings.join("; "),
                "enum": words,
            },
        });
        if self.choices.iter().any(|choice| choice.text) {
            let with: Vec<&str> =
                self.choices.iter().filter(|choice| choice.text).map(|c| c.answer).collect();
            properties["text"] = json!({
                "type": "string",
                "title": "Text",
                "description": format!("What belongs to {}", with.join(", ")),
            });
        }
        json!({ "type": "object", "properties": properties, "required": ["answer"] })
    }

    /// Parses the filled-in form.
    ///
    /// # Errors
    /// Explains why it is not a valid answer.
    pub fn read(&self, content: &Value) -> Result<Answer, String> {
        let text = |name: &str| content[name].as_str().unwrap_or_default();
        read(self.gate, text("answer"), text("text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_text_may_be_a_field_or_follow_the_answer() {
        use Answer as A;
        let own = |text: &str| text.to_owned();
        for (gate, answer, text, expected) in [
            (Gate::Plan, "approve", "", Ok(A::Approve)),
            (Gate::Plan, "change", "add a date", Ok(A::Say(own("add a date")))),
            (Gate::Plan, "change", "approve", Ok(A::Say(own("approve")))),
            (Gate::Plan, "change", "", Err("`change` needs a `text`")),
            (Gate::Plan, "approve", "but blue", Ok(A::Say(own("approve: but blue")))),
            (Gate::Plan, "in blue", "", Ok(A::Say(own("in blue")))),
            (
                Gate::Plan,
                "edit",
                "",
                Err("only a terminal has an editor: say in words what to change"),
            ),
            (Gate::Version, "accept", "", Ok(A::Accept)),
            (Gate::Version, "feedback", "slow", Ok(A::Feedback(own("slow")))),
            (Gate::Version, "feedback: slow", "", Ok(A::Feedback(own("slow")))),
            (Gate::Version, "feedback", "", Err("`feedback` needs a `text`")),
            (Gate::Version, "plan", "a date", Ok(A::Plan(own("a date")))),
            (Gate::Version, "rewind", "v2", Ok(A::Rewind(2))),
            (Gate::Version, "rewind", "2", Ok(A::Rewind(2))),
            (Gate::Version, "rewind v2", "", Ok(A::Rewind(2))),
            (Gate::Version, "rewind", "two", Err("`two` is no number of a version")),
            (Gate::Version, "allow", "", Err("there is nothing to allow or deny here")),
            (Gate::Safety, "allow", "", Ok(A::Allow)),
            (
                Gate::Safety,
                "allow",
                "please",
                Err("the answers here are `allow`, `deny` and `quit`"),
            ),
            (Gate::Budget, "deny", "", Ok(A::Deny)),
            (Gate::Install, "accept", "", Err("the answers here are `allow`, `deny` and `quit`")),
        ] {
            assert_eq!(read(gate, answer, text), expected.map_err(own), "{answer} {text}");
        }
    }

    #[test]
    fn choices_offered_only_to_persons_are_answers_only_for_persons() {
        for (gate, all) in [(Gate::Plan, PLAN), (Gate::Version, VERSION), (Gate::Safety, OPENING)] {
            for choice in all {
                let text = if choice.text { "1" } else { "" };
                let answer = read(gate, choice.answer, text);
                assert_eq!(answer.as_ref().map(is_for_persons), Ok(choice.person), "{choice:?}");
            }
        }
    }
}
