//! The questions of a session that answers questions.

use crate::domain::{dialogue, session};
use serde::Serialize;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The question, as the user asked it.
    pub question: String,
    /// The answer, if there is one.
    pub answer: Option<String>,
    /// A remark on the answer, or why there is none.
    pub remark: Option<String>,
    /// The question is closed: the model will not continue on it.
    pub ended: bool,
    /// The code that was run for the question, in order.
    pub runs: Vec<Piece>,
}

/// A piece of code that was run for a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Its version number.
    pub version: u32,
    /// Its file in the session's folder.
    pub file: String,
    /// The verdict of its run; `None` before the run.
    pub verdict: Option<&'static str>,
    /// What it printed, up to the limit of the run.
    pub stdout: Option<String>,
}

/// The questions of a session, oldest first; `None` for a session of another kind.
#[must_use]
pub fn questions(session: &session::Session) -> Option<Vec<Question>> {
    let piece = |number: u32| {
        let version = session.version(number);
        let run = version.and_then(|version| version.run.as_ref());
        Piece {
            version: number,
            file: crate::store::artifacts::script_file(number),
            verdict: run.map(|run| run.verdict.name()),
            stdout: version.map(|version| version.stdout.clone()),
        }
    };
    let question = |question: &dialogue::Question| {
        let end = question.end.as_ref();
        Question {
            question: question.text.clone(),
            answer: end.and_then(|end| end.answer.clone()),
            remark: end.and_then(|end| end.remark.clone()),
            ended: end.is_some(),
            runs: question.versions().map(piece).collect(),
        }
    };
    Some(session.dialogue.as_ref()?.questions.iter().map(question).collect())
}
