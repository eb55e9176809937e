use super::*;

const SHAPES: &str = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\ndef ring(a, b):\n    return area(b) - area(a)\n";

/// The joined script without empty lines, or the reason why there is none.
fn script(files: &[(&str, &str)]) -> String {
    let file =
        |(name, text): &(&str, &str)| File { name: (*name).to_owned(), text: (*text).to_owned() };
    match join(&files.iter().map(file).collect::<Vec<_>>()) {
        None => "none".to_owned(),
        Some(Err(reason)) => reason,
        Some(Ok(put)) => squeezed(&put.script),
    }
}

fn squeezed(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn after_shapes(rest: &str) -> String {
    format!("{}{rest}", squeezed(SHAPES))
}

#[test]
fn files_that_import_each_other_become_one_script() {
    let guard = "if __name__ == '__main__':\n    main()\n";
    for (what, main, rest) in [
        (
            "names",
            "from shapes import area, ring\n\nprint(area(2), ring(1, 2))\n",
            "print(area(2), ring(1, 2))\n",
        ),
        (
            "in brackets",
            "from shapes import (\n    area,\n    ring,\n)\n\nprint(area(2), ring(1, 2))\n",
            "print(area(2), ring(1, 2))\n",
        ),
        (
            "another name",
            "from shapes import area as disc\n\nprint(disc(2))\n",
            "disc = area\nprint(disc(2))\n",
        ),
        ("all names", "from shapes import *\n\nprint(area(2))\n", "print(area(2))\n"),
        ("the module", "import shapes\n\nprint(shapes.area(2))\n", "print(area(2))\n"),
        (
            "the module by another name",
            "import shapes as s\n\nprint(s.area(s.ring(1, 2)))\n",
            "print(area(ring(1, 2)))\n",
        ),
        (
            "beside others",
            "import os, shapes\n\nprint(os.name, shapes.area(2))\n",
            "import os\nprint(os.name, area(2))\n",
        ),
        (
            "what both import",
            "import math\nfrom shapes import area\n\nprint(area(math.e))\n",
            "print(area(math.e))\n",
        ),
        (
            "within a function",
            "def main():\n    from shapes import area\n    print(area(2))\n\n\nmain()\n",
            "def main():\n    pass\n    print(area(2))\nmain()\n",
        ),
        (
            "tried",
            "try:\n    from shapes import area\nexcept ImportError:\n    area = None\n\nprint(area(2))\n",
            "",
        ),
        (
            "a name of its own",
            &format!(
                "import shapes\n\n\ndef main():\n    area = shapes.area(2)\n    print(area)\n\n\n{guard}"
            ),
            &format!(
                "shapes_area = area\ndef main():\n    area = shapes_area(2)\n    print(area)\n{guard}"
            ),
        ),
        (
            "as an attribute of something else",
            "import shapes\n\n\ndef f(shapes):\n    return shapes.area\n\n\nprint(f, shapes.area)\n",
            "def f(shapes):\n    return shapes.area\nprint(f, area)\n",
        ),
        (
            "in a text",
            "import shapes\n\nprint(f'{shapes.area(2):.1f} shapes.area')\n",
            "print(f'{area(2):.1f} shapes.area')\n",
        ),
    ] {
        let got = script(&[("shapes.py", SHAPES), ("main.py", main)]);
        if rest.is_empty() {
            assert!(got.contains("something else") && got.contains("`area`"), "{what}: {got}");
        } else {
            assert_eq!(got, after_shapes(rest), "{what}");
            // The order of the files does not matter.
            assert_eq!(script(&[("main.py", main), ("shapes.py", SHAPES)]), got, "{what}");
        }
    }
}

#[test]
fn a_package_and_files_without_names_are_joined_too() {
    let main = "from pkg.shapes import area\n\nprint(area(2))\n";
    let out = after_shapes("print(area(2))\n");
    for files in [
        vec![("pkg/__init__.py", ""), ("pkg/shapes.py", SHAPES), ("main.py", main)],
        vec![("pkg/shapes.py", SHAPES), ("main.py", main)],
        vec![
            ("pkg/shapes.py", SHAPES),
            ("run.py", "import pkg.shapes\n\nprint(pkg.shapes.area(2))\n"),
        ],
        vec![
            ("pkg/shapes.py", SHAPES),
            ("run.py", "from pkg import shapes\n\nprint(shapes.area(2))\n"),
        ],
        vec![
            ("pkg/__init__.py", "from .shapes import area\n"),
            ("pkg/shapes.py", SHAPES),
            ("main.py", "from pkg import area\n\nprint(area(2))\n"),
        ],
        vec![
            ("pkg/shapes.py", SHAPES),
            ("pkg/main.py", "from .shapes import area\n\nprint(area(2))\n"),
        ],
        vec![
            ("project/shapes.py", SHAPES),
            ("project/main.py", "from shapes import area\n\nprint(area(2))\n"),
        ],
        // No file has a name.
        vec![("", SHAPES), ("", "from shapes import area\n\nprint(area(2))\n")],
        // The file is repeated.
        vec![
            ("shapes.py", "def area(r): ...\n"),
            ("main.py", "from shapes import area\n\nprint(area(2))\n"),
            ("shapes.py", SHAPES),
        ],
    ] {
        assert_eq!(script(&files), out, "{files:?}");
    }
}

#[test]
fn what_stands_above_a_script_stays_there_and_the_main_block_of_a_helper_is_left_out() {
    let helper = "\"\"\"Shapes.\"\"\"\nfrom __future__ import annotations\n\nimport math\n\n__all__ = ['area']\n\n\n\
        def area(r):\n    return math.pi * r\n\n\ndef main():\n    print('helper')\n\n\n\
        if __name__ == '__main__':\n    main()\n";
    let main = "#!/usr/bin/env python3\n# /// script\n# dependencies = []\n# ///\n\"\"\"Draft.\"\"\"\n\
        from shapes import area\n\n\ndef main():\n    print(area(2))\n\n\nif __name__ == '__main__':\n    main()\n";
    assert_eq!(
        script(&[("shapes.py", helper), ("main.py", main)]),
        "#!/usr/bin/env python3\n# /// script\n# dependencies = []\n# ///\n\"\"\"Draft.\"\"\"\n\
         from __future__ import annotations\nimport math\ndef area(r):\n    return math.pi * r\n\
         def main():\n    print(area(2))\nif __name__ == '__main__':\n    main()\n"
    );
}

#[test]
fn the_script_is_told_from_its_tests_and_examples() {
    let tool =
        "def add(a, b):\n    return a + b\n\n\nif __name__ == '__main__':\n    print(add(1, 2))\n";
    let test = "from tool import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n";
    let unit = "import unittest\nfrom tool import add\n\n\nclass T(unittest.TestCase):\n    def test(self):\n        \
        self.assertEqual(add(1, 2), 3)\n\n\nunittest.main()\n";
    let example = "from tool import add\n\nprint(add(3, 4))\n";
    for files in [
        vec![("tool.py", tool), ("test_tool.py", test)],
        vec![("test_tool.py", test), ("tool.py", tool)],
        vec![("tool.py", tool), ("check.py", test)],
        vec![("tool.py", tool), ("check.py", unit)],
        vec![("tool.py", tool), ("example.py", example)],
    ] {
        assert_eq!(script(&files), squeezed(tool), "{files:?}");
    }
    // Both: the tests of a script in two files.
    let test_shapes = "from shapes import area\n\n\ndef test_area():\n    assert area(0) == 0\n";
    let main = "from shapes import area\n\nprint(area(2))\n";
    let files = [("shapes.py", SHAPES), ("main.py", main), ("test_shapes.py", test_shapes)];
    assert_eq!(script(&files), after_shapes("print(area(2))\n"));
}

#[test]
fn files_that_can_not_be_joined_are_asked_for_again_with_the_reason() {
    for (shapes, main, words) in [
        (
            "def area(r):\n    return r\n\n\ndef two():\n    return area(2)\n",
            "from shapes import two\n\n\ndef area():\n    return two()\n\n\nprint(area())\n",
            "`area` is something else",
        ),
        (
            "def area(r):\n    return r\n",
            "from shapes import volume\n\nprint(volume(2))\n",
            "does not define `volume`",
        ),
        ("def area(r):\n    return r\n", "import shapes\n\nprint(vars(shapes))\n", "as a value"),
        ("N = 1\n", "import shapes\n\nshapes.N = 2\nprint(shapes.N)\n", "sets `N`"),
        (
            "def area(r):\n    return sum(r)\n",
            "from shapes import area\n\nsum = area([1])\nprint(sum)\n",
            "`sum`",
        ),
        (
            "import datetime\n\n\ndef day():\n    return datetime.date.today()\n",
            "from datetime import datetime\nfrom shapes import day\n\nprint(day(), datetime.now())\n",
            "`datetime`",
        ),
    ] {
        let got = script(&[("shapes.py", shapes), ("main.py", main)]);
        assert!(
            got.starts_with("The answer has several files") && got.contains(words),
            "{main}: {got}"
        );
    }
    let two = [
        ("shapes.py", SHAPES),
        ("one.py", "from shapes import area\n\nif __name__ == '__main__':\n    print(area(1))\n"),
        ("two.py", "from shapes import area\n\nif __name__ == '__main__':\n    print(area(2))\n"),
    ];
    assert!(script(&two).contains("several scripts, `one.py` and `two.py`"), "{}", script(&two));
}

#[test]
fn blocks_that_have_nothing_to_do_with_each_other_are_not_joined() {
    for files in [
        vec![],
        vec![("main.py", "import shapes\n\nprint(shapes.area(1))\n")],
        vec![("", "print(1)\n"), ("", "print(2)\n")],
        vec![("a.py", "import os\n"), ("b.py", "import requests\n")],
        vec![
            ("", "def area(r):\n    return r\n\n\nprint(area(1))\n"),
            ("", "from script import area\n\nprint(area(2))\n"),
        ],
    ] {
        assert_eq!(script(&files), "none", "{files:?}");
    }
}

#[test]
fn what_may_be_another_file_is_waited_for() {
    for (text, more) in [
        ("import shapes\n", true),
        ("from shapes import area\n", true),
        ("import os, numpy\nimport PIL.Image\n", false),
        ("print(1)\n", false),
    ] {
        assert_eq!(may_need_more(text), more, "{text}");
    }
}
