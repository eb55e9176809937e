//! The [`Manager`] trait: how the driver asks the user at a gate and reports events.
//! Implementations are a terminal, standard input, a web page or a client.

use crate::domain::chat::{Agent, Outcome, Usage};
use crate::domain::dialogue::Ended;
use crate::domain::event::Gate;
use crate::domain::plan::Plan;
use crate::domain::report::Scored;
use crate::domain::review::{Answered, Status};
use crate::domain::session::{Session, Version};
use crate::workflow::progress::Progress;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The user's answer at a gate. In JSON: `{"answer": "feedback", "value": "too slow"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// Approve the plan.
    Approve,
    /// A message to the Planner.
    Say(String),
    /// Accept the version.
    Accept,
    /// Ask for another version.
    Iterate,
    /// Feedback on the version; asks for another one.
    Feedback(String),
    /// The number of the candidate whose behaviour is the intended one, from 1.
    #[serde(rename = "mean")]
    Meant(usize),
    /// Run it again.
    Run,
    /// The text that every run reads from standard input from now on.
    Input(String),
    /// The plan or the script, edited by hand.
    #[serde(rename = "edit")]
    Edited(String),
    /// A message to the Planner about an approved plan.
    Plan(String),
    /// Continue from an earlier version.
    Rewind(u32),
    /// Waive these findings.
    Waive(Vec<String>),
    /// Reopen these findings.
    Reopen(Vec<String>),
    /// Results of a test by hand, by the id of the requirement or the finding.
    #[serde(rename = "test")]
    Tested(Vec<(String, Answered)>),
    /// The version's output is right: it becomes an example.
    Right,
    /// Allow, for this session.
    Allow,
    /// Deny, for this session.
    Deny,
    /// Repeat the step that was stopped.
    Retry,
    /// Quit; the session can be resumed.
    Quit,
    /// There is nobody left to ask. Only the Manager itself can return this.
    #[serde(skip)]
    Gone,
}

impl Answer {
    /// The answer's word in [`choices`].
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Say(_) => "say",
            Self::Accept => "accept",
            Self::Iterate => "iterate",
            Self::Feedback(_) => "feedback",
            Self::Meant(_) => "mean",
            Self::Run => "run",
            Self::Input(_) => "input",
            Self::Edited(_) => "edit",
            Self::Plan(_) => "plan",
            Self::Rewind(_) => "rewind",
            Self::Waive(_) => "waive",
            Self::Reopen(_) => "reopen",
            Self::Tested(_) => "test",
            Self::Right => "right",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Retry => "retry",
            Self::Quit => "quit",
            Self::Gone => "gone",
        }
    }
}

/// The words of the answers that are valid at a gate, or without a gate at the prompt for the next
/// question.
#[must_use]
pub const fn choices(gate: Option<Gate>) -> &'static [&'static str] {
    match gate {
        Some(Gate::Plan) => &["approve", "say", "edit", "quit"],
        Some(Gate::Version) => &[
            "accept", "iterate", "feedback", "run", "input", "edit", "plan", "rewind", "test",
            "right", "mean", "waive", "reopen", "quit",
        ],
        Some(Gate::Safety | Gate::Install | Gate::Budget) => &["allow", "deny", "quit"],
        Some(Gate::Stopped) => &["retry", "say", "quit"],
        None => &["say", "quit"],
    }
}

/// The user interrupted with Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// A question to the user.
pub struct Question<'a> {
    /// The gate.
    pub gate: Gate,
    /// The session as it stands.
    pub session: &'a Session,
    /// Why the session cannot continue by itself: a limit is reached, or it is stuck.
    pub trouble: Option<String>,
    /// The partial answer of a model call that was stopped.
    pub partial: Option<&'a str>,
}

/// An event to report.
pub enum News<'a> {
    /// A model call starts.
    Calling {
        /// The agent that makes the call.
        agent: Agent,
        /// `PROVIDER/MODEL`.
        model: &'a str,
        /// The version that the call is about.
        version: Option<u32>,
    },
    /// A chunk of the answer.
    Text(&'a str),
    /// A chunk of the model's reasoning.
    Reasoning(&'a str),
    /// The progress of the answer.
    Progress(Progress),
    /// The call failed and is retried; its text starts over.
    Retrying {
        /// What went wrong.
        why: String,
        /// Time until the retry.
        wait: Duration,
    },
    /// The call ended.
    Called {
        /// How the answer ended.
        outcome: Outcome,
        /// The answer was cut off because it repeated itself.
        repeats: bool,
        /// The tokens that were used.
        usage: Usage,
        /// Duration of the call, in milliseconds.
        milliseconds: u64,
    },
    /// The answer is unusable.
    Refused {
        /// The agent that was asked.
        agent: Agent,
        /// Why.
        reason: &'a str,
    },
    /// A plan was proposed.
    Proposed(&'a Plan),
    /// Some of the requested candidates have arrived.
    Sampled {
        /// How many have arrived.
        there: usize,
        /// How many were requested.
        of: usize,
        /// Progress of the other candidates together.
        others: Option<Progress>,
    },
    /// Candidates are checked, run and tested.
    Trying {
        /// How many.
        samples: usize,
    },
    /// A candidate becomes the next version.
    Chosen {
        /// The scores of all candidates.
        scores: &'a [Scored],
    },
    /// A new version was written.
    Written {
        /// The version.
        version: &'a Version,
        /// The version that it is based on.
        base: Option<&'a Version>,
    },
    /// The version was checked.
    Checked(&'a Version),
    /// The packages of a version are being resolved.
    Seeking,
    /// Packages are installed.
    Installing(&'a [String]),
    /// A run of the version starts.
    Running {
        /// The version.
        version: u32,
        /// Time limit, in seconds.
        seconds: u64,
    },
    /// The run ended, or was skipped.
    Ran(&'a Version),
    /// The user's tests run on the version.
    Testing {
        /// The version.
        version: u32,
        /// Time limit, in seconds.
        seconds: u64,
    },
    /// The tests ended, or were skipped.
    Tested(&'a Version),
    /// The version was reviewed.
    Reviewed {
        /// The session.
        session: &'a Session,
        /// The version.
        version: &'a Version,
    },
    /// The rules of `--auto` answered a gate.
    Auto {
        /// The gate.
        gate: Gate,
        /// The answer, in a few words.
        answer: &'a str,
        /// `--auto` was passed; otherwise the preset does not ask at this gate.
        asked_for: bool,
    },
    /// A question ended.
    Answered(&'a Ended),
    /// A note to the user.
    Note(&'a str),
}

/// Asks and informs the user.
pub trait Manager {
    /// Asks the user at a gate. Returns [`Answer::Gone`] if there is nobody to answer.
    fn ask<'a>(
        &'a mut self,
        question: &'a Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>>;

    /// Asks the user for another question, or returns `None` if there is nobody to ask.
    fn listen(&mut self) -> LocalBoxFuture<'_, Result<Option<String>, Interrupted>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Passes the token that cancels the step that runs next; after that the user is asked how to
    /// continue. An implementation that stops the whole process by other means need not store it.
    fn begins(&mut self, _running: &CancellationToken) {}

    /// Whether the last answer was given by a person. Other answers grant no permission and trust
    /// no version.
    fn is_person(&self) -> bool {
        true
    }

    /// Reports an event.
    fn tell(&mut self, news: News<'_>);
}

/// A line that was typed as an answer at a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An answer.
    Answer(Answer),
    /// A request to open the plan or the script in an editor.
    Edit,
    /// Not an answer at this gate, with the message to show.
    Unknown(&'static str),
}

/// Parses a line that was typed at a gate.
#[must_use]
pub fn read_line(gate: Gate, line: &str) -> Line {
    let line = line.trim();
    let lower = line.to_lowercase();
    let word = lower.trim_end_matches(['.', '!']);
    let after = |prefix: &str| {
        lower.starts_with(prefix).then(|| line.get(prefix.len()..).unwrap_or("").trim().to_owned())
    };
    let answer = match gate {
        _ if line.is_empty() => return Line::Unknown("the line is empty: give an answer"),
        _ if word == "quit" => Answer::Quit,
        Gate::Plan => match word {
            "approve" | "sounds good" => Answer::Approve,
            "edit" => return Line::Edit,
            _ => Answer::Say(line.to_owned()),
        },
        Gate::Version => match word {
            "accept" => Answer::Accept,
            "iterate" => Answer::Iterate,
            "run" => Answer::Run,
            "edit" => return Line::Edit,
            "mean 1" => Answer::Meant(1),
            "mean 2" => Answer::Meant(2),
            _ if let Some(hint) = unfinished(word) => return Line::Unknown(hint),
            // An answer for a gate that is not open is not taken for feedback.
            "allow" | "deny" => return Line::Unknown("there is nothing to allow or deny here"),
            _ => match (after("feedback:"), after("plan:"), after("rewind v")) {
                (Some(text), ..) if !text.is_empty() => Answer::Feedback(text),
                (_, Some(text), _) if !text.is_empty() => Answer::Plan(text),
                (.., Some(number)) => match number.parse() {
                    Ok(number) => Answer::Rewind(number),
                    Err(_) => Answer::Feedback(line.to_owned()),
                },
                _ => decision(line)
                    .or_else(|| tested(line))
                    .unwrap_or_else(|| Answer::Feedback(line.to_owned())),
            },
        },
        Gate::Safety | Gate::Install | Gate::Budget => match word {
            "allow" => Answer::Allow,
            "deny" => Answer::Deny,
            _ => return Line::Unknown("the answers here are `allow`, `deny` and `quit`"),
        },
        Gate::Stopped => match word {
            "retry" => Answer::Retry,
            _ => Answer::Say(line.to_owned()),
        },
    };
    Line::Answer(answer)
}

/// The message for a menu word whose argument is missing.
fn unfinished(word: &str) -> Option<&'static str> {
    Some(match word.trim_end_matches(':').trim_end() {
        "feedback" => "add a text: `feedback: TEXT`",
        "plan" => "add a text: `plan: TEXT`",
        "rewind" => "add a version: `rewind v2`",
        "test" => "add a requirement and what you saw: `test R1: yes`",
        "mean" => "add a number: `mean 1`",
        "waive" => "add a finding: `waive F1`",
        "reopen" => "add a finding: `reopen F1`",
        _ => return None,
    })
}

/// A line that was typed at the prompt for a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An empty line.
    Nothing,
    /// A word that quits.
    Leave,
    /// A question.
    Question(String),
}

/// Parses a line that was typed at the prompt for a question.
#[must_use]
pub fn read_question(text: &str) -> Asked {
    let text = text.trim().trim_start_matches('\u{feff}').trim();
    match text.to_lowercase().as_str() {
        "" => Asked::Nothing,
        "quit" | "exit" | "/quit" | "/exit" => Asked::Leave,
        _ => Asked::Question(text.to_owned()),
    }
}

/// Parses `waive F3` or `reopen F3, F5`. Any other line that begins with these words is feedback.
fn decision(line: &str) -> Option<Answer> {
    let (word, rest) = line.split_once(' ')?;
    let ids = rest.split([' ', ',']).filter(|id| !id.is_empty());
    let ids: Option<Vec<String>> = ids
        .map(|id| {
            let number = id.strip_prefix(['F', 'f'])?.parse::<u32>().ok()?;
            Some(format!("F{number}"))
        })
        .collect();
    match word.to_lowercase().as_str() {
        "waive" => ids.map(Answer::Waive),
        "reopen" => ids.map(Answer::Reopen),
        _ => None,
    }
}

/// Parses `test output: yes`, `test F2: yes`, `test R1: yes`, `test R2: no the hands stand still`
/// or `test R3: it is slow`. Any other line that begins with `test` is feedback.
fn tested(line: &str) -> Option<Answer> {
    let (word, rest) = line.split_once(' ')?;
    let (id, said) = rest.trim_start().split_once([':', ' '])?;
    if word.eq_ignore_ascii_case("test") && id.eq_ignore_ascii_case("output") {
        let right = answered(said.trim_start_matches([':', ' '])).status == Status::Met;
        return right.then_some(Answer::Right);
    }
    let kind = id.chars().next().map(|c| c.to_ascii_uppercase()).filter(|c| "RF".contains(*c))?;
    let number = id[1..].parse::<u32>().ok()?;
    let said = said.trim_start_matches([':', ' ']);
    let named = word.eq_ignore_ascii_case("test") && !said.is_empty();
    named.then(|| Answer::Tested(vec![(format!("{kind}{number}"), answered(said))]))
}

/// Parses a yes, a no with a description, or a note.
#[must_use]
pub fn answered(said: &str) -> Answered {
    let said = said.trim();
    let end = said.find(|c: char| !c.is_alphabetic()).unwrap_or(said.len());
    let (word, rest) = said.split_at(end);
    let rest = rest.trim_start_matches([' ', ',', ':', '.', '!', ';']).trim_start_matches("- ");
    let (status, note) = match word.to_lowercase().as_str() {
        "yes" | "y" if rest.is_empty() => (Status::Met, ""),
        "no" | "n" => (Status::NotMet, rest),
        "note" if !rest.is_empty() => (Status::Partly, rest),
        // A yes with more text after it counts as a note.
        _ => (Status::Partly, said),
    };
    Answered { status, note: note.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_the_menu_s_words_is_that_menu_answer() {
        use Answer as A;
        use Status::NotMet;
        let feedback = |text: &str| Line::Answer(A::Feedback(text.to_owned()));
        let tested = |id: &str, status, note: &str| {
            Line::Answer(A::Tested(vec![(id.into(), Answered { status, note: note.into() })]))
        };
        for (gate, line, expected) in [
            (Gate::Plan, "approve", Line::Answer(A::Approve)),
            (Gate::Plan, " Sounds good! ", Line::Answer(A::Approve)),
            (Gate::Plan, "edit", Line::Edit),
            (Gate::Plan, "quit", Line::Answer(A::Quit)),
            (Gate::Plan, "accept", Line::Answer(A::Say("accept".into()))),
            (Gate::Plan, "add a date", Line::Answer(A::Say("add a date".into()))),
            (Gate::Version, "ACCEPT", Line::Answer(A::Accept)),
            (Gate::Version, "iterate", Line::Answer(A::Iterate)),
            (Gate::Version, "run", Line::Answer(A::Run)),
            (Gate::Version, "mean 2", Line::Answer(A::Meant(2))),
            (Gate::Version, "mean 2 or 3", feedback("mean 2 or 3")),
            (Gate::Version, "edit", Line::Edit),
            (Gate::Version, "feedback: too slow", feedback("too slow")),
            (Gate::Version, "Feedback:too slow", feedback("too slow")),
            (Gate::Version, "the hands stand still", feedback("the hands stand still")),
            (Gate::Version, "plan: add a date", Line::Answer(A::Plan("add a date".into()))),
            (Gate::Version, "rewind v2", Line::Answer(A::Rewind(2))),
            (Gate::Version, "rewind vx", feedback("rewind vx")),
            (Gate::Version, "waive F3", Line::Answer(A::Waive(vec!["F3".into()]))),
            (
                Gate::Version,
                "Reopen f3, F12",
                Line::Answer(A::Reopen(vec!["F3".into(), "F12".into()])),
            ),
            (Gate::Version, "test R1: yes", tested("R1", Status::Met, "")),
            (Gate::Version, "test f2: yes", tested("F2", Status::Met, "")),
            (Gate::Version, "test output: yes", Line::Answer(A::Right)),
            (Gate::Version, "test output: no, a", feedback("test output: no, a")),
            (
                Gate::Version,
                "Test r2: No, they stand still",
                tested("R2", NotMet, "they stand still"),
            ),
            (Gate::Version, "test R2 no", tested("R2", NotMet, "")),
            (Gate::Version, "test R3: note: slow", tested("R3", Status::Partly, "slow")),
            (Gate::Version, "test R3: yes but slow", tested("R3", Status::Partly, "yes but slow")),
            (
                Gate::Version,
                "test R3: nothing moves",
                tested("R3", Status::Partly, "nothing moves"),
            ),
            (Gate::Version, "test the sum again", feedback("test the sum again")),
            (Gate::Version, "test R3:", feedback("test R3:")),
            (Gate::Version, "waive the fee", feedback("waive the fee")),
            (Gate::Version, "reopen the file", feedback("reopen the file")),
            (Gate::Safety, "allow", Line::Answer(A::Allow)),
            (Gate::Install, "allow", Line::Answer(A::Allow)),
            (Gate::Install, "deny", Line::Answer(A::Deny)),
            (Gate::Budget, "deny", Line::Answer(A::Deny)),
            (Gate::Safety, "quit", Line::Answer(A::Quit)),
            (Gate::Stopped, "Retry", Line::Answer(A::Retry)),
            (Gate::Stopped, "quit", Line::Answer(A::Quit)),
            (Gate::Stopped, "in blue", Line::Answer(A::Say("in blue".into()))),
        ] {
            assert_eq!(read_line(gate, line), expected, "{line}");
        }
    }

    #[test]
    fn a_menu_word_without_its_argument_gives_a_hint() {
        for (line, hint) in [
            ("feedback", "feedback: TEXT"),
            ("Feedback:", "feedback: TEXT"),
            (" feedback : ", "feedback: TEXT"),
            ("plan", "plan: TEXT"),
            ("plan:", "plan: TEXT"),
            ("rewind", "rewind v2"),
            ("test", "test R1: yes"),
            ("mean", "mean 1"),
            ("waive", "waive F1"),
            ("reopen.", "reopen F1"),
        ] {
            let Line::Unknown(said) = read_line(Gate::Version, line) else { panic!("{line}") };
            assert!(said.contains(hint), "{line}: {said}");
        }
    }

    #[test]
    fn only_the_word_allow_allows() {
        for line in ["yes", "y", "allow it", "accept", "", "ALLOWED", "approve"] {
            for gate in [Gate::Safety, Gate::Install] {
                assert!(matches!(read_line(gate, line), Line::Unknown(_)), "{line}");
            }
        }
    }
}
