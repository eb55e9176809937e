//! Questions that are answered by running code: the state of a session of this kind.

use super::chat::ToolCall;
use serde::{Deserialize, Serialize};

/// All questions of a session, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dialogue {
    /// The questions; only the last one can be without an end.
    pub questions: Vec<Question>,
}

/// One question and what was done to answer it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// As it was asked.
    pub text: String,
    /// What the model said, and what came of it.
    pub turns: Vec<Turn>,
    /// How it ended; none while it is worked on.
    pub end: Option<Ended>,
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The answer, if there is one.
    pub answer: Option<String>,
    /// What should be known of it, or why there is none.
    pub remark: Option<String>,
}

/// One answer of the model that is not the last word on a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The model call.
    pub call: u32,
    /// What the model said besides the code.
    pub said: String,
    /// The code that it wants to have run, in order.
    pub pieces: Vec<Piece>,
    /// What it is told of an answer that holds nothing that can be run.
    pub note: Option<String>,
}

/// A piece of code in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The call of a tool that it came in, as it is told to the model again; none for code that
    /// stood in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<ToolCall>,
    /// The code.
    pub code: String,
    /// How the answer had to be mended to get at the code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it is not run, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The version that it became.
    #[serde(skip)]
    pub version: Option<u32>,
}

/// What an answer of the model comes to, before anybody decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Code to be run.
    Code {
        /// What was said besides.
        said: String,
        /// The code, in order.
        pieces: Vec<Piece>,
    },
    /// Words, and no code.
    Words(String),
    /// Neither; says to the model what is wrong with it.
    Unusable {
        /// What was said besides.
        said: String,
        /// What is wrong.
        reason: String,
    },
}

impl Dialogue {
    /// A dialogue that begins with a question.
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

    /// The question that is worked on.
    #[must_use]
    pub fn open(&self) -> Option<&Question> {
        self.questions.last().filter(|question| question.end.is_none())
    }

    /// The question that is worked on, to be changed.
    pub fn open_mut(&mut self) -> Option<&mut Question> {
        self.questions.last_mut().filter(|question| question.end.is_none())
    }

    /// How many questions came to their end.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.questions.iter().filter(|question| question.end.is_some()).count()
    }
}

impl Question {
    /// The code that became versions, in order.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.turns.iter().flat_map(|turn| &turn.pieces).filter_map(|piece| piece.version)
    }

    /// The piece that is to become a version next.
    #[must_use]
    pub fn waiting(&self) -> Option<(u32, &Piece)> {
        let turn = self.turns.last()?;
        let open = |piece: &&Piece| piece.version.is_none() && piece.problem.is_none();
        turn.pieces.iter().find(open).map(|piece| (turn.call, piece))
    }

    /// Notes that the piece that waits became a version.
    pub fn became(&mut self, version: u32) {
        let pieces = self.turns.last_mut().into_iter().flat_map(|turn| &mut turn.pieces);
        if let Some(piece) = { pieces }.find(|p| p.version.is_none() && p.problem.is_none()) {
            piece.version = Some(version);
        }
    }
}
