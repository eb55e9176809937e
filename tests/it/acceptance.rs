//! What the user gives a session: arguments, input and tests.

use crate::support::model_server::Received;
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced, wait_for};

/// The arguments for an automatic session `s` with these additional flags.
fn new<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["new", "add two numbers", "--name", "s", "--auto", "--sandbox", "off"];
    args.extend(more);
    args
}

/// The prompts sent to an agent.
fn asked(world: &World, who: Asking) -> Vec<String> {
    let received = world.received();
    received.iter().filter(|r| agent(r) == who).map(Received::prompt).collect()
}

#[test]
fn every_version_is_run_with_the_user_s_arguments_and_input() {
    let echo = |n: u8| {
        fenced(&format!("import sys\nprint({n}, sys.argv[1:], sys.stdin.read().split('\\n'))"))
    };
    let (first, second) = (echo(1), echo(2));
    let world = World::scripted(&[PLAN], &[&first, &second], &[ACCEPT]);
    let flags = ["--args", "--city 'New York' -v", "--stdin", "3"];
    world.run(&new(&flags)).expect(0);
    let printed = |n: u8| world.read(&format!("sessions/s/run_v{n}/stdout.txt"));
    assert_eq!(printed(1), "1 ['--city', 'New York', '-v'] ['3', '']\n");
    for who in [Asking::Planner, Asking::Coder] {
        let prompt = &asked(&world, who)[0];
        let told = "python script.py --city 'New York' -v\nwith this on standard input:\n  3\n";
        assert!(prompt.contains(told), "{prompt}");
    }
    world.write("input.txt", "4\n5\n");
    world.run(&["feedback", "s", "again"]).expect(0);
    world.run(&["resume", "s", "--auto", "--args", "-x", "--stdin", "@input.txt"]).expect(0);
    assert_eq!(printed(2), "2 ['-x'] ['4', '5', '']\n");
    let out = world.run(&["run", "s", "--sandbox", "off"]).expect(0);
    assert_eq!(out.out, printed(2));
    let out = world.run(&["run", "s", "--sandbox", "off", "--", "-y"]).expect(0);
    assert_eq!(out.out, "2 ['-y'] ['']\n");
    let kept = world.read("sessions/s/session.yaml");
    assert!(kept.contains("args:\n- -x\n") && kept.contains("stdin: |\n  4\n  5\n"), "{kept}");
    world.run(&["resume", "s", "--auto", "--args", "", "--stdin", ""]).expect(0);
    assert!(!world.read("sessions/s/session.yaml").contains("stdin:"));
}

#[test]
fn the_plan_gives_the_run_input_where_the_user_gave_none() {
    let version = |n: u32| {
        fenced(&format!("import sys\nprint({n}, sys.argv[1:], sys.stdin.read().split('\\n'))"))
    };
    let versions = [1, 2, 3].map(version);
    let asked_for = PLAN.replace("It prints two.", "It prints the number for a city.");
    let tried = "Try with arguments: --city 'New York'\n- **Try with input:** `3`\n";
    let plan = format!("{asked_for}{tried}");
    let world = World::scripted(&[&plan], &versions.each_ref().map(String::as_str), &[ACCEPT]);
    let printed = |n: u32| world.read(&format!("sessions/s/run_v{n}/stdout.txt"));
    let by = |n: u32, who: &str| {
        let report = world.read(&format!("sessions/s/report_v{n}.yaml"));
        assert!(report.contains(&format!("given_by: {who}\n")), "{report}");
    };
    world.run_with(&["new", "the weather", "--name", "s"], "approve\nquit\n").expect(3);
    let kept = world.read("sessions/s/plan.md");
    let part = "## Try it with\n\n- arguments: --city 'New York'\n- input: 3\n";
    assert!(kept.contains(part) && !kept.contains("Try with"), "{kept}");
    assert_eq!(printed(1), "1 ['--city', 'New York'] ['3', '']\n");
    by(1, "plan");
    let prompt = &asked(&world, Asking::Coder)[0];
    let told = "python script.py --city 'New York'\nwith this on standard input:\n  3\n";
    assert!(prompt.contains(told), "{prompt}");
    let out = world.run(&["run", "s"]).expect(0).out;
    assert!(out.contains("['--city', 'New York'] ['3', '']"), "{out}");

    // The user can edit the plan; arguments and input from the command line take precedence.
    let edited = kept.replace("- input: 3\n", "- input: 4\n- input: \n");
    std::fs::write(world.file("sessions/s/plan.md"), edited).unwrap();
    world.run_with(&["resume", "s", "--args", "-v"], "quit\n").expect(3);
    assert_eq!(printed(2), "2 ['-v'] ['4', '', '']\n");
    by(2, "both");
    world.run_with(&["resume", "s", "--stdin", "5"], "iterate\nquit\n").expect(3);
    assert_eq!(printed(3), "3 ['-v'] ['5', '']\n");
    by(3, "manager");
}

#[test]
fn unreadable_run_input_is_refused_before_a_session_is_made() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    for (flags, said) in [
        (["--stdin", "@nothing.txt"], "`nothing.txt`"),
        (["--args", "--name 'x"], "a quote is not closed"),
    ] {
        let out = world.run(&new(&flags)).expect(2);
        assert!(out.err.contains(said), "{}", out.err);
        assert!(!world.file("sessions/s").exists() && world.received().is_empty());
    }
}

/// One script per implementation of `add`, in order.
fn adding(bodies: &[&str]) -> Vec<String> {
    let script = |body| format!("def add(a, b):\n    {body}\n\nprint(add(1, 1))");
    bodies.iter().map(|body| fenced(&script(body))).collect()
}

fn scripted(coder: &[String], reviewer: &[&str]) -> World {
    let coder: Vec<&str> = coder.iter().map(String::as_str).collect();
    let world = World::scripted(&[PLAN], &coder, reviewer);
    world.write(
        "tests/test_add.py",
        "from script import add\n\ndef test_one():\n    assert add(1, 1) == 2\n\n\
         def test_two():\n    assert add(2, 3) == 5\n",
    );
    world.write("tests/cases.yaml", "- name: prints\n  stdout: 2\n");
    world.write("tests/notes.txt", "no test");
    world
}

#[test]
fn a_version_whose_tests_fail_is_repaired_until_they_pass() {
    let world = scripted(&adding(&["return a * b", "return a + b"]), &[ACCEPT]);
    let out = world.run(&new(&["--tests", "tests"])).expect(0);
    assert!(out.out.contains("tests: 0 of 3 passed, failed: cases.yaml::prints"), "{}", out.out);
    assert!(out.out.contains("tests: 3 of 3 passed") && out.out.contains("accepted v2"));
    let first = &asked(&world, Asking::Coder)[0];
    assert!(first.contains("The script must define at its top level: add\n"), "{first}");
    let repair = &asked(&world, Asking::Coder)[1];
    for said in [
        "Acceptance tests: 0 of 3 passed.",
        "cases.yaml::prints: line 1 of the output is `1`, not `2`",
        "test_add.py::test_two: line 7: assert add(2, 3) == 5; AssertionError: ",
        "The run: ok",
    ] {
        assert!(repair.contains(said), "{said}: {repair}");
    }
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("- name: test_add.py::test_two\n  outcome: failed\n"), "{report}");
    assert_eq!(world.read("sessions/s/report_v2.yaml").matches("outcome: passed").count(), 3);
    let created = &world.journal("s")[0];
    let names: Vec<_> = created["tests"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["cases.yaml", "test_add.py"]);
    assert!(world.file("sessions/s/tests/test_add.py").is_file());
    let shown = world.run(&["show", "s:v1"]).expect(0).out;
    assert!(shown.contains("tests") && shown.contains("failed test_add.py::test_one: line 4: "));
    let shown = world.run(&["--json", "show", "s:v2"]).expect(0).json();
    assert_eq!(shown[0]["tests"][1]["outcome"], "passed");
}

#[test]
fn a_version_with_failing_tests_is_not_accepted_by_the_reviewer_alone() {
    let world = scripted(&adding(&["return 0", "return 1", "return 3"]), &[ACCEPT]);
    let flags = ["--tests", "tests/test_add.py", "--repairs", "1", "--max-versions", "3"];
    let out = world.run(&new(&flags)).expect(3);
    assert!(out.out.contains("limit of 3 versions"), "{}", out.out);
    let reviews = asked(&world, Asking::Reviewer);
    assert!(reviews[0].contains("test_add.py::test_one: line 4"), "{}", reviews[0]);
    let notes = world.read("sessions/s/review_v2.md");
    assert!(notes.contains("VERDICT: ITERATE\n"), "{notes}");
    assert!(notes.contains("- [blocker] test test_add.py::test_one failed: line 4"), "{notes}");
    // The user can accept it anyway.
    let out = world.run_with(&["resume", "s"], "accept\n").expect(0);
    assert!(out.out.contains("0 of 2 passed, failed: test_add.py::test_one, "), "{}", out.out);
}

#[test]
fn tests_that_keep_failing_stop_the_session_as_stuck() {
    let bodies: Vec<String> = (5..15).map(|n| format!("return {n}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let world = scripted(&adding(&bodies), &[ACCEPT]);
    world.write(
        "tests/test_add.py",
        "import script\n\ndef test_one():\n    assert script.add(1, 1) == 2\n",
    );
    let out = world.run(&new(&["--tests", "tests/test_add.py", "--repairs", "0"])).expect(3);
    let said = "the same blockers are open for 3 versions (test_add.py::test_one)";
    assert!(out.out.contains(said), "{}", out.out);
    assert!(world.file("sessions/s/script_v4.py").is_file(), "one warmer try");
    assert!(!world.file("sessions/s/script_v5.py").is_file());
    let log = world.run(&["log", "s"]).expect(0).out;
    assert!(log.contains("tests finished") && log.contains("v1, 0 of 1 passed"), "{log}");
}

#[test]
fn a_test_that_passed_before_is_reported_as_a_regression() {
    let bodies = ["return a + b", "return 4 - a - b", "return b + a"];
    let world = scripted(&adding(&bodies), &[ACCEPT]);
    world.run(&new(&["--tests", "tests"])).expect(0);
    world.run(&["feedback", "s", "make it faster"]).expect(0);
    let out = world.run(&["resume", "s", "--auto"]).expect(0);
    assert!(out.out.contains("failed: test_add.py::test_two (passed in v1)"), "{}", out.out);
    let repair = &asked(&world, Asking::Coder)[2];
    assert!(repair.contains("regression: test test_add.py::test_two passed in v1"), "{repair}");
    assert!(!repair.contains("regression: test test_add.py::test_one"), "{repair}");
    assert!(world.read("sessions/s/report_v2.yaml").contains("passed_in: 1"));
}

#[test]
fn removed_functions_are_reported_unless_feedback_asked_for_it() {
    let full = "def parse(): pass\ndef show_menu(): pass\ndef main(): print(1)\nmain()";
    let scripts = [fenced(full), fenced("def main(): print(2)\nmain()"), fenced("print(3)")];
    let world = scripted(&scripts, &[ACCEPT]);
    world.run(&new(&[])).expect(0);
    world.run(&["feedback", "s", "away with the menu"]).expect(0);
    let out = world.run_with(&["resume", "s", "--sandbox", "off"], "feedback: more\nquit\n");
    assert!(out.out.contains("gone: parse"), "{}", out.out);
    let prompts = asked(&world, Asking::Coder);
    let told = "Gone since the version before, without anybody asking for it: `parse`.";
    assert!(prompts[2].contains(told), "{}", prompts[2]);
    assert!(asked(&world, Asking::Reviewer)[1].contains(told));
    assert!(world.read("sessions/s/review_v2.md").contains("- [should] Gone since"));
}

#[test]
fn tests_run_once_per_run_even_after_a_kill() {
    let world = scripted(&adding(&["return a + b"]), &[ACCEPT]);
    world.run(&["new", "add", "--name", "s", "--tests", "tests"]).expect(3);
    world.run_with(&["resume", "s"], "approve\n").expect(3);
    let finished = || world.events("s").iter().filter(|e| *e == "tests_finished").count();
    assert_eq!(finished(), 1);
    world.run(&["resume", "s"]).expect(3);
    assert_eq!(finished(), 1, "they were run again for nothing");
    world.run_with(&["resume", "s"], "run\n").expect(3);
    assert_eq!(finished(), 2);
    // Cut the journal off while the tests were running.
    let journal = world.read("sessions/s/journal.jsonl");
    let begun = journal.find("\"event\":\"tests_finished\"").unwrap();
    let cut = journal[..begun].rfind('\n').unwrap();
    std::fs::write(world.file("sessions/s/journal.jsonl"), &journal[..=cut]).unwrap();
    world.run_with(&["resume", "s"], "accept\n").expect(0);
    assert_eq!(finished(), 1);
    assert!(world.read("sessions/s/report_v1.yaml").contains("outcome: passed"));
}

#[test]
fn ctrl_c_stops_running_tests_and_resume_runs_them_again() {
    use nix::sys::signal::{Signal, kill};
    let world = scripted(&adding(&["return a + b"]), &[ACCEPT]);
    world.write("waits.py", "import time, script\nassert script\ntime.sleep(60)\n");
    let mut child = world.start(&new(&["--tests", "waits.py"]));
    wait_for(|| {
        let journal = std::fs::read_to_string(world.file("sessions/s/journal.jsonl"));
        journal.is_ok_and(|text| text.contains("\"tests_started\""))
    });
    kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!world.events("s").contains(&"tests_finished".to_owned()));
    // The user has changed the test.
    std::fs::write(world.file("sessions/s/tests/waits.py"), "import script\nassert script\n")
        .unwrap();
    let out = world.run(&["resume", "s", "--auto"]).expect(0);
    assert!(out.out.contains("tests: 1 of 1 passed"), "{}", out.out);
    assert_eq!(world.received().len(), 3, "a model was asked again");
}

#[test]
fn a_fork_has_the_same_tests() {
    let world = scripted(&adding(&["return a + b", "return b + a"]), &[ACCEPT]);
    world.run(&new(&["--tests", "tests"])).expect(0);
    world.run(&["fork", "s:v1", "t"]).expect(0);
    world.run(&["feedback", "t", "other"]).expect(0);
    let out = world.run(&["resume", "t", "--auto"]).expect(0);
    assert!(out.out.contains("tests: 3 of 3 passed"), "{}", out.out);
}

#[test]
fn no_run_also_skips_the_tests_and_says_so() {
    let world = scripted(&adding(&["return a * b"]), &[ACCEPT]);
    let args = ["new", "add", "--name", "s", "--no-run", "--tests", "tests"];
    let out = world.run_with(&args, "approve\naccept\n").expect(0);
    assert!(out.out.contains("tests") && out.out.contains("not run"), "{}", out.out);
    assert!(!world.events("s").iter().any(|e| e.starts_with("tests_")));
}

#[test]
fn an_acceptance_says_how_many_tests_were_not_run() {
    let world = scripted(&adding(&["return a + b"]), &[ACCEPT]);
    let test = "import unittest, script\n\n@unittest.skip('later')\nclass TestA(unittest.TestCase):\n    \
        def test_a(self): assert script.add\n";
    world.write("test_later.py", test);
    let out = world.run(&new(&["--tests", "test_later.py"])).expect(0);
    assert!(out.out.contains("0 of 1 passed, 1 skipped: later"), "{}", out.out);
    assert!(out.out.contains("accepted v1 (ran) with 1 test not run: "), "{}", out.out);
}

#[test]
fn tests_run_confined_like_the_script() {
    let world = scripted(&adding(&["return a + b"]), &[ACCEPT]);
    let home = world.file("home").display().to_string();
    let test = format!(
        "import script\nassert script.add\n\
         try: open('{home}/x', 'w')\nexcept OSError: pass\nelse: raise SystemExit('it could')\n"
    );
    world.write("confined.py", &test);
    let args = ["new", "add", "--name", "s", "--auto", "--tests", "confined.py"];
    let out = world.run(&args).expect(0);
    assert!(out.out.contains("tests: 1 of 1 passed"), "{}", out.out);
}

#[test]
fn the_example_cases_of_the_guide_pass() {
    let guide = include_str!("../../docs/tests.md");
    let cases = guide.split("```yaml\n").find(|part| part.starts_with("- name: two")).unwrap();
    let script = "import sys\n\ntry:\n    lines = open(sys.argv[1]).read().split()\n\
        except IndexError:\n    lines = []\n\
        except OSError:\n    print('total: 0')\n    sys.exit(1)\n\
        print(f'total: {sum(map(float, lines))}')\n";
    let world = scripted(&[fenced(script)], &[ACCEPT]);
    world.write("cases.yaml", cases.split("```").next().unwrap());
    let out = world.run(&new(&["--tests", "cases.yaml"])).expect(0);
    assert!(out.out.contains("tests: 3 of 3 passed"), "{}", out.out);
}

#[test]
fn invalid_test_files_are_refused_before_a_session_is_made() {
    let world = scripted(&adding(&["return a + b"]), &[ACCEPT]);
    world.write("bad.yaml", "- name: x\n  stdout: 1\n  pattrn: a\n");
    world.write("other/test_add.py", "def test_a(): pass\n");
    std::fs::create_dir(world.file("empty")).unwrap();
    for (path, said) in [
        ("bad.yaml", "unknown field `pattrn`"),
        ("bad.yaml", "at line 3 column 3"),
        ("tests/notes.txt", "tests are files of Python"),
        ("empty", "no file in it holds any"),
        ("nothing", "no such file"),
        ("other", "another file given has the same name"),
    ] {
        let out = world.run(&new(&["--tests", "tests/test_add.py", "--tests", path])).expect(2);
        assert!(out.err.contains(said) && out.err.contains(path), "{}", out.err);
        assert!(!world.file("sessions/s").exists() && world.received().is_empty());
    }
}

#[test]
fn a_window_is_tested_on_a_display_of_its_own() {
    let script = "import tkinter\n\ndef make():\n    root = tkinter.Tk()\n    root.title('hi')\n    \
        return root\n\nif __name__ == '__main__':\n    make().mainloop()\n";
    let world = scripted(&[fenced(script)], &[ACCEPT]);
    let test = "from script import make\n\ndef test_title():\n    root = make()\n    root.update()\n    \
        assert root.title() == 'hi' and root.winfo_viewable()\n";
    world.write("test_title.py", test);
    let out = world.run(&["new", "hi", "--name", "s", "--auto", "--tests", "test_title.py"]);
    let mut python = std::process::Command::new("python3");
    let toolkit = python.args(["-c", "import tkinter"]).status().unwrap().success();
    if toolkit && redraft::sandbox::display::missing().is_none() {
        assert!(out.out.contains("tests: 1 of 1 passed"), "{}", out.out);
    } else {
        assert!(!out.out.contains("1 of 1 passed"), "{}", out.out);
    }
}
