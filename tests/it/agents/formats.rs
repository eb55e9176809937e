//! Remains of chat formats, notebooks and shells in answers, and the expected script for each.

use super::parses;
use redraft::agents::RefusalKind::{self, NoCode};
use redraft::agents::{extract, own_words, planner};
use redraft::domain::chat::Outcome::{self, Cut, Whole};

const S: &str = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n\n\nprint('draft', round(area(2), 2))\n";
const OTHER: &str = "import math\n\n\ndef volume(r):\n    return 4 / 3 * math.pi * r ** 3\n\n\nprint(volume(2))\nprint('ball')\n";

/// Checks each answer against the expected script or refusal.
fn check(table: Vec<(String, Outcome, Result<&str, RefusalKind>)>) {
    let mut wrong = String::new();
    for (answer, outcome, want) in table {
        let got = extract::script(&answer, outcome, &parses);
        let right = match (&got, &want) {
            (Ok(got), Ok(script)) => got.script == *script,
            (Err(got), Err(kind)) => got.kind == *kind,
            _ => false,
        };
        if !right {
            wrong += &format!("=== {answer}\n--- wanted\n{want:?}\n--- got\n{got:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn only_the_script_of_the_model_s_own_turn_is_extracted() {
    let bare = S.trim_end();
    let fenced = format!("```python\n{S}```");
    let mut table = Vec::new();
    for mark in
        ["<|im_end|>", "</s>", "<|eot_id|>", "<end_of_turn>", "<|endoftext|>", "[/INST]", "<|end|>"]
    {
        for answer in [
            format!("{bare}{mark}"),
            format!("{fenced}{mark}"),
            format!("{fenced}\n{mark}\n"),
            format!("```python\n{bare}{mark}\n```"),
            format!("```python\n{S}{mark}"),
            format!("Here it is:\n\n{fenced}\n\nIt prints a number.{mark}"),
        ] {
            // Only the invented user turn was cut off.
            table.push((answer.clone(), Whole, Ok(S)));
            table.push((format!("{answer}\n<|im_start|>user\nNow a ball.{mark}\n"), Cut, Ok(S)));
        }
    }
    for (user, model) in [
        ("<|im_end|>\n<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
        (
            "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        ("\n[INST] ", " [/INST]\n"),
        ("\n\nUser: ", "\n\nAssistant: "),
        ("\n\nHuman: ", "\n\nAssistant:\n"),
        ("\n\n### Instruction:\n", "\n\n### Response:\n"),
        ("\n\n**User:** ", "\n\n**Assistant:**\n"),
    ] {
        for turn in ["Now a ball.", "No, shorter."] {
            let second = format!("{user}{turn}{model}```python\n{OTHER}```");
            table.push((format!("{fenced}{second}"), Whole, Ok(S)));
            table.push((format!("{fenced}\nDone.{second}"), Cut, Ok(S)));
            table.push((format!("Sorry, I can't.{second}"), Whole, Err(NoCode)));
        }
    }
    table.push((format!("<|im_start|>assistant\n{fenced}<|im_end|>"), Whole, Ok(S)));
    table.push((format!("Sure!<|im_end|>\n<|im_start|>assistant\n{fenced}"), Whole, Ok(S)));
    table.push((format!("<|python_tag|>{S}"), Whole, Ok(S)));
    check(table);
}

#[test]
fn a_script_that_contains_turn_marks_keeps_them() {
    for script in [
        "STOP = [\"<|im_end|>\", \"</s>\", '<end_of_turn>']\nprint(STOP)\n",
        "FORM = \"\"\"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n\"\"\"\nprint(FORM.format(text=1))\n",
        "FORM = '''\n### Instruction:\n{}\n\n### Response:\n'''\nprint(FORM)\n",
        "text = input()\nif text == 'User:':\n    print(text.split('</think>')[-1])\n",
        "# The answer ends with <|eot_id|> here.\nprint('x')\n",
        "X = '''\n```python\nx<|im_end|>\n```\nUser: y\n'''\nprint(X)\n",
    ] {
        let answers = [script.to_owned(), format!("Here:\n\n```python\n{script}```\n\nIt prints.")];
        let ended = answers.iter().map(|answer| format!("{}<|im_end|>", answer.trim_end()));
        let ended: Vec<String> = ended.collect();
        let all = answers.iter().chain(&ended).cloned();
        check(all.map(|answer| (answer, Whole, Ok(script))).collect());
    }
}

#[test]
fn thinking_is_neither_script_nor_plan() {
    let draft = format!("Let me see.\n```python\n{OTHER}```\nNo.");
    let mut table = Vec::new();
    for (open, close) in [
        ("<think>", "</think>"),
        ("<scratchpad>", "</scratchpad>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ] {
        for answer in [format!("```python\n{S}```"), S.to_owned()] {
            table.push((format!("{open}\n{draft}\n{close}{answer}"), Whole, Ok(S)));
            table.push((format!("{open}{draft}{close}\n{answer}<|return|>"), Whole, Ok(S)));
        }
        table.push((format!("{open}\n{draft}"), Cut, Err(NoCode)));
        let plan =
            format!("{open}R1. Ask for a colour.\nNo.{close}Print it.\n\nR1. Print a number.\n");
        let (words, outcome) = own_words(&plan, Whole);
        let plan = planner::parse(&words, outcome).unwrap();
        assert_eq!(plan.requirements.len(), 1, "{plan:?}");
        assert_eq!(plan.requirements[0].text, "Print a number.");
        assert!(!plan.text.contains(['<', '◁', '|']), "{}", plan.text);
    }
    check(table);
}

#[test]
fn notebook_and_shell_lines_are_not_part_of_the_script() {
    let table: Vec<String> = vec![
        format!("```python\n!pip install tabulate\n{S}```"),
        format!("```python\n%pip install tabulate -q\n%matplotlib inline\n\n{S}```"),
        format!("```python\npip install tabulate\n\n{S}```"),
        format!("```python\n%%writefile script.py\n{S}```"),
        format!("```ipython\n%%capture\n!pip install -q \\\n  tabulate\n{S}```"),
        format!("!pip install tabulate\n{S}"),
        format!("```\n$ pip install tabulate\n{S}```"),
        format!("```bash\ncat > script.py <<'EOF'\n{S}EOF\npython3 script.py\n```"),
        format!("```sh\npip install tabulate\ncat <<\"EOF\" > script.py\n{S}EOF\n```"),
        format!("```\npython3 - <<'EOF'\n{S}EOF\n```"),
        format!("cat > script.py <<'EOF'\n{S}EOF\npython3 script.py\n"),
        format!("```python\n{S}```\n```bash\n!python script.py\n```"),
        serde_json::json!({"cells": [
            {"cell_type": "markdown", "source": ["# A\n"]},
            {"cell_type": "code", "source": ["%matplotlib inline\n", S]},
        ], "nbformat": 4})
        .to_string(),
    ];
    check(table.into_iter().map(|answer| (answer, Whole, Ok(S))).collect());
}

#[test]
fn typographic_signs_are_replaced_in_code_only() {
    let odd = S.replace('(', "（").replace(')', "）").replace(',', "，").replace('\'', "’");
    let blanks = S.replace("    ", "\u{a0}\u{a0}\u{3000} ").replace("def", "\u{feff}d\u{ad}ef");
    let said = "print（“a”，'“b”，（c）'）\nprint(\"x\u{a0}y\u{200b}z\")\n";
    let mended = "print(\"a\",'“b”，（c）')\nprint(\"x\u{a0}y\u{200b}z\")\n";
    let tidy = "print('“b”，（c）\u{a0}&lt;')\n";
    check(vec![
        (format!("```python\n{odd}```"), Whole, Ok(S)),
        (format!("```python\n{blanks}```"), Whole, Ok(S)),
        (format!("```python\n{said}```"), Whole, Ok(mended)),
        (format!("```python\n{tidy}```"), Whole, Ok(tidy)),
        (format!("```python\n!pip install x\n{tidy}```"), Whole, Ok(tidy)),
    ]);
}
