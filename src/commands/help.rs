//! `redraft help`: shows the pages of the guide and the help of each command.

use super::code;
use crate::cli::{Cli, Help};
use crate::domain::text::one_line;
use crate::terminal::Terminal;
use anyhow::{Result, bail};
use clap::CommandFactory;

/// Topic and text of a guide page.
type Page = (&'static str, &'static str);

macro_rules! pages {
    ($($topic:literal),+) => {
        &[$(($topic, include_str!(concat!("../../docs/", $topic, ".md")))),+]
    };
}

const PAGES: &[Page] = pages![
    "acp",
    "batch",
    "benchmarks",
    "commands",
    "data",
    "evidence",
    "findings",
    "inputs",
    "mcp",
    "models",
    "permissions",
    "presets",
    "providers",
    "python",
    "questions",
    "replay",
    "serve",
    "report",
    "tests",
    "traces",
    "troubleshooting"
];

pub(super) fn run(terminal: Terminal, args: &Help) -> Result<u8> {
    let Some(topic) = &args.topic else {
        terminal.print(&Cli::command().render_help().to_string());
        terminal.say(&format!("\nPages of the guide, with `redraft help TOPIC`: {}", topics()));
        return Ok(code::DONE);
    };
    if let Some((_, text)) = PAGES.iter().find(|(name, _)| name == topic) {
        terminal.print(&as_shown(terminal, text));
        return Ok(code::DONE);
    }
    let mut all = Cli::command();
    // Built first, so that global options appear in the command's help.
    all.build();
    let Some(command) = all.find_subcommand_mut(topic) else {
        let topic = one_line(topic, 60);
        bail!("there is no page and no command `{topic}`; pages: {}", topics());
    };
    terminal.print(&command.render_long_help().to_string());
    Ok(code::DONE)
}

fn topics() -> String {
    PAGES.iter().map(|(topic, _)| *topic).collect::<Vec<_>>().join(", ")
}

/// Formats a page for the terminal: headings and commands stand out, links become plain text.
fn as_shown(terminal: Terminal, page: &str) -> String {
    let mut inside = false;
    let mut shown = String::with_capacity(page.len());
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        if fence {
            continue;
        }
        let line = match line.trim_start_matches('#') {
            _ if inside => format!("    {line}"),
            heading if heading.len() < line.len() => terminal.bold(heading.trim()),
            _ => without_links(line),
        };
        shown.push_str(&line);
        shown.push('\n');
    }
    shown
}

/// Replaces `[words](address)` by `words`.
fn without_links(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let found = after.split_once("](").and_then(|(words, after)| {
            let (_, after) = after.split_once(')')?;
            (!words.contains(['[', ']'])).then_some((words, after))
        });
        if let Some((words, after)) = found {
            text.push_str(words);
            rest = after;
        } else {
            text.push('[');
            rest = after;
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test may stop at what it did not expect"
    )]
    use super::*;
    use clap::Parser;

    #[test]
    fn every_command_line_in_the_guide_parses() {
        let readme = ("README", include_str!("../../README.md"));
        let mut seen = 0;
        for (page, text) in PAGES.iter().chain([&readme]) {
            let blocks =
                text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
            for line in blocks.flat_map(str::lines) {
                let line = line.replace("cargo run --release -- ", "redraft ");
                let Some(words) = shlex::split(&line)
                    .filter(|words| words.first().is_some_and(|word| word == "redraft"))
                else {
                    continue;
                };
                // A sentence without a command is a task.
                let words = match words.get(1).filter(|word| word.contains(' ')) {
                    Some(_) => [&words[..1], &["new".to_owned()], &words[1..]].concat(),
                    None => words,
                };
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("{page}: {line}\n{error}");
                }
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen} command lines were read");
    }

    #[test]
    fn links_are_shown_as_their_text() {
        for (line, shown) in [
            ("see [the guide](a.md), and [b](c).", "see the guide, and b."),
            ("a list [1, 2] (of two)", "a list [1, 2] (of two)"),
            ("[open", "[open"),
        ] {
            assert_eq!(without_links(line), shown);
        }
    }

    /// The anchor of a heading, as Markdown renderers make it.
    fn slug(heading: &str) -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    }

    #[test]
    fn links_in_the_guide_lead_to_existing_files() {
        for (page, text) in PAGES {
            let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for link in links.filter(|link| !link.starts_with("http")) {
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(slug);
                let leads = path.exists() && (anchor.is_empty() || headings.any(|it| it == anchor));
                assert!(leads, "{page}: {link}");
            }
        }
    }
}
