//! JSON-RPC 2.0, one message per line.

use crate::domain::text::one_line;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// An error with the protocol's code and a message for the user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RpcError {
    pub(super) code: i32,
    pub(super) message: String,
}

impl RpcError {
    fn new(code: i32, why: &impl ToString) -> Self {
        Self { code, message: one_line(&why.to_string(), 500) }
    }

    /// Invalid parameters.
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
    pub(super) fn params(why: impl ToString) -> Self {
        Self::new(-32602, &why)
    }

    /// The request failed.
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
    pub(super) fn failed(why: impl ToString) -> Self {
        Self::new(-32603, &why)
    }

    /// The user must set something up first.
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
    pub(super) fn not_set_up(why: impl ToString) -> Self {
        Self::new(-32000, &why)
    }

    /// Unknown method.
    pub(super) fn no_method(method: &str) -> Self {
        Self::new(-32601, &format!("there is no method `{method}` here"))
    }

    fn value(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

/// A received message.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// A request, which needs a response.
    Request { id: Value, method: String, params: Value },
    /// A notification, which needs none.
    Notification { method: String, params: Value },
    /// The response to a request of ours: its result, or `None` if it failed.
    Response { id: u64, result: Option<Value> },
    /// An invalid message, with the error response to send.
    Wrong(Value),
}

/// Parses a line.
pub(super) fn read(line: &str) -> Incoming {
    let wrong =
        |code, why: &str| Incoming::Wrong(answer(&Value::Null, Err(RpcError::new(code, &why))));
    let mut message: Map<String, Value> = match serde_json::from_str(line) {
        Ok(Value::Object(message)) => message,
        Ok(_) => return wrong(-32600, "a message is one JSON object"),
        Err(error) => return wrong(-32700, &format!("the line is no JSON: {error}")),
    };
    let mut take = |field: &str| message.remove(field);
    let (id, params) = (take("id"), take("params").unwrap_or_default());
    let (method, result) = (take("method"), take("result"));
    match (method, id) {
        (Some(Value::String(method)), Some(id)) if id.is_string() || id.is_number() => {
            Incoming::Request { id, method, params }
        }
        (Some(Value::String(method)), None) => Incoming::Notification { method, params },
        (None, Some(Value::Number(id))) if result.is_some() || message.contains_key("error") => {
            // An id that is not a `u64` matches no request.
            Incoming::Response { id: id.as_u64().unwrap_or_default(), result }
        }
        _ => wrong(-32600, "the message is no request and no response"),
    }
}

/// The response to a request.
pub(super) fn answer(id: &Value, result: Result<Value, RpcError>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error.value() }),
    }
}

/// Parses the parameters of a request.
pub(super) fn parse<T: serde::de::DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params).map_err(RpcError::params)
}

/// Sends messages to the client. Clones share the connection.
#[derive(Clone)]
pub(super) struct Client {
    out: mpsc::Sender<Value>,
    waiting: Arc<Mutex<Waiting>>,
    /// Cancelled when the client disconnects.
    gone: CancellationToken,
}

/// Requests that the client has not answered yet.
#[derive(Default)]
struct Waiting {
    last: u64,
    replies: HashMap<u64, oneshot::Sender<Option<Value>>>,
}

impl Client {
    /// A client whose messages are sent to `out`.
    pub(super) fn new(out: mpsc::Sender<Value>) -> Self {
        Self { out, waiting: Arc::default(), gone: CancellationToken::new() }
    }

    /// Sends a message, waiting while the queue is full. Does nothing after a disconnect.
    pub(super) async fn send(&self, message: Value) {
        tokio::select! {
            biased;
            _ = self.out.send(message) => {}
            () = self.gone.cancelled() => {}
        }
    }

    /// Sends a notification.
    pub(super) async fn notify(&self, method: &str, params: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Sends a request and waits for the response; `None` if the client refuses or disconnects.
    pub(super) async fn request(&self, method: &str, params: Value) -> Option<Value> {
        let (reply, replied) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting();
            waiting.last += 1;
            let id = waiting.last;
            waiting.replies.insert(id, reply);
            id
        };
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(message).await;
        tokio::select! {
            reply = replied => reply.ok().flatten(),
            () = self.gone.cancelled() => None,
        }
    }

    /// Delivers the response to a request; responses to unknown ids are ignored.
    pub(super) fn answered(&self, id: u64, result: Option<Value>) {
        if let Some(reply) = self.waiting().replies.remove(&id) {
            // After a cancellation nobody waits for it.
            let _ = reply.send(result);
        }
    }

    /// Marks the client as disconnected, which ends all waiting for it.
    pub(super) fn hang_up(&self) {
        self.gone.cancel();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_request_a_notification_an_answer_or_refused_with_its_code() {
        let request =
            |id: Value| Incoming::Request { id, method: "m".to_owned(), params: json!({ "a": 1 }) };
        for (line, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}"#, request(json!(1))),
            (r#"{"id":"x","method":"m","params":{"a":1}}"#, request(json!("x"))),
            (
                r#"{"method":"m"}"#,
                Incoming::Notification { method: "m".to_owned(), params: Value::Null },
            ),
            (r#"{"id":3,"result":{}}"#, Incoming::Response { id: 3, result: Some(json!({})) }),
            (r#"{"id":3,"error":{"code":1}}"#, Incoming::Response { id: 3, result: None }),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
        for (line, code) in [
            ("", -32700),
            ("{", -32700),
            ("nonsense", -32700),
            ("[]", -32600),
            ("1", -32600),
            ("{}", -32600),
            (r#"{"id":1}"#, -32600),
            (r#"{"id":"x","result":1}"#, -32600),
            (r#"{"id":{},"method":"m"}"#, -32600),
            (r#"{"id":null,"method":"m"}"#, -32600),
            (r#"{"id":1,"method":2}"#, -32600),
        ] {
            let Incoming::Wrong(answer) = read(line) else { panic!("{line}") };
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &Value::Null));
        }
    }
}
