//! A plan, split into its sections.

use crate::agents::given;
use crate::domain::{example, origin, permission, plan, writes};
use serde::Serialize;

/// A proposed or approved plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The whole text, Markdown, as in `plan.md`.
    pub text: String,
    /// Its requirements, in order.
    pub requirements: Vec<PlanRequirement>,
    /// Its examples, in the form used in a plan.
    pub examples: Vec<String>,
    /// Arguments to run the script with.
    pub arguments: Vec<String>,
    /// Standard input to run the script with.
    pub input: String,
    /// Files that the script is to write.
    pub writes: Vec<String>,
    /// The permissions that the plan grants once the user approves it, as text.
    pub needs: Vec<String>,
    /// Lines under `## Needs` that cannot be granted, each with the reason.
    pub impossible: Vec<String>,
    /// Requirements that the Planner added and the user has not approved: they do not count.
    pub proposals: Vec<String>,
}

/// One requirement of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanRequirement {
    /// `R1`, `R2`, ...
    pub id: String,
    /// Its text, on one line.
    pub text: String,
    /// Proposed by the Planner, without a request by the user so far.
    pub proposal: bool,
}

impl Plan {
    /// Parses a plan.
    #[must_use]
    pub fn of(plan: &plan::Plan) -> Self {
        let text = &plan.text;
        let tries = given::read(text);
        let (needs, impossible) = permission::needs(text);
        let impossible = impossible.iter().map(|(line, why)| format!("{line} ({why})"));
        let requirement = |requirement: &plan::Requirement| PlanRequirement {
            id: requirement.id.clone(),
            text: requirement.text.clone(),
            proposal: origin::is_proposal(requirement),
        };
        Self {
            text: text.clone(),
            requirements: plan.requirements.iter().map(requirement).collect(),
            examples: example::of_plan(text).iter().map(ToString::to_string).collect(),
            arguments: tries.args,
            input: tries.stdin,
            writes: writes::of_plan(text),
            needs: needs.iter().map(permission::Permission::words).collect(),
            impossible: impossible.collect(),
            proposals: origin::proposals(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_of_a_plan_becomes_a_field() {
        let text = "A converter.\n\n## Requirements\n\n- R1: it converts km\n- R2: it is red (proposal)\n\n\
                    ## Try it with\n\n- arguments: 10 km\n- input: 3\n\n## Examples\n\n\
                    - E1: arguments `10 km` prints `6.21`\n\n## Writes\n\n- a.png\n\n## Needs\n\n\
                    - network: api.example.org\n- the moon\n\n## Proposals\n\n- it sings\n";
        let requirement =
            |id: &str, text: &str| plan::Requirement { id: id.into(), text: text.into() };
        let requirements =
            vec![requirement("R1", "it converts km"), requirement("R2", "it is red (proposal)")];
        let view = Plan::of(&plan::Plan { text: text.into(), requirements });
        let proposals: Vec<bool> = view.requirements.iter().map(|r| r.proposal).collect();
        assert_eq!(proposals, [false, true]);
        assert_eq!(view.examples, ["arguments `10 km` prints `6.21`"]);
        assert_eq!((view.arguments, view.input.as_str()), (vec!["10".into(), "km".into()], "3\n"));
        assert_eq!(view.writes, ["a.png"]);
        assert_eq!(view.needs, ["reach api.example.org over the network"]);
        assert_eq!(view.impossible.len(), 1);
        assert!(view.impossible[0].starts_with("the moon ("), "{:?}", view.impossible);
        assert_eq!(view.proposals, ["it sings"]);
        assert_eq!(Plan::of(&plan::Plan::default()), Plan::default());
    }
}
