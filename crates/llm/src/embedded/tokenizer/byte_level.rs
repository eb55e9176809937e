//! Byte-level vocabularies (kind `gpt2`): one character per byte, and texts are split into words
//! first.

use super::TokenizerError;
use std::collections::HashMap;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

/// Patterns that split a text before the merges, by the name of the pre-tokenizer in the file
/// (`tokenizer.ggml.pre`). The patterns are those of llama.cpp for these names.
const CUTS: [(&[&str], &[&str]); 6] = [
    (
        &["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"],
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        &["llama-bpe", "llama3", "llama-v3", "smaug-bpe", "falcon3", "pixtral", "dbrx"],
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
        &[r"\p{N}", GPT2],
    ),
    (
        &["qwen35"],
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        &["gpt-4o"],
        &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (&["gpt-2", "gpt2", "phi-2", "olmo", "jais", "mpt", "roberta-bpe"], &[GPT2]),
];

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Whether a vocabulary with this pre-tokenizer uses a word that is a token without merges, and
/// starts each prompt with a BOS token by default.
pub(super) fn is_whole(pre: &str) -> bool {
    matches!(pre, "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "pixtral")
}

/// Builds the tokenizer of a vocabulary from its merges and the name of its pre-tokenizer; `whole`
/// uses a word that is a token without merges. Error if the pre-tokenizer is unknown.
pub(super) fn model(
    vocabulary: Vocab,
    merges: &[String],
    pre: &str,
    whole: bool,
) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let Some((_, patterns)) = CUTS.iter().find(|(names, _)| names.contains(&pre)) else {
        return Err(TokenizerError::Unknown(pre.to_owned()));
    };
    let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
    for &pattern in *patterns {
        let pattern = SplitPattern::Regex(pattern.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
        steps.push(split.map_err(TokenizerError::broken)?.into());
    }
    steps.push(ByteLevel::new(false, false, false).into());
    let merges = merges
        .iter()
        .filter_map(|merge| merge.split_once(' '))
        .map(|(left, right)| (left.to_owned(), right.to_owned()))
        .collect();
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(whole).build();
    let mut made = tokenizers::Tokenizer::new(model.map_err(TokenizerError::broken)?);
    made.with_pre_tokenizer(Some(Sequence::new(steps)));
    Ok(made)
}

/// Bytes of a token's characters; `None` if one of them stands for no byte.
pub(super) fn bytes(token: &str, letters: &HashMap<char, u8>) -> Option<Vec<u8>> {
    token.chars().map(|letter| letters.get(&letter).copied()).collect()
}

/// The byte of each character in byte-level vocabularies: printable bytes are their own character,
/// the others start at U+0100 (GPT-2's table).
pub(super) fn letters() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let own = (0..=u8::MAX).filter(printable).map(|byte| (char::from(byte), byte));
    let others = (0..=u8::MAX).filter(|byte| !printable(byte));
    own.chain(('\u{100}'..).zip(others)).collect()
}
