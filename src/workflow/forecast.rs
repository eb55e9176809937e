//! Estimates the cost of the next calls from the last calls of this session. Pure.

use super::samples;
use crate::domain::chat::Agent;
use crate::domain::session::{CallCost, Session};

/// The estimated cost of one call of an agent, including all candidates that are requested at once:
/// that of the agent's last call, or of the last call in its role. `None` before the first.
#[must_use]
pub fn call(session: &Session, agent: Agent) -> Option<CallCost> {
    let latest = &session.calls.latest;
    let same_role = || Agent::ALL.into_iter().filter(|other| other.role() == agent.role());
    let known = || same_role().find_map(|other| latest.get(&other));
    let took = *latest.get(&agent).or_else(known)?;
    let times = samples::missing(session, agent);
    let (many, number) =
        (u64::try_from(times).unwrap_or(1), f64::from(u32::try_from(times).unwrap_or(1)));
    Some(CallCost {
        tokens: took.tokens.saturating_mul(many),
        usd: took.usd.map(|usd| usd * number),
        // Candidates are requested in parallel.
        milliseconds: took.milliseconds,
    })
}

/// The estimated cost of one more iteration: a script and its reviews.
#[must_use]
pub fn iteration(session: &Session) -> Option<CallCost> {
    let looked_at = [Agent::Inspector, Agent::Reviewer];
    let looked_at = looked_at.into_iter().filter(|agent| session.calls.latest.contains_key(agent));
    let mut all = call(session, Agent::Coder)?;
    for took in looked_at.filter_map(|agent| call(session, agent)) {
        all.add(took);
    }
    Some(all)
}

/// The budget that the agent's next call would exceed, as text.
#[must_use]
pub fn passed(session: &Session, agent: Agent) -> Option<String> {
    let (calls, limits) = (&session.calls, &session.settings.limits);
    let next = call(session, agent).unwrap_or_default();
    let used = calls.usage.total();
    if let Some(budget) = limits.budget_tokens
        && (used >= budget || used.saturating_add(next.tokens) > budget)
    {
        let next = next.tokens;
        return Some(format!(
            "{used} of {budget} tokens are used, the next call takes about {next}"
        ));
    }
    let next = next.usd.unwrap_or_default();
    if let Some(budget) = limits.budget_usd
        && (calls.usd >= budget || calls.usd + next > budget)
    {
        return Some(format!(
            "${:.4} of ${budget:.2} are used, the next call takes about ${next:.4}",
            calls.usd
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::chat::Usage;

    fn session(candidates: u32) -> Session {
        let mut session = Session::default();
        session.settings.candidates = candidates;
        session.calls.usage = Usage { prompt: 500, answer: 500, ..Usage::default() };
        session.calls.usd = 0.10;
        let coder = CallCost { tokens: 300, usd: Some(0.03), milliseconds: 2000 };
        let reviewer = CallCost { tokens: 100, usd: None, milliseconds: 500 };
        session.calls.latest = [(Agent::Repair, coder), (Agent::Reviewer, reviewer)].into();
        session
    }

    #[test]
    fn a_call_that_would_exceed_a_budget_is_noticed_in_advance() {
        for (candidates, tokens, usd, agent, passed) in [
            (1, None, None, Agent::Coder, false),
            (1, Some(1300), None, Agent::Coder, false),
            (1, Some(1299), None, Agent::Coder, true),
            (1, Some(1100), None, Agent::Reviewer, false),
            // No cost is known yet, and the limit is not reached.
            (1, Some(1001), None, Agent::Planner, false),
            (1, Some(1000), None, Agent::Planner, true),
            (1, None, Some(0.14), Agent::Coder, false),
            (1, None, Some(0.12), Agent::Coder, true),
            (1, None, Some(0.12), Agent::Reviewer, false),
            (4, Some(2199), None, Agent::Coder, true),
            (4, Some(2200), None, Agent::Coder, false),
            (4, None, Some(0.2), Agent::Coder, true),
        ] {
            let mut session = session(candidates);
            session.settings.limits.budget_tokens = tokens;
            session.settings.limits.budget_usd = usd;
            let found = super::passed(&session, agent);
            assert_eq!(found.is_some(), passed, "{candidates} {tokens:?} {usd:?} {found:?}");
        }
    }

    #[test]
    fn the_cost_of_an_iteration_is_a_script_and_a_review() {
        let took = iteration(&session(1)).unwrap();
        assert_eq!((took.tokens, took.milliseconds), (400, 2500));
        assert!((took.usd.unwrap() - 0.03).abs() < 1e-9);
        assert_eq!(iteration(&session(3)).unwrap().tokens, 1000);
        assert_eq!(iteration(&Session::default()), None);
    }
}
