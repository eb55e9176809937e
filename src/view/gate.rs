//! A gate: the question to the user, and the possible answers.

use super::{Plan, Version};
use crate::domain::event;
use crate::domain::review::{self, FindingState, Verdict};
use crate::domain::session;
use crate::domain::text::printed_line;
use crate::findings::{evidence, ledger};
use crate::workflow::manager::Question;
use crate::workflow::{install, permission};
use serde::Serialize;

/// The line of a choice that accepts any text.
pub const ANY_TEXT: &str = "TEXT";
/// Maximum number of lines shown of a partial answer.
const PARTIAL: usize = 20;
/// Maximum length of such a line, in characters.
const WIDE: usize = 200;

/// An open gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// Which gate.
    pub gate: event::Gate,
    /// The session's name.
    pub session: String,
    /// The question, in a few words.
    pub question: &'static str,
    /// The possible answers.
    pub choices: Vec<Choice>,
    /// The index of the answer that the program suggests.
    pub preferred: usize,
    /// Why the session cannot continue by itself: a limit is reached, or it is stuck.
    pub trouble: Option<String>,
    /// The end of a partial answer, if a model call was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
    /// The proposed plan.
    pub plan: Option<Plan>,
    /// The version that is asked about.
    pub version: Option<Version>,
    /// The permissions or packages that are asked for.
    pub asked: Vec<Asked>,
}

/// The end of a partial answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partial {
    /// Its last lines.
    pub lines: Vec<String>,
    /// Number of lines before them.
    pub before: usize,
}

impl Partial {
    /// The end of this text; `None` for an empty text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.trim().lines().collect();
        let before = lines.len().saturating_sub(PARTIAL);
        let lines: Vec<String> =
            lines[before..].iter().map(|line| printed_line(line, WIDE)).collect();
        (!lines.is_empty()).then_some(Self { lines, before })
    }
}

/// A permission or a package that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// What is asked for, as text: `read /srv/a.csv`, `numpy>=2`.
    pub what: String,
    /// The capability and its line in the script, or details on the package.
    pub about: Option<String>,
    /// A reason against allowing it.
    pub warning: Option<String>,
}

/// A possible answer at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its name in a menu.
    pub word: &'static str,
    /// The line to type, with placeholders in capitals: `feedback: TEXT`.
    pub line: &'static str,
    /// What it does, as text.
    pub what: &'static str,
}

impl Gate {
    /// The view of a question.
    #[must_use]
    pub fn of(question: &Question<'_>) -> Self {
        let session = question.session;
        let head = session.head();
        let proposal = session.planning.proposal.as_ref();
        let about_version = question.gate != event::Gate::Plan;
        Self {
            gate: question.gate,
            session: session.name.clone(),
            question: prompt(question.gate),
            choices: choices(question),
            preferred: preferred(question),
            trouble: question.trouble.clone(),
            partial: question.partial.and_then(Partial::of),
            plan: proposal.filter(|_| !about_version).map(Plan::of),
            version: head.filter(|_| about_version).map(|head| Version::whole(session, head)),
            asked: head.map_or_else(Vec::new, |head| asked(question.gate, session, head)),
        }
    }
}

/// A gate's question, in a few words.
#[must_use]
pub const fn prompt(gate: event::Gate) -> &'static str {
    match gate {
        event::Gate::Plan => "Is this the plan?",
        event::Gate::Version => "What now?",
        event::Gate::Safety => "May it?",
        event::Gate::Install => "Install them?",
        event::Gate::Budget => "Go on past the limit?",
        event::Gate::Stopped => "Stopped. What next?",
    }
}

fn asked(gate: event::Gate, session: &session::Session, head: &session::Version) -> Vec<Asked> {
    match gate {
        event::Gate::Safety => {
            let suspicion = permission::suspicion(session, head).map(|reason| Asked {
                what: "run".to_owned(),
                about: None,
                warning: Some(reason.to_owned()),
            });
            let needs = permission::open(session, head).into_iter().map(|need| Asked {
                what: need.permission.words(),
                about: need.place(),
                warning: None,
            });
            suspicion.map_or_else(|| needs.collect(), |suspicion| vec![suspicion])
        }
        event::Gate::Install => {
            let packages = install::unanswered(session, head).into_iter();
            packages
                .map(|package| Asked {
                    what: package.requirement.clone(),
                    about: Some(super::words::known(package)),
                    warning: package.warning.clone(),
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The possible answers at a gate, in menu order.
#[must_use]
pub fn choices(question: &Question<'_>) -> Vec<Choice> {
    let said = |word, line, what| Choice { word, line, what };
    let choice = |word, what| said(word, word, what);
    let quit = choice("quit", "stop here and resume later");
    let iterate = |what| choice("iterate", what);
    let plan = said("plan", "plan: TEXT", "change the plan");
    match (question.gate, question.session.head()) {
        (event::Gate::Plan, _) => vec![
            choice("approve", "the Coder writes the script"),
            said("say", ANY_TEXT, "tell the Planner what to change"),
            choice("edit", "change the plan in your editor"),
            quit,
        ],
        (event::Gate::Version, None) => vec![iterate("ask the Coder again"), plan, quit],
        (event::Gate::Version, Some(head)) => {
            let findings = || ledger::findings(question.session);
            let mut choices = vec![
                choice("accept", "take this version and finish"),
                iterate("write another version that fixes what was found"),
                said("feedback", "feedback: TEXT", "say what you saw; another version follows"),
                choice("run", "run it again"),
                choice("edit", "change the script in your editor"),
                plan,
                said("rewind", "rewind vN", "continue from an earlier version"),
            ];
            if !question.session.requirements().is_empty() {
                let what = "check the requirements one by one";
                choices.push(said("test", "test RN: TEXT", what));
            }
            if !head.stdout.trim().is_empty() {
                let what = "its output is correct: keep it as an example";
                choices.push(said("right", "test output: yes", what));
            }
            if findings().any(can_waive) {
                choices.push(said("waive", "waive FN", "ignore a finding"));
            }
            if findings().any(can_reopen) {
                choices.push(said("reopen", "reopen FN", "reopen a finding"));
            }
            if asks_which(head) {
                choices.push(choice("mean 1", "the result of this script is what you mean"));
                choices.push(choice("mean 2", "the result of the other script is what you mean"));
            }
            choices.push(quit);
            choices
        }
        (event::Gate::Safety, _) => vec![
            choice("deny", "check and review it without running it"),
            choice("allow", "allow exactly this in this session"),
            quit,
        ],
        (event::Gate::Install, _) => vec![
            choice("allow", "install them in a separate environment, for this session"),
            choice("deny", "run it without them"),
            quit,
        ],
        (event::Gate::Budget, _) => {
            vec![
                choice("allow", "allow the same amount again"),
                choice("deny", "stop at the limit"),
                quit,
            ]
        }
        (event::Gate::Stopped, _) => {
            let retry = choice("retry", "start this step again");
            let say = said("say", ANY_TEXT, "say what to change, then continue");
            let asks = question.session.dialogue.is_some();
            if asks { vec![retry, quit] } else { vec![retry, say, quit] }
        }
    }
}

/// The index of the answer that the program suggests.
#[must_use]
pub fn preferred(question: &Question<'_>) -> usize {
    let head = question.session.head();
    match question.gate {
        event::Gate::Version => {
            let verdict = head.map(|head| evidence::verdict(question.session, head));
            usize::from(verdict == Some(Verdict::Iterate))
        }
        // A package with a suspicious name is not installed by pressing Enter.
        event::Gate::Install => usize::from(head.is_some_and(|v| {
            install::unanswered(question.session, v).iter().any(|package| package.warning.is_some())
        })),
        _ => 0,
    }
}

/// Whether the user is asked which candidate's behaviour is the intended one.
#[must_use]
pub fn asks_which(version: &session::Version) -> bool {
    let tests = version.tests.as_deref().unwrap_or_default();
    version.split.is_some() && tests.is_empty()
}

/// Whether a finding can be waived.
#[must_use]
pub fn can_waive(finding: &review::Finding) -> bool {
    matches!(
        finding.state,
        FindingState::Open | FindingState::Contested | FindingState::Unsupported
    )
}

/// Whether a finding can be reopened.
#[must_use]
pub fn can_reopen(finding: &review::Finding) -> bool {
    finding.state != FindingState::Open
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::plan;
    use crate::domain::report::{Side, Split};
    use crate::domain::review::{Finding, Severity};
    use crate::workflow::manager::{self, Line};

    const GATES: [event::Gate; 6] = [
        event::Gate::Plan,
        event::Gate::Version,
        event::Gate::Safety,
        event::Gate::Install,
        event::Gate::Budget,
        event::Gate::Stopped,
    ];

    /// A session with a version that allows every answer.
    fn session() -> session::Session {
        let mut version = session::Version::new(1, Cause::First, None, "print(1)\n".into());
        version.stdout = "1\n".into();
        let side = Side {
            samples: vec![1],
            shows: "1".into(),
            prints: String::new(),
            script: String::new(),
        };
        version.split = Some(Split { given: "as given".into(), sides: vec![side.clone(), side] });
        let requirement = plan::Requirement { id: "R1".into(), text: "prints 1".into() };
        let plan = plan::Plan { text: "It prints.".into(), requirements: vec![requirement] };
        let mut session = session::Session {
            name: "s".into(),
            versions: vec![version],
            head: Some(1),
            ..session::Session::default()
        };
        session.planning.proposal = Some(plan.clone());
        session.planning.plan = Some(plan);
        let finding = Finding::new(0, 1, Severity::Blocker, "prints 2".into());
        let waived = Finding { state: FindingState::Waived, ..finding.clone() };
        session.ledger = vec![finding, waived];
        session
    }

    fn question(session: &session::Session, gate: event::Gate) -> Question<'_> {
        Question { gate, session, trouble: None, partial: None }
    }

    #[test]
    fn every_choice_is_a_line_that_its_gate_accepts() {
        let session = session();
        let mut seen = 0;
        for gate in GATES {
            let lines: Vec<&str> =
                choices(&question(&session, gate)).iter().map(|choice| choice.line).collect();
            for line in &lines {
                let filled = ["RN", "FN", "vN"].iter().fold((*line).to_owned(), |line, place| {
                    line.replace(place, &place.replace('N', "1"))
                });
                let read = manager::read_line(gate, &filled.replace("TEXT", "no, it hangs"));
                assert!(!matches!(read, Line::Unknown(_)), "{line}: {read:?}");
                let is_feedback = matches!(read, Line::Answer(manager::Answer::Feedback(_)));
                assert_eq!(is_feedback, line.starts_with("feedback"), "{line}: {read:?}");
                seen += 1;
            }
            assert_eq!(lines.last(), Some(&"quit"), "{gate:?}");
        }
        assert!(seen > 25, "{seen}");
    }

    #[test]
    fn each_gate_shows_the_plan_or_the_version() {
        let session = session();
        for (gate, plan, version) in [
            (event::Gate::Plan, true, false),
            (event::Gate::Version, false, true),
            (event::Gate::Safety, false, true),
            (event::Gate::Install, false, true),
            (event::Gate::Budget, false, true),
            (event::Gate::Stopped, false, true),
        ] {
            let view = Gate::of(&question(&session, gate));
            assert_eq!((view.plan.is_some(), view.version.is_some()), (plan, version), "{gate:?}");
            assert!(view.preferred < view.choices.len());
            let script = view.version.and_then(|version| version.text).map(|text| text.script);
            assert_eq!(script.as_deref(), version.then_some("print(1)\n"));
        }
    }

    #[test]
    fn the_end_of_an_interrupted_answer_is_shown() {
        assert_eq!(Partial::of(" \n"), None);
        let lines: Vec<String> = (0..50).map(|n| format!("line {n}\n")).collect();
        let text = lines.concat();
        let partial = Partial::of(&text).unwrap();
        assert_eq!((partial.before, partial.lines.len()), (30, PARTIAL));
        assert_eq!(partial.lines.last().map(String::as_str), Some("line 49"));
        let long = Partial::of(&"x\u{1b}".repeat(5000)).unwrap();
        assert!(long.lines[0].chars().count() <= WIDE && !long.lines[0].contains('\u{1b}'));
    }

    #[test]
    fn only_choices_that_apply_are_offered() {
        let mut bare = session();
        bare.versions[0].stdout.clear();
        bare.versions[0].split = None;
        bare.ledger.clear();
        bare.planning.plan = None;
        let words = |session: &session::Session| -> Vec<&str> {
            choices(&question(session, event::Gate::Version)).iter().map(|c| c.word).collect()
        };
        let always = ["accept", "iterate", "feedback", "run", "edit", "plan", "rewind"];
        let further = ["test", "right", "waive", "reopen", "mean 1", "mean 2"];
        assert_eq!(words(&bare), [&always[..], &["quit"]].concat());
        assert_eq!(words(&session()), [&always[..], &further, &["quit"]].concat());
        bare.head = None;
        assert_eq!(words(&bare), ["iterate", "plan", "quit"]);
    }
}
