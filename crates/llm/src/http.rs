//! HTTP client for model servers: sends JSON, classifies errors, and reads answers as they arrive.

use super::events::{Events, Found};
use super::fault::{self, is_hollow, shown};
use super::nearest::{names, nearest};
use super::proxy;
use super::refusal;
use super::secret::Secret;
use super::stops::Stops;
use super::wire::{Reading, Wire};
use super::{Chunk, Fault, Finish, Model};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use redraft_domain::chat::{Outcome, Request};
use redraft_domain::text::one_line;
use redraft_files::reason;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Maximum length of a JSON body that is read at once, in bytes.
const LONGEST_BODY: usize = 4 << 20;

/// Content type of an event stream.
const EVENTS: &str = "text/event-stream";

/// Maximum number of bytes that are read of an error's body.
const LONGEST_ERROR: usize = 64 << 10;

/// Timeout of a connection attempt.
const CONNECT: Duration = Duration::from_secs(10);

/// How long to wait for token counts after the end of the answer.
const GRACE: Duration = Duration::from_secs(1);

/// How long to read the rest of a finished answer, so that its connection can be reused.
const REST: Duration = Duration::from_millis(20);

/// Timeout of the server's list of models, for the error of a missing model.
const LIST: Duration = Duration::from_secs(3);

/// Optional fields of a request, removed for models and servers that reject them.
const OPTIONAL: [&str; 4] = ["temperature", "stream_options", "cache_control", "store"];

/// Words in a server's error about an unsupported schema, in lower case.
const OF_SCHEMAS: [&str; 4] = ["schema", "response_format", "text.format", "output_config"];

/// A field of a request that has another name for newer models.
const RENAMED: (&str, &str) = ("max_tokens", "max_completion_tokens");

/// A server's address and the headers of its requests.
pub(super) struct Endpoint {
    client: OnceLock<Client>,
    url: Url,
    /// Path segments before the path of the wire format.
    base: Vec<String>,
    headers: HeaderMap,
    key: Secret,
}

/// The address is invalid. It is not shown, because it may have a password.
#[derive(Debug, thiserror::Error)]
#[error("it must be an http or https address with a host")]
pub struct BadAddress;

impl Endpoint {
    /// An endpoint at `base_url` followed by `path`. A beginning of `path` that `base_url` ends in,
    /// such as `/v1`, is not repeated. `key` is removed from error texts; no connection is made
    /// yet.
    pub(super) fn new(
        base_url: &str,
        path: &str,
        headers: HeaderMap,
        key: Secret,
    ) -> Result<Self, BadAddress> {
        let mut url = Url::parse(base_url.trim()).map_err(|_| BadAddress)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(BadAddress);
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (base, path) = joined(url.path(), path);
        url.set_path(&[&base[..], &path[..]].concat().join("/"));
        if !query.is_empty() {
            let all = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
            url.set_query(Some(&all));
        }
        Ok(Self { client: OnceLock::new(), url, base, headers, key })
    }

    /// The server's name and port, for errors.
    pub(super) fn server(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The HTTP client, created on first use because loading the system's certificates takes time.
    fn client(&self) -> Result<&Client, Fault> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("redraft/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // A redirected request would send the key to another server.
            .redirect(reqwest::redirect::Policy::none())
            // Some servers and proxies compare header names case-sensitively.
            .http1_title_case_headers();
        builder = proxy::set(builder, &self.url).map_err(|error| Fault::Proxy {
            variable: error.variable,
            reason: error.to_string(),
            passing: false,
        })?;
        if self.url.scheme() == "http" {
            // Small servers close a connection silently after an answer, and the cost of a new one
            // is negligible beside a model.
            builder = builder.tls_certs_only([]).pool_max_idle_per_host(0);
        }
        let client = builder.build().map_err(|error| self.unreachable(error))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Posts JSON and returns the response if its status is 200.
    async fn post(&self, body: &Value, model: &str) -> Result<Response, Fault> {
        let request = self.client()?.post(self.url.clone()).headers(self.headers.clone());
        let response = match request.json(body).send().await {
            Ok(response) => response,
            Err(error) => return Err(self.not_reached(error).await),
        };
        if response.status() == StatusCode::OK {
            Ok(response)
        } else {
            Err(self.refusal(response, model).await)
        }
    }

    /// Gets JSON of at most `LONGEST_BODY` bytes.
    pub(super) async fn get(&self) -> Result<Value, Fault> {
        self.get_from(self.url.clone()).await
    }

    /// Posts JSON and returns the response's JSON of at most `LONGEST_BODY` bytes.
    pub(super) async fn ask(&self, body: &Value) -> Result<Value, Fault> {
        let response = self.post(body, "").await?;
        serde_json::from_slice(&whole(response).await?).map_err(Fault::bad_text)
    }

    async fn get_from(&self, url: Url) -> Result<Value, Fault> {
        let request = self.client()?.get(url).headers(self.headers.clone());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(self.not_reached(error).await),
        };
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response, "").await);
        }
        serde_json::from_slice(&whole(response).await?).map_err(Fault::bad_text)
    }

    /// The names in the server's list of models that are most similar to this one; empty if it has
    /// no list, or takes too long.
    async fn nearest(&self, model: &str, list: &str) -> Vec<String> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{list}", self.base.join("/")));
        let Ok(Ok(list)) = timeout(LIST, self.get_from(url)).await else { return Vec::new() };
        let near = nearest(model, &names(&list)).into_iter();
        near.map(|name| one_line(&self.key.scrub(name), 60)).collect()
    }

    /// The fault for a request that did not reach the server, with the proxy's own message if a
    /// proxy refused it.
    async fn not_reached(&self, error: reqwest::Error) -> Fault {
        if proxy::refusal(&error).is_some()
            && let Some(mut response) = proxy::refused_again(&self.url).await
        {
            let body = beginning(&mut response).await;
            let (status, phrase) = (response.status(), phrase(&response));
            let text = refusal::said(&body, &phrase);
            let more = Some(format!(": {text}")).filter(|_| text != phrase).unwrap_or_default();
            let said = format!("{} {phrase}{more}", status.as_u16());
            return self.no_way(&said, fault::passing(status.as_u16()));
        }
        self.unreachable(error)
    }

    /// The fault for a proxy that opens no tunnel, with its message.
    fn no_way(&self, said: &str, passing: bool) -> Fault {
        let variable = self.proxy().unwrap_or("the system's settings");
        let server = self.server();
        let reason = format!("the proxy of `{variable}` opens no way to `{server}`: {said}");
        Fault::Proxy { variable, reason: self.shown(&reason), passing }
    }

    fn unreachable(&self, error: reqwest::Error) -> Fault {
        let error = error.without_url();
        let cause = proxy::innermost(&error);
        let mut reason = cause.downcast_ref().map_or_else(|| cause.to_string(), reason);
        let server = self.server();
        if reason.contains("certificate") {
            return Fault::NotTrusted { server, reason: self.shown(&reason) };
        }
        if let Some(said) = proxy::refusal(&error) {
            // It asks for authentication, or a retry may help.
            return self.no_way(&said, !said.contains("authorization"));
        }
        if self.url.scheme() == "https" && error.is_connect() && !is_of_system(cause) {
            reason = format!("it does not answer as a server of https does ({reason})");
        }
        let proxy = self.proxy().map(|name| format!(" (through the proxy of `{name}`)"));
        Fault::Connect { server, reason: self.shown(&reason) + &proxy.unwrap_or_default() }
    }

    /// The environment variable of the proxy for this server, if there is one.
    fn proxy(&self) -> Option<&'static str> {
        proxy::named(&self.url).map(|named| named.variable)
    }

    /// The fault for a status other than 200.
    async fn refusal(&self, mut response: Response, model: &str) -> Fault {
        let body = beginning(&mut response).await;
        let (status, headers) = (response.status(), response.headers());
        let phrase = phrase(&response);
        let fault = refusal::fault(status, &phrase, headers, &body, model, |said| self.shown(said));
        // The proxy may have answered instead of the server, and knows nothing about keys.
        match self.proxy().filter(|_| self.url.scheme() == "http") {
            Some(variable) if !is_json(&body) && status != 407 => fault.by_proxy(variable),
            _ => fault,
        }
    }

    fn shown(&self, message: &str) -> String {
        shown(&self.key.scrub(message))
    }
}

/// The base path and the format's path; a common part is left out of the base path.
fn joined(base: &str, path: &str) -> (Vec<String>, Vec<String>) {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (mut base, path) = (parts(base), parts(path));
    let twice = (1..=path.len()).rev().find(|n| base.ends_with(&path[..*n])).unwrap_or(0);
    base.truncate(base.len() - twice);
    (base, path)
}

/// Whether an error comes from the operating system, not from a library.
fn is_of_system(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(|error: &io::Error| error.raw_os_error().is_some())
}

/// Whether a body is JSON, as model servers send it and proxies do not.
fn is_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Whether an address is on this machine or in a private network: models of the user's own run
/// there, on machines that may need a long time to read a prompt.
pub(super) fn is_near(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url.trim()) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            // 100.64.0.0/10 is used by private overlay networks.
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && b & 0xC0 == 64;
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared
        }
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => {
            let ends = ["localhost", "local", "internal", "lan", "home.arpa"];
            let within = |end: &str| host.strip_suffix(end).is_some_and(|h| h.ends_with('.'));
            !host.contains('.') || ends.iter().any(|end| within(end))
        }
    }
}

/// A model behind an HTTP endpoint, for any wire format.
pub(super) struct HttpModel<W> {
    /// The server.
    pub(super) endpoint: Endpoint,
    /// The wire format.
    pub(super) wire: W,
    /// Fields that override those of the wire format.
    pub(super) extra: BTreeMap<String, Value>,
    /// The server rejected a request because of its schema; later requests have none.
    pub(super) refused_schema: AtomicBool,
}

impl<W: Wire> Model for HttpModel<W> {
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>> {
        Box::pin(async move {
            let mut fault = match self.ask(request, &chunks).await {
                Ok(ending) => return Ok(ending),
                // Servers may quote the request, including the key.
                Err(fault) => fault.map_said(|said| self.endpoint.shown(said)),
            };
            if let (Fault::NoSuchModel { model, near, .. }, Some(list)) =
                (&mut fault, self.wire.list())
            {
                *near = self.endpoint.nearest(model, list).await;
            }
            Err(fault)
        })
    }

    fn takes_tools(&self) -> bool {
        self.wire.takes_tools()
    }

    fn takes_schema(&self) -> bool {
        self.wire.takes_schema() && !self.refused_schema()
    }

    fn refused_schema(&self) -> bool {
        self.refused_schema.load(Ordering::Relaxed)
    }

    fn takes_prefill(&self) -> bool {
        self.wire.takes_prefill()
    }
}

impl<W: Wire> HttpModel<W> {
    async fn ask(&self, request: &Request, out: &mpsc::Sender<Chunk>) -> Result<Finish, Fault> {
        let response = match self.post(self.body(request)?).await {
            // The prompt describes the format as well, so the request is repeated without the
            // schema.
            Err(fault @ Fault::Status { status: 400 | 422, .. }) if request.schema.is_some() => {
                let complaint = fault.to_string().to_lowercase();
                if !OF_SCHEMAS.iter().any(|name| complaint.contains(name)) {
                    return Err(fault);
                }
                self.refused_schema.store(true, Ordering::Relaxed);
                self.post(self.body(&Request { schema: None, ..request.clone() })?).await?
            }
            result => result?,
        };
        self.read(response, out).await
    }

    /// The request's JSON, with the configured extra fields.
    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let mut body = self.wire.body(request)?;
        if let Some(fields) = body.as_object_mut() {
            fields.extend(self.extra.clone());
        }
        Ok(body)
    }

    /// Posts the request. Fields that the server names in its complaint are removed or renamed,
    /// each once.
    async fn post(&self, mut body: Value) -> Result<Response, Fault> {
        loop {
            let fault = match self.endpoint.post(&body, self.wire.model()).await {
                Err(fault @ Fault::Status { status: 400 | 422, .. }) => fault,
                result => return result,
            };
            let complaint = fault.to_string();
            if complaint.contains(RENAMED.1) && renamed(&mut body) {
                continue;
            }
            let named = OPTIONAL.iter().filter(|field| complaint.contains(**field));
            if !named.fold(false, |any, field| any | without(&mut body, field)) {
                return Err(fault);
            }
        }
    }

    /// Reads an answer to its end, streamed or not, independent of its content type.
    async fn read(&self, response: Response, out: &mpsc::Sender<Chunk>) -> Result<Finish, Fault> {
        let kind = content_type(response.headers());
        let mut bytes = response.bytes_stream();
        let mut events = Events::new(kind == EVENTS);
        let mut reading = Reading::default();
        let mut stops = Stops::new(self.wire.stops());
        let mut at_end = false;
        while !reading.done && !at_end {
            let next = if reading.outcome.is_none() {
                bytes.next().await
            } else {
                // The answer is complete; only token counts may be missing.
                timeout(GRACE, bytes.next()).await.unwrap_or(None)
            };
            let taken = match next {
                Some(Ok(new)) => events.take(&new),
                Some(Err(_)) => Err(Fault::Truncated),
                None => {
                    at_end = true;
                    events.end()
                }
            };
            while let Some(found) = events.next().filter(|_| !reading.done) {
                self.take(found, &kind, &mut reading)?;
                deliver(&mut reading, &mut stops, out).await?;
            }
            match taken {
                Err(fault) if reading.outcome.is_none() => return Err(fault),
                Err(_) => break,
                Ok(()) => {}
            }
        }
        if at_end && reading.outcome.is_none() {
            self.ends_unsaid(&events, &mut reading)?;
        }
        if reading.outcome.is_some() {
            last(&mut reading, &mut stops, out).await?;
        }
        let rest = async { while let Some(Ok(_)) = bytes.next().await {} };
        // A timeout only costs the next request a new connection.
        let _ = timeout(REST, rest).await;
        reading.ending()
    }

    /// Processes the next item of an answer's body; `kind` is the body's content type.
    fn take(&self, found: Found, kind: &str, reading: &mut Reading) -> Result<(), Fault> {
        match found {
            Found::Json(mut event) => {
                if let Some(fields) = event.as_object_mut() {
                    // Some servers send an empty error with each chunk.
                    fields.retain(|name, value| name != "error" || !is_hollow(value));
                }
                let ended = reading.outcome.is_some();
                self.wire.read(&event, reading)?;
                let nothing = reading.chunks.is_empty() && reading.outcome.is_some() == ended;
                let error = Fault::beside(&event)
                    .or_else(|| Fault::elsewhere(&event).filter(|_| nothing && !ended));
                error.map_or(Ok(()), Err)
            }
            Found::Error(error) => {
                let inner = &error["error"];
                Err(Fault::in_stream(if is_hollow(inner) { &error } else { inner }))
            }
            Found::Done => {
                reading.outcome.get_or_insert(Outcome::Whole);
                reading.done = true;
                Ok(())
            }
            // Errors after the end of an answer are ignored.
            Found::Unreadable(_) | Found::Broken if reading.outcome.is_some() => Ok(()),
            Found::Unreadable(why) => Err(Fault::bad_text(why)),
            Found::Broken => Err(Fault::Truncated),
            Found::Foreign if kind.ends_with("json") => Err(Fault::bad_text("it is not JSON")),
            Found::Foreign if kind.is_empty() => Err(self.not_an_answer("other text")),
            Found::Foreign => Err(self.not_an_answer(&format!("`{}`", shown(kind)))),
        }
    }

    /// Decides whether a body that ended without an end mark is an answer.
    fn ends_unsaid(&self, events: &Events, reading: &mut Reading) -> Result<(), Fault> {
        let Some(values) = events.bare() else { return Ok(()) };
        if !reading.said && !reading.thinks && reading.usage.is_none() {
            return Err(self.not_an_answer("other JSON"));
        }
        if self.wire.ends_unsaid() && values == 1 && reading.said && !reading.more_comes {
            // An answer that arrived in one piece needs no end mark.
            reading.outcome = Some(Outcome::Whole);
        }
        Ok(())
    }

    fn not_an_answer(&self, what: &str) -> Fault {
        Fault::NotAnAnswer { server: self.endpoint.server(), what: what.to_owned() }
    }
}

/// Sends new chunks to the caller, up to a stop text.
async fn deliver(
    reading: &mut Reading,
    stops: &mut Stops<'_>,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), Fault> {
    for piece in reading.chunks.drain(..) {
        let (piece, over) = match piece {
            Chunk::Text(text) => {
                let (text, over) = stops.take(&text);
                (Chunk::Text(text), over)
            }
            piece => (piece, false),
        };
        if !matches!(&piece, Chunk::Text(text) if text.is_empty()) {
            // A closed channel means that the caller is gone; treated like a broken connection.
            out.send(piece).await.map_err(|_| Fault::Truncated)?;
        }
        if over {
            reading.outcome = Some(Outcome::Whole);
            reading.done = true;
            break;
        }
    }
    Ok(())
}

/// Sends the chunks that are only known at the end of an answer.
async fn last(
    reading: &mut Reading,
    stops: &mut Stops<'_>,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), Fault> {
    reading.chunks.push(Chunk::Text(stops.rest()));
    if let Some(reason) = reading.unknown.take().filter(|_| reading.outcome == Some(Outcome::Cut)) {
        reading.chunks.push(Chunk::Note(format!(
            "the server ended the answer with `{reason}`, which does not say that it is whole: it is \
             taken as cut off"
        )));
    }
    // A tool call that was cut off is not used.
    if reading.outcome == Some(Outcome::Whole) {
        let calls = reading.calls();
        reading.chunks.extend(calls.into_iter().map(Chunk::Call));
    }
    deliver(reading, &mut Stops::new(&[]), out).await
}

/// Removes a field at any depth; returns whether it was there.
fn without(value: &mut Value, field: &str) -> bool {
    match value {
        Value::Object(map) => {
            let here = map.remove(field).is_some();
            map.values_mut().fold(here, |any, value| any | without(value, field))
        }
        Value::Array(list) => list.iter_mut().fold(false, |any, value| any | without(value, field)),
        _ => false,
    }
}

/// Renames the field that has another name for newer models; returns whether it was there.
fn renamed(body: &mut Value) -> bool {
    let Some(map) = body.as_object_mut() else { return false };
    let Some(value) = map.remove(RENAMED.0) else { return false };
    map.insert(RENAMED.1.to_owned(), value);
    true
}

/// The reason phrase of a response's status line, else the standard one.
fn phrase(response: &Response) -> String {
    let own = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let own = own.map(|own| String::from_utf8_lossy(own.as_bytes()).trim().to_owned());
    let usual = || response.status().canonical_reason().unwrap_or("no reason given").to_owned();
    own.filter(|own| !own.is_empty()).unwrap_or_else(usual)
}

/// The beginning of an error's body.
async fn beginning(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ERROR - body.len())]);
        if body.len() == LONGEST_ERROR {
            break;
        }
    }
    body
}

/// The whole body, up to the limit.
async fn whole(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Fault::Truncated)? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(Fault::TooLong { what: "it has more than 4 MiB".to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The content type without parameters, in lower case; empty if there is none.
fn content_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_base_url_is_accepted_with_or_without_the_api_path() {
        for (base, path, url) in [
            ("http://h:1/v1", "chat/completions", "http://h:1/v1/chat/completions"),
            ("http://h:1/v1/", "chat/completions", "http://h:1/v1/chat/completions"),
            ("http://h/v1/chat/completions", "chat/completions", "http://h/v1/chat/completions"),
            ("https://h", "v1/messages", "https://h/v1/messages"),
            ("https://h/v1", "v1/messages", "https://h/v1/messages"),
            ("https://h/p/v1/messages/", "v1/messages", "https://h/p/v1/messages"),
            ("http://h:11434", "api/chat", "http://h:11434/api/chat"),
            ("http://h/a?v=1", "chat/completions", "http://h/a/chat/completions?v=1"),
            ("https://h/v1beta", "models/m:s?alt=sse", "https://h/v1beta/models/m:s?alt=sse"),
            ("http://h/a?v=1", "m?alt=sse", "http://h/a/m?v=1&alt=sse"),
            ("http://h/completion", "", "http://h/completion"),
        ] {
            let endpoint = Endpoint::new(base, path, HeaderMap::new(), Secret::new("")).unwrap();
            assert_eq!(endpoint.url.as_str(), url, "{base}");
        }
        for base in ["", "localhost:8000/v1", "file:///etc", "http://", "ftp://h", "h"] {
            assert!(Endpoint::new(base, "p", HeaderMap::new(), Secret::new("")).is_err(), "{base}");
        }
    }

    #[test]
    fn private_network_addresses_count_as_near() {
        for (url, near) in [
            ("http://127.0.0.1:8080/v1", true),
            ("http://localhost:11434", true),
            ("http://[::1]:1", true),
            ("http://192.168.1.7:8000", true),
            ("http://10.1.2.3", true),
            ("http://172.20.0.2:1", true),
            ("http://100.101.1.1", true),
            ("http://[fd00::7]:1", true),
            ("http://box:11434", true),
            ("http://box.local", true),
            ("http://host.docker.internal:11434", true),
            ("http://8.8.8.8", false),
            ("http://100.200.1.1", false),
            ("https://api.openai.com/v1", false),
            ("https://notlocal.com", false),
            ("https://xlocal", true),
            ("nothing", false),
        ] {
            assert_eq!(is_near(url), near, "{url}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let endpoint =
            Endpoint::new("http://me:pw@h:8/v1?key=k", "p", HeaderMap::new(), Secret::new(""))
                .unwrap();
        assert_eq!(endpoint.server(), "h:8");
    }
}
