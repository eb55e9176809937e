//! Shows details before an answer: the script, its changes, its output and pictures, and the
//! requirements over the versions.

use super::pick::{Choice, Leave, within};
use super::{Terminal, links, matrix, pager, picture, sides};
use crate::diff;
use crate::domain::session::{Session, Version};
use crate::domain::text::visible;
use crate::files;
use crate::view;
use std::path::Path;

/// Maximum number of pictures drawn, one below the other.
const PICTURES: usize = 4;

/// Asks for what to show, and shows it, until the user goes back.
pub(super) fn look(terminal: &Terminal, session: &Session, folder: &Path) -> Result<(), Leave> {
    let Some(head) = session.head() else { return Ok(()) };
    let base = head.base.and_then(|base| session.version(base));
    let mut choices = vec![Choice { word: "script", what: "the whole script" }];
    if base.is_some() {
        choices.push(Choice { word: "diff", what: "what changed since the version before" });
    }
    if !output(head).is_empty() {
        choices.push(Choice { word: "output", what: "everything that it printed" });
    }
    if !view::pictures(head).is_empty() {
        choices.push(Choice { word: "pictures", what: "the pictures that it made" });
    }
    if !session.requirements().is_empty() {
        choices.push(Choice { word: "requirements", what: "how far each version fulfils them" });
    }
    choices.push(Choice { word: "back", what: "to the question" });
    loop {
        let chosen = within(terminal, "What do you want to see?", &choices, 0)?;
        let text = match (chosen.map(|n| choices[n].word), base) {
            (Some("script"), _) => sides::numbered(terminal, &head.script),
            (Some("diff"), Some(base)) => changes(terminal, base, head),
            (Some("output"), _) => output(head),
            (Some("pictures"), _) => {
                pictures(terminal, head, folder);
                continue;
            }
            (Some("requirements"), _) => matrix::table(terminal, session),
            _ => return Ok(()),
        };
        pager::show(terminal, &text);
    }
}

/// Prints the paths of a version's pictures, and draws them. `folder` has the session's files.
pub fn pictures(terminal: &Terminal, version: &Version, folder: &Path) {
    let all = view::pictures(version);
    for name in all.iter().take(PICTURES) {
        let shown = links::path(terminal, &folder.join(name));
        terminal.say(&shown);
        let file = files::within(folder, name).ok_or_else(|| "it is not there any more".to_owned());
        if let Err(why) = file.and_then(|file| picture::draw(terminal, &file)) {
            terminal.say(&terminal.warm(&format!("  {}", visible(&why))));
        }
    }
    if all.len() > PICTURES {
        terminal.say(&format!("and {} more", all.len() - PICTURES));
    }
}

fn changes(terminal: &Terminal, base: &Version, head: &Version) -> String {
    let [old, new] = [base, head].map(|version| format!("v{}", version.number));
    sides::unified(terminal, &diff::unified(&base.script, &head.script, &old, &new))
}

fn output(version: &Version) -> String {
    let parts = [&version.stdout, &version.stderr].map(|text| visible(text).trim_end().to_owned());
    let said: Vec<String> = parts.into_iter().filter(|text| !text.is_empty()).collect();
    let text = said.join("\n\n");
    if text.is_empty() { text } else { text + "\n" }
}
