use super::*;

const BASE: &str = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\n\
    def ring(a, b):\n    total = area(b)\n    return total - area(a)\n\n\n\
    class Dot:\n    def ring(self):\n        return 0\n\n\n\
    if __name__ == '__main__':\n    print('draft', area(2))\n    print('ring', ring(1, 2))\n";

fn parses(text: &str) -> Result<(), SyntaxProblem> {
    ruff_python_parser::parse_module(text)
        .map(|_| ())
        .map_err(|error| SyntaxProblem { line: 1, message: error.error.to_string() })
}

/// The edited script, or the reason of a refusal.
fn edited(answer: &str) -> String {
    match read(answer, Outcome::Whole, BASE, &parses) {
        None => "none".to_owned(),
        Some(Err(refusal)) => refusal.reason,
        Some(Ok(Found::Script(script))) => script,
        Some(Ok(Found::Edits(edits))) => match apply(BASE, &edits) {
            Err(refusal) => refusal.reason,
            Ok(Edited { script, added, .. }) => script + &added.join("ADDED\n"),
        },
    }
}

fn diff(text: &str) -> String {
    format!("One place changes:\n\n```diff\n{text}```\nThat is all.\n")
}

fn block(search: &str, replace: &str) -> String {
    format!(
        "script.py\n```python\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n```\n"
    )
}

#[test]
fn every_notation_of_an_edit_changes_exactly_its_place() {
    let headed = |text: &str| diff(&format!("--- a/script_v1.py\n+++ b/script_v1.py\n{text}"));
    let area = "    return math.pi * r * r\n";
    let about = "    return 3 * r * r\n";
    for (what, answer, from, to) in [
        ("a diff", headed("@@ -4,2 +4,2 @@\n def area(r):\n-    return math.pi * r * r\n+    return 3 * r * r\n"), area, about),
        ("wrong numbers", headed("@@ -90,7 +2,1 @@\n def area(r):\n-    return math.pi * r * r\n+    return 3 * r * r\n"), area, about),
        ("no numbers", diff("@@ def area(r):\n def area(r):\n-    return math.pi * r * r\n+    return 3 * r * r\n"), area, about),
        ("no header", diff("-    return math.pi * r * r\n+    return 3 * r * r\n"), area, about),
        ("no tag", diff("-    return math.pi * r * r\n+    return 3 * r * r\n").replace("```diff", "```"), area, about),
        ("tagged as python", diff("@@ -4 +4 @@\n def area(r):\n-    return math.pi * r * r\n+    return 3 * r * r\n").replace("```diff", "```python"), area, about),
        ("a blank behind each mark", diff("@@ @@\n  def area(r):\n-     return math.pi * r * r\n+     return 3 * r * r\n"), area, about),
        ("context without a mark", diff("@@ @@\ndef area(r):\n-    return math.pi * r * r\n+    return 3 * r * r\n"), area, about),
        ("further context without a mark", diff("@@ @@\n    total = area(b)\n-    return total - area(a)\n+    return total\n"), "total - area(a)", "total"),
        ("no fence", "--- a/x\n+++ b/x\n@@ -4,2 +4,2 @@\n def area(r):\n-    return math.pi * r * r\n+    return 3 * r * r\n".to_owned(), area, about),
        ("no empty lines", diff("@@ @@\n import math\n+import os\n def area(r):\n"), "import math\n", "import math\nimport os\n"),
        ("more empty lines", diff("@@ @@\n import math\n \n \n \n+X = 1\n def area(r):\n"), "import math\n\n\n", "import math\n\n\nX = 1\n"),
        ("a hunk of the issue", diff("@@ -1,2 +1,9 @@\n import math\n+\n+\n+def edge(r):\n+    return 2 * r\n"), "import math\n", "import math\n\n\ndef edge(r):\n    return 2 * r\n"),
        ("an edit that takes away", diff("@@ @@\n def ring(a, b):\n-    total = area(b)\n     return total - area(a)\n"), "    total = area(b)\n", ""),
        ("two hunks", diff("@@ -4,2 +4,3 @@\n def area(r):\n+    r = abs(r)\n     return math.pi * r * r\n@@ -9,2 +10,2 @@\n def ring(a, b):\n-    total = area(b)\n+    total = area(max(a, b))\n"), "", ""),
        ("left out between two", diff(" def area(r):\n+    r = abs(r)\n...\n def ring(a, b):\n-    total = area(b)\n+    total = area(max(a, b))\n"), "", ""),
        ("search and replace", block(area, about), area, about),
        ("without a fence", block(area, about).replace("```python\n", "").replace("```\n", ""), area, about),
        ("other words", block(area, about).replace(" SEARCH", " ORIGINAL").replace(" REPLACE", " UPDATED"), area, about),
        ("other marks", block(area, about).replace("<<<<<<< ", "------- ").replace(">>>>>>> ", "+++++++ "), area, about),
        ("the last mark forgotten", block(area, about).replace(">>>>>>> REPLACE\n", ""), area, about),
        ("some lines further in", block("def area(r):\n        return math.pi * r * r\n", "def area(r):\n        return 3 * r * r\n"), area, about),
        ("all lines further in", block("        return math.pi * r * r\n", "        r = 3\n        return r\n"), area, "    r = 3\n    return r\n"),
        ("lines less far in", block("def ring(self):\n    return 0\n", "def ring(self):\n    if 1:\n        return 5\n"), "        return 0\n", "        if 1:\n            return 5\n"),
        ("nothing in its place", block("    total = area(b)\n", ""), "    total = area(b)\n", ""),
        ("nearly its lines", block("def ring(a, b):\n    total = area(b);\n    return total - area(a)\n", "def ring(a, b):\n    return area(b) - area(a)\n"), "    total = area(b)\n    return total - area(a)\n", "    return area(b) - area(a)\n"),
        ("empty lines forgotten", block("import math\ndef area(r):\n", "import math\nimport os\n\n\ndef area(r):\n"), "import math\n", "import math\nimport os\n"),
        ("two blocks in one fence", block("def area(r):\n", "def area(r):\n    r = abs(r)\n").replace("```\n", "") + &block("    total = area(b)\n", "    total = area(max(a, b))\n").replace("script.py\n```python\n", ""), "", ""),
    ] {
        let got = edited(&answer);
        if from.is_empty() && to.is_empty() {
            let want = BASE
                .replacen("def area(r):\n", "def area(r):\n    r = abs(r)\n", 1)
                .replacen("area(b)", "area(max(a, b))", 1);
            assert_eq!(got, want, "{what}");
        } else {
            let want = BASE.replacen(from, to, 1);
            // Empty lines around added lines may differ.
            let filled = |text: &str| text.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(filled(&got), filled(&want), "{what}");
            assert!(parses(&got).is_ok(), "{what}: {got}");
        }
    }
}

#[test]
fn an_edit_that_matches_nowhere_or_twice_is_refused_with_the_reason() {
    for (answer, words) in [
        (
            block("    return cube(r)\n", "    return 1\n"),
            "Edit 1 of 1 could not be made: the script has no line `return cube(r)`",
        ),
        (block("import math\n", "import os\n") + &block("x = 1\n", "x = 2\n"), "Edit 2 of 2"),
        (block("import math\ndef ring(a, b):\n", "x = 1\n"), "do not stand together"),
        (block("    print(\n", "    print(1,\n"), "no line `print(`"),
        (block("import math\n", "import os\n").replace("=======\n", ""), "none"),
        (block("import math\n", "import os\n").replace(">>>>>>> REPLACE\n```\n", ""), "not whole"),
    ] {
        let got = edited(&answer);
        assert!(got.contains(words), "{answer}: {got}");
    }
    assert!(edited(&block("import math\n", "import os\n").repeat(500)).contains("too many edits"));
    // Duplicate lines: the line number in the diff decides, otherwise the edit is refused.
    let twice = "a = 1\nb = 2\n\na = 1\nc = 3\n";
    let at = |line: usize| diff(&format!("@@ -{line},1 +{line},1 @@\n-a = 1\n+a = 5\n"));
    let apply_to = |answer: &str| match read(answer, Outcome::Whole, twice, &parses) {
        Some(Ok(Found::Edits(edits))) => apply(twice, &edits).map(|edited| edited.script),
        other => panic!("{other:?}"),
    };
    assert_eq!(apply_to(&at(4)).unwrap_or_default(), "a = 1\nb = 2\n\na = 5\nc = 3\n");
    assert_eq!(apply_to(&at(1)).unwrap_or_default(), "a = 5\nb = 2\n\na = 1\nc = 3\n");
    let refused = apply_to(&at(3)).err().map(|refusal| refusal.reason).unwrap_or_default();
    assert!(refused.contains("stand at 2 places") && refused.contains("`a = 1`"), "{refused}");
}

#[test]
fn a_script_is_not_taken_for_edits() {
    let marks = "TEXT = \"\"\"\n<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE\n\"\"\"\nprint(TEXT)\n";
    for answer in [
        format!("```python\n{BASE}```"),
        format!("```python\n{marks}```"),
        "```python\nx = 1\n```\n- a point\n- another\n".to_owned(),
        "```\n- a point\n- another\n```\n".to_owned(),
        "```python\n@wraps\ndef f():\n    return (1\n        + 2)\n```".to_owned(),
        format!("```python\n+{}\n```", BASE.trim_end().replace('\n', "\n+")),
        String::new(),
    ] {
        assert_eq!(edited(&answer), "none", "{answer}");
    }
    // If the answer has edits and the whole script, the script counts.
    let whole = BASE.replace("math.pi", "3");
    let both = diff("-    return math.pi * r * r\n+    return 3 * r * r\n")
        + &format!("```python\n{whole}```\n");
    assert_eq!(edited(&both), whole);
}

#[test]
fn edits_of_a_cut_off_answer_are_not_applied() {
    let answer = "```diff\n@@ @@\n def area(r):\n-    return math.pi * r * r\n";
    let got = read(answer, Outcome::Cut, BASE, &parses);
    assert!(matches!(got, Some(Err(Refusal { kind: RefusalKind::CutOff, .. }))), "{got:?}");
    let answer = "<<<<<<< SEARCH\nimport math\n=======\nimport o";
    let got = read(answer, Outcome::Cut, BASE, &parses);
    assert!(matches!(got, Some(Err(Refusal { kind: RefusalKind::CutOff, .. }))), "{got:?}");
}

#[test]
fn lines_added_without_a_place_go_to_the_end() {
    let added = diff("@@ -0,0 +1,2 @@\n+def edge(r):\n+    return 2 * r\n");
    assert_eq!(edited(&added), format!("{BASE}def edge(r):\n    return 2 * r\n"));
    let added = block("", "def edge(r):\n    return 2 * r\n");
    assert_eq!(edited(&added), format!("{BASE}def edge(r):\n    return 2 * r\n"));
}
