//! What can go wrong with one try to get an answer, told apart by what the caller does about it.

use super::refusal;
use crate::domain::text::one_line;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Why one try to get an answer failed, for all kinds of provider.
///
/// No text in it holds a key or an address beyond the server's name and port. What a
/// server said is on one visible line of at most 200 characters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No connection, or it was closed before an answer began.
    #[error("can't reach `{server}`: {reason}; check that it is running and its address is right")]
    Connect {
        /// Name and port.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The server is not the one that it says it is, as far as this system can tell.
    #[error(
        "can't trust `{server}`: {reason}; check its address, the clock and the certificates \
             that this system trusts"
    )]
    NotTrusted {
        /// Name and port.
        server: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// The server refused the request.
    #[error("the provider answered {status}: {message}{}", wish(*.retry_after))]
    Status {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
        /// How long it asks to wait before the next request.
        retry_after: Option<Duration>,
    },
    /// The stream ended without its end mark.
    #[error("the answer broke off before its end")]
    Truncated,
    /// The server reported an error after the answer had begun.
    #[error("the provider reported an error in its answer: {message}")]
    InStream {
        /// What the server said.
        message: String,
        /// Whether asking again can help.
        passing: bool,
    },
    /// Something other than a model answered.
    #[error("`{server}` sent {what} and not a model's answer; check the provider's `base_url`")]
    NotAnAnswer {
        /// Name and port.
        server: String,
        /// What it sent.
        what: String,
    },
    /// Bytes that are not UTF-8, or text that is not the JSON that the wire format promises.
    #[error("the answer can't be read: {what}")]
    BadText {
        /// What is wrong with it.
        what: String,
    },
    /// More than anyone needs.
    #[error("the answer is too long: {what}")]
    TooLong {
        /// The limit that it passed.
        what: String,
    },
    /// Nothing came for too long.
    #[error("no answer for {seconds} s; raise the provider's `timeout` if it needs longer")]
    Silence {
        /// How long was waited.
        seconds: f64,
    },
    /// The provider does not take the key.
    #[error("the provider refused the key ({status}): {message}; check that it is set and valid")]
    KeyRefused {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// The provider does not have the model.
    #[error("the provider has no model `{model}`: {message}{}", offer(near))]
    NoSuchModel {
        /// The model that was asked for.
        model: String,
        /// What the server said.
        message: String,
        /// Models that it has and that may have been meant.
        near: Vec<String>,
    },
    /// The prompt and the longest answer do not fit into the model's context.
    #[error("the prompt is longer than the model's context{}: {message}", size(*context))]
    PromptTooLong {
        /// How long the context is, in tokens, if the server said so.
        context: Option<u32>,
        /// What the server said.
        message: String,
    },
    /// There is nothing left to pay the answer with.
    #[error("the provider has no credit left for this key ({status}): {message}")]
    NoCredit {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// The model inside the program can't be run.
    #[error("the model file `{file}` can't be run: {reason}")]
    Embedded {
        /// The file's name.
        file: String,
        /// Why not.
        reason: String,
    },
    /// The program that should answer failed.
    #[error("the program `{program}` {reason}")]
    Program {
        /// Its name.
        program: String,
        /// How it failed, with its last line of error output.
        reason: String,
    },
    /// The recorded answers can't be read, or are used up.
    #[error("the recording `{file}` {reason}")]
    Recording {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// An answer without text.
    #[error("the answer is empty")]
    Empty,
}

/// Says how long a server asks to wait; nothing if it does not.
fn wish(retry_after: Option<Duration>) -> String {
    let wait = retry_after.filter(|wait| !wait.is_zero());
    wait.map_or_else(String::new, |wait| format!("; it asks to wait {} s", wait.as_secs()))
}

/// The models to choose from; nothing if none is known.
fn offer(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("; it has {}", names.join(", "))
}

fn size(context: Option<u32>) -> String {
    context.map_or_else(String::new, |context| format!(" of {context} tokens"))
}

impl Fault {
    /// A model inside the program that can't be run.
    pub(super) fn embedded(file: &Path, reason: &str) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str());
        Self::Embedded { file: shown(&name.to_string_lossy()), reason: shown(reason) }
    }

    /// Whether the same request can succeed a little later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => passing(*status),
            Self::InStream { passing, .. } => *passing,
            Self::Connect { .. }
            | Self::Truncated
            | Self::BadText { .. }
            | Self::Silence { .. }
            | Self::Empty => true,
            Self::NotAnAnswer { .. }
            | Self::TooLong { .. }
            | Self::NotTrusted { .. }
            | Self::KeyRefused { .. }
            | Self::NoSuchModel { .. }
            | Self::PromptTooLong { .. }
            | Self::Embedded { .. }
            | Self::NoCredit { .. }
            | Self::Program { .. }
            | Self::Recording { .. } => false,
        }
    }

    /// How long the server asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The same, where what was said by a server or a program went through this.
    pub(super) fn map_said(mut self, change: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Connect { reason: said, .. }
            | Self::NotTrusted { reason: said, .. }
            | Self::Status { message: said, .. }
            | Self::InStream { message: said, .. }
            | Self::NotAnAnswer { what: said, .. }
            | Self::BadText { what: said }
            | Self::KeyRefused { message: said, .. }
            | Self::NoSuchModel { message: said, .. }
            | Self::PromptTooLong { message: said, .. }
            | Self::NoCredit { message: said, .. }
            | Self::Program { reason: said, .. } => *said = change(said),
            Self::Truncated
            | Self::TooLong { .. }
            | Self::Silence { .. }
            | Self::Embedded { .. }
            | Self::Recording { .. }
            | Self::Empty => {}
        }
        self
    }

    /// Text that the server sent and that is not what its wire format promises.
    #[expect(clippy::needless_pass_by_value, reason = "it is handed errors by `map_err`")]
    pub(super) fn bad_text(what: impl ToString) -> Self {
        Self::BadText { what: shown(&what.to_string()) }
    }

    /// The error that a server put into an answer that had begun: a text, or an object with a
    /// message and a type or code. The message is still as sent: who knows the key shortens it.
    pub(super) fn in_stream(error: &Value) -> Self {
        let message = message_in(error).unwrap_or_else(|| "it did not say which".to_owned());
        if let Some(fault) = refusal::too_long(error, &message) {
            return fault;
        }
        let code = error.get("code").or_else(|| error.get("status"));
        let passing = match code.and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()) {
            Some(status) if (400..600).contains(&status) => passing(status),
            // The names differ from provider to provider. Those for a request that is wrong in
            // itself are few; whatever else happens in the middle of an answer may pass.
            _ => {
                let name = ["type", "code"].map(|key| error[key].as_str().unwrap_or_default());
                let lasting = ["invalid", "authentication", "permission", "not_found", "quota"];
                !lasting.iter().any(|word| name.iter().any(|name| name.contains(word)))
            }
        };
        Self::InStream { message, passing }
    }
}

/// Whether a status tells of a state that passes by itself.
const fn passing(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504 | 529)
}

/// What a server said, as an error shows it.
pub(super) fn shown(message: &str) -> String {
    // Whatever its length, only the beginning can be shown.
    one_line(&message[..message.floor_char_boundary(4096)], 200)
}

/// The message in an error's JSON: `{"error": {"message": ..}}`, `{"error": ".."}`,
/// `{"message": ..}`, `{"detail": ..}`, any of these as the first of a list, or a text alone.
pub(super) fn message_in(body: &Value) -> Option<String> {
    match body {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => message_in(list.first()?),
        Value::Object(map) => {
            ["error", "message", "detail"].iter().find_map(|key| message_in(map.get(*key)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_found_wherever_servers_put_it() {
        for (body, message) in [
            (json!({"error": {"message": "m", "type": "t"}}), Some("m")),
            (json!({"error": "m"}), Some("m")),
            (json!({"message": "m"}), Some("m")),
            (json!({"detail": "m"}), Some("m")),
            (json!({"type": "error", "error": {"type": "t", "message": "m"}}), Some("m")),
            (json!([{"error": {"code": 400, "message": "m"}}]), Some("m")),
            (json!({"error": {"code": 1}, "message": "m"}), Some("m")),
            (json!({"status": "bad"}), None),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(message_in(&body).as_deref(), message, "{body}");
        }
    }

    #[test]
    fn an_error_inside_an_answer_is_asked_again_only_if_it_can_pass() {
        for (error, again) in [
            (json!({"type": "overloaded_error", "message": "Overloaded"}), true),
            (json!({"type": "server_error", "message": "m"}), true),
            (json!({"code": 502, "message": "upstream"}), true),
            (json!({"code": 429, "message": "slow down"}), true),
            (json!({"code": 400, "message": "m"}), false),
            (json!({"type": "invalid_request_error", "message": "m"}), false),
            (json!({"code": "insufficient_quota", "message": "m"}), false),
            (json!("model runner has stopped"), true),
            (json!(17), true),
        ] {
            assert_eq!(Fault::in_stream(&error).retryable(), again, "{error}");
        }
    }

    #[test]
    fn what_a_server_says_can_not_fill_or_steer_the_screen() {
        let long = shown(&format!("\u{1b}[2Ja\nb{}", "é".repeat(1 << 20)));
        assert!(long.starts_with("\\x1b[2Ja b") && long.chars().count() == 200, "{long}");
    }
}
