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
