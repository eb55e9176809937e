//! `chatlog.md`: what the preset `quick` says to the model and hears from it, appended where the
//! program was started, as it happens: however the program ends, it is there.

use crate::domain::chat::Speaker;
use crate::domain::event::Event;
use crate::domain::session::Session;
use crate::files;
use crate::store::line::Entry;
use std::fmt::Write as _;
use std::path::Path;

/// The file, in the current folder.
const FILE: &str = "chatlog.md";

/// What a session was asked for, before the first call.
pub(super) fn begin(session: &Session) -> Result<(), files::FileError> {
    let name = &session.name;
    add(&format!("# {name}, {}\n\n{}\n\n", session.created, session.request.trim_end()))
}

/// What a line of the journal adds to the conversation.
pub(super) fn note(line: &str) -> Result<(), files::FileError> {
    let text = Entry::parse(line.as_bytes()).ok().and_then(|entry| words(&entry.event));
    text.map_or(Ok(()), |text| add(&text))
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
        _ => None,
    }
}

fn section(title: &str, text: &str) -> String {
    format!("## {title}\n\n{text}\n\n")
}

fn add(text: &str) -> Result<(), files::FileError> {
    files::append(Path::new(FILE), text.as_bytes())
}
