//! The report of a session as Markdown, as a text file or for an issue.

use super::{Material, cut};
use crate::domain::text::{fenced_within, one_line, quoted};
use crate::view::words::moment;
use crate::view::{self, words};
use std::fmt::Write as _;

/// Maximum length of a cell, in characters.
const CELL: usize = 200;
/// Maximum number of versions in the table, the latest ones.
const VERSIONS: usize = 200;
/// Maximum number of findings in the list, the latest ones.
const FINDINGS: usize = 200;
/// Maximum sizes of the script and of an output, in bytes.
const SCRIPT: usize = 64 * 1024;
const OUTPUT: usize = 4 * 1024;

/// The report as Markdown: the content of the page without pictures, comparisons and conversations.
#[must_use]
pub fn markdown(material: &Material) -> String {
    let session = &material.session;
    let mut text = format!("# {}\n\n", line(&session.name));
    let _ = writeln!(text, "{}\n", fenced_within(&cut(&session.request, 4000), SCRIPT));
    for note in &material.notes {
        let _ = writeln!(text, "- {}", line(note));
    }
    for (label, value) in [
        ("State", &session.state),
        ("Began", &format!("{} UTC", moment(&session.created))),
        ("Last event", &format!("{} UTC", moment(&session.updated))),
        ("Spent", &session.spent),
    ] {
        let _ = writeln!(text, "- {label}: {}", line(value));
    }
    for (role, model) in &session.models {
        let _ = writeln!(text, "- {}: {}", role.name(), line(model));
    }
    if let Some(answer) = &session.answer {
        let _ = writeln!(text, "\n## Answer\n\n{}", fenced_within(answer, OUTPUT));
    }
    for (n, question) in (1..).zip(session.questions.iter().flatten()) {
        let _ =
            writeln!(text, "\n## Question {n}\n\n{}", fenced_within(&question.question, OUTPUT));
        for said in question.answer.iter().chain(&question.remark) {
            let _ = writeln!(text, "\n{}", fenced_within(said, OUTPUT));
        }
    }
    if let Some(plan) = session.proposal.as_ref().or(session.plan.as_ref()) {
        let title = if session.proposal.is_some() { "Plan, not approved yet" } else { "Plan" };
        let _ = writeln!(text, "\n## {title}\n\n{}", fenced_within(&plan.text, SCRIPT));
    }
    requirements(session, &mut text);
    versions(session, &mut text);
    findings(session, &mut text);
    let shown = session.accepted.or(session.head);
    let shown = material.details.iter().find(|detail| Some(detail.version.number) == shown);
    if let Some(version) = shown.map(|detail| &detail.version) {
        script(version, &mut text);
    }
    let (file, show) = (quoted("chats/"), quoted(&material.show_with));
    let _ =
        writeln!(text, "\nThe conversations are in {file} of the session; {show} shows a version.");
    text
}

fn requirements(session: &view::Session, text: &mut String) {
    if session.requirements.is_empty() {
        return;
    }
    let head = session.head;
    let _ = writeln!(
        text,
        "\n## Requirements\n\n| | requirement | now | says |\n| --- | --- | --- | --- |"
    );
    for requirement in &session.requirements {
        let cell = head.and_then(|head| requirement.cell(head));
        let status = cell.and_then(|cell| cell.status).map_or("not judged", |status| status.name());
        let by = cell.and_then(|cell| cell.by).map_or("", |by| by.name());
        let (id, what) = (line(&requirement.id), line(&requirement.text));
        let _ = writeln!(text, "| {id} | {what} | {status} | {by} |");
    }
}

fn versions(session: &view::Session, text: &mut String) {
    if session.versions.is_empty() {
        return;
    }
    let columns = ["version", "cause", "written", "run", "verdict", "evidence", "tokens", "time"];
    let _ = writeln!(text, "\n## Versions\n\n| {} |", columns.join(" | "));
    let _ = writeln!(text, "|{}", " --- |".repeat(columns.len()));
    for version in &session.versions[session.versions.len().saturating_sub(VERSIONS)..] {
        let run = version.run.as_ref().map_or("not run", |run| &run.words);
        let verdict = version.verdict.map_or("-", |verdict| verdict.name());
        let _ = writeln!(
            text,
            "| v{} | {} | {} | {} | {verdict} | {} | {} | {} |",
            version.number,
            version.cause.name(),
            line(&moment(&version.at)),
            line(run),
            line(&version.evidence_words),
            version.tokens,
            words::seconds(super::milliseconds(version.seconds)),
        );
    }
}

fn findings(session: &view::Session, text: &mut String) {
    if session.findings.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## Findings\n");
    for finding in session.findings.iter().rev().take(FINDINGS) {
        let id = finding.id.as_deref().unwrap_or_default();
        let (severity, state) = (finding.severity.name(), finding.state.name());
        let _ = writeln!(text, "- {id} ({severity}, {state}): {}", line(&finding.text));
    }
}

fn script(version: &view::Version, text: &mut String) {
    let whole = version.text.as_ref().map_or("", |text| &text.script);
    let _ = writeln!(text, "\n## v{}\n", version.number);
    // A fence can name the language only if the whole script fits.
    let shown = if whole.len() <= SCRIPT {
        crate::domain::text::fenced(whole, "python")
    } else {
        fenced_within(whole, SCRIPT)
    };
    let _ = writeln!(text, "{shown}");
    for (name, output) in
        version.run.iter().flat_map(|run| [("Output", &run.stdout), ("Error output", &run.stderr)])
    {
        if !output.is_empty() {
            let _ = writeln!(text, "\n{name}:\n\n{}", fenced_within(output, OUTPUT));
        }
    }
}

/// A text on one line, with Markdown and HTML escaped.
fn line(text: &str) -> String {
    let mut safe = String::new();
    for c in one_line(text, CELL).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' | '~')
        {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_syntax_in_a_line_is_escaped() {
        for (text, safe) in [
            ("shows the time", "shows the time"),
            ("a | b", "a \\| b"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("[x](http://y)", "\\[x\\](http://y)"),
            ("a\n\n# b", "a  \\# b"),
        ] {
            assert_eq!(line(text), safe);
        }
    }
}
