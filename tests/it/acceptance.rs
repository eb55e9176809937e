//! What the Manager gives a session to be run with and to be held against: arguments, input, tests.

use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};

/// A session `s` that works by itself, with these flags.
fn new<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["new", "add two numbers", "--name", "s", "--auto", "--sandbox", "off"];
    args.extend(more);
    args
}

/// The prompts that an agent was sent.
fn asked(world: &World, who: Asking) -> Vec<String> {
    let received = world.received();
    received.iter().filter(|r| agent(r) == who).map(|r| r.prompt()).collect()
}

#[test]
fn every_version_is_run_with_the_arguments_and_the_input_that_the_manager_gave() {
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
    assert_eq!(out.out, "2 ['-y'] ['4', '5', '']\n");
    let kept = world.read("sessions/s/session.yaml");
    assert!(kept.contains("args:\n- -x\n") && kept.contains("stdin: |\n  4\n  5\n"), "{kept}");
    world.run(&["resume", "s", "--auto", "--args", "", "--stdin", ""]).expect(0);
    assert!(!world.read("sessions/s/session.yaml").contains("stdin:"));
}

#[test]
fn an_input_that_can_not_be_read_stops_before_anything_is_made() {
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
