//! Classifies the errors of servers: one table for all wire formats.

use super::Fault;
use super::events;
use super::fault::{CODES, is_error_code, is_hollow, message_in, passing, status_in};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;
use std::time::Duration;

/// Phrases and codes for a prompt that is too long, in lower case.
const TOO_LONG: [&str; 12] = [
    "context_length_exceeded",
    "contextlengthexceeded",
    "exceed_context_size",
    "context length",
    "context size",
    "context window",
    "context limit",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "maximum number of tokens",
    // A field of text-generation-inference.
    "`max_new_tokens` must be <=",
];

/// Phrases before the context length in such messages.
const BEFORE_SIZE: [&str; 10] = [
    "`max_new_tokens` must be <= ",
    "context length is only ",
    "context length is ",
    "context length of only ",
    "context length of ",
    "context size (",
    "context size of ",
    "context window of ",
    "tokens allowed (",
    " > ",
];

/// Phrases and codes for a missing model.
const NO_MODEL: [&str; 9] = [
    "model_not_found",
    "not found",
    "does not exist",
    "doesn't exist",
    "not a valid model",
    "unknown model",
    "no such model",
    "invalid model",
    "not have access to model",
];

/// Prefixes of error codes for used-up credit.
const SPENT: [&str; 11] = [
    "insufficient_quota",
    "insufficient_user_quota",
    "insufficient_balance",
    "insufficient_credit",
    "insufficient_fund",
    "exceeded_current_quota",
    "billing_",
    "budget_exceeded",
    "credit_balance",
    "quota_exhausted",
    "arrearage",
];

/// Parts of error codes for errors that a retry does not change.
const LASTING: [&str; 8] = [
    "invalid",
    "validation",
    "authentication",
    "permission",
    "not_found",
    "quota",
    "badrequest",
    "bad_request",
];

/// Whether an error's code means that the credit is used up.
pub(super) fn is_spent(body: &Value) -> bool {
    code(body).split(' ').any(|code| SPENT.iter().any(|known| code.starts_with(known)))
}

/// Whether an error's code means that the request is invalid, or can't be paid for.
pub(super) fn is_lasting(body: &Value) -> bool {
    let code = code(body);
    LASTING.iter().any(|known| code.contains(known)) || is_spent(body)
}

impl Fault {
    /// The fault for an error in the middle of an answer: a string, or an object with a message and
    /// a type or code. The message is unchanged; the caller, which has the key, shortens it.
    pub(super) fn in_stream(error: &Value) -> Self {
        Self::in_stream_as(error, "it did not say which")
    }

    /// The same, with a message for an error that has none.
    pub(super) fn in_stream_as(error: &Value, otherwise: &str) -> Self {
        let message = message_in(error).unwrap_or_else(|| otherwise.to_owned());
        if let Some(fault) = too_long(error, &message) {
            return fault;
        }
        let passing = match status_in(error) {
            Some(status) => passing(status) && !is_spent(error),
            // Error names differ from provider to provider. The few names of invalid requests are
            // known; any other error in the middle of an answer may be transient.
            None => !is_lasting(error),
        };
        Self::InStream { message, passing }
    }

    /// The fault for a JSON object that is an error instead of a part of an answer, in any known
    /// form; `None` if it is no error.
    pub(super) fn elsewhere(event: &Value) -> Option<Self> {
        let fields = event.as_object()?;
        let is_error = |name: &str, value: &Value| {
            let name = name.to_ascii_lowercase();
            let named = ["error", "err_", "errmsg", "errcode"];
            named.iter().any(|n| name.starts_with(n)) && !is_hollow(value)
        };
        let named = fields.iter().any(|(name, value)| is_error(name, value));
        let typed =
            ["object", "type", "status", "event"].iter().any(|name| event[*name] == "error");
        let detailed = !is_hollow(&event["detail"]);
        let type_of = event["type"].as_str().unwrap_or_default().to_ascii_lowercase();
        // A textual status can be that of a running model.
        let is_code = |name: &&&str| **name != "status" || event["status"].is_number();
        let code = CODES.iter().filter(is_code).any(|name| is_error_code(&event[*name]));
        let failed = code || event["success"] == false || type_of.contains("error");
        (named || typed || detailed || failed && message_in(event).is_some())
            .then(|| Self::in_stream(event))
    }

    /// The fault for an error that some servers send beside the answer, with a code of its own that
    /// is 0 for success.
    pub(super) fn beside(event: &Value) -> Option<Self> {
        let base = &event["base_resp"];
        is_error_code(&base["status_code"]).then(|| Self::in_stream(base))
    }
}

/// A server's message in the body of an error; `phrase` if there is none.
pub(super) fn said(body: &[u8], phrase: &str) -> String {
    let text = String::from_utf8_lossy(body);
    message(&text, &error_in(&text), phrase)
}

/// The JSON of an error, even if its body is an event stream; null if there is none.
fn error_in(text: &str) -> Value {
    let values = events::values(text.trim());
    let json = values.iter().find(|value| message_in(value).is_some()).or(values.first());
    json.cloned().unwrap_or_default()
}

fn message(text: &str, json: &Value, phrase: &str) -> String {
    let text = text.trim();
    match message_in(json) {
        Some(message) => message,
        None if text.is_empty() || text.starts_with(['<', '{', '[']) => phrase.to_owned(),
        None => text.to_owned(),
    }
}

/// The fault for a status other than 200, whose reason phrase is `phrase`. `show` makes the
/// server's message safe to show.
pub(super) fn fault(
    status: StatusCode,
    phrase: &str,
    headers: &HeaderMap,
    body: &[u8],
    model: &str,
    show: impl Fn(&str) -> String,
) -> Fault {
    let text = String::from_utf8_lossy(body);
    let json = error_in(&text);
    let message = if headers.contains_key(LOCATION) && status.is_redirection() {
        "it redirects; set `base_url` to the final address".to_owned()
    } else {
        message(&text, &json, phrase)
    };
    let retry_after = retry_after(headers).or_else(|| retry_delay(&json));
    let code = code(&json);
    let words = format!("{} {code}", message.to_lowercase());
    let says = |list: &[&str]| list.iter().any(|known| words.contains(known));
    let model_is_meant = words.contains("model");
    if matches!(status.as_u16(), 400 | 413 | 422 | 500)
        && let Some(fault) = too_long(&json, &message)
    {
        return fault.map_said(show);
    }
    let message = show(&message);
    match status.as_u16() {
        413 => Fault::PromptTooLong { context: None, message },
        404 if model_is_meant => no_model(model, message),
        400 | 403 | 422 if model_is_meant && says(&NO_MODEL) => no_model(model, message),
        status @ 403 if is_spent(&json) => Fault::NoCredit { status, message },
        status @ (401 | 403) => Fault::KeyRefused { status, message },
        // LiteLLM without a database reports the last one for every key but its own.
        status @ 400 if says(&["api key", "api_key", "no_db_connection"]) => {
            Fault::KeyRefused { status, message }
        }
        status @ 402 => Fault::NoCredit { status, message },
        status @ 400..500 if is_spent(&json) => Fault::NoCredit { status, message },
        status @ 404 => {
            let message = format!("{message}; check the provider's `base_url`");
            Fault::Status { status, message, retry_after }
        }
        status @ 407 => {
            let message = format!("{message}; the proxy of the environment wants a password");
            Fault::Status { status, message, retry_after }
        }
        status => Fault::Status { status, message, retry_after },
    }
}

fn no_model(model: &str, message: String) -> Fault {
    Fault::NoSuchModel { model: model.to_owned(), message, near: Vec::new() }
}

/// The codes of an error, in lower case.
fn code(body: &Value) -> String {
    let error = if body["error"].is_object() { &body["error"] } else { body };
    let places = ["code", "type", "status", "error_type", "error_code", "errorCode"];
    let names = places.map(|key| error[key].as_str().unwrap_or_default());
    // Beside the error's message.
    let beside = body["error_type"].as_str().unwrap_or_default();
    names.into_iter().chain([beside]).collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The fault for an error about a prompt that is longer than the model's context, with the context
/// length if the server reports it.
pub(super) fn too_long(body: &Value, message: &str) -> Option<Fault> {
    let words = message.to_lowercase();
    let code = code(body);
    if !TOO_LONG.iter().any(|known| words.contains(known) || code.contains(known)) {
        return None;
    }
    let error = if body["error"].is_object() { &body["error"] } else { body };
    let counted = error["n_ctx"].as_u64();
    let told = || {
        BEFORE_SIZE.iter().find_map(|before| {
            let rest = &words[words.find(before)? + before.len()..];
            let digits = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',');
            digits.filter(char::is_ascii_digit).collect::<String>().parse().ok()
        })
    };
    let size = counted.or_else(told).and_then(|size| u32::try_from(size).ok());
    let context = size.filter(|size| *size > 0);
    Some(Fault::PromptTooLong { context, message: message.to_owned() })
}

/// The wait that the server asks for, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    // A date in the past means no wait.
    Some(date.signed_duration_since(chrono::Utc::now()).to_std().unwrap_or_default())
}

/// The same in Google's format, in the error: `"retryDelay": "37s"`.
fn retry_delay(body: &Value) -> Option<Duration> {
    let error = if body.is_array() { &body[0]["error"] } else { &body["error"] };
    let delay = error["details"].as_array()?.iter().find_map(|d| d["retryDelay"].as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use serde_json::json;

    fn of(status: u16, body: &Value) -> Fault {
        let status = StatusCode::from_u16(status).unwrap();
        let text = body.to_string();
        let phrase = status.canonical_reason().unwrap();
        fault(status, phrase, &HeaderMap::new(), text.as_bytes(), "m", str::to_owned)
    }

    #[test]
    fn a_too_long_prompt_is_recognized_with_the_context_size() {
        for (status, body, context) in [
            (
                400,
                json!({"error": {"code": "context_length_exceeded", "message": "This model's \
                    maximum context length is 8192 tokens. However, your messages resulted in \
                    9000 tokens."}}),
                Some(8192),
            ),
            (
                400,
                json!({"error": {"type": "exceed_context_size_error", "n_ctx": 4096,
                    "message": "the request exceeds the available context size"}}),
                Some(4096),
            ),
            (
                400,
                json!({"type": "error", "error": {"type": "invalid_request_error",
                    "message": "prompt is too long: 215000 tokens > 200000 maximum"}}),
                Some(200_000),
            ),
            (
                400,
                json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "The input \
                    token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}),
                Some(1_048_576),
            ),
            (400, json!({"detail": "model's context length of only 4,096 tokens"}), Some(4096)),
            (413, json!({"message": "Payload too large"}), None),
        ] {
            let fault = of(status, &body);
            assert!(
                matches!(fault, Fault::PromptTooLong { context: c, .. } if c == context),
                "{fault:?}"
            );
        }
    }

    #[test]
    fn unknown_model_bad_key_and_no_credit_are_recognized() {
        let say = |code: &str, message: &str| json!({"error": {"code": code, "message": message}});
        for (status, body, words) in [
            (400, say("", "x is not a valid model ID"), "no model `m`"),
            (404, say("model_not_found", "The model `m` does not exist"), "no model `m`"),
            (403, say("", "Project p does not have access to model `m`"), "no model `m`"),
            (403, say("", "forbidden"), "refused the key"),
            (400, say("", "API key not valid."), "refused the key"),
            (
                400,
                json!({"error": {"type": "no_db_connection", "message": "No connected db."}}),
                "refused the key (400): No connected db.",
            ),
            (402, say("", "Insufficient credits"), "no credit"),
            (429, say("insufficient_quota", "You exceeded your quota"), "no credit"),
            (403, say("insufficient_balance", "top up"), "no credit"),
            (429, say("billing_hard_limit_reached", "limit reached"), "no credit"),
            (429, json!({"error": {"type": "exceeded_current_quota_error"}}), "no credit"),
            // The message alone does not decide.
            (429, say("rate_limit", "insufficient_quota of tokens a minute"), "answered 429"),
            (400, say("", "Your credit balance is too low"), "answered 400"),
            (429, say("rate_limit", "slow down"), "answered 429"),
            (400, say("", "model output must be text"), "answered 400"),
            (407, json!({}), "wants a password"),
        ] {
            let fault = of(status, &body).to_string();
            assert!(fault.contains(words), "{body}: {fault}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_or_as_a_date() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("99999999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers), seconds.map(Duration::from_secs), "{text}");
        }
        for (delay, wait) in [("37s", Some(37)), ("1.0s", Some(1)), ("soon", None), ("-1s", None)] {
            let body = json!({"error": {"details": [{"@type": "x"}, {"retryDelay": delay}]}});
            assert_eq!(retry_delay(&body), wait.map(Duration::from_secs), "{delay}");
            assert_eq!(retry_delay(&json!([body])), wait.map(Duration::from_secs), "{delay}");
        }
    }
}
