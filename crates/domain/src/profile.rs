//! Results of probing a model.

use super::chat::Request;
use serde::{Deserialize, Serialize};

/// Whether a model reasons before it answers, and where the reasoning is in its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// No visible reasoning.
    #[default]
    No,
    /// Separate: the provider returns it apart from the answer.
    Apart,
    /// At the beginning of the answer, between two tags.
    Marked,
    /// At the beginning of the answer, with only the closing tag: the opening tag is part of the
    /// prompt.
    Open,
}

/// Number of small scripts that a model judges in the probe.
pub const JUDGED: u32 = 6;
/// With fewer correct answers than this, of [`JUDGED`], the result is no better than chance.
const BY_CHANCE: u32 = 5;

/// Whether this number of correct judgements is no better than chance.
#[must_use]
pub const fn is_guessing(judged_right: u32) -> bool {
    judged_right < BY_CHANCE
}

/// Probe results of a model. Times and speeds are those of the machine that ran the probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The model, as `PROVIDER/MODEL`.
    pub model: String,
    /// The requested script could be extracted from its answer.
    pub code: bool,
    /// The script was in code fences, as requested.
    pub fences: bool,
    /// It followed a line format exactly, with nothing else in the answer.
    pub format: bool,
    /// Whether it reasons, and where.
    pub thinking: Thinking,
    /// Most tokens that it used for reasoning.
    pub thought_tokens: u32,
    /// Number of correct judgements on [`JUDGED`] small scripts, some of which do not do what was
    /// asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_right: Option<u32>,
    /// Context length: prompt and answer together, in tokens, as reported by its server or
    /// observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// The longest tested prompt whose beginning the model could recall, in tokens.
    pub read_tokens: u64,
    /// The longest answer that it gave, in tokens.
    pub answer_tokens: u64,
    /// Number of tokens at which its answers end regardless of the requested limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_limit: Option<u32>,
    /// Prompt tokens per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_speed: Option<f64>,
    /// Answer tokens per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_speed: Option<f64>,
}

impl Profile {
    /// Adapts a request to this model: adds tokens for its reasoning, and caps the answer at its
    /// answer limit.
    pub fn suit(&self, request: &mut Request) {
        request.max_tokens = request.max_tokens.saturating_add(2 * self.thought_tokens);
        if let Some(limit) = self.answer_limit {
            request.max_tokens = request.max_tokens.min(limit);
        }
    }

    /// Text for the user: one line a fact, with weaknesses named as such.
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
