//! Parses bodies of model servers without a server, for the fuzz targets in `fuzz/`.

use super::anthropic::Anthropic;
use super::events::{Events, Found};
use super::gemini::Gemini;
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::responses::Responses;
use super::wire::{Reading, Wire};

/// Parses a body, which arrives in these parts, with each wire format, and returns each result as
/// text. `labelled` is whether its content type is that of an event stream.
#[must_use]
pub fn decode(body: &[&[u8]], labelled: bool) -> Vec<String> {
    let model = || "m".to_owned();
    vec![
        read(&OpenAi { model: model(), official: false, own: false }, body, labelled),
        read(&Responses { model: model() }, body, labelled),
        read(&Anthropic { model: model() }, body, labelled),
        read(&Gemini { model: model() }, body, labelled),
        read(&Ollama { model: model(), context: 4096 }, body, labelled),
    ]
}

fn read(wire: &dyn Wire, body: &[&[u8]], labelled: bool) -> String {
    let (mut events, mut reading) = (Events::new(labelled), Reading::default());
    let mut found = Vec::new();
    for part in body {
        if let Err(fault) = events.take(part) {
            return fault.to_string();
        }
        found.extend(std::iter::from_fn(|| events.next()));
    }
    let mut fault = events.end().err();
    found.extend(std::iter::from_fn(|| events.next()));
    for one in &found {
        if let Found::Json(event) = one
            && fault.is_none()
        {
            fault = wire.read(event, &mut reading).err();
        }
    }
    let calls = reading.calls();
    format!("{found:?} {calls:?} {reading:?} {fault:?}")
}
