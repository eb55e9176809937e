//! The seam to the Manager: whom the driver asks at a gate and tells what happens. A terminal,
//! lines on standard input, a page or a client can stand behind it.

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

/// What the Manager answers at a gate. In JSON: `{"answer": "feedback", "value": "too slow"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// The plan stands.
    Approve,
    /// The Planner is told something.
    Say(String),
    /// The version is taken.
    Accept,
    /// Another version.
    Iterate,
    /// What a test showed; then another version.
    Feedback(String),
    /// Of what candidates did, this is meant: the first, the second.
    #[serde(rename = "mean")]
    Meant(usize),
    /// Run it again.
    Run,
    /// This is what every run reads from standard input, from now on.
    Input(String),
    /// The plan's or the script's new text, written by hand.
    #[serde(rename = "edit")]
    Edited(String),
    /// The Planner is told something about a plan that stands.
    Plan(String),
    /// Go on from an earlier version.
    Rewind(u32),
    /// These findings do not matter.
    Waive(Vec<String>),
    /// These findings do.
    Reopen(Vec<String>),
    /// What was seen of requirements, or of findings, in a test by hand.
    #[serde(rename = "test")]
    Tested(Vec<(String, Answered)>),
    /// What the version printed is what it has to print: an example.
    Right,
    /// Yes, for this session.
    Allow,
    /// No, for this session.
    Deny,
    /// What was stopped is done once more.
    Retry,
    /// Stop for today.
    Quit,
    /// There is nobody left to ask. Only whoever asks people can know that.
    #[serde(skip)]
    Gone,
}

impl Answer {
    /// Its word in [`choices`].
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

/// The words of the answers that fit at a gate, or where no gate is, to the question for the next
/// question to the session.
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

/// The Manager broke off with Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// What a person is asked.
pub struct Question<'a> {
    /// What about.
    pub gate: Gate,
    /// The session as it stands.
    pub session: &'a Session,
    /// What keeps it from going on by itself: a limit, or that it is stuck.
    pub trouble: Option<String>,
    /// What a model had written when it was stopped.
    pub partial: Option<&'a str>,
}

/// Something that happened.
pub enum News<'a> {
    /// A model is asked.
    Calling {
        /// Who asks.
        agent: Agent,
        /// `PROVIDER/MODEL`.
        model: &'a str,
        /// The version that it is about.
        version: Option<u32>,
    },
    /// A piece of its answer.
    Text(&'a str),
    /// A piece of what it thinks aloud.
    Reasoning(&'a str),
    /// How far it is with its answer.
    Progress(Progress),
    /// The call failed and is tried again; its text begins anew.
    Retrying {
        /// What went wrong.
        why: String,
        /// How long until then.
        wait: Duration,
    },
    /// It answered.
    Called {
        /// How the answer ended.
        outcome: Outcome,
        /// It began to repeat itself and was cut off there.
        repeats: bool,
        /// Tokens.
        usage: Usage,
        /// How long it took.
        milliseconds: u64,
    },
    /// The answer can't be used.
    Refused {
        /// Whose answer.
        agent: Agent,
        /// Why.
        reason: &'a str,
    },
    /// There is a plan to decide on.
    Proposed(&'a Plan),
    /// Some of the samples that were asked for are there.
    Sampled {
        /// How many.
        there: usize,
        /// Of how many.
        of: usize,
    },
    /// Samples are checked, run and tested.
    Trying {
        /// How many.
        samples: usize,
    },
    /// One of them becomes the next version.
    Chosen {
        /// What speaks for each.
        scores: &'a [Scored],
    },
    /// There is a new version.
    Written {
        /// The version.
        version: &'a Version,
        /// The one that it was written from.
        base: Option<&'a Version>,
    },
    /// The version was checked.
    Checked(&'a Version),
    /// It is looked for the packages that a version needs.
    Seeking,
    /// Packages are installed.
    Installing(&'a [String]),
    /// The version is started.
    Running {
        /// The version.
        version: u32,
        /// Seconds after which it is stopped.
        seconds: u64,
    },
    /// The run ended, or did not take place.
    Ran(&'a Version),
    /// The Manager's tests are run on the version.
    Testing {
        /// The version.
        version: u32,
        /// Seconds after which they are stopped.
        seconds: u64,
    },
    /// They ended, or did not take place.
    Tested(&'a Version),
    /// The version was reviewed.
    Reviewed {
        /// The session.
        session: &'a Session,
        /// The version.
        version: &'a Version,
    },
    /// The rules of `--auto` answered.
    Auto {
        /// At which gate.
        gate: Gate,
        /// What, in a few words.
        answer: &'a str,
        /// `--auto` was given: else the preset asks nobody there.
        asked_for: bool,
    },
    /// A question came to its end.
    Answered(&'a Ended),
    /// Something else that people should know.
    Note(&'a str),
}

/// Whoever stands for the Manager.
pub trait Manager {
    /// Asks at a gate. Whoever can't answer says [`Answer::Gone`].
    fn ask<'a>(
        &'a mut self,
        question: &'a Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>>;

    /// Asks for another question; none if there is nobody who has one.
    fn listen(&mut self) -> LocalBoxFuture<'_, Result<Option<String>, Interrupted>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// What runs from now on ends when this is cancelled, and the Manager is asked how it goes on. Nobody
    /// has to keep it: who ends all of the work has another way.
    fn begins(&mut self, _running: &CancellationToken) {}

    /// Whether the last answer is a person's. What others approve opens nothing, and vouches for nothing.
    fn is_person(&self) -> bool {
        true
    }

    /// Tells what happens.
    fn tell(&mut self, news: News<'_>);
}

/// A line of an answer in the menu's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An answer.
    Answer(Answer),
    /// The plan or the script is to be opened in an editor.
    Edit,
    /// Nothing that can be answered here; what can is said.
    Unknown(&'static str),
}

/// Reads a line that was given as an answer at a gate.
#[must_use]
pub fn read_line(gate: Gate, line: &str) -> Line {
    let line = line.trim();
    let lower = line.to_lowercase();
    let word = lower.trim_end_matches(['.', '!']);
    let after = |prefix: &str| {
        lower.starts_with(prefix).then(|| line.get(prefix.len()..).unwrap_or("").trim().to_owned())
    };
    let answer = match gate {
        _ if line.is_empty() => return Line::Unknown("an empty line says nothing"),
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
            // An answer for a gate that did not open: nobody means it as feedback.
            "allow" | "deny" => return Line::Unknown("there is nothing to allow or to deny here"),
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

/// What is missing behind a word of the menu that means nothing by itself.
fn unfinished(word: &str) -> Option<&'static str> {
    Some(match word.trim_end_matches(':').trim_end() {
        "feedback" => "a text belongs behind it: `feedback: TEXT`",
        "plan" => "a text belongs behind it: `plan: TEXT`",
        "rewind" => "a version belongs behind it: `rewind v2`",
        "test" => "a requirement and what you saw belong behind it: `test R1: yes`",
        "mean" => "a number belongs behind it: `mean 1`",
        "waive" => "a finding belongs behind it: `waive F1`",
        "reopen" => "a finding belongs behind it: `reopen F1`",
        _ => return None,
    })
}

/// What was typed where a question is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// A word that leaves.
    Leave,
    /// A question.
    Question(String),
}

/// Reads what was typed where a question is asked for.
#[must_use]
pub fn read_question(text: &str) -> Asked {
    let text = text.trim().trim_start_matches('\u{feff}').trim();
    match text.to_lowercase().as_str() {
        "" => Asked::Nothing,
        "quit" | "exit" | "/quit" | "/exit" => Asked::Leave,
        _ => Asked::Question(text.to_owned()),
    }
}

/// `waive F3`, `reopen F3, F5`; anything else that begins so is feedback.
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

/// `test output: yes`, `test F2: yes`, `test R1: yes`, `test R2: no the hands stand still`, `test R3: it is slow`; anything else that
/// begins so is feedback.
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

/// What is meant by a yes, a no with what was seen, or a note.
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
        // A yes with something behind it is not quite one.
        _ => (Status::Partly, said),
    };
    Answered { status, note: note.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_the_menus_words_means_what_the_menu_means() {
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
    fn a_word_of_the_menu_by_itself_is_no_feedback() {
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
    fn nothing_but_allow_allows() {
        for line in ["yes", "y", "allow it", "accept", "", "ALLOWED", "approve"] {
            for gate in [Gate::Safety, Gate::Install] {
                assert!(matches!(read_line(gate, line), Line::Unknown(_)), "{line}");
            }
        }
    }
}
