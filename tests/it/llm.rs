//! Model servers' faults in every wire format over HTTP, and models without a server.

mod elsewhere;
mod faults;
mod formats;
mod locals;
mod proxies;
mod structured;
mod tools;

use crate::support::model_server;
use model_server::{ModelServer, Received, Reply};
use redraft::config::Config;
use redraft::domain::chat::{Agent, Message, Outcome, Request, Usage};
use redraft::llm::call::{Answer, CallError, CallErrorKind, News, call};
use redraft::llm::provider::{Connection, connect_in};
use redraft::llm::{Fault, Used};
use serde_json::json;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const KEY: &str = "sk-very-secret";

/// The wire formats, as named in the configuration.
const KINDS: [&str; 6] = ["openai", "responses", "anthropic", "gemini", "ollama", "completion"];

/// The text of the scripted answers, with UTF-8 characters of each length and JSON escapes.
const TEXT: &str = "print(\"añ時🕐\\n\")\nend of it";

fn request() -> Request {
    let messages = vec![Message::system("be brief"), Message::user("a clock")];
    Request { temperature: 0.5, ..Request::new(Agent::Coder, messages, 100) }
}

fn connection(kind: &str, settings: &str) -> Connection {
    let text = format!("providers: {{p: {{kind: {kind}, retry_seconds: 0.001, {settings}}}}}");
    let config = Config::parse(&text, "test").unwrap();
    connect_in("p/m", config.models(), &Used::new(), &|_| Some(KEY.to_owned())).unwrap()
}

fn connection_to(kind: &str, server: &ModelServer, more: &str) -> Connection {
    // A raw prompt endpoint is configured by its complete URL.
    let end = if kind == "completion" { "/v1/completions" } else { "" };
    let url = server.base_url() + end;
    connection(kind, &format!("base_url: '{url}', api_key_env: K, {more}"))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The result of a call and its notifications.
struct Seen {
    result: Result<Answer, CallError>,
    /// `begun`, `text`, `thought`, `again` or a phase, in order.
    news: Vec<String>,
}

fn ask(connection: &Connection) -> Seen {
    ask_this(connection, &request())
}

fn ask_this(connection: &Connection, request: &Request) -> Seen {
    let mut news = Vec::new();
    let mut on = |new: News<'_>| {
        news.push(match new {
            News::Text(text) => format!("text {text}"),
            News::Reasoning(text) => format!("thought {text}"),
            News::Prefill(text) => format!("begun {text}"),
            News::Phase(phase) => format!("{phase:?}"),
            News::Retrying { why, attempt, .. } => format!("again {attempt}: {why}"),
        });
    };
    let cancel = CancellationToken::new();
    let (model, policy) = (&*connection.model, &connection.policy);
    let result = run(call(model, request, policy, &|_| false, &cancel, &mut on));
    Seen { result, news }
}

/// The beginning of a stream, followed by these bytes.
fn beginning_with(request: &Received, bytes: &[u8]) -> Reply {
    unfinished(request).then_repeat(bytes, 1)
}

/// The beginning of a streamed answer in the request's wire format, without the end marker.
fn unfinished(request: &Received) -> Reply {
    Reply::begun(request, "one two")
}

/// Calls the model and cancels at the first notification.
fn cancel_early(connection: &Connection) -> CallError {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut on = |_: News<'_>| stop.cancel();
    let (model, policy) = (&*connection.model, &connection.policy);
    run(call(model, &request(), policy, &|_| false, &cancel, &mut on)).unwrap_err()
}
