//! Errors of one attempt to get an answer, distinguished by how the caller reacts.

use redraft_domain::text::one_line;
use serde_json::Value;
#[cfg(feature = "embedded")]
use std::path::Path;
use std::time::Duration;

/// Why one attempt to get an answer failed, for all kinds of provider.
///
/// No text in it has a key or an address beyond the server's name and port. A server's message is
/// on one line of at most 200 visible characters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No connection, or it was closed before an answer began.
    #[error("can't reach `{server}`: {reason}; check that it is running and its address is right")]
    Connect {
        /// Name and port.
        server: String,
        /// Error of the operating system.
        reason: String,
    },
    /// The server's TLS certificate is not trusted by this system.
    #[error(
        "can't trust `{server}`: {reason}; check its address and the clock; if its certificate, or that \
         of a proxy that opens TLS, is of your own, name the file of who signed it in `SSL_CERT_FILE`"
    )]
    NotTrusted {
        /// Name and port.
        server: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// A proxy from the environment can't be used, or refuses the connection.
    #[error("{reason}")]
    Proxy {
        /// The environment variable of the proxy.
        variable: &'static str,
        /// What is wrong, including the variable.
        reason: String,
        /// Whether a retry can help.
        passing: bool,
    },
    /// The server refused the request.
    #[error("the provider answered {status}: {message}{}", wish(*.retry_after))]
    Status {
        /// The HTTP status.
        status: u16,
        /// The server's message.
        message: String,
        /// The wait that it asks for before the next request.
        retry_after: Option<Duration>,
    },
    /// The stream ended without its end mark.
    #[error("the answer broke off before its end")]
    Truncated,
    /// The server reported an error after the answer had begun.
    #[error("the provider reported an error in its answer: {message}")]
    InStream {
        /// The server's message.
        message: String,
        /// Whether a retry can help.
        passing: bool,
    },
    /// The response is not from a model server.
    #[error("`{server}` sent {what} and not a model's answer; check the provider's `base_url`")]
    NotAnAnswer {
        /// Name and port.
        server: String,
        /// What it sent.
        what: String,
    },
    /// The response is not UTF-8, or not the JSON of the wire format.
    #[error("the answer can't be read: {what}")]
    BadText {
        /// What is wrong with it.
        what: String,
    },
    /// The answer exceeds a limit.
    #[error("the answer is too long: {what}")]
    TooLong {
        /// The limit.
        what: String,
    },
    /// The silence limit was exceeded.
    #[error("no answer for {seconds} s; raise the provider's `timeout` if it needs longer")]
    Silence {
        /// The limit.
        seconds: f64,
    },
    /// The provider rejected the key.
    #[error("the provider refused the key ({status}): {message}; check that it is set and valid")]
    KeyRefused {
        /// The HTTP status.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The provider does not have the model.
    #[error("the provider has no model `{model}`: {message}{}", offer(near))]
    NoSuchModel {
        /// The requested model.
        model: String,
        /// The server's message.
        message: String,
        /// The provider's models with similar names.
        near: Vec<String>,
    },
    /// The prompt and the maximum answer do not fit into the model's context.
    #[error("the prompt is longer than the model's context{}: {message}", size(*context))]
    PromptTooLong {
        /// Context length in tokens, if the server reports it.
        context: Option<u32>,
        /// The server's message.
        message: String,
    },
    /// The account has no credit left.
    #[error("the provider has no credit left for this key ({status}): {message}")]
    NoCredit {
        /// The HTTP status.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The embedded model can't be run.
    #[error("the model file `{file}` can't be run: {reason}")]
    Embedded {
        /// The file's name.
        file: String,
        /// Why not.
        reason: String,
    },
    /// The program of a provider of kind `command` failed.
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
    /// The answer has no text.
    #[error("the answer is empty")]
    Empty,
}

/// Formats the wait that a server asks for; empty if there is none.
fn wish(retry_after: Option<Duration>) -> String {
    let wait = retry_after.filter(|wait| !wait.is_zero());
    wait.map_or_else(String::new, |wait| format!("; it asks to wait {} s", wait.as_secs()))
}

/// Formats the models with similar names; empty if there are none.
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
    /// An error of an embedded model that can't be run.
    #[cfg(feature = "embedded")]
    pub(super) fn embedded(file: &Path, reason: &str) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str());
        Self::Embedded { file: shown(&name.to_string_lossy()), reason: shown(reason) }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => passing(*status),
            Self::InStream { passing, .. } | Self::Proxy { passing, .. } => *passing,
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

    /// The wait that the server asks for before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Applies `change` to the message of a server or program.
    pub(super) fn map_said(mut self, change: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Connect { reason: said, .. }
            | Self::NotTrusted { reason: said, .. }
            | Self::Proxy { reason: said, .. }
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

    /// Mentions that the proxy of this variable may have answered instead of the server.
    pub(super) fn by_proxy(self, variable: &str) -> Self {
        let named = |message: &str| format!("{message} (or the proxy of `{variable}` says so)");
        match self {
            Self::KeyRefused { status, message } => {
                Self::Status { status, message: named(&message), retry_after: None }
            }
            Self::Status { status, message, retry_after } => {
                Self::Status { status, message: named(&message), retry_after }
            }
            fault => fault,
        }
    }

    /// An error for text that does not match the wire format.
    #[expect(clippy::needless_pass_by_value, reason = "it is handed errors by `map_err`")]
    pub(super) fn bad_text(what: impl ToString) -> Self {
        Self::BadText { what: shown(&what.to_string()) }
    }
}

/// Fields in which servers put an error's code.
pub(super) const CODES: [&str; 6] =
    ["code", "status", "statusCode", "status_code", "error_code", "errorCode"];

/// Whether a value is empty, such as the `error` field of a successful answer.
pub(super) fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Whether a code means an error: a number other than 0 or a success status, or a word with
/// capitals or underscores, such as `InvalidParameter`.
pub(super) fn is_error_code(code: &Value) -> bool {
    match code {
        Value::Number(number) => number.as_i64().is_none_or(|n| n != 0 && !(200..300).contains(&n)),
        Value::String(text) => match text.parse::<i64>() {
            Ok(number) => is_error_code(&number.into()),
            Err(_) => text.chars().any(|c| c.is_ascii_uppercase()) || text.contains('_'),
        },
        _ => false,
    }
}

/// The HTTP status in an error's fields, if there is one.
pub(super) fn status_in(error: &Value) -> Option<u16> {
    let of = |place: &Value| {
        let number = |code: &Value| code.as_u64().or_else(|| code.as_str()?.parse().ok());
        let statuses = CODES.iter().filter_map(|name| u16::try_from(number(&place[*name])?).ok());
        statuses.into_iter().find(|status| (400..600).contains(status))
    };
    of(error).or_else(|| of(&error["error"]))
}

/// Whether a status means a transient error.
pub(super) const fn passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 529)
}

/// Formats a server's message for an error.
pub(super) fn shown(message: &str) -> String {
    // Only the beginning is shown, so the rest is not processed.
    one_line(&message[..message.floor_char_boundary(4096)], 200)
}

/// Fields in which servers put an error's message, in order of priority.
const MESSAGES: [&str; 14] = [
    "error",
    "message",
    "detail",
    "error_message",
    "errorMessage",
    "error_msg",
    "errmsg",
    "msg",
    "errors",
    "base_resp",
    "status_msg",
    "error_description",
    "reason",
    "title",
];

/// The message in an error's JSON: `{"error": {"message": ..}}`, `{"error": ".."}`,
/// `{"message": ..}`, `{"detail": ..}` and the like, the first of a list of these, or a plain
/// string.
pub(super) fn message_in(body: &Value) -> Option<String> {
    match body {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(list) => message_in(list.first()?),
        Value::Object(map) => MESSAGES.iter().find_map(|key| message_in(map.get(*key)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_message_is_found_in_every_server_s_layout() {
        for (body, message) in [
            (json!({"error": {"message": "m", "type": "t"}}), Some("m")),
            (json!({"error": "m"}), Some("m")),
            (json!({"message": "m"}), Some("m")),
            (json!({"detail": "m"}), Some("m")),
            (json!({"type": "error", "error": {"type": "t", "message": "m"}}), Some("m")),
            (json!([{"error": {"code": 400, "message": "m"}}]), Some("m")),
            (json!({"error": {"code": 1}, "message": "m"}), Some("m")),
            (json!({"error": "", "message": "m"}), Some("m")),
            (json!({"detail": [{"loc": ["body"], "msg": "m", "type": "missing"}]}), Some("m")),
            (json!({"base_resp": {"status_code": 1004, "status_msg": "m"}}), Some("m")),
            (json!({"error_code": 110, "error_msg": "m"}), Some("m")),
            (json!({"errors": [{"code": 7, "message": "m"}], "success": false}), Some("m")),
            (json!({"status": "bad"}), None),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(message_in(&body).as_deref(), message, "{body}");
        }
    }

    #[test]
    fn only_a_transient_error_inside_a_stream_is_retried() {
        for (error, again) in [
            (json!({"type": "overloaded_error", "message": "Overloaded"}), true),
            (json!({"type": "server_error", "message": "m"}), true),
            (json!({"code": 502, "message": "upstream"}), true),
            (json!({"code": 429, "message": "slow down"}), true),
            (json!({"code": 400, "message": "m"}), false),
            (json!({"type": "invalid_request_error", "message": "m"}), false),
            (json!({"code": "insufficient_quota", "message": "m"}), false),
            (json!({"code": "billing_hard_limit_reached", "message": "m"}), false),
            (json!({"code": 429, "type": "insufficient_quota", "message": "m"}), false),
            (json!({"code": "429", "message": "m"}), true),
            (json!({"type": "BadRequestError", "message": "m"}), false),
            (json!({"code": 524, "message": "m"}), true),
            (json!({"status_code": 401, "message": "m"}), false),
            (json!("model runner has stopped"), true),
            (json!(17), true),
        ] {
            assert_eq!(Fault::in_stream(&error).retryable(), again, "{error}");
        }
    }

    #[test]
    fn errors_are_recognized_in_every_layout_and_other_events_are_not() {
        for error in [
            json!({"object": "error", "message": "m", "code": 400}),
            json!({"type": "error", "message": "m"}),
            json!({"choices": null, "error_type": "BadRequestError", "error_message": "m"}),
            json!({"detail": "m"}),
            json!({"detail": [{"msg": "m"}]}),
            json!({"code": "InvalidParameter", "message": "m", "request_id": "x"}),
            json!({"code": 500, "message": "m"}),
            json!({"status": 401, "message": "m"}),
            json!({"code": 1214, "msg": "m", "success": false}),
            json!({"errors": [{"message": "m"}]}),
            json!({"error_code": 17, "error_msg": "m"}),
            json!({"type": "overloaded_error", "message": "m"}),
        ] {
            let fault = Fault::elsewhere(&error);
            assert!(fault.is_some_and(|f| f.to_string().ends_with(": m")), "{error}");
        }
        for event in [
            json!({"type": "ping"}),
            json!({"choices": [], "error": null, "usage": null}),
            json!({"choices": null}),
            json!({"code": 0, "message": "ok"}),
            json!({"code": 200, "message": "success", "data": {}}),
            json!({"status": "in_progress", "message": "loading"}),
            json!({"type": "response.created", "response": {"error": null}}),
            json!({"message": {"role": "assistant", "content": ""}, "done": false}),
            json!({"type": "response.code_interpreter_call_code.done", "code": "print(1)"}),
            json!({"error": {}, "errors": [], "detail": ""}),
            json!(null),
            json!([]),
            json!("m"),
        ] {
            assert_eq!(Fault::elsewhere(&event), None, "{event}");
        }
        for (event, is_error) in [
            (json!({"choices": null, "base_resp": {"status_code": 1004, "status_msg": "m"}}), true),
            (json!({"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}}), false),
            (json!({"choices": []}), false),
        ] {
            assert_eq!(Fault::beside(&event).is_some(), is_error, "{event}");
        }
    }

    #[test]
    fn a_server_s_message_is_escaped_and_cut_to_200_characters() {
        let long = shown(&format!("\u{1b}[2Ja\nb{}", "é".repeat(1 << 20)));
        assert!(long.starts_with("\\x1b[2Ja b") && long.chars().count() == 200, "{long}");
    }
}
