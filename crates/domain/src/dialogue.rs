//! State of a session whose questions are answered by running code.

use super::chat::ToolCall;
use serde::{Deserialize, Serialize};

/// All questions of a session, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dialogue {
    /// The questions; only the last one can be open.
    pub questions: Vec<Question>,
}

/// One question and what was done to answer it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// Text of the question.
    pub text: String,
    /// The model's replies so far, with their code.
    pub turns: Vec<Turn>,
    /// How it ended; `None` while it is open.
    pub end: Option<Ended>,
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The answer, if there is one.
    pub answer: Option<String>,
    /// A remark on the answer, or why there is none.
    pub remark: Option<String>,
}

/// One reply of the model that does not end the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Number of the model call.
    pub call: u32,
    /// Text of the reply besides the code.
    pub said: String,
    /// The code to run, in order.
    pub pieces: Vec<Piece>,
    /// Message to the model if the reply has no code that can be run.
    pub note: Option<String>,
}

/// A piece of code in a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The tool call that contained it, to be repeated to the model; `None` for code from the
    /// reply's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<ToolCall>,
    /// The code.
    pub code: String,
    /// Corrections that were needed to extract the code from the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it is not run; shown to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The version made from it.
    #[serde(skip)]
    pub version: Option<u32>,
}

/// A parsed reply of the model, before any decision about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Code to run.
    Code {
        /// Text besides the code.
        said: String,
        /// The code, in order.
        pieces: Vec<Piece>,
    },
    /// Text without code.
    Words(String),
    /// Neither text nor usable code.
    Unusable {
        /// Text besides the code.
        said: String,
        /// What is wrong with it; shown to the model.
        reason: String,
    },
}

impl Dialogue {
    /// A dialogue with its first question.
    #[must_use]
    pub fn begun(text: &str) -> Self {
        let mut dialogue = Self::default();
        dialogue.ask(text.to_owned());
        dialogue
    }

    /// Adds a question.
    pub fn ask(&mut self, text: String) {
        self.questions.push(Question { text, ..Question::default() });
    }

    /// The open question.
    #[must_use]
    pub fn open(&self) -> Option<&Question> {
        self.questions.last().filter(|question| question.end.is_none())
    }

    /// The open question, mutable.
    pub fn open_mut(&mut self) -> Option<&mut Question> {
        self.questions.last_mut().filter(|question| question.end.is_none())
    }

    /// Number of questions that have ended.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.questions.iter().filter(|question| question.end.is_some()).count()
    }
}

impl Question {
    /// Numbers of the versions made from this question's code, in order.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.turns.iter().flat_map(|turn| &turn.pieces).filter_map(|piece| piece.version)
    }

    /// The next piece to become a version, with the number of its model call.
    #[must_use]
    pub fn waiting(&self) -> Option<(u32, &Piece)> {
        let turn = self.turns.last()?;
        let open = |piece: &&Piece| piece.version.is_none() && piece.problem.is_none();
        turn.pieces.iter().find(open).map(|piece| (turn.call, piece))
    }

    /// Records the version that the waiting piece became.
    pub fn became(&mut self, version: u32) {
        let pieces = self.turns.last_mut().into_iter().flat_map(|turn| &mut turn.pieces);
        if let Some(piece) = { pieces }.find(|p| p.version.is_none() && p.problem.is_none()) {
            piece.version = Some(version);
        }
    }
}
