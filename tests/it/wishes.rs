//! The user's feedback stays open: it is shown with every later version until the user closes it.

use crate::support::model_server::Received;
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};

fn prompts(world: &World, of: Asking) -> Vec<String> {
    let received = world.received();
    let same = |asked: &Asking| std::mem::discriminant(asked) == std::mem::discriminant(&of);
    received.iter().filter(|asked| same(&agent(asked))).map(Received::prompt).collect()
}

/// Scripts of equal length, so that prompts can be compared.
fn versions(n: usize) -> Vec<String> {
    let body = "print('a line of a script that is as long as they are')\n".repeat(30);
    (10..10 + n).map(|version| fenced(&format!("print({version})\n{body}"))).collect()
}

#[test]
fn every_open_feedback_is_in_every_later_prompt() {
    let scripts = versions(21);
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
    let wish = |n: usize| format!("make hand {n} blue");
    let said: String = (1..=20).map(|n| format!("feedback: {}\n", wish(n))).collect();
    let args = ["new", "x", "--name", "s", "--max-versions", "30"];
    world
        .run_with(&args, &format!("approve\n{said}waive F2\ntest F3: yes\niterate\nquit\n"))
        .expect(3);
    let coder = prompts(&world, Asking::Coder);
    let (third, twentieth) = (&coder[2], &coder[19]);
    for n in 1..=19 {
        assert!(twentieth.contains(&wish(n)), "{n} is missing\n{twentieth}");
    }
    assert!(twentieth.len() * 10 <= third.len() * 13, "{} and {}", twentieth.len(), third.len());
    let last = coder.last().unwrap();
    assert!(last.contains(&wish(1)) && !last.contains(&wish(2)) && !last.contains(&wish(3)));
    let reviewer = prompts(&world, Asking::Reviewer);
    assert!(reviewer[5].contains(&wish(1)) && reviewer[5].contains(&wish(5)), "{}", reviewer[5]);
}

#[test]
fn accepting_a_version_settles_its_feedback() {
    let scripts = versions(3);
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
    world.run_with(&["new", "x", "--name", "s"], "approve\nblue hands\naccept\n").expect(0);
    world.run(&["feedback", "s", "red hands"]).expect(0);
    world.run_with(&["resume", "s"], "quit\n").expect(3);
    let coder = prompts(&world, Asking::Coder);
    assert!(coder[1].contains("blue hands"));
    assert!(coder[2].contains("red hands") && !coder[2].contains("blue hands"), "{}", coder[2]);
}

#[test]
fn no_review_settles_a_finding_of_the_user() {
    let scripts = versions(4);
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
    let said = "approve\ntest R2: no, the hands stand still\niterate\niterate\nquit\n";
    world.run_with(&["new", "x", "--name", "s"], said).expect(3);
    let coder = prompts(&world, Asking::Coder);
    for prompt in &coder[1..] {
        assert!(prompt.contains("the hands stand still"), "{prompt}");
    }
    let out = world.run(&["resume", "s", "--auto"]).expect(3).out;
    assert!(out.contains("only you can say whether F1 is settled"), "{out}");
    let out = world.run_with(&["resume", "s"], "test R2: yes\naccept\n").expect(0).out;
    assert!(out.contains("accepted v3"), "{out}");
}

#[test]
fn going_back_to_a_version_reopens_its_findings() {
    let scripts = ["print(1)", "print(2)", "print(3)"].map(fenced);
    let first =
        "R1: met\nR2: not met\n- [blocker] R2 \"print(1)\" the sum is missing\nVERDICT: ITERATE\n";
    let world =
        World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[first, ACCEPT, ACCEPT]);
    let said = "approve\niterate\nrewind v1\niterate\nquit\n";
    world.run_with(&["new", "x", "--name", "s"], said).expect(3);
    let coder = prompts(&world, Asking::Coder);
    assert!(
        coder[2].contains("print(1)") && coder[2].contains("the sum is missing"),
        "{}",
        coder[2]
    );
}
