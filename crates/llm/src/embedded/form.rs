//! Answers that are held to a form: of each token that is drawn, whether the form goes on with it.
//!
//! A token is first drawn as if there were no form. Only where the form does not go on with it, the tokens
//! that it does go on with are looked up, which takes as long as hundreds of single looks, and one of them
//! is drawn instead. So an answer that is in its form by itself is the same as without, and costs next to
//! nothing more.

use super::sampler::Sampler;
use super::tokenizer::Tokenizer;
use llguidance::api::{StopReason, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use redraft_domain::chat::Request;
use serde_json::Value;
use std::sync::Arc;

/// The longest token that a form goes on with, in bytes. Longer ones are rows of blanks.
const LONGEST: usize = 255;

/// What an answer has to be.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// A text that matches this pattern as a whole.
    Pattern(String),
    /// JSON that fits this schema.
    Schema(Value),
}

impl Form {
    /// The form that a request asks for, if it does.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let schema = request.schema.clone().map(Self::Schema);
        schema.or_else(|| request.form.clone().map(Self::Pattern))
    }
}

/// A model's vocabulary as forms are matched with it.
pub(super) struct Forms {
    factory: ParserFactory,
    vocabulary: TokEnv,
}

impl Forms {
    /// Arranges a vocabulary; takes a fraction of a second. None of a vocabulary that has no token to
    /// end an answer with, or that can't be arranged.
    pub(super) fn new(tokenizer: &Tokenizer) -> Option<Self> {
        let mut words = tokenizer.words().to_vec();
        words.iter_mut().filter(|word| word.len() > LONGEST).for_each(Vec::clear);
        let size = u32::try_from(words.len()).ok()?;
        let end = (0..size).find(|token| tokenizer.is_control(*token))?;
        let trie = TokTrie::from(&TokRxInfo::new(size, end), &words);
        let vocabulary: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let able = InferenceCapabilities::default();
        let mut factory = ParserFactory::new(&vocabulary, able, &[]).ok()?;
        factory.quiet().limits_mut().verbose_errors = false;
        Some(Self { factory, vocabulary })
    }

    /// An answer on its way that has said `prefill`. None where the form can't be had or has another beginning:
    /// the answer is then free.
    pub(super) fn hold(&self, form: Form, prefill: &str) -> Option<Held> {
        let grammar = match form {
            Form::Pattern(pattern) => TopLevelGrammar::from_regex(&pattern),
            Form::Schema(schema) => TopLevelGrammar::from_json_schema(schema),
        };
        let mut matcher = Matcher::new(self.factory.create_parser(grammar));
        let prefill = self.vocabulary.tok_trie().greedy_tokenize(prefill.as_bytes());
        matcher.consume_tokens(&prefill).ok()?;
        Some(Held { matcher }).filter(|held| !held.matcher.is_stopped())
    }
}

/// How far an answer has come in its form. One that the form can't be followed in any more is free from
/// there on.
pub(super) struct Held {
    matcher: Matcher,
}

impl Held {
    /// The next token by the scores of all, among those that the form goes on with.
    pub(super) fn next(
        &mut self,
        sampler: &mut Sampler,
        scores: &mut [f32],
        said: &[u32],
        tokenizer: &Tokenizer,
    ) -> u32 {
        let token = sampler.next(scores, said);
        if self.goes_on_with(token, tokenizer) || !self.keep_to(scores, tokenizer) {
            return token;
        }
        sampler.draw(scores)
    }

    /// Takes up the token that was drawn. Whether the form is at its end with it.
    pub(super) fn take(&mut self, token: u32) -> bool {
        self.matcher.consume_token(token).is_ok()
            && matches!(
                self.matcher.stop_reason(),
                StopReason::NoExtension | StopReason::EndOfSentence
            )
    }

    fn goes_on_with(&mut self, token: u32, tokenizer: &Tokenizer) -> bool {
        if tokenizer.is_control(token) {
            return self.may_end();
        }
        self.matcher.validate_tokens(&[token]).map_or(true, |taken| taken == 1)
    }

    fn may_end(&mut self) -> bool {
        self.matcher.is_accepting().unwrap_or(true)
    }

    /// Takes the chance from all other tokens. Whether there are any that it goes on with.
    fn keep_to(&mut self, scores: &mut [f32], tokenizer: &Tokenizer) -> bool {
        let may_end = self.may_end();
        let Ok(able) = self.matcher.compute_mask() else { return false };
        let goes_on = |token: u32| {
            if tokenizer.is_control(token) {
                may_end
            } else {
                (token as usize) < able.len() && able.is_allowed(token)
            }
        };
        let mut any = false;
        for (token, score) in (0..).zip(scores) {
            if goes_on(token) {
                any = true;
            } else {
                *score = f32::NEG_INFINITY;
            }
        }
        any
    }
}
