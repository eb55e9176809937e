//! What was found out about a model by asking it.

use super::chat::Request;
use serde::{Deserialize, Serialize};

/// Where a model's thoughts stand, if it thinks before it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// It does not think aloud.
    #[default]
    No,
    /// Apart from the answer: the provider tells them apart.
    Apart,
    /// At the answer's beginning, between two marks.
    Marked,
    /// At the answer's beginning, with only a mark at their end: the first one belongs to the prompt.
    Open,
}

/// Small scripts that a model is asked to judge.
pub const JUDGED: u32 = 6;
/// With fewer right answers than this of [`JUDGED`], it may as well have guessed.
const BY_CHANCE: u32 = 5;

/// Whether who judged so many scripts right may as well have guessed.
#[must_use]
pub const fn is_guessing(judged_right: u32) -> bool {
    judged_right < BY_CHANCE
}

/// What a model does with what it is asked. Times and speeds are of the machine that asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The model, as `PROVIDER/MODEL`.
    pub model: String,
    /// A script that was asked for could be taken out of the answer.
    pub code: bool,
    /// It stood in fences, as was asked.
    pub fences: bool,
    /// Lines of a given form were answered in this form and nothing else.
    pub format: bool,
    /// Whether it thinks aloud, and where.
    pub thinking: Thinking,
    /// How many tokens it thought for, at most.
    pub thought_tokens: u32,
    /// Of [`JUDGED`] small scripts, some of which do not do what was asked for, those of which it said
    /// rightly whether they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_right: Option<u32>,
    /// How long prompt and answer can be together, in tokens, as its server says or showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// The longest prompt that was tried and read to its beginning, in tokens.
    pub read_tokens: u64,
    /// The longest answer that was given, in tokens.
    pub answer_tokens: u64,
    /// Answers end at so many tokens whatever is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_limit: Option<u32>,
    /// Tokens of a prompt that are read in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_speed: Option<f64>,
    /// Tokens of an answer in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_speed: Option<f64>,
}

impl Profile {
    /// Makes a request one that this model can answer: with room for its thoughts, and no longer
    /// than its answers get.
    pub fn suit(&self, request: &mut Request) {
        request.max_tokens = request.max_tokens.saturating_add(2 * self.thought_tokens);
        if let Some(limit) = self.answer_limit {
            request.max_tokens = request.max_tokens.min(limit);
        }
    }

    /// What it says to a person: a line a fact, the weak ones as such.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let mut words = vec![match (self.code, self.fences) {
            (true, true) => "puts code into fences, as asked".to_owned(),
            (true, false) => "writes code without fences; it is found all the same".to_owned(),
            (false, _) => "gave no script where one of three lines was asked for".to_owned(),
        }];
        words.push(if self.format {
            "keeps to a format that it is given".to_owned()
        } else {
            "does not keep to a format: what it says in a review counts for little".to_owned()
        });
        words.extend(self.judged_right.map(|right| {
            let chance = if is_guessing(right) {
                ", no better than chance: nobody asks it for a review where no person decides"
            } else {
                ""
            };
            format!("judged {right} of {JUDGED} small scripts rightly{chance}")
        }));
        words.push(match self.thinking {
            Thinking::No => "does not think aloud".to_owned(),
            Thinking::Apart => "thinks before it answers, apart from the answer".to_owned(),
            Thinking::Marked | Thinking::Open => format!(
                "thinks aloud in its answers ({} tokens here): this is taken off, and it gets room \
                 for it",
                self.thought_tokens
            ),
        });
        words.push(match self.context {
            Some(context) => format!("{context} tokens of context"),
            None => "its context is not known".to_owned(),
        });
        words.push(match self.read_tokens {
            0 => "did not find again what stood at the beginning of a longer prompt".to_owned(),
            tokens => format!("read a prompt of {tokens} tokens to its beginning"),
        });
        words.push(match self.answer_limit {
            Some(limit) => format!("its answers end at {limit} tokens, whatever is asked for"),
            None => format!("gave an answer of {} tokens", self.answer_tokens),
        });
        if let (Some(prompt), Some(answer)) = (self.prompt_speed, self.answer_speed) {
            words.push(format!(
                "reads {prompt:.0} tokens a second and writes {answer:.1}, on this machine"
            ));
        }
        words
    }
}
