//! Forms of Coder answers, and the expected script or refusal for each.

use super::parses;
use redraft::agents::RefusalKind::{self, CutOff, Empty, NoCode, Placeholder, Syntax};
use redraft::agents::extract::{self, SyntaxProblem};
use redraft::domain::chat::Outcome::{self, Cut, Refused, Whole};
use std::cell::Cell;

/// The script that most answers contain.
const S: &str = "import sys\n\n\ndef main():\n    print(\"a < b & c\")\n\n\nmain()\n";

/// The expected result: a script, or a refusal.
enum Want {
    Script(String),
    Refusal(RefusalKind),
}

fn is(script: &str) -> Want {
    Want::Script(script.to_owned())
}

fn check(table: Vec<(&str, String, Outcome, Want)>) {
    let mut wrong = String::new();
    for (what, answer, outcome, want) in table {
        let got = extract::script(&answer, outcome, &parses);
        let right = match (&got, &want) {
            (Ok(got), Want::Script(script)) => got.script == *script,
            (Err(got), Want::Refusal(kind)) => got.kind == *kind,
            _ => false,
        };
        if !right {
            let want = match want {
                Want::Script(script) => script,
                Want::Refusal(kind) => format!("{kind:?}"),
            };
            wrong += &format!("=== {what}\n{answer}\n--- wanted\n{want}\n--- got\n{got:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_whole_script_is_extracted_from_any_fence() {
    let indented: String = S
        .lines()
        .map(|l| if l.is_empty() { "\n".to_owned() } else { format!("   {l}\n") })
        .collect();
    check(vec![
        ("a python fence", format!("```python\n{S}```"), Whole, is(S)),
        ("no info string", format!("```\n{S}```\n"), Whole, is(S)),
        ("py", format!("```py\n{S}```"), Whole, is(S)),
        ("python3", format!("```python3\n{S}```"), Whole, is(S)),
        ("Python", format!("``` Python\n{S}```"), Whole, is(S)),
        ("text", format!("```text\n{S}```"), Whole, is(S)),
        ("{.python}", format!("```{{.python .numberLines}}\n{S}```"), Whole, is(S)),
        ("a file's name", format!("```python:main.py\n{S}```"), Whole, is(S)),
        ("tildes", format!("~~~python\n{S}~~~"), Whole, is(S)),
        ("five backticks", format!("`````python\n{S}`````"), Whole, is(S)),
        ("a closing fence that is longer", format!("```python\n{S}`````"), Whole, is(S)),
        (
            "an indented fence",
            format!("1. Save this:\n   ```python\n{indented}   ```\n"),
            Whole,
            is(S),
        ),
        (
            "a fence indented less than the code",
            format!("```python\n{indented}```\n"),
            Whole,
            is(S),
        ),
        ("an unclosed fence", format!("```python\n{S}"), Whole, is(S)),
        (
            "prose around",
            format!("Sure! Here it is:\n\n```python\n{S}```\n\nRun it with `python x.py`."),
            Whole,
            is(S),
        ),
        ("a fence after prose on its line", format!("Here it is: ```python\n{S}```"), Whole, is(S)),
        (
            "code on the fence's line",
            format!("```python import sys\n{}```", &S[11..]),
            Whole,
            is(S),
        ),
        ("a closing fence after code", format!("```python\n{}```", S.trim_end()), Whole, is(S)),
        (
            "one line",
            "Use ```python print(1)``` or:\n```print(1)```".to_owned(),
            Whole,
            is("print(1)\n"),
        ),
        ("CRLF", format!("```python\n{S}```").replace('\n', "\r\n"), Whole, is(S)),
        ("lone CR", format!("```python\n{S}```").replace('\n', "\r"), Whole, is(S)),
        ("a byte-order mark", format!("\u{feff}```python\n{S}```"), Whole, is(S)),
        (
            "an invisible character before the fence",
            format!("\u{200b}```python\n{S}\u{200b}```"),
            Whole,
            is(S),
        ),
        (
            "an unclosed fence before prose",
            format!("```python\n{S}\nThis script prints a line. It's short."),
            Whole,
            is(S),
        ),
        (
            "a block never closed before the next",
            format!("```python\n{S}\n```bash\npython x.py\n```"),
            Whole,
            is(S),
        ),
    ]);
}

#[test]
fn prose_in_a_prefilled_fence_is_not_taken_for_the_script() {
    let said = "Here is the script that you asked for.\nR1: it prints hi.";
    check(vec![
        ("prose, then a fence", format!("```python\n{said}\n```python\n{S}```"), Whole, is(S)),
        ("the same fence again", format!("```python\n```python\n{S}```"), Whole, is(S)),
        ("prose, then nothing", format!("```python\n{said}\n```"), Whole, Want::Refusal(Syntax)),
    ]);
}

#[test]
fn a_script_without_fences_is_found() {
    check(vec![
        ("nothing but code", S.to_owned(), Whole, is(S)),
        ("prose before", format!("Here is the script you asked for:\n\n{S}"), Whole, is(S)),
        ("prose after", format!("{S}\nThis prints a line. I hope it helps!"), Whole, is(S)),
        (
            "prose around",
            format!("Sure, here you go.\n\n{S}\nLet me know if it doesn't work.\n"),
            Whole,
            is(S),
        ),
        (
            "a docstring with prose",
            format!("\"\"\"Shows a line.\n\nUsage: run it.\n\"\"\"\n{S}\nEnjoy it!"),
            Whole,
            is(&format!("\"\"\"Shows a line.\n\nUsage: run it.\n\"\"\"\n{S}")),
        ),
        (
            "a broken script is not cut down to its good part",
            "import sys\n\ndef main():\n    print(1)\n\ndef run(:\n    pass\n\nmain()\n".to_owned(),
            Whole,
            Want::Refusal(Syntax),
        ),
    ]);
}

#[test]
fn a_fence_inside_the_script_does_not_end_it() {
    let doc = "\"\"\"Help:\n\n```bash\npython x.py\n```\n\nMore help.\n\"\"\"\nprint(__doc__)\n";
    let md = "TEXT = '''\n```\ncode\n```\n'''\nprint(TEXT)\n";
    check(vec![
        ("in a docstring", format!("```python\n{doc}```\nDone."), Whole, is(doc)),
        ("in a string", format!("Here:\n```python\n{md}```"), Whole, is(md)),
        ("in a string, unclosed", format!("```python\n{md}"), Whole, is(md)),
        ("without outer fences", md.to_owned(), Whole, is(md)),
        ("inside tags", format!("<code>\n{md}</code>"), Whole, is(md)),
        (
            "broken after the docstring",
            format!("```python\n{doc}def f(:\n```\nDone."),
            Whole,
            Want::Refusal(Syntax),
        ),
    ]);
}

#[test]
fn thinking_is_not_part_of_the_answer() {
    check(vec![
        (
            "a thought before",
            format!("<think>Let me see.</think>\n```python\n{S}```"),
            Whole,
            is(S),
        ),
        (
            "a draft in the thought",
            format!("<think>\n```python\nprint('draft')\n```\n</think>\n```python\n{S}```"),
            Whole,
            is(S),
        ),
        (
            "only the closing mark",
            format!("Let me see.\n```python\nprint('draft')\n```\n</think>\n```python\n{S}```"),
            Whole,
            is(S),
        ),
        (
            "nothing after the thought",
            format!("<think>\n```python\n{S}```\n</think>\n"),
            Whole,
            is(S),
        ),
        (
            "a thought without an end",
            format!("<think>\nI write:\n```python\n{S}```\n"),
            Whole,
            is(S),
        ),
        (
            "prose after a draft",
            "<think>\n```python\nprint(1)\n```\n</think>\nI am done.".to_owned(),
            Whole,
            Want::Refusal(NoCode),
        ),
        ("a thought cut off", "<think>\nI should first".to_owned(), Cut, Want::Refusal(NoCode)),
        ("<thinking>", format!("<thinking>hm</thinking>{S}"), Whole, is(S)),
        (
            "the mark inside the script",
            "```python\nprint('<think>no</think>')\n```".to_owned(),
            Whole,
            is("print('<think>no</think>')\n"),
        ),
    ]);
}

#[test]
fn a_script_is_extracted_from_json_and_tags() {
    let json = serde_json::to_string(S).unwrap();
    let entities = S.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    check(vec![
        ("JSON", format!("{{\"code\": {json}}}"), Whole, is(S)),
        (
            "JSON with more fields",
            format!("{{\"explanation\": \"prints\", \"script\": {json}, \"done\": true}}"),
            Whole,
            is(S),
        ),
        ("fenced JSON", format!("```json\n{{\"code\": {json}}}\n```"), Whole, is(S)),
        (
            "a list of files",
            format!(
                "{{\"files\": [{{\"path\": \"README.md\", \"content\": \"# x\\n\"}}, {{\"path\": \"main.py\", \"content\": {json}}}]}}"
            ),
            Whole,
            is(S),
        ),
        ("a file's name as key", format!("{{\"main.py\": {json}}}"), Whole, is(S)),
        (
            "JSON with raw line feeds",
            format!("{{\n\"code\": \"{}\"\n}}", S.replace('"', "\\\"")),
            Whole,
            is(S),
        ),
        (
            "fences inside JSON",
            serde_json::json!({"answer": format!("Here:\n```python\n{S}```")}).to_string(),
            Whole,
            is(S),
        ),
        (
            "JSON cut off",
            "{\"code\": \"import sys\\n\\ndef main():\\n    pri".to_owned(),
            Cut,
            Want::Refusal(CutOff),
        ),
        (
            "JSON without a script",
            "{\"verdict\": \"APPROVED\"}".to_owned(),
            Whole,
            Want::Refusal(NoCode),
        ),
        ("<code>", format!("<code>\n{S}</code>"), Whole, is(S)),
        (
            "<script> with attributes",
            format!("Here:\n<script lang=\"python\">\n{S}</script>\nDone."),
            Whole,
            is(S),
        ),
        (
            "<answer> around a fence",
            format!("<answer>\n```python\n{S}```\n</answer>"),
            Whole,
            is(S),
        ),
        ("CDATA", format!("<answer><code><![CDATA[\n{S}]]></code></answer>"), Whole, is(S)),
        ("HTML entities", format!("```python\n{entities}```"), Whole, is(S)),
        ("a page's <pre>", format!("<pre><code>{entities}</code></pre>"), Whole, is(S)),
        (
            "Markdown in Markdown",
            format!("````markdown\n# Clock\n```python\n{S}```\n````"),
            Whole,
            is(S),
        ),
    ]);
}

#[test]
fn line_numbers_and_other_marks_are_removed_from_code() {
    let each = |mark: &dyn Fn(usize, &str) -> String| {
        let lines = S.lines().enumerate().map(|(n, line)| mark(n + 1, line) + "\n");
        format!("```python\n{}```", lines.collect::<String>())
    };
    let session = "```\n>>> def f(x):\n...     return x\n...\n>>> print(f(2))\n2\n```";
    check(vec![
        ("numbers and colons", each(&|n, l| format!("{n}: {l}")), Whole, is(S)),
        ("numbers and bars", each(&|n, l| format!("{n:>4} | {l}")), Whole, is(S)),
        ("numbers and dots", each(&|n, l| format!("{n}. {l}")), Whole, is(S)),
        ("numbers and tabs", each(&|n, l| format!("{n}\t{l}")), Whole, is(S)),
        ("plus signs", each(&|_, l| format!("+{l}")), Whole, is(S)),
        (
            "a diff",
            format!(
                "```diff\n--- a.py\n+++ b.py\n@@ -1,2 +1,9 @@\n-import os\n{}```",
                S.lines().map(|l| format!("+{l}\n")).collect::<String>()
            ),
            Whole,
            is(S),
        ),
        ("a transcript", session.to_owned(), Whole, is("def f(x):\n    return x\n\nprint(f(2))\n")),
        ("every line indented", each(&|_, l| format!("    {l}")), Whole, is(S)),
        ("every line indented by a tab", each(&|_, l| format!("\t{l}")), Whole, is(S)),
        (
            "non-breaking spaces",
            format!("```python\n{}```", S.replace("    ", "\u{a0}\u{a0}\u{a0}\u{a0}")),
            Whole,
            is(S),
        ),
        (
            "invisible characters",
            format!("```python\n{}```", S.replace("def", "\u{200b}def")),
            Whole,
            is(S),
        ),
        (
            "typographic quotes",
            "```python\nprint(“hello”)\n```".to_owned(),
            Whole,
            is("print(\"hello\")\n"),
        ),
        (
            "typographic quotes that belong there",
            "```python\nprint(\"“hello”\")\n```".to_owned(),
            Whole,
            is("print(\"“hello”\")\n"),
        ),
        (
            "an emoji of several parts",
            "```python\nprint(\"👨\u{200d}👩\u{200d}👧\")\n```".to_owned(),
            Whole,
            is("print(\"👨\u{200d}👩\u{200d}👧\")\n"),
        ),
        (
            "tabs and spaces mixed",
            "```python\nif True:\n    if True:\n\tprint(1)\n```".to_owned(),
            Whole,
            Want::Refusal(Syntax),
        ),
        (
            "tabs",
            "```python\nif True:\n\tprint(1)\n```".to_owned(),
            Whole,
            is("if True:\n\tprint(1)\n"),
        ),
    ]);
}

#[test]
fn the_program_is_chosen_from_several_blocks() {
    let class = "class Account:\n    def __init__(self):\n        self.total = 0\n";
    let usage = "account = Account()\nprint(account.total)\n";
    let v1 = "def area(r):\n    return 3 * r * r\n\n\nprint(area(2))\n";
    let v2 = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\nprint(area(2))\n";
    check(vec![
        ("a command to install", format!("```bash\npip install x\n```\n```python\n{S}```"), Whole, is(S)),
        ("a command without a tag", format!("```\npip install requests\n```\n\n```\n{S}```"), Whole, is(S)),
        ("output after", format!("```python\n{S}```\nOutput:\n```\na < b & c\n```"), Whole, is(S)),
        ("output that parses", format!("```python\n{S}```\nOutput:\n```\n42\n```"), Whole, is(S)),
        ("a script and an example of its use", format!("```python\n{S}```\nExample:\n```python\nmain()\n```"), Whole, is(S)),
        ("definitions and their use", format!("```python\n{class}```\nExample usage:\n```python\n{usage}```"), Whole, is(&format!("{class}\n\n{usage}"))),
        ("use from another file", format!("```python\n{class}```\n```python\nfrom account import Account\nAccount()\n```"), Whole, is(class)),
        ("imports, functions and main apart", "```python\nimport sys\n```\n```python\ndef main():\n    sys.exit(0)\n```\n```python\nmain()\n```".to_owned(), Whole, is("import sys\n\n\ndef main():\n    sys.exit(0)\n\n\nmain()\n")),
        ("a corrected version", format!("```python\n{v1}```\nBetter:\n```python\n{v2}```"), Whole, is(v2)),
        ("a corrected version of a broken one", format!("```python\n{}```\nOops:\n```python\n{v2}```", v1.replace("r):", "r:")), Whole, is(v2)),
        ("a snippet before the script", format!("Use:\n```python\nprint(1)\n```\nSo:\n```python\n{v1}```"), Whole, is(v1)),
        ("one function shown again", format!("```python\n{v1}def other():\n    pass\ndef third():\n    pass\n```\nNote:\n```python\ndef area(r):\n    return 4\n```"), Whole, is(&format!("{v1}def other():\n    pass\ndef third():\n    pass\n"))),
        ("a script split in the middle", "```python\nimport sys\nif True:\n```\nand then\n```python\n    print(1)\nelse:\n    print(2)\n```".to_owned(), Whole, is("import sys\nif True:\n    print(1)\nelse:\n    print(2)\n")),
        ("a broken script and an example that parses", "```python\nimport sys\n\ndef main(:\n    print(1)\n    print(2)\n```\nUse:\n```python\nmain()\n```".to_owned(), Whole, Want::Refusal(Syntax)),
        ("a script and a patch with a gap", format!("```python\n{v1}```\nChange:\n```python\ndef area(r):\n    return 4\n\n# ... rest of the code unchanged\n```"), Whole, is(v1)),
        ("JSON data beside the script", format!("```json\n{{\"a\": 1}}\n```\n```python\n{S}```"), Whole, is(S)),
    ]);
}

#[test]
fn omitted_code_is_noticed() {
    let gap = |line: &str| {
        format!("```python\nimport sys\n\n\ndef main():\n    print(1)\n\n\n{line}\n\nmain()\n```")
    };
    let kept = |body: &str| (format!("```python\n{body}```"), is(body));
    let mut table = Vec::new();
    for line in ["...", "…", "def helper():\n    print(1)\n    ..."] {
        table.push(("a gap", gap(line), Whole, Want::Refusal(Placeholder)));
    }
    // A comment like these does not make a complete script incomplete.
    for line in [
        "# remaining functions",
        "# as above",
        "# same as before",
        "# Rest of the code",
        "# existing code here",
        "# ... existing code ...",
        "# Existing imports...",
        "# ...",
        "# The remaining functions stay the same as above",
        "# your code here",
        "# unchanged",
        "def helper():\n    # same as before\n    pass",
    ] {
        let body = format!("import sys\n\n\ndef main():\n    print(1)\n\n\n{line}\n\nmain()\n");
        let (answer, want) = kept(&body);
        table.push(("no gap", answer, Whole, want));
    }
    for body in [
        "from typing import Protocol\n\n\nclass Shape(Protocol):\n    def area(self) -> float: ...\n\n\nprint(1)\n",
        "from abc import ABC, abstractmethod\n\n\nclass A(ABC):\n    @abstractmethod\n    def f(self):\n        ...\n\n\nprint(1)\n",
        "class E(Exception):\n    pass\n\n\nprint(1)\n",
        "items = [1, 2, 3]\n# the rest of the list\nfor i in items[1:]:\n    print(i)\n",
        "x = 1\n# same as above, for y\ny = 2\nprint(x + y)\n",
        "def f(n):\n    # process the remaining items\n    return n\n\n\nprint(f(1))\n",
        "text = '''\n# ... rest of the code unchanged\n...\n'''\nprint(text)\n",
        "import os\n# Skip existing files and code that is not ours to change at all\nprint(os.name)\n",
        "print('Loading...')\n",
        "from typing import Tuple\nx: Tuple[\n    int,\n    ...,\n] = (1,)\nprint(x)\n",
    ] {
        let (answer, want) = kept(body);
        table.push(("no gap", answer, Whole, want));
    }
    check(table);
}

#[test]
fn a_cut_off_answer_is_accepted_only_if_its_script_is_complete() {
    check(vec![
        ("after the closing fence", format!("```python\n{S}```\nThis script uses"), Cut, is(S)),
        (
            "in the code",
            "```python\nimport sys\n\ndef main():\n    print(1, ".to_owned(),
            Cut,
            Want::Refusal(CutOff),
        ),
        (
            "where it happens to parse",
            "```python\nimport sys\n\ndef main():\n    total = sys".to_owned(),
            Cut,
            Want::Refusal(CutOff),
        ),
        (
            "before the call of main",
            "```python\nimport sys\n\ndef main():\n    print(1)\n".to_owned(),
            Cut,
            Want::Refusal(CutOff),
        ),
        (
            "in the word that the call of main begins with",
            "```python\nimport sys\n\ndef main():\n    print(1)\n\nif".to_owned(),
            Cut,
            Want::Refusal(CutOff),
        ),
        ("after the call of main", format!("```python\n{S}"), Cut, is(S)),
        (
            "without fences, in the code",
            "import sys\n\ndef main():\n    x = [1, 2".to_owned(),
            Cut,
            Want::Refusal(CutOff),
        ),
        (
            "without fences, in the prose after",
            format!("{S}\nThis script prints a line and then it"),
            Cut,
            is(S),
        ),
        (
            "in a second version",
            format!(
                "```python\n{S}```\nA better one:\n```python\nimport sys\n\n\ndef main():\n    print(\"lon"
            ),
            Cut,
            is(S),
        ),
        (
            "before any code",
            "The request asks for a clock, so I will".to_owned(),
            Cut,
            Want::Refusal(NoCode),
        ),
    ]);
}

#[test]
fn an_answer_without_a_script_is_refused() {
    check(vec![
        ("nothing", String::new(), Whole, Want::Refusal(Empty)),
        ("blanks", " \n\r\n\t".to_owned(), Whole, Want::Refusal(Empty)),
        (
            "prose",
            "You could use tkinter for this. First, draw a circle.".to_owned(),
            Whole,
            Want::Refusal(NoCode),
        ),
        ("a word", "Done".to_owned(), Whole, Want::Refusal(NoCode)),
        ("words that are an expression", "yes or no".to_owned(), Whole, Want::Refusal(NoCode)),
        (
            "a refusal",
            "I'm sorry, but I can't help with that.".to_owned(),
            Refused,
            Want::Refusal(NoCode),
        ),
        ("an empty block", "```python\n```".to_owned(), Whole, Want::Refusal(NoCode)),
        (
            "only a command",
            "```bash\npip install pygame\n```".to_owned(),
            Whole,
            Want::Refusal(NoCode),
        ),
        (
            "another language",
            "```javascript\nconsole.log(1)\n```".to_owned(),
            Whole,
            Want::Refusal(NoCode),
        ),
        (
            "a list in prose",
            "1. Import tkinter.\n2. Draw a circle.\n- for each hour, draw a tick".to_owned(),
            Whole,
            Want::Refusal(NoCode),
        ),
        (
            "code that does not parse",
            "```python\ndef f(:\n    pass\n```".to_owned(),
            Whole,
            Want::Refusal(Syntax),
        ),
    ]);
}

#[test]
fn a_refusal_names_the_line_that_does_not_parse() {
    let answer = "Here:\n```python\nimport sys\n\ndef f(:\n    pass\n```";
    let refusal = extract::script(answer, Whole, &parses).unwrap_err();
    assert!(refusal.reason.contains("Line 3") && refusal.reason.contains("`def f(:`"), "{refusal}");
    let answer = "```python\nx = 1\n...\n```";
    let refusal = extract::script(answer, Whole, &parses).unwrap_err();
    assert!(refusal.reason.contains("Line 2"), "{refusal}");
}

#[test]
fn a_huge_answer_costs_a_bounded_number_of_parses() {
    let mib = 1 << 18;
    let hostile = [
        "```\n".repeat(mib / 4),
        "```python\nx = (\n```\n".repeat(mib / 20),
        "```python\n".repeat(mib / 10),
        "```python\n\"\"\"\n".repeat(mib / 14),
        "x = 1\nprose stands here now.\n".repeat(mib / 29),
        "{\"code\": \"".repeat(mib / 10),
        "<code>".repeat(mib / 6),
        "<code>\n".repeat(mib / 7),
        "<think>".repeat(mib / 7),
        "</think>\n".repeat(mib / 9),
        "[".repeat(mib),
        "\"".repeat(mib),
        "`".repeat(mib),
        "# ...\n".repeat(mib / 6),
        ">>> x\n".repeat(mib / 6),
        "&lt;".repeat(mib / 4),
        " ".repeat(mib),
        "é\u{a0}".repeat(mib / 4),
    ];
    for answer in hostile {
        let (calls, bytes) = (Cell::new(0_usize), Cell::new(0_usize));
        let never = |text: &str| {
            calls.set(calls.get() + 1);
            bytes.set(bytes.get() + text.len());
            Err(SyntaxProblem { line: 1, message: "no".to_owned() })
        };
        let got = extract::script(&answer, Whole, &never);
        assert!(got.is_err() && calls.get() <= 200 && bytes.get() <= 24 << 20, "{}", calls.get());
    }
}
