//! The origin of a plan's requirements.
//!
//! A Planner quotes the words behind each requirement: `From: "..."`. A requirement whose quote
//! does not occur in what was said is the Planner's own proposal: it is marked as one at the plan
//! gate, and has no effect unless a person approves the plan.

use super::plan::{Plan, Requirement};
use super::section;
use super::text::{one_line, single_spaced, stands_in};

/// Suffix of a requirement that nobody asked for, until a person approves it.
const MARK: &str = " (proposal)";
/// Heading of the proposals in a plan that no person approved.
pub const HEADING: &str = "## Proposals";
/// Start of a quote.
const FIELD: &str = "from: \"";
/// Maximum characters of the request if it is used as a requirement.
const WIDTH: usize = 500;

/// Splits a requirement's text into the text without its quote, and the quote; `None` if there is
/// no complete quote.
fn apart(text: &str) -> Option<(String, &str)> {
    let lower = text.to_ascii_lowercase();
    let fields: Vec<usize> = lower.match_indices(FIELD).map(|(at, _)| at).collect();
    let at = fields.into_iter().rev().find(|at| {
        lower[..*at].chars().next_back().is_none_or(|before| !before.is_alphanumeric())
    })?;
    let quote = &text[at + FIELD.len()..];
    let end = quote.find('"')?;
    let before = text[..at].trim_end_matches([' ', ';', '(', ',']);
    let after = quote[end + 1..].trim_start_matches(['.', ';', ')', ',', ' ']);
    let space = if before.is_empty() || after.is_empty() { "" } else { " " };
    Some((format!("{before}{space}{after}"), quote[..end].trim()))
}

/// Checks each requirement's quote against what was said (request, remarks, data): a quote that
/// occurs in none of it is removed and its requirement marked as a proposal, as is a requirement
/// without a quote. A plan without any quotes is returned unchanged.
#[must_use]
pub fn traced(plan: Plan, said: &[&str]) -> Plan {
    if !plan.requirements.iter().any(|requirement| apart(&requirement.text).is_some()) {
        return plan;
    }
    let said: Vec<String> = said.iter().map(|text| single_spaced(text)).collect();
    changed(plan, |text| {
        let text = text.strip_suffix(MARK).unwrap_or(text);
        match apart(text) {
            Some((_, quote)) if said.iter().any(|said| stands_in(said, &single_spaced(quote))) => {
                text.to_owned()
            }
            Some((text, _)) => text + MARK,
            None => text.to_owned() + MARK,
        }
    })
}

/// Whether it is a proposal that no person approved.
#[must_use]
pub fn is_proposal(requirement: &Requirement) -> bool {
    requirement.text.ends_with(MARK)
}

/// The plan after a person approved it: its proposals become requirements.
#[must_use]
pub fn approved(plan: Plan) -> Plan {
    changed(plan, |text| text.strip_suffix(MARK).unwrap_or(text).to_owned())
}

/// The plan if no person approved it: its proposals move to a section that only people read. If no
/// requirement is left, the request itself becomes the requirement.
#[must_use]
pub fn without_proposals(plan: Plan, request: &str) -> Plan {
    let (proposed, mut requirements): (Vec<_>, Vec<_>) =
        plan.requirements.into_iter().partition(is_proposal);
    if proposed.is_empty() {
        return Plan { text: plan.text, requirements };
    }
    let line = |requirement: &Requirement| format!("{}: {}", requirement.id, requirement.text);
    let mut lines: Vec<String> = plan.text.lines().map(str::to_owned).collect();
    if requirements.is_empty() {
        let request = Requirement { id: "R1".into(), text: one_line(request, WIDTH) };
        let first = lines.iter().position(|l| *l == format!("- {}", line(&proposed[0])));
        let first = first.unwrap_or(lines.len());
        lines.insert(first, format!("- {}", line(&request)));
        requirements.push(request);
    }
    let gone: Vec<String> = proposed.iter().map(|p| format!("- {}", line(p))).collect();
    lines.retain(|line| !gone.contains(line));
    let mut text = lines.join("\n");
    text.push('\n');
    let proposals =
        proposed.iter().map(|p| p.text.strip_suffix(MARK).unwrap_or(&p.text).to_owned());
    text.push_str(&write_proposals(&proposals.collect::<Vec<_>>()));
    Plan { text, requirements }
}

/// Formats the section of proposals; empty if there are none.
#[must_use]
pub fn write_proposals(proposals: &[String]) -> String {
    section::write(HEADING, proposals.iter().cloned())
}

/// Parses the proposals of a plan that no person approved.
#[must_use]
pub fn proposals(text: &str) -> Vec<String> {
    section::items(text, HEADING).map(str::to_owned).collect()
}

/// A plan's text for prompts: without the quotes, because models see the quoted text anyway, and
/// without proposals that nobody approved.
#[must_use]
pub fn for_models(text: &str) -> String {
    let text = section::without(text, HEADING);
    let line = |line: &str| match apart(line).filter(|_| line.starts_with("- R")) {
        Some((line, _)) => line + "\n",
        None => format!("{line}\n"),
    };
    text.trim_end().lines().map(line).collect()
}

/// Applies `change` to the text of each requirement, in the list and in the plan's text.
fn changed(mut plan: Plan, change: impl Fn(&str) -> String) -> Plan {
    let mut lines: Vec<String> = plan.text.lines().map(str::to_owned).collect();
    for requirement in &mut plan.requirements {
        let text = change(&requirement.text);
        let old = format!("- {}: {}", requirement.id, requirement.text);
        if let Some(line) = lines.iter_mut().rev().find(|line| **line == old) {
            *line = format!("- {}: {text}", requirement.id);
        }
        requirement.text = text;
    }
    let end = if plan.text.ends_with('\n') { "\n" } else { "" };
    plan.text = lines.join("\n") + end;
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "show what each shop in\nsales.csv sold, the best one first";

    fn plan(texts: &[&str]) -> Plan {
        let requirements: Vec<Requirement> = (1..)
            .zip(texts)
            .map(|(n, text)| Requirement { id: format!("R{n}"), text: (*text).into() })
            .collect();
        let lines: String = requirements
            .iter()
            .fold(String::new(), |l, r| l + "- " + &r.id + ": " + &r.text + "\n");
        Plan { text: format!("Shops.\n\n## Requirements\n\n{lines}"), requirements }
    }

    fn texts(plan: &Plan) -> Vec<&str> {
        plan.requirements.iter().map(|requirement| requirement.text.as_str()).collect()
    }

    #[test]
    fn a_requirement_whose_quote_is_not_in_the_request_is_a_proposal() {
        let keeps = "Best first. From: \"the best one first\". Check: compare.";
        for (text, traced_as) in [
            (keeps, keeps),
            (
                "Sum. from: \"each shop in sales.csv sold\"",
                "Sum. from: \"each shop in sales.csv sold\"",
            ),
            ("Plot. From: \"a bar chart\". Check: look.", "Plot. Check: look. (proposal)"),
            ("Use --json.", "Use --json. (proposal)"),
            ("Print (from: \"hop\")", "Print (proposal)"),
            ("Print. From: \"\"", "Print. (proposal)"),
            ("Open. From: \"sales.csv", "Open. From: \"sales.csv (proposal)"),
        ] {
            let plan = traced(plan(&[keeps, text]), &[REQUEST]);
            assert_eq!(texts(&plan)[1], traced_as);
            assert!(plan.text.ends_with(&format!("- R2: {traced_as}\n")), "{}", plan.text);
            assert_eq!(is_proposal(&plan.requirements[1]), text != traced_as);
        }
        let without = plan(&["Sum.", "Best first."]);
        assert_eq!(traced(without.clone(), &[REQUEST]), without);
    }

    #[test]
    fn proposals_become_requirements_once_approved() {
        let both = traced(plan(&["Best. From: \"best one\"", "Plot. From: \"plot\""]), &[REQUEST]);
        assert_eq!(texts(&approved(both.clone())), ["Best. From: \"best one\"", "Plot."]);
        let alone = without_proposals(both, REQUEST);
        assert_eq!(texts(&alone), ["Best. From: \"best one\""]);
        assert!(alone.text.ends_with("best one\"\n\n## Proposals\n\n- Plot.\n"), "{}", alone.text);
        assert_eq!(for_models(&alone.text), "Shops.\n\n## Requirements\n\n- R1: Best.\n");
    }

    #[test]
    fn a_plan_of_proposals_only_has_the_request_as_its_requirement() {
        let plan = traced(plan(&["Plot. From: \"plot\"", "Colours."]), &[REQUEST]);
        let plan = without_proposals(plan, REQUEST);
        let request = "show what each shop in sales.csv sold, the best one first";
        assert_eq!(texts(&plan), [request]);
        assert_eq!(
            plan.text,
            format!(
                "Shops.\n\n## Requirements\n\n- R1: {request}\n\n## Proposals\n\n- Plot.\n- Colours.\n"
            )
        );
    }
}
