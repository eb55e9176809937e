//! Appends the conversation with the models to a file as it happens, so that it survives a crash.
//! The preset `quick` writes one to the current folder; other presets do on request.

use crate::domain::chat::Speaker;
use crate::domain::event::Event;
use crate::domain::session::Session;
use crate::files;
use crate::store::line::Entry;
use std::fmt::Write as _;
use std::path::Path;

/// Chat log of the preset `quick`, in the current folder.
pub(super) const FILE: &str = "chatlog.md";

/// Writes the request of a session, if it is new or the file does not exist yet.
///
/// # Errors
/// The file can't be written.
pub(super) fn begin(file: &Path, session: &Session) -> Result<(), files::FileError> {
    let first = session.seq == 1 || files::length(file).is_none();
    let Session { name, created, request, .. } = session;
    let text = format!("# {name}, {created}\n\n{}\n\n", request.trim_end());
    files::append(file, if first { text.as_bytes() } else { b"" })
}

/// Appends a line of the journal, if it is part of the conversation.
///
/// # Errors
/// The file can't be written.
pub(super) fn note(file: &Path, line: &str) -> Result<(), files::FileError> {
    let text = Entry::parse(line.as_bytes()).ok().and_then(|entry| words(&entry.event));
    text.map_or(Ok(()), |text| files::append(file, text.as_bytes()))
}

fn words(event: &Event) -> Option<String> {
    match event {
        Event::ModelCallStarted(call) => {
            let said = call.messages.iter().filter(|message| message.role == Speaker::User);
            let said = said.map(|message| message.content.trim_end());
            Some(section("redraft", &said.collect::<Vec<_>>().join("\n\n")))
        }
        Event::ModelCallFinished(call) => Some(section(call.agent.name(), call.answer.trim_end())),
        Event::ModelCallFailed { error, partial, .. } => {
            Some(section("no answer", &format!("{error}\n\n{}", partial.trim_end())))
        }
        Event::RunFinished(ran) => {
            let mut text = ran.run.verdict.name().to_owned();
            for printed in [&ran.stdout, &ran.stderr].into_iter().filter(|text| !text.is_empty()) {
                let _ = write!(text, "\n\n{}", printed.trim_end());
            }
            Some(section(&format!("run of v{}", ran.version), &text))
        }
        Event::Accepted { version, .. } => Some(format!("Accepted: v{version}.\n\n")),
        Event::Paused { reason } => Some(format!("Paused: {}.\n\n", reason.trim_end())),
        _ => None,
    }
}

fn section(title: &str, text: &str) -> String {
    format!("## {title}\n\n{text}\n\n")
}
