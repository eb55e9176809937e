//! The findings ledger as a list for the user.

use super::{Terminal, flow, gate};
use crate::domain::review::{Finding, FindingState};
use crate::domain::text::one_line;
use std::fmt::Write as _;

/// Maximum number of findings shown; the rest is counted.
const SHOWN: usize = 60;
/// Minimum width of a finding's text beside its columns, in columns.
const WORDS: usize = 30;

/// All findings, open ones first; empty if there are none.
#[must_use]
pub fn list(terminal: &Terminal, mut findings: Vec<&Finding>) -> String {
    findings.sort_by_key(|finding| (rank(finding.state), finding.severity));
    let mut text: String =
        findings.iter().take(SHOWN).map(|finding| line(terminal, finding)).collect();
    if findings.len() > SHOWN {
        let _ = writeln!(text, "  and {} more: see `--json`", findings.len() - SHOWN);
    }
    text
}

const fn rank(state: FindingState) -> u8 {
    match state {
        FindingState::Open => 0,
        FindingState::Contested => 1,
        FindingState::Unsupported => 2,
        FindingState::Waived => 3,
        FindingState::Fixed => 4,
    }
}

/// `F3  blocker open  R2  v1-v3`, then the text, the quote and `(said 4 times)`.
fn line(terminal: &Terminal, finding: &Finding) -> String {
    let state = gate::colored(terminal, finding, &format!("{:<11}", finding.state.name()));
    let severity = finding.severity.name();
    let versions = if finding.first == finding.last {
        format!("v{}", finding.first)
    } else {
        format!("v{}-v{}", finding.first, finding.last)
    };
    let requirement = finding.requirement.as_deref().unwrap_or("-");
    let label = format!(
        "  {:<4} {severity:<8} {state} {:<4} {versions:<8} ",
        finding.id,
        one_line(requirement, 6)
    );
    let mut words = one_line(&finding.text, 300);
    if let Some(quote) = &finding.quote {
        let _ = write!(words, " {}", terminal.dim(&format!("`{}`", one_line(quote, 60))));
    }
    let mut more = Vec::new();
    if finding.by_manager {
        more.push("yours".to_owned());
    }
    if let Some(other) = &finding.against {
        more.push(format!("the opposite of {}", one_line(other, 8)));
    }
    if finding.times > 1 {
        more.push(format!("said {} times", finding.times));
    }
    if !more.is_empty() {
        let _ = write!(words, " {}", terminal.dim(&format!("({})", more.join(", "))));
    }
    if terminal.width().saturating_sub(console::measure_text_width(&label)) < WORDS {
        return format!("{}\n{}", label.trim_end(), flow::hang(terminal, "       ", &words));
    }
    flow::hang(terminal, &label, &words)
}
