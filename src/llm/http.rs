//! The one door to model servers: posts JSON, tells refusals apart, and reads answers line by line.

use super::fault::{message_in, shown};
use super::secret::Secret;
use super::wire::{Framing, Line, Reading, Wire, line};
use super::{Ending, Fault, Model, Piece};
use crate::domain::chat::{Outcome, Request};
use crate::files::reason;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;
use std::error::Error;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;

/// The longest line of a stream, and the longest answer that is not streamed, in bytes.
const LONGEST_LINE: usize = 4 << 20;

/// The most that is read of an error's body, in bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the count of tokens may come after the answer's end was said.
const GRACE: Duration = Duration::from_secs(1);

/// How long the rest of a finished answer may come, so that its connection can be used again.
const REST: Duration = Duration::from_millis(20);

/// Fields of a request that it can do without, for models and servers that do not take them.
const OPTIONAL: [&str; 2] = ["temperature", "stream_options"];

/// The address of a server and what goes with each request to it.
pub(super) struct Door {
    client: OnceLock<Client>,
    url: Url,
    headers: HeaderMap,
    key: Secret,
}

/// Why an address can't be used. The address itself is not shown: it can hold a password.
#[derive(Debug, thiserror::Error)]
#[error("it must be an http or https address with a host")]
pub struct BadAddress;

impl Door {
    /// A door to `base_url` with `path` after it. What of the path `base_url` has at its end
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
        url.set_path(&joined(url.path(), path));
        Ok(Self { client: OnceLock::new(), url, headers, key })
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
            .redirect(reqwest::redirect::Policy::none());
        if is_local(&self.url) {
            builder = builder.no_proxy();
        }
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
        let response = request.json(body).send().await.map_err(|error| self.unreachable(error))?;
        if response.status() == StatusCode::OK {
            Ok(response)
        } else {
            Err(self.refusal(response, model).await)
        }
    }

    /// Gets JSON of at most `LONGEST_LINE` bytes.
    pub(super) async fn get(&self) -> Result<Value, Fault> {
        let request = self.client()?.get(self.url.clone()).headers(self.headers.clone());
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response, "").await);
        }
        serde_json::from_slice(&whole(response).await?).map_err(Fault::bad_text)
    }

    fn unreachable(&self, error: reqwest::Error) -> Fault {
        // The innermost cause says what happened; the outer ones only say where, with addresses.
        let error = error.without_url();
        let mut cause: &dyn Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let reason = cause.downcast_ref().map_or_else(|| cause.to_string(), reason);
        Fault::Connect { server: self.server(), reason: self.shown(&reason) }
    }

    /// What a status other than 200 means.
    async fn refusal(&self, response: Response, model: &str) -> Fault {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let redirects = response.headers().contains_key(LOCATION) && status.is_redirection();
        let message = if redirects {
            "it redirects; set `base_url` to the final address".to_owned()
        } else {
            self.message(response).await
        };
        let of_key = message.to_lowercase().contains("api key");
        match status.as_u16() {
            status @ (401 | 403) => Fault::KeyRefused { status, message },
            status @ 400 if of_key => Fault::KeyRefused { status, message },
            404 if message.to_lowercase().contains("model") => {
                Fault::NoSuchModel { model: model.to_owned(), message }
            }
            status @ 404 => {
                let message = format!("{message}; check the provider's `base_url`");
                Fault::Status { status, message, retry_after }
            }
            status => Fault::Status { status, message, retry_after },
        }
    }

    /// What the body of a refusal says.
    async fn message(&self, mut response: Response) -> String {
        let reason = response.status().canonical_reason().unwrap_or("no reason given");
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ERROR - body.len())]);
            if body.len() == LONGEST_ERROR {
                break;
            }
        }
        let text = String::from_utf8_lossy(&body);
        let text = text.trim();
        match serde_json::from_str::<Value>(text).ok().as_ref().and_then(message_in) {
            Some(message) => self.shown(&message),
            None if text.is_empty() || text.starts_with(['<', '{', '[']) => reason.to_owned(),
            None => self.shown(text),
        }
    }

    fn shown(&self, message: &str) -> String {
        shown(&self.key.scrub(message))
    }
}

/// The base path with the format's path after it, where they overlap said once.
fn joined(base: &str, path: &str) -> String {
    let base: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    let path: Vec<&str> = path.split('/').collect();
    let twice = (1..=path.len()).rev().find(|n| base.ends_with(&path[..*n])).unwrap_or(0);
    [&base[..], &path[twice..]].concat().join("/")
}

/// Whether the address is this machine's own, which no proxy can reach.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// How long the server asks to wait: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    // A date that is past asks for no wait.
    Some(date.signed_duration_since(chrono::Utc::now()).to_std().unwrap_or_default())
}

/// A model behind a door, whatever its wire format.
pub(super) struct HttpModel<W> {
    /// The server.
    pub(super) door: Door,
    /// How it is spoken to.
    pub(super) wire: W,
}

impl<W: Wire> Model for HttpModel<W> {
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        pieces: mpsc::Sender<Piece>,
    ) -> BoxFuture<'a, Result<Ending, Fault>> {
        Box::pin(async move {
            let ended = self.ask(request, &pieces).await;
            // Servers can repeat what they were sent, the key as well.
            ended.map_err(|fault| match fault {
                Fault::InStream { message, passing } => {
                    Fault::InStream { message: self.door.shown(&message), passing }
                }
                fault => fault,
            })
        })
    }
}

impl<W: Wire> HttpModel<W> {
    async fn ask(&self, request: &Request, out: &mpsc::Sender<Piece>) -> Result<Ending, Fault> {
        let response = self.post(self.wire.body(request)).await?;
        let kind = content_type(response.headers());
        match (self.wire.framing(), kind.as_str()) {
            (Framing::Events, "application/json") => self.read_whole(response, out).await,
            (Framing::Events, "text/event-stream" | "")
            | (Framing::Lines, "application/x-ndjson" | "application/json" | "") => {
                self.read_stream(response, out).await
            }
            (_, kind) => Err(self.not_an_answer(&format!("`{}`", shown(kind)))),
        }
    }

    /// Posts the request; what the server names as unwanted in it is left out, each field once.
    async fn post(&self, mut body: Value) -> Result<Response, Fault> {
        loop {
            let fault = match self.door.post(&body, self.wire.model()).await {
                Err(fault @ Fault::Status { status: 400 | 422, .. }) => fault,
                result => return result,
            };
            let complaint = fault.to_string();
            let named = OPTIONAL.iter().find(|field| complaint.contains(**field));
            let removed = named.and_then(|field| body.as_object_mut()?.remove(*field));
            if removed.is_none() {
                return Err(fault);
            }
        }
    }

    /// Reads a stream of lines until it says that it is done.
    async fn read_stream(
        &self,
        response: Response,
        out: &mpsc::Sender<Piece>,
    ) -> Result<Ending, Fault> {
        let bytes = StreamReader::new(response.bytes_stream().map_err(io::Error::other));
        let mut lines = FramedRead::new(bytes, LinesCodec::new_with_max_length(LONGEST_LINE));
        let mut reading = Reading::default();
        while !reading.done {
            let next = if reading.outcome.is_none() {
                lines.next().await
            } else {
                // The answer is there: what is missing is a count at most.
                timeout(GRACE, lines.next()).await.unwrap_or(None)
            };
            let text = match next {
                Some(Ok(text)) => text,
                Some(Err(error)) if reading.outcome.is_none() => return Err(broken(&error)),
                Some(Err(_)) | None => break,
            };
            match line(self.wire.framing(), &text) {
                Line::Nothing => {}
                Line::Done => {
                    reading.outcome.get_or_insert(Outcome::Whole);
                    reading.done = true;
                }
                Line::Object(json) => match serde_json::from_str(json) {
                    Ok(event) => self.wire.read(&event, &mut reading)?,
                    Err(error) => return Err(unreadable(&error, &mut lines).await),
                },
            }
            deliver(&mut reading, out).await?;
        }
        let rest = async { while let Some(Ok(_)) = lines.next().await {} };
        // Not coming to the end only costs the next request a new connection.
        let _ = timeout(REST, rest).await;
        reading.ending()
    }

    /// Reads an answer that was not streamed although a stream was asked for.
    async fn read_whole(
        &self,
        response: Response,
        out: &mpsc::Sender<Piece>,
    ) -> Result<Ending, Fault> {
        let body = whole(response).await?;
        let text = str::from_utf8(&body).map_err(Fault::bad_text)?;
        let event = serde_json::from_str(text).map_err(Fault::bad_text)?;
        let mut reading = Reading::default();
        self.wire.read(&event, &mut reading)?;
        if reading.outcome.is_none() {
            return Err(self.not_an_answer("other JSON"));
        }
        deliver(&mut reading, out).await?;
        reading.ending()
    }

    fn not_an_answer(&self, what: &str) -> Fault {
        Fault::NotAnAnswer { server: self.door.server(), what: what.to_owned() }
    }
}

/// Sends new pieces on.
async fn deliver(reading: &mut Reading, out: &mpsc::Sender<Piece>) -> Result<(), Fault> {
    for piece in reading.pieces.drain(..) {
        // A closed channel means that nobody listens any more: as good as broken off.
        out.send(piece).await.map_err(|_| Fault::Truncated)?;
    }
    Ok(())
}

/// Why a stream gave no further line.
fn broken(error: &LinesCodecError) -> Fault {
    match error {
        LinesCodecError::MaxLineLengthExceeded => {
            Fault::TooLong { what: "it has a line of more than 4 MiB".to_owned() }
        }
        LinesCodecError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Fault::bad_text("it is not UTF-8")
        }
        LinesCodecError::Io(_) => Fault::Truncated,
    }
}

/// Why a line is not JSON: if nothing comes after it, it was cut off on its way.
async fn unreadable(
    error: &serde_json::Error,
    rest: &mut (impl Stream<Item = Result<String, LinesCodecError>> + Unpin),
) -> Fault {
    match timeout(GRACE, rest.next()).await {
        Ok(None | Some(Err(_))) => Fault::Truncated,
        Ok(Some(Ok(_))) | Err(_) => Fault::bad_text(error),
    }
}

/// A whole body within the limit.
async fn whole(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Fault::Truncated)? {
        if body.len() + chunk.len() > LONGEST_LINE {
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
        ] {
            let door = Door::new(base, path, HeaderMap::new(), Secret::new("")).unwrap();
            assert_eq!(door.url.as_str(), url, "{base}");
        }
        for base in ["", "localhost:8000/v1", "file:///etc", "http://", "ftp://h", "h"] {
            assert!(Door::new(base, "p", HeaderMap::new(), Secret::new("")).is_err(), "{base}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let door =
            Door::new("http://me:pw@h:8/v1?key=k", "p", HeaderMap::new(), Secret::new("")).unwrap();
        assert_eq!(door.server(), "h:8");
    }

    #[test]
    fn a_wish_to_wait_is_read_in_seconds_or_as_a_date() {
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
    }
}
