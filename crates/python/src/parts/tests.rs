use super::*;

const GUARDED: &str = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\n\
    def ring(a, b):\n    return area(b) - area(a)\n\n\n\
    # The work.\nif __name__ == '__main__':\n    print('draft', area(2))\n    print('ring', ring(1, 2))\n";

const BARE: &str = "import math\n\nSIDE = 3\n\n\ndef area(r):\n    return math.pi * r * r\n\n\n\
    def ring(a, b):\n    return area(b) - area(a)\n\n\nprint(area(SIDE))\n";

const CLASS: &str = "class Clock:\n    STEP = 1\n\n    def __init__(self):\n        self.now = 0\n\n    \
    def tick(self):\n        self.now += self.STEP\n        return self.show()\n\n    \
    @property\n    def late(self):\n        return self.now > 9\n\n    \
    def show(self):\n        return str(self.now)\n\n\nif __name__ == '__main__':\n    clock = Clock()\n    \
    print(clock.tick(), clock.late)\n";

/// The completed script for an answer.
fn put(base: &str, answer: &str) -> String {
    match complete(base, answer, false) {
        Fit::Part(put) => put.script,
        Fit::Whole => "whole".to_owned(),
        Fit::Unclear { reason, .. } => reason,
    }
}

#[test]
fn a_part_takes_the_place_of_what_has_its_name_and_nothing_else_is_lost() {
    for (base, answer, from, to) in [
        // A function.
        (
            GUARDED,
            "def area(r):\n    return 3 * r * r  # about\n",
            "math.pi * r * r",
            "3 * r * r  # about",
        ),
        // Its import is added at the top.
        (
            GUARDED,
            "import os\nimport math\n\n\ndef area(r):\n    return os.getpid()\n",
            "import math\n\n\ndef area(r):\n    return math.pi * r * r",
            "import math\nimport os\n\n\ndef area(r):\n    return os.getpid()",
        ),
        // A new function goes before the main block, and its comment with it.
        (
            GUARDED,
            "# Around.\ndef edge(r):\n    return 2 * math.pi * r\n",
            "# The work.",
            "# Around.\ndef edge(r):\n    return 2 * math.pi * r\n\n\n# The work.",
        ),
        // A main block takes the place of the main block.
        (
            GUARDED,
            "if __name__ == \"__main__\":\n    print(ring(2, 3))\n",
            "if __name__ == '__main__':\n    print('draft', area(2))\n    print('ring', ring(1, 2))",
            "if __name__ == \"__main__\":\n    print(ring(2, 3))",
        ),
        // A value, and code that exists already.
        (BARE, "SIDE = 4\n\n\ndef area(r):\n    return r\n\n\nprint(area(SIDE))\n", "whole", ""),
        (BARE, "SIDE = 4\n", "SIDE = 3", "SIDE = 4"),
        // A function that uses the script's definitions, and code that shows it.
        (
            BARE,
            "def double(r):\n    return 2 * ring(0, r)\n\n\nprint(double(2))\n",
            "\n\n\nprint(area(SIDE))\n",
            "\n\n\ndef double(r):\n    return 2 * ring(0, r)\n\n\nprint(area(SIDE))\n\n\n\
             print(double(2))\n",
        ),
        // A method by itself gets the indentation of the others; lines inside its string are left
        // unchanged.
        (
            CLASS,
            "def tick(self):\n    \"\"\"On.\n  and on\n    \"\"\"\n    self.now += 2\n    return 0\n",
            "def tick(self):\n        self.now += self.STEP\n        return self.show()",
            "def tick(self):\n        \"\"\"On.\n  and on\n    \"\"\"\n        self.now += 2\n        return 0",
        ),
        // A decorated one.
        (CLASS, "@property\ndef late(self):\n    return False\n", "self.now > 9", "False"),
        // A new method.
        (
            CLASS,
            "def reset(self):\n    self.now = 0\n",
            "return str(self.now)\n",
            "return str(self.now)\n\n    def reset(self):\n        self.now = 0\n",
        ),
        // A class keeps the methods that are still used and were left out.
        (
            CLASS,
            "class Clock:\n    def __init__(self):\n        self.now = 5\n\n    def tick(self):\n        \
             return self.show()\n\n    @property\n    def late(self):\n        return True\n",
            "    STEP = 1\n\n    def __init__(self):\n        self.now = 0\n\n    \
             def tick(self):\n        self.now += self.STEP\n        return self.show()\n\n    \
             @property\n    def late(self):\n        return self.now > 9\n\n    ",
            "    def __init__(self):\n        self.now = 5\n\n    def tick(self):\n        \
             return self.show()\n\n    @property\n    def late(self):\n        return True\n\n    ",
        ),
    ] {
        let want = if from == "whole" { from.to_owned() } else { base.replacen(from, to, 1) };
        assert_ne!(want, base, "the table is wrong for {answer}");
        assert_eq!(put(base, answer), want, "{answer}");
    }
}

#[test]
fn a_script_of_its_own_is_left_as_it_is() {
    let first = "def one():\n    return 1\n\n\ndef main():\n    print(one())\n\n\n\
        if __name__ == '__main__':\n    main()\n";
    for (base, answer) in [
        ("print(1)\n", "print(2)\n"),
        ("print(1)\n", "def f():\n    return 2\n\n\nprint(f())\n"),
        (first, &first.replace("one", "two")),
        (first, "def one():\n    return 2\n\n\nprint(one())\n"),
        (
            GUARDED,
            "import math\n\n\ndef main():\n    print(math.pi)\n\n\nif __name__ == '__main__':\n    main()\n",
        ),
        // A function with the name of a builtin is not missed.
        ("def sum(a):\n    return 1\n\n\nprint(sum([2]))\n", "print(sum([1, 2]))\n"),
        // A missing `main` whose code is now at the top level.
        (
            "def main():\n    x = 1\n    print(x)\n\n\nif __name__ == '__main__':\n    main()\n",
            "x = 1\nprint(x)\n",
        ),
        // A script with only definitions or values can follow another one.
        ("def f():\n    return 1\n", "def g():\n    return 2\n"),
        ("x = 1\n", "y = 2\n"),
    ] {
        assert_eq!(complete(base, answer, false), Fit::Whole, "{answer}");
    }
}

#[test]
fn an_addition_that_would_replace_the_script_is_added_to_it() {
    let addition =
        "import math\n\n\ndef edge(r):\n    return 2 * math.pi * r\n\n\nprint(edge(2))\n";
    let script = put(GUARDED, addition);
    assert!(
        script.contains("print('draft', area(2))") && script.ends_with("\n\n\nprint(edge(2))\n")
    );
    assert!(script.find("def edge") < script.find("# The work."), "{script}");
    // A script written because the last one failed stands alone.
    assert_eq!(complete(GUARDED, addition, true), Fit::Whole);
}

#[test]
fn what_a_script_forgot_of_the_one_before_is_taken_over() {
    let base = "import math\n\nPI = math.pi\n\n\ndef area(r):\n    return PI * r * r\n\n\n\
        def other():\n    pass\n\n\nprint(area(2))\n";
    let answer = "def main():\n    print(area(3))\n\n\nif __name__ == '__main__':\n    main()\n";
    let want = "import math\nPI = math.pi\n\n\ndef area(r):\n    return PI * r * r\n\n\n\
        def main():\n    print(area(3))\n\n\nif __name__ == '__main__':\n    main()\n";
    let script = put(base, answer);
    assert!(script.contains("PI = math.pi") && !script.contains("other"), "{script}");
    let squeeze =
        |text: &str| text.lines().filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    let mut got: Vec<String> = squeeze(&script).lines().map(str::to_owned).collect();
    let mut wanted: Vec<String> = squeeze(want).lines().map(str::to_owned).collect();
    got.sort();
    wanted.sort();
    assert_eq!(got, wanted);
    check::syntax(&script).unwrap_or_else(|problem| panic!("{problem}"));
    // Only an import.
    let answer =
        "def area(r):\n    return np.pi * r\n\n\ndef ring():\n    return 1\n\n\nprint(area(2))\n";
    let base = format!("import numpy as np\n{BARE}");
    let want = format!("import numpy as np\n{answer}");
    assert_eq!(put(&base, answer), want);
}

#[test]
fn what_can_not_be_put_together_is_asked_for_again_with_the_reason() {
    let two = "class A:\n    def f(self):\n        return 1\n\n\nclass B:\n    def f(self):\n        return 2\n\n\n\
        if __name__ == '__main__':\n    print(A().f(), B().f())\n";
    for (base, answer, words) in [
        (two, "def f(self):\n    return 3\n", "several classes"),
        (
            GUARDED.trim_start_matches("import math").trim_start(),
            "from datetime import datetime\n\n\ndef area(r):\n    return r\n",
            "",
        ),
        (
            "import datetime\n\n\ndef f():\n    return datetime.date.today()\n\n\nif __name__ == '__main__':\n    print(f())\n",
            "from datetime import datetime\n\n\ndef f():\n    return datetime.now()\n",
            "otherwise",
        ),
        (GUARDED, "def area(r):\n    return r\n\n\nprint(area(2))\n", "`ring`"),
        ("print(1)\nprint(2)\n", "def f():\n    return 2\n", "runs nothing"),
        (GUARDED, "print(3)\n", "neither `area`, `ring`"),
        (
            GUARDED,
            "def edge(r):\n    x = r\n    y = x\n    return y\n\n\nprint(edge(2))\n",
            "neither `area`, `ring`",
        ),
    ] {
        let got = put(base, answer);
        if words.is_empty() {
            assert!(got.contains("from datetime import datetime"), "{got}");
        } else {
            assert!(got.starts_with("The answer") && got.contains(words), "{got}");
        }
    }
}

#[test]
fn edits_that_take_away_what_is_used_are_seen() {
    for (edited, lost) in [
        (GUARDED.replace("def ring", "def rings"), Some("`ring`")),
        (GUARDED.replace("def ring", "def rings").replace("ring(1", "rings(1"), None),
        (GUARDED.split("# The work.").next().unwrap_or_default().to_owned(), Some("runs")),
        (GUARDED.replace("'ring'", "'rings'"), None),
    ] {
        let got = removed(GUARDED, &edited);
        assert_eq!(got.is_some(), lost.is_some(), "{edited}: {got:?}");
        assert!(got.is_none_or(|got| got.contains(lost.unwrap_or_default())), "{edited}");
    }
}
