//! A successful run that leaves nothing that could be the requested result.

use crate::support::world::{ACCEPT, PLAN, World, fenced};

const NEW: [&str; 6] = ["new", "the mean", "--name", "s", "--auto", "--sandbox=off"];

/// The text with line breaks replaced by spaces.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const NAN: &str = "print('mean', float('nan'))";
const SILENT: &str = "def main():\n    print(1)";

#[test]
fn a_run_without_a_result_is_sent_back_with_the_reason() {
    for (script, told) in [
        (
            NAN,
            "It printed this, and nothing that it was given has such a value:\n```\nmean nan\n```",
        ),
        (SILENT, "It printed nothing and wrote no file. Running the file has to do the work"),
    ] {
        for preset in ["guided", "quick"] {
            let scripts = [fenced(script), fenced("print('mean', 3.5)")];
            let scripts = scripts.each_ref().map(String::as_str);
            let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
            let out = world.run(&[&NEW[..], &["--preset", preset]].concat()).expect(0);
            assert!(out.out.contains("accepted v2 (ran)"), "{}", out.out);
            let received = world.received();
            let asked = received.iter().rfind(|r| r.prompt().starts_with("You are the Coder"));
            let asked = asked.unwrap().prompt();
            assert!(asked.contains(told), "{asked}");
        }
    }
}

#[test]
fn a_run_without_a_result_is_accepted_only_by_the_user() {
    for (script, why) in [
        (NAN, "v2 is not accepted: it printed `mean nan`, and nothing that it was given has such"),
        (SILENT, "v2 is not accepted: it printed nothing and wrote no file"),
    ] {
        let scripts = [fenced(script), fenced(&format!("{script}\n# again"))];
        let scripts = scripts.each_ref().map(String::as_str);
        let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
        let out = world.run(&NEW).expect(3);
        assert!(in_one_line(&out.out).contains(&format!("paused: {why}")), "{}", out.out);
        assert_eq!(out.last_line(), "resume with: redraft resume s");
        let shown = world.run(&["show", "s:v2"]).expect(0).out;
        let seen = why.split(": ").nth(1).unwrap();
        assert!(in_one_line(&shown).contains(seen), "{shown}");
        world.run_with(&["resume", "s"], "accept\n").expect(0);
    }
}

#[test]
fn a_loop_that_prints_nothing_is_never_accepted() {
    let scripts = [fenced("while True:\n    pass"), fenced("while 1:\n    pass")];
    let scripts = scripts.each_ref().map(String::as_str);
    let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
    world.write("mine.yaml", "sandbox: { seconds: 1 }\n");
    let limits = ["--config", "mine.yaml", "--repairs", "1", "--max-versions", "2"];
    let out = world.run(&[&NEW[..], &limits].concat()).expect(3);
    assert!(!out.out.contains("accepted"), "{}", out.out);
    let told = world.received()[2].prompt();
    assert!(told.contains("It printed nothing and wrote no file."), "{told}");
}

#[test]
fn nan_is_accepted_where_the_data_has_missing_values() {
    for (data, accepted) in [("a,b\n1,2\n3,4\n", false), ("a,b\n1,\n3,4\n", true)] {
        let scripts = [fenced(NAN), fenced(&format!("{NAN}\n# again"))];
        let scripts = scripts.each_ref().map(String::as_str);
        let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
        world.write("d.csv", data);
        let out = world.run(&[&NEW[..], &["--data", "d.csv"]].concat());
        out.expect(if accepted { 0 } else { 3 });
    }
}
