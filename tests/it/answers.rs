//! What becomes of a Coder's answer that is not one whole script, through the real program.

use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};

const WHOLE: &str = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\n\
    def ring(a, b):\n    return area(b) - area(a)\n\n\nif __name__ == '__main__':\n    \
    print('draft', round(area(2), 2))\n    print('ring', round(ring(1, 2), 2))\n";

/// What the Reviewer says of the first version.
const ITERATE: &str = "R1: met\nR2: partly\n\n1. [blocker] R2: the edge is missing.\n   > import math\n\n\
    VERDICT: ITERATE\n";

const RUN: [&str; 7] = ["new", "count to two", "--name", "s", "--auto", "--sandbox", "off"];

/// What the last version of two printed, where the second answer of the Coder was this.
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
fn a_second_version_that_is_only_a_part_keeps_what_the_first_one_did() {
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
    ] {
        let (world, out) = second(&[&answer]);
        assert_eq!(out, printed, "{what}");
        let coder = world.received().iter().filter(|r| agent(r) == Asking::Coder).count();
        assert_eq!(coder, 2, "{what}: nobody is asked again");
    }
}

#[test]
fn an_edit_that_can_not_be_made_is_asked_for_again_with_the_reason() {
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
fn who_says_it_twice_means_it() {
    let half = fenced("def area(r):\n    return r\n\n\nprint(area(2))");
    let (_, out) = second(&[&half, &half]);
    assert_eq!(out, "2\n");
}

#[test]
fn a_script_in_two_files_is_one_script_and_looks_for_no_package() {
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
fn files_that_can_not_be_joined_are_asked_for_as_one_script() {
    let files = "**shapes.py**\n```python\ndef area(r):\n    return r\n\n\ndef two():\n    return area(2)\n```\n\
        **main.py**\n```python\nfrom shapes import two\n\n\ndef area():\n    return two()\n\n\nprint(area())\n```\n";
    let world = World::scripted(&[PLAN], &[files, &fenced("print('one script')")], &[ACCEPT]);
    world.run(&RUN).expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "one script\n");
    let prompt = world.received()[2].prompt();
    assert!(prompt.contains("`area` is something else in each of"), "{prompt}");
    assert!(prompt.contains("Write everything into one script"), "{prompt}");
}
