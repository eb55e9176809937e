//! What can go wrong with one try to get an answer, told apart by what the caller does about it.

use redraft_domain::text::one_line;
use serde_json::Value;
#[cfg(feature = "embedded")]
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
        "can't trust `{server}`: {reason}; check its address and the clock; if its certificate, or that \
         of a proxy that opens TLS, is of your own, name the file of who signed it in `SSL_CERT_FILE`"
    )]
    NotTrusted {
        /// Name and port.
        server: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// A proxy of the environment can't be used, or lets nobody through.
    #[error("{reason}")]
    Proxy {
        /// The variable that names it.
        variable: &'static str,
        /// What is wrong, with the variable.
        reason: String,
        /// Whether asking again can help.
        passing: bool,
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
    #[cfg(feature = "embedded")]
    pub(super) fn embedded(file: &Path, reason: &str) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str());
        Self::Embedded { file: shown(&name.to_string_lossy()), reason: shown(reason) }
    }

    /// Whether the same request can succeed a little later.
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

    /// The same, where the proxy of this variable may have answered in the server's place.
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

    /// Text that the server sent and that is not what its wire format promises.
    #[expect(clippy::needless_pass_by_value, reason = "it is handed errors by `map_err`")]
    pub(super) fn bad_text(what: impl ToString) -> Self {
        Self::BadText { what: shown(&what.to_string()) }
    }
}

/// Where servers put the code of an error, besides its name.
pub(super) const CODES: [&str; 6] =
    ["code", "status", "statusCode", "status_code", "error_code", "errorCode"];

/// Whether a value says nothing: as the error of an answer without one.
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

/// Whether a code is that of an error: neither 0 nor a status of success, and no word but in capitals
/// or in one, as `InvalidParameter`.
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

/// The HTTP status in an error's fields, if one of them is that.
pub(super) fn status_in(error: &Value) -> Option<u16> {
    let of = |place: &Value| {
        let number = |code: &Value| code.as_u64().or_else(|| code.as_str()?.parse().ok());
        let statuses = CODES.iter().filter_map(|name| u16::try_from(number(&place[*name])?).ok());
        statuses.into_iter().find(|status| (400..600).contains(status))
    };
    of(error).or_else(|| of(&error["error"]))
}

/// Whether a status tells of a state that passes by itself.
pub(super) const fn passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 529)
}

/// What a server said, as an error shows it.
pub(super) fn shown(message: &str) -> String {
    // Whatever its length, only the beginning can be shown.
    one_line(&message[..message.floor_char_boundary(4096)], 200)
}

/// Where servers put what they say of an error, in the order in which it is looked for.
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
/// `{"message": ..}`, `{"detail": ..}` and the like, any of these as the first of a list, or a text
/// alone.
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
    fn a_message_is_found_wherever_servers_put_it() {
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
    fn an_error_inside_an_answer_is_asked_again_only_if_it_can_pass() {
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
    fn an_error_is_seen_wherever_it_stands_and_nothing_else_is_one() {
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
    fn what_a_server_says_can_not_fill_or_steer_the_screen() {
        let long = shown(&format!("\u{1b}[2Ja\nb{}", "é".repeat(1 << 20)));
        assert!(long.starts_with("\\x1b[2Ja b") && long.chars().count() == 200, "{long}");
    }
}
