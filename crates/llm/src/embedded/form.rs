//! Answers that are constrained to a form, token by token.
//!
//! A token is first sampled as if there were no form. Only if the form does not allow it, the set
//! of allowed tokens is computed, which takes as long as hundreds of checks of a single token, and
//! one of them is sampled instead. An answer that follows its form by itself is thus the same as
//! without a form, at almost no additional cost.

use super::sampler::Sampler;
use super::tokenizer::Tokenizer;
use llguidance::api::{StopReason, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use redraft_domain::chat::Request;
use serde_json::Value;
use std::sync::Arc;

/// Maximum length of a token that a form allows, in bytes. Longer ones are runs of spaces.
const LONGEST: usize = 255;

/// Constraint of an answer.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Text that matches this pattern as a whole.
    Pattern(String),
    /// JSON that matches this schema.
    Schema(Value),
}

impl Form {
    /// The form of a request, if it has one. A schema takes precedence over a pattern.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let schema = request.schema.clone().map(Self::Schema);
        schema.or_else(|| request.form.clone().map(Self::Pattern))
    }
}

/// A model's vocabulary, prepared for matching.
pub(super) struct Forms {
    factory: ParserFactory,
    vocabulary: TokEnv,
}

impl Forms {
    /// Prepares a vocabulary, which takes a fraction of a second. `None` if it has no control token
    /// to end an answer with, or can't be prepared.
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

    /// Constrains an answer that starts with `prefill`. `None` if the form can't be compiled or
    /// does not allow the prefill: the answer is then unconstrained.
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

/// Progress of an answer in its form. If the form can't be matched any more, the rest of the answer
/// is unconstrained.
pub(super) struct Held {
    matcher: Matcher,
}

impl Held {
    /// Samples the next token from the scores of all tokens, among those that the form allows.
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

    /// Advances by the sampled token. Returns whether the form is complete.
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

    /// Sets the scores of all tokens that the form does not allow to negative infinity. Returns
    /// whether any token is allowed.
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
