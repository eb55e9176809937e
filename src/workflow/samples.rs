//! Candidates: how many more answers to request, and which one is best. Pure.

use crate::domain::chat::{Agent, Role};
use crate::domain::event::RefusalKind;
use crate::domain::plan::Plan;
use crate::domain::plan::Requirement;
use crate::domain::report::{Checks, Evidence, RunVerdict, Scored, Side, Split, TestOutcome};
use crate::domain::session::{Refusal, Sample, Session, Stated, Version};
use crate::domain::settings::{Settings, Strategy};
use crate::domain::text::ends;
use crate::domain::text::stands_in;
use crate::findings;
use crate::python::agreement::{self, Given};

/// Maximum size of a candidate's output that is shown, in bytes.
const SHOWN: usize = 1_500;
/// The index from which candidates are hardly sampled at higher temperatures.
const WARMEST: usize = 2;
/// Number of further candidates that are requested where one more agreeing candidate would be
/// enough.
const FURTHER: usize = 1;

/// The number of candidates for the next version that were requested so far.
#[must_use]
pub fn place(session: &Session, agent: Agent) -> usize {
    let calls = &session.calls;
    let of_round = if calls.pending.is_empty() { 0 } else { calls.pending.len() + calls.settled };
    let further = agent.role() == Role::Coder && !session.samples.is_empty();
    of_round + if further { session.settings.samples(agent) } else { 0 }
}

/// The temperature added for the candidate at an index. Where candidates have to agree, the later
/// ones hardly get warmer: at high temperatures a small model makes more mistakes without more
/// variety.
#[must_use]
pub fn warmer(settings: &Settings, place: usize) -> f64 {
    let steps = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let steps = match settings.accept {
        Evidence::Agreed => steps(place.min(WARMEST)) + steps(place.saturating_sub(WARMEST)) / 4.0,
        Evidence::Ran | Evidence::Tested => steps(place),
    };
    settings.sampling_temperature_step * steps
}

/// The number of candidates that are still to be requested before an agent's answers are read.
#[must_use]
pub fn missing(session: &Session, agent: Agent) -> usize {
    let further = agent.role() == Role::Coder && !session.samples.is_empty();
    let wanted = if further { FURTHER } else { session.settings.samples(agent) };
    let calls = &session.calls;
    if calls.pending.is_empty() {
        return wanted;
    }
    wanted.saturating_sub(calls.pending.len() + calls.settled)
}

/// The number of rounds in which every answer of a role was refused.
#[must_use]
pub fn rounds_refused(session: &Session, role: Role) -> usize {
    let agent = Agent::ALL.into_iter().find(|agent| agent.role() == role);
    let samples = agent.map_or(1, |agent| session.settings.samples(agent));
    session.refusals_of(role).count().div_ceil(samples)
}

/// The number of answers for the next version, duplicates and unusable ones included.
#[must_use]
pub fn answers(session: &Session) -> usize {
    let given = session.samples.iter().map(|sample| 1 + sample.twins.len()).sum::<usize>();
    let unusable = |refusal: &&Refusal| refusal.kind == RefusalKind::Unusable;
    given + session.refusals_of(Role::Coder).filter(unusable).count()
}

/// Whether a model should extract arguments and input from the request: the head or a candidate
/// reads arguments or standard input, and the user passed neither. Without input, scripts cannot be
/// compared, and fail for lack of it.
#[must_use]
pub fn wants_tries(session: &Session) -> bool {
    let settings = &session.settings;
    let reads_inputs = if session.samples.is_empty() {
        session.head().is_some_and(|head| head.run.is_none() && head.reads_inputs())
    } else {
        session.samples.iter().any(|sample| sample.version.reads_inputs())
    };
    session.stated.is_none()
        && (settings.tries || settings.accept == Evidence::Agreed)
        && settings.args.is_empty()
        && settings.stdin.is_empty()
        && !session.planning.plan.as_ref().is_some_and(Plan::says_what_to_try)
        && reads_inputs
}

/// The inputs stated in the request. Words that were taken for both arguments and standard input
/// are assigned to the one that most scripts read.
#[must_use]
pub fn placed(session: &Session, stated: Stated) -> Stated {
    let Stated { args, stdin } = stated;
    let same = args.iter().flat_map(|arg| arg.split_whitespace()).eq(stdin.split_whitespace());
    let head = session.head().filter(|_| session.samples.is_empty());
    let scripts = || head.into_iter().chain(session.samples.iter().map(|sample| &sample.version));
    if !same || args.is_empty() {
        return Stated { args, stdin };
    }
    let reading = |reads: fn(&Version) -> bool| scripts().filter(|script| reads(script)).count();
    if reading(Version::reads_arguments) >= reading(Version::reads_typed) {
        return Stated { args, stdin: String::new() };
    }
    // Words that are adjacent in the request form one line.
    let line = args.join(" ");
    let stdin = if stands_in(&session.request, &line) { line + "\n" } else { stdin };
    Stated { args: Vec::new(), stdin }
}

/// Whether to request further candidates before choosing: agreement is required, some candidate
/// runs, and one more that agrees may be enough.
#[must_use]
pub fn wants_further(session: &Session) -> bool {
    let settings = &session.settings;
    let runs = |sample: &Sample| ran(&sample.version) == BEST && !sample.version.failed();
    settings.accept == Evidence::Agreed
        && settings.candidates > 1
        && !session.has_tests()
        && answers(session) < settings.samples(Agent::Coder) + FURTHER
        && session.samples.iter().any(runs)
        && is_one_short(session)
}

/// Whether one more agreeing answer would complete the quorum of the best candidate.
fn is_one_short(session: &Session) -> bool {
    let (scores, best) = choose(session);
    let quorum = (session.settings.quorum as usize).max(2);
    scores.get(best).is_some_and(|score| !score.agreed && score.agreeing + 2 == quorum)
}

/// The scores of all candidates and the index of the best one: by passed tests, then by the run,
/// then by how many others agree, then by findings, then by the sampling strategy. Ties go to the
/// earliest call, which has the lowest temperature.
#[must_use]
pub fn choose(session: &Session) -> (Vec<Scored>, usize) {
    let samples = &session.samples;
    let mut scores: Vec<Scored> = samples.iter().map(score).collect();
    let lint = |score: &Scored| match session.settings.sampling_strategy {
        Strategy::Lint => score.lint_score,
        Strategy::None => 0.0,
    };
    let seen: Vec<_> = samples
        .iter()
        .zip(&scores)
        .map(|(sample, score)| (score.tests_passed, ran(&sample.version)))
        .collect();
    let groups = agreement::groups(samples, &Given::of(session));
    for (place, score) in scores.iter_mut().enumerate() {
        let agreeing = groups[place].iter().filter(|other| seen[**other] == seen[place]);
        let answers: usize = agreeing.map(|other| 1 + samples[*other].twins.len()).sum();
        score.agreeing = answers - 1;
    }
    let mut best = 0;
    for place in 1..scores.len() {
        let (this, that) = (&scores[place], &scores[best]);
        let order = seen[place]
            .cmp(&seen[best])
            .then(this.agreeing.cmp(&that.agreeing))
            .then(that.findings.cmp(&this.findings))
            .then(lint(this).total_cmp(&lint(that)))
            .then(first_call(&samples[best]).cmp(&first_call(&samples[place])));
        if order.is_gt() {
            best = place;
        }
    }
    let quorum = session.settings.quorum as usize;
    let agreed = scores.get(best).is_some_and(|score| score.is_agreed(&scores, quorum));
    if let Some(score) = scores.get_mut(best) {
        score.chosen = true;
        score.agreed = agreed;
    }
    (scores, best)
}

/// The difference between the candidate at an index and the first other candidate that ran with
/// another result. `None` if there is no such candidate, or nothing to show.
#[must_use]
pub fn split(session: &Session, chosen: usize) -> Option<Split> {
    let (samples, given) = (&session.samples, Given::of(session));
    let groups = agreement::groups(samples, &given);
    let own = samples.get(chosen)?;
    let differ = |other: &usize| {
        let trial = agreement::differing(own, &samples[*other], &given)?;
        Some((*other, trial.to_owned()))
    };
    let others = (0..samples.len()).filter(|other| !groups[chosen].contains(other));
    let (other, trial) = others.collect::<Vec<_>>().iter().find_map(differ)?;
    let side = |place: usize| Side {
        samples: groups[place].iter().map(|place| samples[*place].number).collect(),
        shows: shown(&samples[place], &trial),
        prints: printed(&samples[place], &trial),
        script: samples[place].version.script.clone(),
    };
    Some(Split { sides: vec![side(chosen), side(other)], given: trial })
}

/// What a candidate printed in a trial, or an empty text if it is long.
fn printed(sample: &Sample, trial: &str) -> String {
    let trial = sample.trials.iter().find(|known| known.given == trial);
    let printed = trial.map_or("", |trial| trial.printed.trim());
    if printed.len() <= SHOWN { printed.to_owned() } else { String::new() }
}

/// What a candidate printed and wrote in a trial, as text for the user.
fn shown(sample: &Sample, trial: &str) -> String {
    let Some(trial) = sample.trials.iter().find(|known| known.given == trial) else {
        return String::new();
    };
    let files = trial.wrote.iter().map(|(name, content)| format!("{name}:\n{content}\n"));
    let ended = match trial.verdict {
        RunVerdict::Ok | RunVerdict::Window => String::new(),
        verdict => format!("({})\n", verdict.name()),
    };
    ends(&format!("{ended}{}\n{}", trial.printed, files.collect::<String>()), SHOWN)
}

/// The earliest call that gave this candidate: later ones have higher temperatures.
fn first_call(sample: &Sample) -> u32 {
    sample.twins.iter().copied().fold(sample.call, u32::min)
}

/// The result of [`ran`] for a successful run.
const BEST: u8 = 4;

/// Ranks a run: successful, then not tried, then failed.
fn ran(version: &Version) -> u8 {
    match version.run.as_ref().map(|run| run.verdict) {
        _ if version.check_failed() => 0,
        Some(RunVerdict::Failed) => 1,
        Some(RunVerdict::Timeout) => 2,
        None | Some(RunVerdict::Waits | RunVerdict::Refused | RunVerdict::Skipped) => 3,
        // A script that ignores its input or has no result cannot be what was asked for.
        Some(RunVerdict::Ok | RunVerdict::Window)
            if version.ignores_given() || version.no_result() =>
        {
            3
        }
        Some(RunVerdict::Ok | RunVerdict::Window) => BEST,
    }
}

fn score(sample: &Sample) -> Scored {
    let Version { checks, run, tests, .. } = &sample.version;
    let outcomes = || tests.iter().flatten().map(|test| test.outcome);
    Scored {
        sample: sample.number,
        chosen: false,
        call: sample.call,
        tests_passed: outcomes().filter(|o| o.went_well()).count(),
        tests_failed: outcomes().filter(|o| *o == TestOutcome::Failed).count(),
        run: run.as_ref().map(|run| run.verdict),
        findings: findings::score(&sample.version),
        copies: sample.twins.len(),
        agreed: false,
        agreeing: 0,
        lint_score: checks.as_ref().map_or(0.0, Checks::lint_score),
    }
}

/// The index of the plan that has most in common with the others: a requirement that only one plan
/// has was hardly asked for.
#[must_use]
pub fn most_common(plans: &[&[Requirement]]) -> usize {
    let alike = |a: &[Requirement], b: &[Requirement]| -> f64 {
        let nearest = |one: &Requirement| {
            b.iter().map(|other| strsim::sorensen_dice(&one.text, &other.text)).fold(0.0, f64::max)
        };
        let length = f64::from(u32::try_from(a.len().max(1)).unwrap_or(u32::MAX));
        a.iter().map(nearest).sum::<f64>() / length
    };
    let common = |place: usize| -> f64 {
        let others = plans.iter().enumerate().filter(|(other, _)| *other != place);
        others.map(|(_, other)| alike(plans[place], other) + alike(other, plans[place])).sum()
    };
    let mut best = 0;
    for place in 1..plans.len() {
        if common(place) > common(best) {
            best = place;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::report::{Lint, Run, Test, Trial};
    use std::collections::BTreeMap;

    fn lint(rule: &str) -> Lint {
        Lint { rule: rule.into(), line: 1, column: 1, message: String::new() }
    }

    #[test]
    fn input_given_as_arguments_and_stdin_goes_where_the_script_reads_it() {
        let (argv, typed, both) =
            ("import sys\nprint(sys.argv)", "print(input())", "import sys\nsys.argv\ninput()");
        let request = "count letters of a line, try it with A big Bee. Or take 4 and 5";
        for (script, args, stdin, expected_args, expected_stdin) in [
            (typed, "A big Bee", "A\nbig\nBee\n", "", "A big Bee\n"),
            (typed, "4 5", "4\n5\n", "", "4\n5\n"),
            (argv, "A big Bee", "A big Bee\n", "A big Bee", ""),
            (both, "4", "4\n", "4", ""),
            // Separate values for both stay as they are.
            (typed, "A big Bee", "", "A big Bee", ""),
            (argv, "", "4\n5\n", "", "4\n5\n"),
            (both, "4", "5\n", "4", "5\n"),
        ] {
            let mut session = Session { request: request.into(), ..Session::default() };
            session.versions.push(Version::new(1, Cause::First, None, script.into()));
            session.head = Some(1);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            let placed = placed(&session, Stated { args: words(args), stdin: stdin.into() });
            let expected = Stated { args: words(expected_args), stdin: expected_stdin.into() };
            assert_eq!(placed, expected, "{script} {args} {stdin}");
        }
    }

    #[test]
    fn input_is_sought_in_the_request_if_a_script_reads_some() {
        let asks = "print(int(input()) * 2)";
        let session = |script: &str, tries: bool, given: &str, plan: Option<&str>| {
            let mut session = Session::default();
            session.settings.tries = tries;
            session.settings.stdin = given.into();
            session.planning.plan =
                plan.map(|text| Plan { text: text.into(), requirements: Vec::new() });
            session.versions.push(Version::new(1, Cause::First, None, script.into()));
            session.head = Some(1);
            session
        };
        let plan = "## Requirements\n\n- R1: Double it.\n";
        let says = "## Requirements\n\n- R1: Double it.\n\n## Try it with\n\n- input: 3\n";
        for (script, tries, given, plan, wanted) in [
            (asks, true, "", None, true),
            (asks, true, "", Some(plan), true),
            (asks, true, "", Some(says), false),
            (asks, true, "5\n", None, false),
            (asks, false, "", None, false),
            ("print(6)", true, "", None, false),
            ("import sys\nprint(sys.argv[1])", true, "", None, true),
        ] {
            let session = session(script, tries, given, plan);
            assert_eq!(wants_tries(&session), wanted, "{script} {tries} {given} {plan:?}");
        }
        let mut known = session(asks, true, "", None);
        known.stated = Some(crate::domain::session::Stated::default());
        assert!(!wants_tries(&known), "it is asked once");
    }

    /// Passed tests, the run's verdict, security findings, lint findings, errors.
    type Came = (usize, Option<RunVerdict>, usize, usize, usize);

    fn sample(number: u32, (passed, run, security, lints, errors): Came) -> Sample {
        let many = |n: usize| (0..n).map(|_| lint("F401")).collect();
        let checks = Checks {
            errors: many(errors),
            lint: many(lints),
            security: many(security),
            statements: 20,
            ..Checks::default()
        };
        let test = Test {
            name: "t".into(),
            outcome: TestOutcome::Passed,
            message: None,
            milliseconds: 0,
            passed_in: None,
        };
        let version = Version {
            checks: Some(checks),
            run: run.map(|verdict| Run::not_run(verdict, "")),
            tests: Some(vec![test; passed]),
            ..Version::new(1, Cause::First, None, String::new())
        };
        let (twins, behaviour, trials) = (Vec::new(), BTreeMap::new(), Vec::new());
        Sample { number, call: number, twins, tried: true, behaviour, trials, version }
    }

    fn chosen(samples: &[Sample], strategy: Strategy) -> (Vec<Scored>, usize) {
        let settings = Settings { sampling_strategy: strategy, ..Settings::default() };
        choose(&Session { samples: samples.to_vec(), settings, ..Session::default() })
    }

    #[test]
    fn candidates_are_ranked_by_run_results_before_lint() {
        use RunVerdict::{Failed, Ok, Refused, Timeout, Window};
        let good = (0, Some(Ok), 0, 0, 0);
        for (others, lint, none) in [
            (vec![good, good], 0, 0),
            (vec![(0, Some(Ok), 0, 3, 0), good], 1, 0),
            (vec![good, (2, Some(Failed), 3, 9, 0)], 1, 1),
            (vec![(0, Some(Failed), 0, 0, 0), (0, Some(Ok), 2, 9, 0)], 1, 1),
            (vec![(0, Some(Timeout), 0, 0, 0), (0, Some(Refused), 2, 9, 0)], 1, 1),
            (vec![(0, Some(Failed), 0, 0, 0), (0, Some(Timeout), 0, 0, 0)], 1, 1),
            (vec![(0, None, 0, 0, 1), (0, Some(Failed), 0, 9, 0)], 1, 1),
            (vec![(0, Some(Ok), 1, 0, 0), (0, Some(Window), 0, 9, 0)], 1, 1),
            (vec![(0, None, 0, 4, 0), (0, None, 0, 2, 0), (0, None, 0, 3, 0)], 1, 0),
        ] {
            let samples: Vec<Sample> =
                (1..).zip(&others).map(|(n, came)| sample(n, *came)).collect();
            for (strategy, place) in [(Strategy::Lint, lint), (Strategy::None, none)] {
                let (scores, best) = chosen(&samples, strategy);
                assert_eq!(best, place, "{others:?} {strategy:?}");
                assert!(scores[best].chosen && scores.iter().filter(|s| s.chosen).count() == 1);
            }
        }
    }

    #[test]
    fn candidates_that_behave_alike_win_over_a_lone_one() {
        let good = (1, Some(RunVerdict::Ok), 0, 0, 0);
        let (worse, untidy) =
            ((0, Some(RunVerdict::Ok), 0, 0, 0), (1, Some(RunVerdict::Ok), 0, 3, 0));
        // For each candidate: its results, what its functions return and what it prints, and the
        // number of identical answers.
        for (samples, best, agreeing) in [
            (vec![(good, "f=1", 0), (good, "f=2", 0), (good, "f=2", 0)], 1, 1),
            (vec![(good, "f=1", 0), (untidy, "f=2", 0), (untidy, "f=2", 0)], 1, 1),
            (vec![(good, "f=1", 2), (good, "f=2", 0), (good, "f=2", 0)], 0, 2),
            (vec![(good, "f=1", 0), (worse, "f=2", 0), (worse, "f=2", 0)], 0, 0),
            (vec![(good, "f=1 =3", 0), (good, "f=2 =4", 0), (good, "f=2 =3", 0)], 0, 1),
            (vec![(good, "=1", 0), (good, "=2", 0), (good, "=2", 0)], 1, 1),
            (vec![(good, "f=1", 0), (good, "g=1", 0), (good, "", 0)], 0, 0),
            (vec![(good, "f=1 g=1", 0), (good, "f=1 g=2", 0), (good, "g=2", 0)], 1, 1),
            (vec![(untidy, "", 0), (good, "", 0)], 1, 0),
        ] {
            let of = |(n, (came, does, twins)): (u32, &(Came, &str, u32))| {
                let pairs = does.split_whitespace().filter_map(|pair| pair.split_once('='));
                let (printed, functions): (Vec<_>, Vec<_>) =
                    pairs.partition(|(name, _)| name.is_empty());
                let behaviour =
                    functions.iter().map(|(name, hash)| ((*name).into(), (*hash).into()));
                let trial = |(_, printed): &(&str, &str)| Trial {
                    given: "as given".into(),
                    verdict: RunVerdict::Ok,
                    printed: (*printed).into(),
                    wrote: BTreeMap::new(),
                };
                Sample {
                    behaviour: behaviour.collect(),
                    trials: printed.iter().map(trial).collect(),
                    twins: (20..20 + twins).collect(),
                    ..sample(n, *came)
                }
            };
            let made: Vec<Sample> = (1..).zip(&samples).map(of).collect();
            let (scores, place) = chosen(&made, Strategy::Lint);
            assert_eq!((place, scores[place].agreeing), (best, agreeing), "{samples:?}");
        }
        // Answers arrive in any order.
        let warm = Sample { call: 9, ..sample(1, good) };
        let cool = Sample { call: 7, twins: vec![2], ..sample(3, good) };
        let middle = Sample { call: 4, twins: vec![8], ..sample(2, good) };
        let (scores, best) = chosen(&[warm, middle, cool], Strategy::Lint);
        assert_eq!(best, 2, "{scores:?}");
    }

    #[test]
    fn the_lint_score_is_ten_for_a_clean_script_and_never_below_zero() {
        for ((_, _, security, lints, errors), score) in [
            ((0, None::<RunVerdict>, 0, 0, 0), 10.0),
            ((0, None, 0, 1, 0), 9.5),
            ((0, None, 1, 1, 0), 9.0),
            ((0, None, 0, 0, 1), 7.5),
            ((0, None, 0, 0, 9), 0.0),
        ] {
            let sample = sample(1, (0, None, security, lints, errors));
            let found = sample.version.checks.unwrap().lint_score();
            assert!((found - score).abs() < 0.001, "{found} {score}");
        }
    }

    #[test]
    fn the_plan_most_similar_to_the_others_is_taken() {
        let plan = |texts: &[&str]| -> Vec<Requirement> {
            texts.iter().map(|t| Requirement { id: "R1".into(), text: (*t).into() }).collect()
        };
        let plans = [
            plan(&["Log in with a password", "Send an email"]),
            plan(&["Print the squares", "Stop after twelve"]),
            plan(&["Print the square numbers", "Stop after twelve"]),
        ];
        let plans: Vec<&[Requirement]> = plans.iter().map(Vec::as_slice).collect();
        assert_ne!(most_common(&plans), 0);
        assert_eq!(most_common(&plans[..1]), 0);
    }
}
