//! Finish reasons: one table for all wire formats, because servers and proxies use each other's
//! names.

use redraft_domain::chat::Outcome;

/// The model ended the answer, or calls a tool.
const WHOLE: [&str; 18] = [
    "stop",
    "stop_sequence",
    "end_turn",
    "eos",
    "eos_token",
    "eos_found",
    "end_of_text",
    "endoftext",
    "stop_string_found",
    // llama.cpp's name for a stop text.
    "word",
    "complete",
    "completed",
    "normal",
    "tool_call",
    "tool_calls",
    "tool_use",
    "function_call",
    "function_calls",
];

/// The answer reached a limit of length or time.
const CUT: [&str; 19] = [
    "length",
    "limit",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "max_tokens_reached",
    "max_predicted_tokens_reached",
    "max_length",
    "model_length",
    "context_length",
    "context_length_reached",
    "context_length_exceeded",
    "model_context_window_exceeded",
    "token_limit",
    "time_limit",
    "error_limit",
    "pause_turn",
    "incomplete",
];

/// The provider or the model declined to answer.
const REFUSED: [&str; 16] = [
    "content_filter",
    "content_filtered",
    "content_blocked",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "image_prohibited_content",
    "model_armor",
    "guardrail_intervened",
    "guardrails",
    "sensitive",
    "error_toxic",
    "refusal",
];

/// The server failed; a retry may help.
const FAILED: [&str; 3] = ["error", "network_error", "failed"];

/// The answer has not ended. Some servers send this with each chunk.
const NOT_YET: [&str; 7] =
    ["", "null", "none", "unspecified", "not_finished", "in_progress", "queued"];

/// Meaning of a finish reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The answer has not ended.
    NotYet,
    /// The answer ended with this outcome.
    Ended(Outcome),
    /// The server failed.
    Failed,
    /// Unknown; the answer can't be assumed to be complete.
    Unknown,
}

/// The meaning of a server's finish reason, in any spelling: `MAX_TOKENS`, `maxTokens` and
/// `FinishReason.MAX_TOKENS` are `max_tokens`.
pub(super) fn meaning(reason: &str) -> Meaning {
    let name = letters(reason.rsplit('.').next().unwrap_or_default());
    let name = name.strip_prefix("finishreason").unwrap_or(&name);
    let is = |list: &[&str]| list.iter().any(|known| letters(known) == name);
    match () {
        () if name.is_empty() && !reason.trim().is_empty() => Meaning::Unknown,
        () if is(&NOT_YET) => Meaning::NotYet,
        () if is(&WHOLE) => Meaning::Ended(Outcome::Whole),
        () if is(&CUT) => Meaning::Ended(Outcome::Cut),
        () if is(&REFUSED) => Meaning::Ended(Outcome::Refused),
        () if is(&FAILED) => Meaning::Failed,
        () => Meaning::Unknown,
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_finish_reasons_make_an_answer_complete() {
        let [whole, cut, refused] =
            [Outcome::Whole, Outcome::Cut, Outcome::Refused].map(Meaning::Ended);
        for (meaning, reasons) in [
            (whole, "stop STOP eos eos_token end_turn stop_sequence STOP_SEQUENCE tool_calls"),
            (whole, "tool_use function_call COMPLETE completed eosFound word FinishReason.STOP"),
            (cut, "length LENGTH limit max_tokens MAX_TOKENS maxTokens model_length token_limit"),
            (cut, "FINISH_REASON_MAX_TOKENS max_output_tokens pause_turn time_limit incomplete"),
            (cut, "model_context_window_exceeded maxPredictedTokensReached contextLengthReached"),
            (refused, "content_filter content-filter SAFETY RECITATION BLOCKLIST refusal SPII"),
            (refused, "PROHIBITED_CONTENT guardrail_intervened content_filtered sensitive"),
            (Meaning::Failed, "error ERROR network_error failed"),
            (Meaning::NotYet, "null none FINISH_REASON_UNSPECIFIED not_finished in_progress"),
            (Meaning::Unknown, "abort OTHER MALFORMED_FUNCTION_CALL load cancelled timeout stops"),
            (
                Meaning::Unknown,
                "insufficient_system_resource LANGUAGE user_cancel unstop 42 時 ...",
            ),
        ] {
            for reason in reasons.split(' ') {
                assert_eq!(super::meaning(reason), meaning, "{reason}");
            }
        }
        assert_eq!(super::meaning(""), Meaning::NotYet);
    }
}
