//! The thread that sends spans to a collector. It never blocks the program except at the end, for
//! at most two seconds.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of spans queued; further ones are dropped.
const WAITING: usize = 1024;
/// Maximum number of spans per request.
const AT_ONCE: usize = 128;
/// How long to collect spans for a request.
const GATHER: Duration = Duration::from_secs(1);
/// Time limit for a request, and for sending the remaining spans at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Address of a collector.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    url: Url,
    headers: HeaderMap,
    service: String,
}

impl Collector {
    /// `headers` are comma-separated `name=value` pairs, as in OpenTelemetry.
    ///
    /// # Errors
    /// The address is invalid.
    pub(super) fn new(address: &str, headers: &str, service: String) -> Result<Self, String> {
        let url = Url::parse(address).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url =
            url.ok_or("`traces`: the collector's address has to begin with http:// or https://")?;
        Ok(Self { url, headers: read_headers(headers), service })
    }

    /// The address for display, without user name and password.
    fn shown(&self) -> String {
        let port = self.url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }
}

/// Sends spans to a collector.
#[derive(Debug)]
pub(super) struct Exporter {
    /// `None` after the end.
    sender: Mutex<Option<SyncSender<Value>>>,
    done: Mutex<Receiver<()>>,
    outcome: Arc<Mutex<Outcome>>,
    shown: String,
}

/// Counts of accepted and delivered spans.
#[derive(Debug, Default)]
struct Outcome {
    taken: usize,
    arrived: usize,
    why: Option<String>,
}

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread or the HTTP client could not be created.
    pub(super) fn start(to: &Collector) -> Result<Self, String> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(to.headers.clone())
            .build()
            .map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (url, service) = (to.url.clone(), to.service.clone());
        let (sender, spans) = sync_channel(WAITING);
        let (ended, done) = sync_channel(1);
        let outcome = Arc::<Mutex<Outcome>>::default();
        let resource = json!({ "attributes": [
            { "key": "service.name", "value": { "stringValue": service } },
            { "key": "service.version", "value": { "stringValue": env!("CARGO_PKG_VERSION") } },
        ] });
        let seen = Arc::clone(&outcome);
        let work = move || {
            while let Some(batch) = gather(&spans) {
                let count = batch.len();
                let scope = json!({ "name": "redraft", "version": env!("CARGO_PKG_VERSION") });
                let body = json!({ "resourceSpans": [{
                    "resource": resource,
                    "scopeSpans": [{ "scope": scope, "spans": batch }],
                }] });
                let sent = runtime.block_on(post(&client, url.clone(), &body));
                let mut outcome = locked(&seen);
                match sent {
                    Ok(()) => outcome.arrived += count,
                    Err(why) => outcome.why = Some(why),
                }
            }
            let _ = ended.send(());
        };
        let thread = std::thread::Builder::new().name("traces".to_owned()).spawn(work);
        thread.map_err(|error| error.to_string())?;
        let (sender, done) = (Mutex::new(Some(sender)), Mutex::new(done));
        Ok(Self { sender, done, outcome, shown: to.shown() })
    }

    /// Queues a span; it is dropped if the queue is full.
    pub(super) fn send(&self, span: Value) {
        locked(&self.outcome).taken += 1;
        if let Some(sender) = &*locked(&self.sender) {
            let _ = sender.try_send(span);
        }
    }

    /// Sends the remaining spans, and reports how many were not delivered.
    pub(super) fn end(&self) -> Option<String> {
        drop(locked(&self.sender).take());
        let _ = locked(&self.done).recv_timeout(PATIENCE);
        let Outcome { taken, arrived, why } = &*locked(&self.outcome);
        let lost = taken - arrived;
        let why = why.as_deref().unwrap_or("it did not answer in time");
        let shown = &self.shown;
        (lost > 0).then(|| format!("traces: {lost} of {taken} spans did not reach {shown}: {why}"))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Collects the spans for the next request; `None` when the queue is closed.
fn gather(spans: &Receiver<Value>) -> Option<Vec<Value>> {
    let mut batch = vec![spans.recv().ok()?];
    let until = Instant::now() + GATHER;
    while batch.len() < AT_ONCE {
        match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Some(batch)
}

async fn post(client: &Client, url: Url, body: &Value) -> Result<(), String> {
    let answer = client.post(url).json(body).send().await.map_err(|error| {
        let why = if error.is_timeout() { "it did not answer in time" } else { "nobody answers" };
        why.to_owned()
    })?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answers HTTP {}", status.as_u16())) }
}

/// Parses a list of `name=value` headers with percent-encoded values. Invalid ones are skipped.
fn read_headers(list: &str) -> HeaderMap {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let mut value = HeaderValue::from_bytes(&unescaped(value.trim())).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    };
    list.split(',').filter_map(pair).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().iter();
    let mut out = Vec::new();
    while let Some(&byte) = bytes.next() {
        let digits = bytes.as_slice().get(..2).filter(|_| byte == b'%');
        let code = digits.and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(code) => {
                out.push(code);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn headers_are_read_as_opentelemetry_has_them() {
        for (list, expected) in [
            ("", vec![]),
            ("api-key=abc", vec![("api-key", "abc")]),
            ("Authorization=Basic%20eA==, x=1", vec![("authorization", "Basic eA=="), ("x", "1")]),
            ("a=100%,b=%zz", vec![("a", "100%"), ("b", "%zz")]),
            ("nothing,=x,a b=c", vec![]),
        ] {
            let headers = read_headers(list);
            let found: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            assert_eq!(found, expected, "{list}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in ["", "collector", "file:///tmp/x", "ftp://a/b"] {
            assert!(Collector::new(address, "", String::new()).is_err(), "{address}");
        }
        let named = Collector::new("http://me:secret@a:1/x", "", String::new()).unwrap();
        assert_eq!(named.shown(), "http://a:1");
    }
}
