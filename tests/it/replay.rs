//! Replaying a session from its journal: no model is called, nothing is run or written.

use crate::support::world::{ACCEPT, PLAN, World, fenced};
use serde_json::Value;

const REFUSAL: &str = "R1: met\nR2: not met\n- [blocker] R2 \"print('two')\" not in capital letters\n\
                       - [nit] R1 there is no docstring\nVERDICT: ITERATE\n";

/// A world whose Coder's first answer is unusable and whose first script fails.
fn world() -> World {
    let scripts: Vec<String> = ["I can't.".to_owned(), fenced("print('one')\nprint(1 / 0)")]
        .into_iter()
        .chain((1..9).map(|n| fenced(&format!("print('one', {n})\nprint('two')"))))
        .collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    World::scripted(&[PLAN], &scripts, &["Well.", REFUSAL, REFUSAL, REFUSAL, ACCEPT])
}

const NEW: [&str; 6] = ["new", "count to two", "--name", "s", "--sandbox", "off"];

fn replayed(world: &World, code: i32) -> Value {
    world.run(&["replay", "s", "--json"]).expect(code).json().remove(0)
}

#[test]
fn every_kind_of_session_replays_without_a_difference() {
    let by_hand = "make it quick\napprove\ntest R1: no it is odd\nwaive F1\niterate\nreopen F1\n\
                   feedback: louder\nrewind v2\nrun\niterate\nplan: in capitals\napprove\naccept\n";
    for (flags, input) in [
        (&["--auto"][..], ""),
        (&["--auto", "--no-run"], ""),
        (&["--auto", "--max-versions", "2"], ""),
        (&["--auto", "--budget-tokens", "700"], ""),
        (&[], by_hand),
        (&["--no-run"], "approve\nquit\n"),
        (&["--auto", "--tests", "test_it.py"], ""),
        (&["--auto", "--candidates", "3"], ""),
        (&["--auto", "--preset", "quick"], ""),
        (&["--auto", "--preset", "sampler"], ""),
    ] {
        let world = world();
        world.write("test_it.py", "def test_r1():\n    pass\n");
        world.run_with(&[&NEW[..], flags].concat(), input);
        let before = world.tree();
        let asked = world.received().len();
        let out = world.run(&["replay", "s"]).expect(0);
        assert!(out.out.ends_with("no difference\n"), "{flags:?}: {}", out.out);
        assert_eq!(world.received().len(), asked, "a model was asked");
        assert!(world.tree() == before, "{flags:?}: something was written");
        // Resumed with `--auto`, the journal contains the events of both runs.
        world.run(&["resume", "s", "--auto"]);
        let said = replayed(&world, 0);
        assert_eq!(said["same"], true, "{flags:?}: {said:#}");
    }
}

#[test]
fn replay_needs_none_of_the_recorded_models() {
    let world = world();
    world.run(&[&NEW[..], &["--auto"]].concat());
    world.write("redraft.yaml", "model: other/m\n");
    assert_eq!(replayed(&world, 0)["same"], true);
}

#[test]
fn a_changed_template_is_reported_as_the_first_difference() {
    let world = world();
    world.run(&[&NEW[..], &["--auto"]].concat());
    let template = world.run(&["prompts", "export", "home/.config/redraft/prompts"]);
    template.expect(0);
    assert_eq!(replayed(&world, 0)["same"], true, "the same templates in another place");
    let file = "home/.config/redraft/prompts/coder.md";
    let changed = world.read(file).replacen("You are the Coder", "You are the quick Coder", 1);
    std::fs::write(world.file(file), changed).unwrap();
    let out = world.run(&["replay", "s"]).expect(1).out;
    let first = out.lines().find(|line| line.starts_with("the first difference")).unwrap();
    assert!(first.contains("call 2 (coder, v1): another prompt, line 2"), "{out}");
    assert!(out.contains("  then: You are the Coder") && out.contains("  now:  You are the quick"));
    let said = replayed(&world, 1);
    let all = said["differences"].as_array().unwrap();
    // Each prompt is compared with the recorded one, so one difference does not cause others.
    assert!(all.iter().all(|d| d["what"].as_str().unwrap().starts_with("prompt")), "{said:#}");
    assert_eq!(all[0]["seq"], 6, "{said:#}");
}

#[test]
fn a_difference_in_parsing_or_rules_is_reported() {
    // The text now in the journal, the original text, the subject, and the reported difference.
    for (now, then, about, what) in [
        ("print('one', 1)\\n", "print('one', 7)\\n", "v2", "script, line 1"),
        (
            "\"severity\":\"nit\",\"text\":\"there is",
            "\"severity\":\"should\",\"text\":\"there is",
            "v2",
            "finding F2",
        ),
        ("VERDICT: ITERATE\\n\\nThe", "VERDICT: ACCEPT\\n\\nThe", "v2", "review, line 3"),
        (
            "\"event\":\"iteration_asked\",\"by\":\"auto\"",
            "\"event\":\"accepted\",\"version\":2,\"without_run\":false,\"by\":\"auto\"",
            "v2",
            "outcome",
        ),
    ] {
        let world = world();
        world.run(&[&NEW[..], &["--auto", "--max-versions", "3"]].concat());
        let journal = world.read("sessions/s/journal.jsonl");
        let lines: Vec<String> = journal
            .lines()
            .map(|line| {
                let made = !line.contains("\"event\":\"model_call") && line.contains(now);
                if made { line.replacen(now, then, 1) } else { line.to_owned() }
            })
            .collect();
        assert_ne!(lines.join("\n") + "\n", journal, "{now}");
        world.write("sessions/s/journal.jsonl", &(lines.join("\n") + "\n"));
        let said = replayed(&world, 1);
        let first = &said["differences"][0];
        assert_eq!(
            (first["about"].as_str(), first["what"].as_str()),
            (Some(about), Some(what)),
            "{said:#}"
        );
    }
}

#[test]
fn a_session_that_cannot_be_replayed_says_why() {
    let world = world();
    world.run(&[&NEW[..], &["--auto"]].concat());
    world.run(&["replay", "nothing"]).expect(2);
    world.run(&["replay", "s:v1"]).expect(2);
    world.write("home/.config/redraft/prompts/coder.md", "{{ nothing");
    let out = world.run(&["replay", "s"]).expect(2);
    assert!(out.err.contains("coder.md"), "{}", out.err);
    std::fs::remove_file(world.file("home/.config/redraft/prompts/coder.md")).unwrap();
    world.write("sessions/s/journal.jsonl", "no json\n{}\n");
    world.run(&["replay", "s"]).expect(5);
}

/// A session with a journal from an older version, in which a finding says only that R2 is partly
/// met.
#[test]
fn a_finding_of_an_older_session_that_only_repeats_its_requirement_is_not_shown() {
    let world = World::empty();
    let journal = include_str!("fixtures/older/journal.jsonl");
    assert!(journal.contains("\"text\":\"partly: Draw an hour"), "the finding is in the journal");
    world.write("sessions/s/journal.jsonl", journal);
    let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
    let ids: Vec<&str> =
        shown["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["F1", "F2", "F4"]);
    for args in [&["show", "s"][..], &["report", "s", "--format", "md", "-o", "-"]] {
        let text = world.run(args).expect(0).out;
        assert!(text.contains("the circle has no hour marks"), "{text}");
        assert!(!text.contains("partly: Draw"), "{text}");
    }
    let table = world.run(&["show", "s"]).expect(0).out;
    assert!(table.contains("  R2   ✗r   ~v   ✓v   ✓v   Draw an hour"), "{table}");
}
