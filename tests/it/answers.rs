//! The handling of Coder answers that are not one complete script, through the real program.

use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};

const WHOLE: &str = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\n\
    def ring(a, b):\n    return area(b) - area(a)\n\n\nif __name__ == '__main__':\n    \
    print('draft', round(area(2), 2))\n    print('ring', round(ring(1, 2), 2))\n";

/// The review of the first version.
const ITERATE: &str = "R1: met\nR2: partly\n\n1. [blocker] R2: the edge is missing.\n   > import math\n\n\
    VERDICT: ITERATE\n";

const RUN: [&str; 7] = ["new", "count to two", "--name", "s", "--auto", "--sandbox", "off"];

/// The output of the second of two versions, where these are the Coder's further answers.
fn second(answers: &[&str]) -> (World, String) {
    let first = fenced(WHOLE);
    let mut coder = vec![first.as_str()];
    coder.extend(answers);
    let world = World::scripted(&[PLAN], &coder, &[ITERATE, ACCEPT]);
    world.run(&RUN).expect(0);
    let printed = world.read("sessions/s/run_v2/stdout.txt");
    (world, printed)
}

#[test]
fn a_partial_second_version_keeps_what_the_first_one_did() {
    let edge = "def edge(r):\n    return 2 * math.pi * r\n";
    let call = "    print('edge', round(edge(2), 2))\n";
    let last = "    print('ring', round(ring(1, 2), 2))\n";
    let diff: String = edge.lines().map(|line| format!("+{line}\n")).collect();
    for (what, answer, printed) in [
        (
            "a hunk",
            format!(
                "One place changes:\n\n```diff\n--- a/script_v1.py\n+++ b/script_v1.py\n@@ -1,2 +1,9 @@\n \
                 import math\n+\n+\n{diff}+\n+\n+print('edge', round(edge(2), 2))\n```\n"
            ),
            "edge 12.57\ndraft 12.57\nring 9.42\n",
        ),
        (
            "search and replace",
            format!(
                "```\n<<<<<<< SEARCH\ndef ring(a, b):\n=======\n{edge}\n\ndef ring(a, b):\n>>>>>>> REPLACE\n```\n\
                 ```\n<<<<<<< SEARCH\n{last}=======\n{last}{call}>>>>>>> REPLACE\n```\n"
            ),
            "draft 12.57\nring 9.42\nedge 12.57\n",
        ),
        (
            "an addition",
            fenced(&format!("import math\n\n\n{edge}\n\nprint('edge', round(edge(2), 2))")),
            "draft 12.57\nring 9.42\nedge 12.57\n",
        ),
        (
            "one function",
            fenced("def ring(a, b):\n    return 100 + area(b) - area(a)\n"),
            "draft 12.57\nring 109.42\n",
        ),
        (
            "two functions, each in a block of its own",
            fenced("def area(r):\n    return 3 * r * r\n")
                + &fenced("def ring(a, b):\n    return 100 + area(b) - area(a)\n")
                + &fenced("print(area(2))"),
            "draft 12\nring 109\n",
        ),
    ] {
        let (world, out) = second(&[&answer]);
        assert_eq!(out, printed, "{what}");
        let coder = world.received().iter().filter(|r| agent(r) == Asking::Coder).count();
        assert_eq!(coder, 2, "{what}: nobody is asked again");
    }
}

#[test]
fn an_inapplicable_edit_is_requested_again_with_the_reason() {
    let lost = "```diff\n@@ @@\n-def ring(a, b):\n-    return area(b) - area(a)\n+\n```\n";
    let nowhere = "```diff\n@@ @@\n-    return volume(r)\n+    return 1\n```\n";
    let half = fenced("def area(r):\n    return r\n\n\nprint(area(2))");
    for (answer, reason) in [
        (nowhere, "the script has no line `return volume(r)`"),
        (lost, "take away `ring`, which is still used"),
        (&half, "neither `ring` of the script nor its main block"),
    ] {
        let (world, out) = second(&[answer, &fenced(&WHOLE.replace("'draft'", "'other'"))]);
        assert_eq!(out, "other 12.57\nring 9.42\n");
        let asked: Vec<_> = world.received();
        let coder: Vec<_> = asked.iter().filter(|r| agent(r) == Asking::Coder).collect();
        assert_eq!(coder.len(), 3, "{answer}");
        assert!(coder[2].prompt().contains(reason), "{}", coder[2].prompt());
    }
}

#[test]
fn a_partial_script_given_twice_is_taken_as_whole() {
    let half = fenced("def area(r):\n    return r\n\n\nprint(area(2))");
    let (_, out) = second(&[&half, &half]);
    assert_eq!(out, "2\n");
}

#[test]
fn a_script_in_two_files_becomes_one_without_a_package_lookup() {
    let shapes = "def area(r):\n    return 3 * r * r\n";
    let main = "from shapes import area\n\n\ndef main():\n    print('draft', area(2))\n\n\n\
        if __name__ == '__main__':\n    main()\n";
    let test = "from main import area\n\n\ndef test_area():\n    assert area(1) == 3\n";
    for answer in [
        format!(
            "Two files.\n\n**shapes.py**\n\n```python\n{shapes}```\n\n**main.py**\n\n```python\n{main}```\n"
        ),
        format!("```python main.py\n{main}```\n```python shapes.py\n{shapes}```\n"),
        format!(
            "```python\n# main.py\n{main}```\n```python\n# shapes.py\n{shapes}```\n```csv\na,b\n1,2\n```\n"
        ),
        format!("```python\n# shapes.py\n{shapes}\n# main.py\n{main}```\n"),
        format!(
            "<file name=\"shapes.py\">\n{shapes}</file>\n<file name=\"main.py\">\n{main}</file>\n"
        ),
        format!(
            "`shapes.py`:\n```python\n{shapes}```\n`main.py`:\n```python\n{main}```\n`test_main.py`:\n```python\n{test}```\n"
        ),
    ] {
        let world = World::scripted(&[PLAN], &[&answer], &[ACCEPT]);
        world.run(&RUN).expect(0);
        assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "draft 12\n", "{answer}");
        let script = world.read("sessions/s/script_v1.py");
        assert!(!script.contains("import"), "{script}");
        let asked = world.received();
        assert!(!asked.iter().any(|r| r.prompt().contains("Which package")), "{answer}");
        assert_eq!(asked.len(), 3, "{answer}");
    }
}

#[test]
fn files_that_cannot_be_joined_are_requested_as_one_script() {
    let files = "**shapes.py**\n```python\ndef area(r):\n    return r\n\n\ndef two():\n    return area(2)\n```\n\
        **main.py**\n```python\nfrom shapes import two\n\n\ndef area():\n    return two()\n\n\nprint(area())\n```\n";
    let world = World::scripted(&[PLAN], &[files, &fenced("print('one script')")], &[ACCEPT]);
    world.run(&RUN).expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "one script\n");
    let prompt = world.received()[2].prompt();
    assert!(prompt.contains("`area` is something else in each of"), "{prompt}");
    assert!(prompt.contains("Write everything into one script"), "{prompt}");
}

/// Ten repairs: a script that fails, the correct one, and the edits from one to the other.
fn repairs() -> Vec<(String, [String; 3])> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/repairs");
    let mut repairs = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (script, rest) = text.split_once("=== whole\n").unwrap();
        let (whole, edits) = rest.split_once("=== edits\n").unwrap();
        let script = script.strip_prefix("=== script\n").unwrap();
        repairs.push((path.display().to_string(), [script, whole, edits].map(str::to_owned)));
    }
    repairs.sort();
    repairs
}

#[test]
fn repairs_as_edits_give_the_same_scripts_in_half_the_length() {
    let repaired = |script: &str, answer: &str, edits: bool| {
        let world = World::scripted(&[PLAN], &[&fenced(script), answer], &[ACCEPT]);
        let config = world.read("redraft.yaml");
        let config = if edits { config } else { format!("{config}edits: false\n") };
        world.write("redraft.yaml", &config);
        world.run(&[&RUN[..], &["--preset", "quick"]].concat()).expect(0);
        let asked = world.received();
        assert_eq!(asked.len(), 2);
        assert!(!asked[0].prompt().contains("SEARCH"), "a first version is a script");
        assert_eq!(asked[1].prompt().contains("<<<<<<< SEARCH"), edits);
        assert_eq!(asked[1].prompt().contains("Write the whole corrected script in one"), !edits);
        world.read("sessions/s/script_v2.py")
    };
    let (mut whole_length, mut edits_length) = (0, 0);
    let repairs = repairs();
    assert_eq!(repairs.len(), 10);
    for (name, [script, whole, edits]) in repairs {
        let whole_answer = fenced(&whole);
        assert_eq!(repaired(&script, &edits, true), whole, "{name}");
        assert_eq!(repaired(&script, &whole_answer, false), whole, "{name}");
        whole_length += whole_answer.len();
        edits_length += edits.len();
    }
    assert!(edits_length * 2 <= whole_length, "{edits_length} against {whole_length}");
}

#[test]
fn after_unusable_edits_the_whole_script_is_requested() {
    let broken = "print(undefined)\n";
    let edits = "<<<<<<< SEARCH\nprint(other)\n=======\nprint(1)\n>>>>>>> REPLACE\n";
    let world = World::scripted(&[PLAN], &[&fenced(broken), edits, &fenced("print(1)")], &[ACCEPT]);
    world.run(&[&RUN[..], &["--preset", "quick"]].concat()).expect(0);
    let asked = world.received();
    assert!(asked[1].prompt().contains("Write the edits."));
    assert!(asked[2].prompt().contains("the script has no line `print(other)`"));
    assert!(asked[2].prompt().contains("Write the whole corrected script in one"));
}

#[test]
fn an_edit_that_does_not_parse_is_requested_again_with_the_reason() {
    let deep = format!("<<<<<<< SEARCH\n=======\nx = {}1\n>>>>>>> REPLACE\n", "(".repeat(100_000));
    let open = "```diff\n@@ @@\n-    return area(b) - area(a)\n+    return area(b) - (\n```\n";
    for answer in [deep.as_str(), open] {
        let (world, out) = second(&[answer, &fenced(&WHOLE.replace("'draft'", "'other'"))]);
        assert_eq!(out, "other 12.57\nring 9.42\n");
        let asked = world.received();
        let coder = asked.iter().rfind(|r| agent(r) == Asking::Coder).unwrap();
        assert!(
            coder.prompt().contains("does not parse with the edits made"),
            "{}",
            coder.prompt()
        );
    }
}
