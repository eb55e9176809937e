//! What servers' refusals teach of their models' contexts, and when nothing more is to be learnt.

use super::{Driver, DriverError, End, MODEL_FAILED, Next};
use crate::domain::chat::Request;
use crate::domain::event::Event;

impl Driver<'_, '_> {
    /// What a server's refusal tells of its context: its size, or that it is less than the prompt.
    pub(super) fn learn_context(
        &mut self,
        model: &str,
        told: Option<u32>,
        request: &Request,
        words: String,
    ) {
        let asked = u32::try_from(request.prompt_tokens()).unwrap_or(u32::MAX);
        let before = self.contexts.get(model).copied();
        let size = told.unwrap_or(asked - asked / 4);
        let size = before.map_or(size, |before| size.min(before - before / 4));
        self.contexts.insert(model.to_owned(), size);
        let times = self.refused.get(model).map_or(0, |refused| refused.times) + 1;
        let (length, answer, is_told) = (length(request), request.max_tokens, told.is_some());
        self.refused.insert(model.to_owned(), TooLong { times, length, answer, is_told, words });
    }

    /// A request was not too long for the model.
    pub(super) fn was_taken(&mut self, model: &str) {
        if let Some(refused) = self.refused.get_mut(model) {
            refused.times = 0;
        }
    }

    /// Ends with what the server said of a request that was too long for the model: how long its
    /// context is may be a guess.
    pub(super) fn too_long(&mut self, model: &str) -> Result<Next, DriverError> {
        let Some(TooLong { words, .. }) = self.refused.get(model) else { return Ok(Next::Go) };
        let (reason, told) = (format!("{MODEL_FAILED}: {words}"), format!("`{model}`: {words}"));
        self.record(Event::Paused { reason })?;
        Ok(Next::End(End::ModelFailed(told)))
    }
}

/// How often a request that is too long for a model is made shorter and sent again.
const SHORTER: u32 = 3;

/// A request that was too long for a model.
pub(super) struct TooLong {
    /// How many in a row were.
    pub(super) times: u32,
    /// The length of its prompt, in bytes.
    length: usize,
    /// The longest answer that it asked for, in tokens.
    answer: u32,
    /// The server said how long the context is.
    is_told: bool,
    /// What the server said.
    words: String,
}

impl TooLong {
    /// Whether asking for these instead is of no use: they are no shorter, or enough were tried. A
    /// shorter answer counts once, where the server said what it has to fit into.
    pub(super) fn is_final(&self, asked: &[(u32, Request)]) -> bool {
        let fitted = self.is_told && self.times == 1;
        let shorter = |request: &Request| {
            length(request) < self.length || fitted && request.max_tokens < self.answer
        };
        self.times > SHORTER || !asked.iter().all(|(_, request)| shorter(request))
    }
}

/// The length of a prompt, in bytes.
pub(super) fn length(request: &Request) -> usize {
    request.messages.iter().map(|message| message.content.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chat::{Agent, Message};

    #[test]
    fn what_is_no_shorter_is_not_sent_again_and_nothing_more_than_three_times() {
        let request = |bytes: usize, answer| {
            vec![(1, Request::new(Agent::Coder, vec![Message::user("x".repeat(bytes))], answer))]
        };
        for (times, is_told, bytes, answer, is_final) in [
            (1, false, 99, 100, false),
            (3, false, 99, 100, false),
            (4, false, 99, 100, true),
            (1, false, 100, 100, true),
            (1, false, 101, 10, true),
            // Whether a shorter answer helps is known only of a context that is.
            (1, false, 100, 50, true),
            (1, true, 100, 50, false),
            (2, true, 100, 50, true),
            (2, true, 99, 50, false),
            (1, true, 100, 100, true),
        ] {
            let refused =
                TooLong { times, length: 100, answer: 100, is_told, words: String::new() };
            let asked = request(bytes, answer);
            assert_eq!(refused.is_final(&asked), is_final, "{times} {is_told} {bytes} {answer}");
        }
    }
}
