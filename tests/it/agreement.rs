//! Acceptance because independently written scripts agree, and what happens if they do not.

use crate::support::model_server::Reply;
use crate::support::world::{Asking, World, agent, fenced};
use serde_json::Value;

/// A world whose Coder returns one script per candidate, and which accepts results that several
/// candidates agree on.
fn world(scripts: &[&str]) -> World {
    let scripts: Vec<String> = scripts.iter().map(|script| fenced(script)).collect();
    let world = World::with(move |request| {
        if request.prompt().contains("Copy from it the command-line arguments") {
            return Reply::to(request, "arguments: 4 10");
        }
        match agent(request) {
            Asking::Coder => {
                let temperature = request.body["temperature"].as_f64().unwrap();
                let places = [0.2, 0.6, 1.0, 1.1, 1.2];
                let place = places.iter().position(|place| (temperature - place).abs() < 0.01);
                let place = place.unwrap();
                Reply::to(request, &scripts[place.min(scripts.len() - 1)])
            }
            _ => panic!("nobody else is asked"),
        }
    });
    world.write(
        "agree.yaml",
        "accept: agreed\ncandidates: 3\nlimits: {repairs: 0}\nsampling_temperature_step: 0.4\n",
    );
    world
}

const NEW: [&str; 8] =
    ["--config", "agree.yaml", "new", "the sum", "--name", "s", "--preset", "quick"];

fn new<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&NEW[..], more].concat()
}

fn shown(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&world.run(args).expect(0).out).unwrap()
}

const SUM: &str = "import csv\nwith open('a.csv') as f:\n    \
                   print(sum(int(row['n']) for row in csv.DictReader(f)))";
const SUM_TOO: &str =
    "rows = open('a.csv').read().split()[1:]\nprint(f'The sum is {sum(map(int, rows))}.')";
/// Correct only for the existing file.
const NINE: &str = "open('a.csv').read()\nprint('Sum:', 9)";
const LARGEST: &str = "rows = open('a.csv').read().split()[1:]\nprint(max(map(int, rows)))";

#[test]
fn a_script_that_two_candidates_agree_on_is_accepted_as_agreed() {
    let world = world(&[LARGEST, SUM, SUM_TOO]);
    world.write("a.csv", "n\n2\n3\n4\n");
    let out = world.run(&new(&["--auto", "--data", "a.csv"])).expect(0).out;
    assert!(out.contains("accepted v1 (agreed: 2 of 3)"), "{out}");
    let script = world.read("sessions/s/script_v1.py");
    assert!(script.contains("sum("), "{script}");
    let session = shown(&world, &["show", "s", "--json"]);
    assert_eq!(session["evidence"], "agreed");
    assert_eq!(session["versions"][0]["candidates"].as_array().unwrap().len(), 3);
    assert_eq!(shown(&world, &["list", "--json"])[0]["evidence"], "agreed");
    assert!(world.run(&["show", "s"]).expect(0).out.contains("accepted v1 (agreed: 2 of 3)"));
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn equal_output_with_the_given_data_only_is_not_agreement() {
    let world = world(&[SUM, NINE, NINE, "print(1 / 0)", "print(1 / 0)"]);
    world.write("a.csv", "n\n2\n3\n4\n");
    let out = world.run(&new(&["--auto", "--data", "a.csv"])).expect(3).out;
    assert!(out.contains("not with other numbers"), "{out}");
    assert!(out.contains("│ Sum: 9"), "{out}");
    let version = &shown(&world, &["show", "s", "--json"])["versions"][0];
    assert_eq!(version["evidence"], "ran");
    assert!(world.read("sessions/s/script_v1.py").contains("sum("), "it uses the data");
}

#[test]
fn one_more_candidate_is_requested_if_it_may_decide() {
    let world = world(&[SUM, LARGEST, "print(1 / 0)", SUM_TOO, "print(1)"]);
    world.write("a.csv", "n\n2\n3\n4\n");
    let out = world.run(&new(&["--auto", "--data", "a.csv"])).expect(0).out;
    assert!(out.contains("accepted v1 (agreed: 2 of 4)"), "{out}");
    let agreed = world.received().len();
    world.run(&["replay", "s"]).expect(0);
    // With `accept: ran`, no further candidates are requested.
    world.write("ran.yaml", "accept: ran\ncandidates: 3\nsampling_temperature_step: 0.4\n");
    let args = ["--config", "ran.yaml", "new", "the sum", "--name", "t", "--preset", "quick"];
    let args = [&args[..], &["--auto", "--data", "a.csv"]].concat();
    let out = world.run(&args).expect(0).out;
    assert!(out.contains("accepted v1 (ran)"), "{out}");
    assert_eq!(world.received().len() - agreed, 3);
}

#[test]
fn choosing_an_output_makes_it_an_example_for_every_version() {
    let world = world(&["print(4 - 10)", "print(4 + 10)", "print(4 * 10)", "print(4 / 10)"]);
    let out = world.run_with(&new(&[]), "mean 2\naccept\n").expect(0).out;
    assert!(out.contains("Which of these do you mean?"), "{out}");
    assert!(out.contains("accepted v2 (tested: 1 of 1)"), "{out}");
    assert!(world.journal("s").iter().any(|event| event["event"] == "example_given"));
    let session = shown(&world, &["show", "s", "--json"]);
    assert_eq!(session["evidence"], "tested");
    assert_eq!(session["versions"][1]["tests"][0]["name"], "E1");
}

#[test]
fn candidates_are_run_with_arguments_from_the_request() {
    let sum = "import sys\nprint(sum(map(int, sys.argv[1:])))";
    let sum_too = "import sys\na, b = sys.argv[1:3]\nprint(int(a) + int(b))";
    let world = world(&[sum, sum_too, "import sys\nprint(sys.argv[1])"]);
    let args = ["--config", "agree.yaml", "new", "the sum of the arguments, try it with 4 10"];
    let args = [&args[..], &["--name", "s", "--preset", "quick", "--auto"]].concat();
    let out = world.run(&args).expect(0).out;
    assert!(out.contains("accepted v1 (agreed: 2 of 3)"), "{out}");
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "14\n");
    let events = world.journal("s");
    let read = events.iter().find(|event| event["event"] == "tries_read").unwrap();
    assert_eq!(read["args"], serde_json::json!(["4", "10"]));
    // Values that are not in the task are not the user's.
    let out = world.run(&new(&["--name", "t", "--auto"]));
    let events = world.journal(if out.code == Some(2) { "s" } else { "t" });
    let read = events.iter().find(|event| event["event"] == "tries_read").unwrap();
    assert!(out.code == Some(2) || read["args"].is_null(), "{read}");
}

#[test]
fn requested_functions_are_imported_and_compared() {
    let main = "if __name__ == '__main__':\n    ";
    for second in ["print('demo', half(7))", &format!("{main}print(half(float(input('n: '))))")] {
        let world = world(&[
            &format!(
                "def half(n):\n    return n / 2\n\n{main}import sys\n    print(half(int(sys.argv[1])))"
            ),
            &format!("def half(n):\n    return n * 0.5\n\n{second}"),
            "def half(n):\n    return n // 2",
        ]);
        let args = ["--config", "agree.yaml", "new", "a function half(n) to import", "--name", "s"];
        let out = world.run(&[&args[..], &["--preset", "quick", "--auto"]].concat()).expect(0).out;
        assert!(out.contains("accepted v1 (agreed: 2 of 3)"), "{second}: {out}");
        assert!(!world.read("sessions/s/script_v1.py").contains("//"));
    }
}

#[test]
fn an_example_is_a_test_of_every_version() {
    let world = World::scripted(
        &[],
        &[
            &fenced("n = int(input())\nprint(n + 1)"),
            &fenced("n = int(input())\nprint('It is', n * 2)"),
        ],
        &[],
    );
    let args = ["new", "double it", "--name", "s", "--preset", "quick", "--auto"];
    let args = [&args[..], &["--stdin", "5", "--example", "input: 5 -> 10"]].concat();
    let out = world.run(&args).expect(0).out;
    assert!(out.contains("accepted v2 (tested: 1 of 1)"), "{out}");
    let prompt = world.received()[0].prompt();
    assert!(prompt.contains("- input `5\\n` prints `10`"), "{prompt}");
    assert!(world.received()[1].prompt().contains("E1"), "the repair is told what failed");
    // Written files are compared too.
    let world =
        World::scripted(&[], &[&fenced("open('a.txt', 'w').write('x')\nprint('done')")], &[]);
    let args = ["new", "x", "--name", "s", "--preset", "quick", "--auto", "--example"];
    let out = world.run(&[&args[..], &["prints `done` writes `a.txt`"]].concat()).expect(0).out;
    assert!(out.contains("accepted v1 (tested: 1 of 1)"), "{out}");
    let out = world.run(&["new", "x", "--name", "t", "--example", "5 = 10"]).expect(2);
    assert!(out.err.contains("--example"), "{}", out.err);
}

#[test]
fn a_script_that_ignores_its_data_is_not_accepted() {
    let world = world(&[NINE, "open('a.csv').read()\nprint(9)", "print('9')"]);
    world.write("a.csv", "n\n2\n3\n4\n");
    let out = world.run(&new(&["--auto", "--data", "a.csv", "--max-versions", "1"])).expect(3).out;
    assert!(!out.contains("accepted v1"), "{out}");
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("what is in the data files"), "{report}");
}

#[test]
fn a_script_that_times_out_is_not_accepted() {
    let world = World::scripted(&[], &[&fenced("while True:\n    pass")], &[]);
    world.write("short.yaml", "sandbox: {seconds: 1}\nlimits: {repairs: 0, max_versions: 1}\n");
    let args = ["--config", "short.yaml", "new", "wait", "--name", "s", "--preset", "quick"];
    world.run(&[&args[..], &["--auto"]].concat()).expect(3);
}

#[test]
fn examples_of_a_plan_are_tests_once_the_plan_is_approved() {
    let plan = "It doubles a number.\nR1: It prints the double.\n\n## Examples\n\n\
                - E1: input `5\\n` prints `10`\n";
    let scripts = [
        fenced("n = int(input())\nprint(n + 1)"),
        fenced("n = int(input())\nprint('It is', n * 2)"),
    ];
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = World::scripted(&[plan], &scripts, &["R1: met\nVERDICT: ACCEPT"]);
    let new = ["new", "double it", "--stdin", "5", "--name"];
    let out = world.run_with(&[&new[..], &["s"]].concat(), "approve\naccept\n").expect(0).out;
    assert!(out.contains("- E1: input `5\\n` prints `10`"), "the gate shows it\n{out}");
    assert!(out.contains("accepted v2 (tested: 1 of 1)"), "{out}");
    assert!(world.read("sessions/s/plan.md").contains("## Examples\n\n- E1: input"));
    // Nobody has confirmed the expected result.
    let world = World::scripted(&[plan], &scripts, &["R1: met\nVERDICT: ACCEPT"]);
    let out = world.run(&[&new[..], &["s", "--auto"]].concat()).expect(0).out;
    assert!(out.contains("accepted v1 (ran)"), "{out}");
}

#[test]
fn an_attribute_that_hides_a_method_is_fixed_without_a_repair() {
    let script = "class Sum:\n    def __init__(self):\n        self.total = 0\n\n    \
                  def total(self):\n        return self.total\n\nprint(Sum().total())";
    let world = World::scripted(&[], &[&fenced(script)], &[]);
    let args = ["new", "a sum", "--name", "s", "--preset", "quick", "--auto"];
    world.run(&args).expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "0\n");
    assert!(world.read("sessions/s/script_v1.py").contains("self._total = 0"));
}

/// A model whose probe shows that it guesses, in an unattended session.
#[test]
fn a_model_that_judges_by_chance_does_not_plan_or_review_unattended() {
    let world = World::with(|request| {
        let prompt = request.prompt();
        if request.place() != "/v1/chat/completions" {
            return Reply::raw(404, "text/plain", ["no"]);
        }
        let text = if prompt.contains("VERDICT: ITERATE` if it does not") {
            "VERDICT: ACCEPT".to_owned()
        } else if prompt.contains("What is the password?") {
            "plum-4711".to_owned()
        } else if prompt.contains("You are the Planner") {
            "It prints one.\nR1: It prints one.\n".to_owned()
        } else if prompt.contains("You are the Reviewer") {
            "R1: met\nVERDICT: ACCEPT".to_owned()
        } else {
            fenced("print(1)")
        };
        Reply::to(request, &text)
    });
    let out = world.run(&["models", "probe"]).expect(0).out;
    assert!(out.contains("judged 3 of 6 small scripts rightly, no better than chance"), "{out}");
    let out = world.run(&["new", "one", "--name", "s", "--auto"]).expect(0).out;
    assert!(out.contains("no plan and no review"), "{out}");
    assert!(world.journal("s").iter().all(|event| event["event"] != "plan_proposed"));
    // With a user at the gates, the model plans and reviews as usual.
    let out = world.run_with(&["new", "one", "--name", "t"], "approve\naccept\n").expect(0).out;
    assert!(out.contains("writes a plan") && out.contains("reviews v1"), "{out}");
}
