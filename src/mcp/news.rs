//! Formats events of a session as progress messages for a client.

use crate::domain::chat::Agent;
use crate::domain::text::{count, one_line};
use crate::workflow::manager::News;
use crate::workflow::progress;

/// Maximum number of characters in a message.
const WIDTH: usize = 200;

/// The message for an event; `None` for frequent ones.
pub(super) fn words(news: &News<'_>) -> Option<String> {
    let words = match news {
        News::Text(_)
        | News::Reasoning(_)
        | News::Progress(_)
        | News::Sampled { others: Some(_), .. }
        | News::Called { .. }
        | News::Answered(_) => return None,
        News::Calling { agent, model, version } => {
            format!("{}: {model}", what(*agent, *version))
        }
        News::Retrying { why, wait } => format!("{why}; again in {:.1} s", wait.as_secs_f64()),
        News::Refused { reason, .. } => format!("an answer can't be used: {reason}"),
        News::Proposed(plan) => {
            format!("a plan with {}", count(plan.requirements.len(), "requirement"))
        }
        News::Sampled { there, of, others: None } => progress::candidates(*there, *of, None),
        News::Trying { samples } => format!("running {}", count(*samples, "candidate")),
        News::Chosen { .. } => "one of the candidates is chosen".to_owned(),
        News::Written { version, .. } => {
            let lines = count(version.script.lines().count(), "line");
            format!("v{} is written: {lines}", version.number)
        }
        News::Checked(version) => format!("v{} is checked", version.number),
        News::Seeking => "looking up packages".to_owned(),
        News::Installing(packages) => format!("installing {}", packages.join(", ")),
        News::Running { version, seconds } => {
            format!("running v{version} (stopped after {seconds} s)")
        }
        News::Ran(version) => {
            let verdict = version.run.as_ref().map_or("not run", |run| run.verdict.name());
            format!("v{} ran: {verdict}", version.number)
        }
        News::Testing { version, .. } => format!("testing v{version}"),
        News::Tested(version) => {
            let tests = version.tests.as_deref().unwrap_or_default();
            let failed = tests.iter().filter(|test| test.failed()).count();
            format!("v{} is tested: {failed} of {} failed", version.number, tests.len())
        }
        News::Reviewed { version, .. } => {
            let open = count(version.blockers().len(), "open blocker");
            format!("v{} is reviewed: {open}", version.number)
        }
        News::Auto { gate, answer, .. } => format!("{} gate: {answer}", gate.name()),
        News::Note(note) => (*note).to_owned(),
    };
    Some(one_line(&words, WIDTH))
}

fn what(agent: Agent, version: Option<u32>) -> String {
    let version = version.map_or_else(String::new, |number| format!(" v{number}"));
    match agent {
        Agent::Planner => "planning".to_owned(),
        Agent::Tries => "looking for what to try it with".to_owned(),
        Agent::Coder => format!("writing{version}"),
        Agent::Repair => format!("repairing it:{version}"),
        Agent::Reviewer | Agent::Inspector => format!("reviewing{version}"),
        Agent::Analysis => format!("explaining what is wrong with{version}"),
        Agent::Interpretation => format!("reading what{version} printed"),
        Agent::Safety => format!("judging the safety of{version}"),
        Agent::Dependencies => "naming packages".to_owned(),
        Agent::Engineer => "answering".to_owned(),
    }
}
