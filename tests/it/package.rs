//! The Python package, which wraps the program, and the information it gets at gates.

use crate::support::world::{ACCEPT, PLAN, World, fenced};
use std::path::Path;
use std::process::Command;

#[test]
fn the_python_package_drives_the_program() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/tests");
    let mut command = Command::new("python3");
    command.args(["-W", "error", "-m", "unittest"]).current_dir(tests);
    command.env("REDRAFT_BIN", env!("CARGO_BIN_EXE_redraft")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("\nOK"), "{said}");
}

#[test]
fn with_json_questions_are_lines_and_answers_may_be_json_strings() {
    let scripts = [fenced("print(1)"), fenced("print(2)")];
    let world = World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[ACCEPT]);
    let args = ["new", "count to two", "--name", "s", "--json"];
    let answers = "\"approve\"\nallow\n\"first\\nsecond\"\naccept\n";
    let out = world.run_with(&args, answers).expect(0);
    let (questions, events): (Vec<_>, Vec<_>) =
        out.json().into_iter().partition(|value| value.get("event").is_none());
    assert_eq!(events, world.journal("s"));
    let asked = questions.iter().map(|value| &value["question"]);
    let asked: Vec<_> =
        asked.map(|q| (q["gate"].as_str().unwrap(), q["version"]["version"].as_u64())).collect();
    let one = ("version", Some(1));
    assert_eq!(asked, [("plan", None), one, one, ("version", Some(2))]);
    assert!(questions[0]["question"]["plan"]["text"].as_str().unwrap().contains("R2"));
    assert_eq!(world.read("sessions/s/feedback_v1.md"), "first\nsecond\n");
    let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
    let folder = world.path().canonicalize().unwrap().join("sessions/s");
    assert_eq!(shown["folder"].as_str(), folder.to_str());
}

#[test]
fn a_run_is_stopped_after_the_given_seconds() {
    let world = World::empty();
    world.write("busy.py", "while True:\n    pass\n");
    world.run(&["run", "busy.py", "--seconds", "1"]).expect(124);
    world.run(&["run", "busy.py", "--seconds", "0"]).expect(2);
}
