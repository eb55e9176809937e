//! The one door to model servers: posts JSON, tells refusals apart, and reads answers line by line.

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

/// The longest body of JSON that is read at once, in bytes.
const LONGEST_BODY: usize = 4 << 20;

/// The label of a stream of events.
const EVENTS: &str = "text/event-stream";

/// The most that is read of an error's body, in bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the count of tokens may come after the answer's end was said.
const GRACE: Duration = Duration::from_secs(1);

/// How long the rest of a finished answer may come, so that its connection can be used again.
const REST: Duration = Duration::from_millis(20);

/// How long a server may take to list its models, for the error that it lacks one.
const LIST: Duration = Duration::from_secs(3);

/// Fields of a request that it can do without, for models and servers that do not take them.
const OPTIONAL: [&str; 4] = ["temperature", "stream_options", "cache_control", "store"];

/// What a server that does not know schemas names in its complaint, in small letters.
const OF_SCHEMAS: [&str; 4] = ["schema", "response_format", "text.format", "output_config"];

/// A field of a request that newer models want under another name.
const RENAMED: (&str, &str) = ("max_tokens", "max_completion_tokens");

/// The address of a server and what goes with each request to it.
pub(super) struct Endpoint {
    client: OnceLock<Client>,
    url: Url,
    /// What stands before the wire format's own path.
    base: Vec<String>,
    headers: HeaderMap,
    key: Secret,
}

/// Why an address can't be used. The address itself is not shown: it can hold a password.
#[derive(Debug, thiserror::Error)]
#[error("it must be an http or https address with a host")]
pub struct BadAddress;

impl Endpoint {
    /// An endpoint at `base_url` with `path` after it. What of the path `base_url` has at its end
    /// already, as `/v1`, is not said twice. `key` is what error texts must not show; no
    /// connection is made yet.
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

    /// The client, made when it is first needed: reading the system's certificates takes time.
    fn client(&self) -> Result<&Client, Fault> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("redraft/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // A redirected request would carry the key to a server that nobody named.
            .redirect(reqwest::redirect::Policy::none())
            // Some servers and proxies compare names of headers letter by letter.
            .http1_title_case_headers();
        builder = proxy::set(builder, &self.url).map_err(|error| Fault::Proxy {
            variable: error.variable,
            reason: error.to_string(),
            passing: false,
        })?;
        if self.url.scheme() == "http" {
            // Small servers end a connection after an answer without a word, and a new one costs
            // nothing that is noticed beside a model.
            builder = builder.tls_certs_only([]).pool_max_idle_per_host(0);
        }
        let client = builder.build().map_err(|error| self.unreachable(error))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Posts JSON and gives the answer's head if the server took the request.
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

    /// Posts JSON and gets JSON of at most `LONGEST_BODY` bytes.
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

    /// The models of the server's own list that are nearest to this one; none where it has no list,
    /// or takes too long.
    async fn nearest(&self, model: &str, list: &str) -> Vec<String> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{list}", self.base.join("/")));
        let Ok(Ok(list)) = timeout(LIST, self.get_from(url)).await else { return Vec::new() };
        let near = nearest(model, &names(&list)).into_iter();
        near.map(|name| one_line(&self.key.scrub(name), 60)).collect()
    }

    /// Why a request did not get there, in the proxy's own words where a proxy refused it.
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

    /// The fault of a proxy that opens no tunnel, with what it said.
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
            // It wants a password, or may do better a little later.
            return self.no_way(&said, !said.contains("authorization"));
        }
        if self.url.scheme() == "https" && error.is_connect() && !is_of_system(cause) {
            reason = format!("it does not answer as a server of https does ({reason})");
        }
        let proxy = self.proxy().map(|name| format!(" (through the proxy of `{name}`)"));
        Fault::Connect { server, reason: self.shown(&reason) + &proxy.unwrap_or_default() }
    }

    /// The variable that names a proxy for this server, if there is one.
    fn proxy(&self) -> Option<&'static str> {
        proxy::named(&self.url).map(|named| named.variable)
    }

    /// What a status other than 200 means.
    async fn refusal(&self, mut response: Response, model: &str) -> Fault {
        let body = beginning(&mut response).await;
        let (status, headers) = (response.status(), response.headers());
        let phrase = phrase(&response);
        let fault = refusal::fault(status, &phrase, headers, &body, model, |said| self.shown(said));
        // A proxy answers in the server's place, and has no say in keys.
        match self.proxy().filter(|_| self.url.scheme() == "http") {
            Some(variable) if !is_json(&body) && status != 407 => fault.by_proxy(variable),
            _ => fault,
        }
    }

    fn shown(&self, message: &str) -> String {
        shown(&self.key.scrub(message))
    }
}

/// The base path, and the format's path after it; where they overlap, only the latter says it.
fn joined(base: &str, path: &str) -> (Vec<String>, Vec<String>) {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (mut base, path) = (parts(base), parts(path));
    let twice = (1..=path.len()).rev().find(|n| base.ends_with(&path[..*n])).unwrap_or(0);
    base.truncate(base.len() - twice);
    (base, path)
}

/// Whether the system itself says what went wrong: not a library above it.
fn is_of_system(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(|error: &io::Error| error.raw_os_error().is_some())
}

/// Whether a body is JSON, as servers of models send it and proxies do not.
fn is_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Whether an address is of this machine or of a network that is not public: where people run models
/// themselves, on machines that can take long to read a prompt.
pub(super) fn is_near(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url.trim()) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            // 100.64.0.0/10 is what private networks over the public one use.
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

/// A model behind an endpoint, whatever its wire format.
pub(super) struct HttpModel<W> {
    /// The server.
    pub(super) endpoint: Endpoint,
    /// How it is spoken to.
    pub(super) wire: W,
    /// Fields that go over those of the wire format.
    pub(super) extra: BTreeMap<String, Value>,
    /// The server refused a request because of its schema, and is sent none any more.
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
                // Servers can repeat what they were sent, the key as well.
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
            // What is wanted is said in the prompt as well.
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

    /// The request's JSON, with the fields of the configuration over it.
    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let mut body = self.wire.body(request)?;
        if let Some(fields) = body.as_object_mut() {
            fields.extend(self.extra.clone());
        }
        Ok(body)
    }

    /// Posts the request; what the server names as unwanted in it is left out, each field once.
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

    /// Reads an answer until it says that it is done: streamed or not, whatever its label says.
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
                // The answer is there: what is missing is a count at most.
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
        // Not coming to the end only costs the next request a new connection.
        let _ = timeout(REST, rest).await;
        reading.ending()
    }

    /// Takes up what was found next in an answer's body, which is labelled as of this kind.
    fn take(&self, found: Found, kind: &str, reading: &mut Reading) -> Result<(), Fault> {
        match found {
            Found::Json(mut event) => {
                if let Some(fields) = event.as_object_mut() {
                    // Some servers say with each piece that there is no error.
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
            // Whatever follows the end of an answer takes nothing from it.
            Found::Unreadable(_) | Found::Broken if reading.outcome.is_some() => Ok(()),
            Found::Unreadable(why) => Err(Fault::bad_text(why)),
            Found::Broken => Err(Fault::Truncated),
            Found::Foreign if kind.ends_with("json") => Err(Fault::bad_text("it is not JSON")),
            Found::Foreign if kind.is_empty() => Err(self.not_an_answer("other text")),
            Found::Foreign => Err(self.not_an_answer(&format!("`{}`", shown(kind)))),
        }
    }

    /// What an answer is whose body ended without a word of its end.
    fn ends_unsaid(&self, events: &Events, reading: &mut Reading) -> Result<(), Fault> {
        let Some(values) = events.bare() else { return Ok(()) };
        if !reading.said && !reading.thinks && reading.usage.is_none() {
            return Err(self.not_an_answer("other JSON"));
        }
        if self.wire.ends_unsaid() && values == 1 && reading.said && !reading.more_comes {
            // A text that came whole needs no word that it is.
            reading.outcome = Some(Outcome::Whole);
        }
        Ok(())
    }

    fn not_an_answer(&self, what: &str) -> Fault {
        Fault::NotAnAnswer { server: self.endpoint.server(), what: what.to_owned() }
    }
}

/// Sends new pieces on, up to where the answer should have stopped.
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
            // A closed channel means that nobody listens any more: as good as broken off.
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

/// Sends on what is only known at the end of an answer.
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
    // What was cut off is no call.
    if reading.outcome == Some(Outcome::Whole) {
        let calls = reading.calls();
        reading.chunks.extend(calls.into_iter().map(Chunk::Call));
    }
    deliver(reading, &mut Stops::new(&[]), out).await
}

/// Takes a field out wherever it stands; whether it was there.
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

/// Gives the field that newer models want under another name that name; whether it was there.
fn renamed(body: &mut Value) -> bool {
    let Some(map) = body.as_object_mut() else { return false };
    let Some(value) = map.remove(RENAMED.0) else { return false };
    map.insert(RENAMED.1.to_owned(), value);
    true
}

/// The reason of a response's status line; the usual one where it has none.
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

/// A whole body within the limit.
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

/// The content type without its parameters, in small letters; empty if there is none.
fn content_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_address_is_understood_with_or_without_its_end() {
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
    fn what_is_of_a_private_network_is_near() {
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
