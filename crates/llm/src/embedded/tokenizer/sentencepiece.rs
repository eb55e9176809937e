//! `SentencePiece` vocabularies (kind `llama`): words start with a mark for the space before them,
//! a whole text is merged by the scores of the resulting tokens, and a character without a token is
//! encoded as bytes.

use super::TokenizerError;
use tokenizers::models::bpe::{BPE, Vocab};

/// The mark for a space.
const BLANK: char = '\u{2581}';

/// Builds the tokenizer of a vocabulary, with merges that follow from its scores. `texts` are the
/// tokens of kind `Text`, with their scores.
pub(super) fn model(
    vocabulary: Vocab,
    texts: &[(String, f32)],
) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let known: std::collections::HashSet<&str> =
        texts.iter().map(|(text, _)| text.as_str()).collect();
    let mut ranked: Vec<&(String, f32)> = texts.iter().collect();
    // Stable: tokens of equal score stay in order.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut merges = Vec::new();
    for (text, _) in ranked {
        let cuts = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
        let able = cuts.filter(|(left, right)| known.contains(left) && known.contains(right));
        merges.extend(able.map(|(left, right)| (left.to_owned(), right.to_owned())));
    }
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).byte_fallback(true).build();
    Ok(tokenizers::Tokenizer::new(model.map_err(TokenizerError::broken)?))
}

/// A text with marks instead of spaces.
pub(super) fn written(text: &str, blank_first: bool) -> String {
    let first = blank_first.then_some(BLANK);
    let letter = |letter| if letter == ' ' { BLANK } else { letter };
    first.into_iter().chain(text.chars().map(letter)).collect()
}

/// The text of a token.
pub(super) fn read(token: &str) -> String {
    token.replace(BLANK, " ")
}

/// The byte of a token such as `<0x0A>`.
pub(super) fn byte(token: &str) -> Option<u8> {
    u8::from_str_radix(token.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}
