//! The preset `analyst`: questions about data files.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{ACCEPT, PLAN, World, fenced};
use std::sync::Mutex;

const DATA: &str = "city;temp_c\nOslo;-3\nRome;12\n";
const EXPLAINED: &str = "## What failed\nEach try asked for a column that is not there.\n\n## Why\n\
    The file calls it `temp_c`.\n\n## What to try\nName the column in the request.\n";

/// The model's statement about an output; the second number is not in the output.
const ANSWER: &str = "It is 9 degrees in all, or 48 in Fahrenheit.";

/// The request's purpose, determined by its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Planner,
    Coder,
    Repair,
    Inspector,
    Analysis,
    Interpretation,
}

fn who(request: &Received) -> Asks {
    let prompt = request.prompt();
    let is = |words: &str| prompt.starts_with(words);
    match () {
        () if is("You are the Planner") => Asks::Planner,
        () if is("You are the Coder. Your Python script failed") => Asks::Repair,
        () if is("You are the Coder") => Asks::Coder,
        () if is("You are the Reviewer. A Python script is about to be run") => Asks::Inspector,
        () if is("You explain") => Asks::Analysis,
        () if is("You tell a person what") => Asks::Interpretation,
        () => panic!("nobody's prompt: {prompt}"),
    }
}

/// A world with `weather.csv`. The model returns the scripts in order, and `review` makes the
/// reviews before runs.
fn world(scripts: &[&str], review: impl Fn(&str) -> &'static str + Send + Sync + 'static) -> World {
    let scripts: Vec<String> = scripts.iter().map(|script| fenced(script)).collect();
    let at = Mutex::new(0);
    let world = World::with(move |request| {
        let text = match who(request) {
            Asks::Planner => PLAN,
            Asks::Coder | Asks::Repair => {
                let mut at = at.lock().unwrap();
                *at += 1;
                &scripts[(*at - 1).min(scripts.len() - 1)]
            }
            Asks::Inspector => review(&request.prompt()),
            Asks::Analysis => EXPLAINED,
            Asks::Interpretation => ANSWER,
        };
        Reply::to(request, text)
    });
    world.write("weather.csv", DATA);
    world
}

const NEW: [&str; 8] =
    ["new", "how warm is it", "--name", "s", "--preset", "analyst", "--data", "weather.csv"];

fn asked(world: &World) -> Vec<Asks> {
    world.received().iter().map(who).collect()
}

#[test]
fn a_script_is_reviewed_before_its_run_and_repaired_once() {
    use Asks::{Coder, Inspector, Interpretation, Planner, Repair};
    let bad =
        "import csv\nprint([row['temp'] for row in csv.DictReader(open('data/weather.csv'))])";
    let good = "import csv\nrows = csv.DictReader(open('data/weather.csv'), delimiter=';')\n\
                print(sum(int(row['temp_c']) for row in rows))";
    let review = |_: &str| {
        "- [blocker] \"csv.DictReader(open('data/weather.csv')\" the separator is \";\"\n\
         - [should] \"print(\" nothing says what the number is\nVERDICT: ITERATE"
    };
    let world = world(&[bad, good], review);
    let out = world.run_with(&NEW, "approve\naccept\n").expect(0);
    assert_eq!(asked(&world), [Planner, Coder, Inspector, Repair, Inspector, Interpretation]);
    let prompts: Vec<String> = world.received().iter().map(Received::prompt).collect();
    for prompt in &prompts[..5] {
        assert!(prompt.contains("Columns: city (text), temp_c (integer)"), "{prompt}");
    }
    assert!(
        prompts[2].contains("row['temp']") && prompts[2].contains("- safety:"),
        "{}",
        prompts[2]
    );
    assert!(prompts[3].contains("the separator is \";\""), "{}", prompts[3]);
    assert!(prompts[3].contains("It was not run yet"), "{}", prompts[3]);
    assert!(prompts[3].contains("Tries left, this one included: 3"), "{}", prompts[3]);
    assert!(!world.file("sessions/s/run_v1/stdout.txt").is_file(), "v1 was run");
    assert_eq!(world.read("sessions/s/run_v2/stdout.txt"), "9\n");
    assert!(world.read("sessions/s/review_v1.md").contains("version 1, before its run"));
    // After a run, the review before it no longer counts, and the gate says so.
    let verdict = "ACCEPT, though the Reviewer said ITERATE before it was run";
    assert!(out.out.contains(verdict), "{}", out.out);
    assert!(!world.file("sessions/s/analysis.md").is_file());
    let yaml = world.read("sessions/s/session.yaml");
    assert!(yaml.contains("preset: analyst") && yaml.contains("review_before_run: true"), "{yaml}");
    world.run(&["replay", "s"]).expect(0);
    // Both report formats contain the model's interpretation.
    for format in ["html", "md"] {
        let report = world.run(&["report", "s", "--format", format, "-o", "-"]).expect(0).out;
        assert!(report.contains("It is 9 degrees in all"), "{report}");
    }
}

#[test]
fn an_unrepairable_script_ends_with_an_analysis_and_exit_3() {
    let scripts = [
        "rows = {}\nprint(rows['temp'])",
        "print(1 / 0)",
        "print(list(range(2))[3])",
        "print(int('warm'))",
        "print('too late')",
    ];
    let world = world(&scripts, |_| "VERDICT: ACCEPT");
    let out = world.run_with(&NEW, "approve\n").expect(3);
    let repairs: Vec<String> =
        world.received().iter().filter(|r| who(r) == Asks::Repair).map(Received::prompt).collect();
    assert_eq!(repairs.len(), 3);
    for (n, (repair, left)) in repairs.iter().zip(["3", "2", "1"]).enumerate() {
        assert!(repair.contains(&format!("Tries left, this one included: {left}\n")), "{repair}");
        let earlier = "- v1: KeyError: 'temp'\n  at: line 2: print(rows['temp'])\n  \
                       suggestion: use a name that is there";
        assert_eq!(repair.contains(earlier), n > 0, "{n}: {repair}");
        assert_eq!(repair.contains("- v2: ZeroDivisionError"), n > 1, "{n}: {repair}");
    }
    let (before, end) = (&out.out, out.last_line());
    assert!(before.contains("analysis.md says what failed"), "{before}");
    assert_eq!(end, "resume with: redraft resume s");
    let analysis = world.read("sessions/s/analysis.md");
    for part in [
        "how warm is it",
        "- v1: KeyError: 'temp'",
        "- v3: IndexError: list index out of range",
        "- v4: ValueError: invalid literal for int() with base 10: 'warm'",
        "The file calls it `temp_c`.",
    ] {
        assert!(analysis.contains(part), "{part}\n{analysis}");
    }
    let last = world.received().pop().unwrap();
    assert_eq!(who(&last), Asks::Analysis);
    assert!(last.prompt().contains("temp_c (integer)") && last.prompt().contains("- v4: Value"));
    let replayed = world.run(&["replay", "s"]).expect(0);
    assert!(replayed.out.contains("no difference"), "{}", replayed.out);
    // The failed analysis is not requested again, and the user can continue anyway.
    let calls = world.received().len();
    world.run(&["replay", "s"]).expect(0);
    let out = world.run(&["resume", "s"]).expect(3);
    assert_eq!(world.received().len(), calls);
    assert!(out.out.contains("analysis.md says what failed"), "{}", out.out);
    world.run_with(&["resume", "s"], "feedback: use temp_c\naccept\n").expect(0);
    assert_eq!(world.read("sessions/s/run_v5/stdout.txt"), "too late\n");
}

#[test]
fn a_fresh_attempt_after_the_same_error_lists_all_earlier_tries() {
    let scripts: Vec<String> = (1..9).map(|n| format!("n = {n}\nprint({{}}['temp'])")).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = world(&scripts, |_| "VERDICT: ACCEPT");
    world.run_with(&NEW, "approve\n").expect(3);
    let coder: Vec<(Asks, String)> = world
        .received()
        .iter()
        .map(|r| (who(r), r.prompt()))
        .filter(|(w, _)| *w == Asks::Coder)
        .collect();
    assert_eq!(coder.len(), 3, "the first version, and two afresh");
    let (second, third) = (&coder[1].1, &coder[2].1);
    assert!(second.contains("Before that:\n```\n- v1: KeyError: 'temp'"), "{second}");
    assert!(second.contains("Tries left, this one included: 2"), "{second}");
    assert!(third.contains("- v2: KeyError: 'temp'"), "{third}");
    assert!(!third.contains("```python\nn = "), "the script is shown again: {third}");
}

#[test]
fn without_a_model_s_explanation_the_analysis_lists_the_errors() {
    let world = World::with(|request| {
        let text = match who(request) {
            Asks::Planner => PLAN.to_owned(),
            Asks::Coder | Asks::Repair => fenced("print(1 / 0)"),
            Asks::Inspector => "It looks fine to me.".to_owned(),
            Asks::Analysis => fenced("print('fixed')"),
            Asks::Interpretation => unreachable!("nothing was accepted"),
        };
        Reply::to(request, &text)
    });
    world.write("weather.csv", DATA);
    let args: Vec<&str> = NEW.into_iter().chain(["--auto"]).collect();
    let out = world.run(&args).expect(3);
    assert!(out.out.contains("analysis.md says what failed"), "{}", out.out);
    let analysis = world.read("sessions/s/analysis.md");
    assert!(analysis.contains("- v1: ZeroDivisionError: division by zero"), "{analysis}");
    assert!(analysis.contains("gave no explanation"), "{analysis}");
    let asked = asked(&world);
    let count = |who: Asks| asked.iter().filter(|asks| **asks == who).count();
    assert_eq!((count(Asks::Inspector), count(Asks::Analysis)), (3, 3), "{asked:?}");
}

#[test]
fn a_reviewer_that_always_objects_does_not_prevent_the_run() {
    let scripts: Vec<String> = (0..12).map(|n| format!("print({n})")).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let review = |_: &str| "- [blocker] \"print(\" this is wrong\nVERDICT: ITERATE";
    let world = world(&scripts, review);
    let args: Vec<&str> = NEW.into_iter().chain(["--auto"]).collect();
    let out = world.run(&args).expect(0);
    assert!(out.out.contains("accepted v2"), "{}", out.out);
    assert_eq!(world.read("sessions/s/run_v2/stdout.txt"), "1\n");
}

#[test]
fn the_output_is_interpreted_and_invented_numbers_are_marked() {
    let script = "print('sum', 9)";
    let world = world(&[script], |_| "VERDICT: ACCEPT");
    let args: Vec<&str> = NEW.into_iter().chain(["--auto", "-q"]).collect();
    let out = world.run(&args).expect(0).out;
    let answer = "It is 9 degrees in all, or 48 [?] in Fahrenheit.";
    assert!(out.starts_with(&format!("{answer}\n")), "{out}");
    assert!(out.contains("stands neither in the output nor in the question"), "{out}");
    assert!(out.trim_end().lines().last().unwrap().starts_with("accepted v1"), "{out}");
    let asked = world.received().pop().unwrap().prompt();
    assert!(asked.contains("The question: how warm is it") && asked.contains("sum 9"), "{asked}");
    let kept = world.read("sessions/s/answer.md");
    assert!(kept.contains(answer) && kept.contains("sum 9"), "{kept}");
    assert_eq!(world.run(&["show", "s", "--json"]).expect(0).json()[0]["answer"], answer);
    // The interpretation is requested only once, and replayed from the journal.
    let calls = world.received().len();
    world.run(&["resume", "s"]).expect(0);
    assert_eq!(world.received().len(), calls);
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn an_output_without_an_interpretation_is_still_accepted() {
    for fails in [true, false] {
        let world = World::with(move |request| {
            let text = match who(request) {
                Asks::Planner => PLAN.to_owned(),
                Asks::Coder | Asks::Repair => fenced("print('sum', 9)"),
                Asks::Inspector => "VERDICT: ACCEPT".to_owned(),
                Asks::Interpretation if fails => return Reply::refusal(401, "no"),
                Asks::Analysis | Asks::Interpretation => "```python\nprint(9)\n```".to_owned(),
            };
            Reply::to(request, &text)
        });
        world.write("weather.csv", DATA);
        let args: Vec<&str> = NEW.into_iter().chain(["--auto"]).collect();
        let out = world.run(&args).expect(0);
        assert!(out.out.contains("accepted v1"), "{}", out.out);
        assert!(world.read("sessions/s/answer.md").contains("gave no answer"), "{}", out.out);
        let calls = world.received().len();
        world.run(&["resume", "s"]).expect(0);
        assert_eq!(world.received().len(), calls, "it is not asked again");
        world.run(&["replay", "s"]).expect(0);
    }
    // The other presets make no such call.
    let world = World::scripted(&[PLAN], &[&fenced("print('sum', 9)")], &[ACCEPT]);
    world.run(&["new", "count", "--name", "s", "--auto"]).expect(0);
    assert_eq!(world.received().len(), 3);
}

#[test]
fn the_first_repair_lists_the_columns_if_one_is_missing() {
    let missing = "import csv\nfor row in csv.DictReader(open('data/weather.csv'), delimiter=';'):\n    \
                   print(row['temperature'])";
    let world = world(&[missing, "print('sum', 9)"], |_| "VERDICT: ACCEPT");
    let args: Vec<&str> = NEW.into_iter().chain(["--auto"]).collect();
    world.run(&args).expect(0);
    let received = world.received();
    let repair = received.iter().find(|r| who(r) == Asks::Repair).unwrap().prompt();
    assert!(repair.contains("weather.csv has the columns `city`, `temp_c`"), "{repair}");
}
