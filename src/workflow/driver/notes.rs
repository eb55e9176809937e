//! The Markdown files for the user: reviews (`review_vN.md`), analysis and answer.

use super::history;
use crate::domain::review::{Finding, FindingState, Review, Severity, Verdict};
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, ends, fenced, one_line};
use crate::findings::{self, evidence, ledger};
use std::fmt::Write as _;

/// Maximum size of an output beside the answer about it, in bytes.
const PRINTED: usize = 8_000;

/// The text of a review: the Reviewer's statements and the program's verdict.
pub(super) fn review(
    session: &Session,
    version: &Version,
    review: &Review,
    changed: &[Finding],
) -> String {
    let when = if review.before_run { ", before its run" } else { "" };
    let mut text = format!("# Review of version {}{when}\n\n", version.number);
    let said = review.said.map_or("none given", Verdict::name);
    let reviewed = Version { review: Some(review.clone()), ..version.clone() };
    let _ = writeln!(text, "VERDICT: {}\n", evidence::verdict(session, &reviewed).name());
    let _ = writeln!(text, "The Reviewer's own verdict: {said}.");
    if let Some(words) = evidence::overruled(session, &reviewed) {
        let _ = writeln!(text, "What was seen counts more: {words}.");
    }
    // A review before the run judges no requirements.
    let requirements = if review.before_run { &[] } else { session.requirements() };
    if !requirements.is_empty() {
        text.push_str("\n## Requirements\n\n");
    }
    for requirement in requirements {
        let judged = review.judgements.iter().find(|j| j.requirement == requirement.id);
        let status = judged.map_or("not judged", |j| j.status.name());
        let _ = writeln!(text, "- {}: {status}. {}", requirement.id, requirement.text);
    }
    text.push_str("\n## Findings\n\n");
    let known = |f: &&Finding| !changed.iter().any(|c| c.id == f.id);
    let before = ledger::findings(session).filter(known);
    let mut shown: Vec<&Finding> =
        before.filter(|f| f.state == FindingState::Open).chain(changed.iter()).collect();
    shown.sort_by_key(|f| (f.severity, f.first));
    let by_machine = by_machine(session, version);
    if shown.is_empty() && by_machine.is_empty() {
        text.push_str("None.\n");
    }
    text.push_str(&by_machine);
    for finding in shown {
        let _ = writeln!(text, "- {}", line(finding, version.number));
    }
    if review.left_out > 0 {
        let points = count(review.left_out as usize, "more point");
        let _ = writeln!(text, "\n{points} left out: too many of one requirement at once.");
    }
    text
}

/// The text of `analysis.md`: how each try failed, and the model's explanation if there is one.
pub(super) fn analysis(session: &Session, version: &Version, said: Option<&str>) -> String {
    let tries = history::all(session, version);
    let request = one_line(&session.request, 300);
    let missing = "The model gave no explanation that could be used.";
    format!(
        "# Why there is no script that works\n\n{request}\n\nThe last try is version {}. What the program \
         saw:\n\n{tries}\n\nWhat the model makes of it (nobody has checked that):\n\n{}\n",
        version.number,
        said.unwrap_or(missing)
    )
}

/// The text of `answer.md`: the question, the model's answer from the output, and the output.
pub(super) fn interpretation(session: &Session, version: &Version, said: Option<&str>) -> String {
    let said = said.unwrap_or("The model gave no answer that could be used.");
    format!(
        "# {}\n\n{said}\n\n## What version {} printed\n\n{}\n",
        one_line(&session.request, 300),
        version.number,
        fenced(&ends(version.stdout.trim_end(), PRINTED), "")
    )
}

/// The program's own findings, without nits.
fn by_machine(session: &Session, version: &Version) -> String {
    let mut text = String::new();
    for finding in findings::seen(session, version) {
        if finding.severity != Severity::Nit {
            let words = one_line(&finding.text, 300);
            let _ = writeln!(text, "- [{}] {words}", finding.severity.name());
        }
    }
    text
}

fn line(finding: &Finding, version: u32) -> String {
    let state = match finding.state {
        FindingState::Open if finding.first == version => "new".to_owned(),
        FindingState::Open => "still open".to_owned(),
        FindingState::Unsupported => {
            "unsupported: the script, or what it printed, says otherwise".to_owned()
        }
        FindingState::Contested => finding.against.as_ref().map_or_else(
            || "contested".to_owned(),
            |id| format!("contested: the opposite of {id}; it is yours to decide"),
        ),
        state => state.name().to_owned(),
    };
    let about = finding.requirement.as_ref().map_or_else(String::new, |r| format!(" {r}"));
    let quote =
        finding.quote.as_ref().map_or_else(String::new, |q| format!(" `{}`", q.replace('`', "'")));
    format!(
        "{} [{}]{about} ({state}):{quote} {}",
        finding.id,
        finding.severity.name(),
        finding.text
    )
}
