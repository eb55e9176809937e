//! OpenTelemetry traces, on request: model calls and runs as spans of the semantic conventions for
//! generative AI, sent to a collector (OTLP over HTTP, as JSON).
//!
//! Spans are derived from the journal's lines as they are written. A separate thread sends them, so
//! no session waits for a collector.

mod export;
mod spans;

use crate::config::TracesConfig;
use crate::domain::session::Session;
use export::{Collector, Exporter};
use spans::Spans;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Default address of a collector in OpenTelemetry.
const USUAL: &str = "http://localhost:4318";
/// Path appended to the base address of a collector.
const PATH: &str = "/v1/traces";

/// The traces of this process, if enabled.
static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    to: Collector,
    /// Include prompts and answers.
    prompts: bool,
    /// Started with the first span; otherwise the error.
    exporter: OnceLock<Result<Exporter, String>>,
}

impl Traces {
    fn send(&self, span: serde_json::Value) {
        if let Ok(exporter) = self.exporter.get_or_init(|| Exporter::start(&self.to)) {
            exporter.send(span);
        }
    }
}

/// Enables traces for this process, as set by the configuration and OpenTelemetry's own environment
/// variables. Only the first call has an effect.
///
/// # Errors
/// The address is invalid.
pub fn begin(config: &TracesConfig) -> Result<(), String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(());
    }
    let address = address(config.endpoint.as_deref(), variable);
    let headers = variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
        .or_else(|| variable("OTEL_EXPORTER_OTLP_HEADERS"));
    let service = variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "redraft".to_owned());
    let to = Collector::new(&address, headers.as_deref().unwrap_or_default(), service)?;
    let prompts = config.prompts == Some(true);
    let _ = TRACES.set(Traces { to, prompts, exporter: OnceLock::new() });
    Ok(())
}

/// The address for spans: from the configuration, otherwise from OpenTelemetry's variables.
fn address(configured: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> String {
    let below = |base: &str| format!("{}{PATH}", base.trim_end_matches('/'));
    match configured {
        Some(base) => below(base),
        None => variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| below(&base)))
            .unwrap_or_else(|| below(USUAL)),
    }
}

/// Sends the remaining spans, within two seconds. Returns a message for the user if some were not
/// delivered.
#[must_use]
pub fn end() -> Option<String> {
    match TRACES.get()?.exporter.get()? {
        Ok(exporter) => exporter.end(),
        Err(why) => Some(format!("traces: none are sent: {why}")),
    }
}

/// The trace of one piece of work on a session. Dropping it ends the trace.
#[derive(Debug)]
pub struct Recording {
    spans: Arc<Mutex<Spans>>,
}

impl Recording {
    /// Starts a trace; `None` if traces are disabled.
    #[must_use]
    pub fn of(session: &Session) -> Option<Self> {
        let prompts = TRACES.get()?.prompts;
        let preset = session.settings.preset.name();
        let spans = Spans::new(&session.name, preset, prompts, now());
        Some(Self { spans: Arc::new(Mutex::new(spans)) })
    }

    /// Returns a listener for the lines of the session's journal.
    pub fn watch(&self) -> impl FnMut(&str) + Send + use<> {
        let spans = Arc::clone(&self.spans);
        move |line| {
            let span = spans.lock().unwrap_or_else(PoisonError::into_inner).note(line, now());
            send(span);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let rest = self.spans.lock().unwrap_or_else(PoisonError::into_inner).end(now());
        send(rest);
    }
}

fn send(spans: impl IntoIterator<Item = serde_json::Value>) {
    if let Some(traces) = TRACES.get() {
        spans.into_iter().for_each(|span| traces.send(span));
    }
}

/// Nanoseconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_goes_over_the_variables_and_these_over_the_usual_address() {
        let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let all = "OTEL_EXPORTER_OTLP_ENDPOINT";
        for (configured, variables, expected) in [
            (None, &[][..], "http://localhost:4318/v1/traces"),
            (None, &[(all, "http://a:1/")], "http://a:1/v1/traces"),
            (None, &[(all, "http://a:1"), (own, "http://b:2/x")], "http://b:2/x"),
            (Some("http://c:3/base"), &[(own, "http://b:2/x")], "http://c:3/base/v1/traces"),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(is, _)| *is == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(address(configured, variable), expected);
        }
    }
}
