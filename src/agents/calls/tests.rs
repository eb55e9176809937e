use super::*;
use std::fmt::Write as _;

const TOOL: &str = "run_python";
/// The code that every form of a call has to yield.
const CODE_OF: &str =
    "d = {'a': 20, \"b\": 22}\nif d['a'] < 30 and True:\n    print(sum(d.values()))";

/// A string that is valid in JSON and in Python.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A call with this name and code, in every form that servers and models use.
fn forms(name: &str, code: &str) -> Vec<String> {
    let text = quoted(code);
    let fields = format!("{{\"code\": {text}}}");
    let called = format!("{{\"name\": \"{name}\", \"arguments\": {fields}}}");
    let raw = code.replace('"', "\\\"");
    vec![
        // JSON
        called.clone(),
        format!("[{called}]"),
        format!("```json\n{called}\n```"),
        format!("```\n[{called}]\n```"),
        format!("```tool_call\n{called}\n```"),
        format!("{{\"name\": \"{name}\", \"arguments\": {}}}", quoted(&fields)),
        format!("{{\"name\": \"{name}\", \"parameters\": {fields}}}"),
        format!(
            "{{\"type\": \"tool_use\", \"id\": \"t1\", \"name\": \"{name}\", \"input\": {fields}}}"
        ),
        format!("{{\"type\": \"function\", \"function\": {called}}}"),
        format!("{{\"function\": {{\"name\": \"{name}\", \"arguments\": {}}}}}", quoted(&fields)),
        format!("{{\"tool_calls\": [{{\"id\": \"c1\", \"function\": {called}}}]}}"),
        format!("{{\"tool\": \"{name}\", \"input\": {fields}}}"),
        format!("{{\"tool\": \"{name}\", \"input\": {text}}}"),
        format!("{{\"tool_name\": \"{name}\", \"parameters\": {fields}}}"),
        format!("{{\"action\": \"{name}\", \"action_input\": {text}}}"),
        format!("{{\"function\": \"{name}\", \"arguments\": {fields},}}"),
        format!("{{\n\"name\": \"{name}\",\n\"arguments\": {{\"code\": \"{raw}\"}}\n}}"),
        format!("{{'name': '{name}', 'arguments': {{'code': '''{code}'''}}}}"),
        format!("[TOOL_CALLS][{called}]"),
        format!("[TOOL_CALLS] [{called}]</s>"),
        format!("[TOOL_CALLS]{name}[ARGS]{fields}"),
        format!("[TOOL_CALLS]{name}[CALL_ID]a1b2[ARGS]{fields}"),
        format!("<|python_tag|>{called}<|eom_id|>"),
        format!("functools[{called}]"),
        format!("<|tool_call|>[{called}]<|/tool_call|>"),
        format!(
            "<|START_ACTION|>[{{\"tool_call_id\": \"0\", \"tool_name\": \"{name}\", \"parameters\": {fields}}}]<|END_ACTION|>"
        ),
        // A name and its arguments.
        format!(
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.{name}:0<|tool_call_argument_begin|>{fields}<|tool_call_end|><|tool_calls_section_end|>"
        ),
        format!(
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{fields}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        format!(
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{fields}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        format!("<|tool_call>call:{name}{{code:<|\"|>{code}<|\"|>}}<tool_call|>"),
        format!(
            "<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{fields}<|call|>"
        ),
        format!(
            "<|start|>assistant to=functions.{name}<|channel|>commentary json<|message|>{fields}<|call|>"
        ),
        format!("Action: {name}\nAction Input: {fields}\nObservation: 7"),
        format!("Action: {name}\nAction Input: {text}"),
        format!("Action: {name}\nAction Input: {code}\nObservation: 7"),
        format!("**Action:** {name}\n**Action Input:**\n```python\n{code}\n```"),
        // Tags
        format!("<tool_call>\n{called}\n</tool_call>"),
        format!("<tool_call>{called}"),
        format!(
            "<tool_call>\n<function={name}>\n<parameter=code>\n{code}\n</parameter>\n</function>\n</tool_call>"
        ),
        format!("<function={name}><parameter=code>{code}</parameter></function>"),
        format!("<function={name}>\n<parameter=code>\n{code}\n"),
        format!("<function={name}>{fields}</function>"),
        format!(
            "<function_calls>\n<invoke name=\"{name}\">\n<parameter name=\"code\">{code}</parameter>\n</invoke>\n</function_calls>"
        ),
        format!(
            "<minimax:tool_call>\n<invoke name=\"{name}\">\n<parameter name=\"code\">\n{code}\n</parameter>\n</invoke>\n</minimax:tool_call>"
        ),
        format!(
            "<function_calls><invoke><tool_name>{name}</tool_name><parameters><code>{code}</code></parameters></invoke></function_calls>"
        ),
        format!(
            "<tool_call>{name}\n<arg_key>code</arg_key>\n<arg_value>{code}</arg_value>\n</tool_call>"
        ),
        format!("<tool_call>\n<name>{name}</name>\n<code>\n{code}\n</code>\n</tool_call>"),
        format!("<tool name=\"{name}\"><arg name=\"code\">{code}</arg></tool>"),
        format!("<tool_use><name>{name}</name><arguments>{fields}</arguments></tool_use>"),
        format!("<tool_call name=\"{name}\"><![CDATA[{code}]]></tool_call>"),
        // Python
        format!("<|tool_call_start|>[{name}(code={text})]<|tool_call_end|>"),
        format!("```tool_code\n{name}(code='''{code}''')\n```"),
        format!("```tool_code\nprint(default_api.{name}(code='''\n{code}\n'''))\n```"),
    ]
}

/// Forms that are recognised as calls only by the name of the available tool.
fn python_forms(code: &str) -> Vec<String> {
    let text = quoted(code);
    vec![
        format!("run_python(code={text})"),
        format!("run_python(code='''\n{code}\n''')"),
        format!("run_python(r'''{code}''', timeout=30)"),
        format!("run_python({{'code': {text}}})"),
        format!("[run_python(code='''{code}''')]"),
        format!("result = run_python(code='''{code}''')\nprint(result)"),
        format!("```python\nrun_python(code='''{code}''')\n```"),
        format!("```python\ncode = '''{code}'''\nprint(run_python(code))\n```"),
        format!("```\nrun_python(code=\"{code}\")\n```"),
        format!("<run_python>\n<code>\n{code}\n</code>\n</run_python>"),
        format!("<run_python>{code}</run_python>"),
        format!(
            "{{\"name\": \"run_python\", \"arguments\": {{\"code\": {}}}}}",
            Value::from(code.lines().collect::<Vec<_>>())
        ),
        format!("```run_python\n{code}\n```"),
        format!("{{\"run_python\": {{\"code\": {text}}}}}"),
        format!("{{\"tool\": \"run_python\", \"code\": {text}}}"),
        format!("<|python_tag|>run_python.call(code={text})<|eom_id|>"),
        format!("<|python_tag|>{code}<|eom_id|>"),
    ]
}

fn read(text: &str) -> (String, Vec<(String, String)>) {
    let Some(written) = written(text, TOOL) else { return (text.to_owned(), Vec::new()) };
    let call = |call: &Call| {
        let code = code_of(&call.arguments).unwrap_or_default();
        (call.name.clone(), code.trim_matches('\n').to_owned())
    };
    (written.said.to_owned(), written.calls.iter().map(call).collect())
}

#[test]
fn a_tool_call_is_read_in_every_notation() {
    let mut wrong = String::new();
    let named = forms(TOOL, CODE_OF);
    for form in named.iter().chain(&python_forms(CODE_OF)) {
        for (before, after) in [("", ""), ("I add them.\n\n", ""), ("", "\n\nIt gives 41.")] {
            if form.contains("Action") && !after.is_empty() || form.ends_with(CODE_OF) {
                continue;
            }
            // An unclosed form extends to the end of the text.
            let closed = !(form.ends_with('\n') || form.ends_with('}') && form.starts_with('<'));
            if !closed && !after.is_empty() {
                continue;
            }
            let text = format!("{before}{form}{after}");
            let (said, calls) = read(&text);
            let right =
                matches!(&calls[..], [(name, code)] if is_named(name, TOOL) && code == CODE_OF);
            if !right || said.split('<').next().unwrap_or_default().trim() != before.trim() {
                let _ = writeln!(wrong, "=== {text}\n--- {said:?} {calls:#?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_call_of_an_unknown_tool_is_recognized_with_its_name() {
    for form in forms("search_web", "x") {
        let (_, calls) = read(&form);
        let named = matches!(&calls[..], [(name, _)] if name.contains("search_web"));
        assert!(named, "{form}: {calls:?}");
        assert!(!is_named(&calls[0].0, TOOL), "{form}");
    }
    for name in [
        "run_python",
        "RunPython",
        "run-python",
        "functions.run_python",
        "run_python:0",
        "default_api.run_python",
        "run_python<|channel|>commentary",
    ] {
        assert!(is_named(name, TOOL), "{name}");
    }
    for name in ["", "python", "run", "run_python_file", "functions.python", "shell.run_python"] {
        assert!(!is_named(name, TOOL), "{name}");
    }
}

#[test]
fn a_call_in_an_attribute_or_a_sentence_is_read_whole() {
    let text = "So: <run_python code=\"if 1 > 0:\n    print('a')\" />\nIt prints a.";
    let code = "if 1 > 0:\n    print('a')".to_owned();
    assert_eq!(read(text), ("So:".to_owned(), vec![(TOOL.to_owned(), code)]));
    let text = "I call it: run_python(code='print(1)')";
    let call = vec![(TOOL.to_owned(), "print(1)".to_owned())];
    assert_eq!(read(text), ("I call it:".to_owned(), call));
}

#[test]
fn several_calls_are_read_in_order() {
    let one = |code: &str| {
        format!(
            "<tool_call>\n{{\"name\": \"run_python\", \"arguments\": {{\"code\": \"{code}\"}}}}\n</tool_call>"
        )
    };
    for text in [
        format!("{}\n{}", one("a"), one("b")),
        "[run_python(code=\"a\"), run_python(code='b')]".to_owned(),
        "[{\"name\": \"run_python\", \"arguments\": {\"code\": \"a\"}}, {\"name\": \"run_python\", \"arguments\": {\"code\": \"b\"}}]".to_owned(),
        "```json\n{\"tool\": \"run_python\", \"input\": \"a\"}\n{\"tool\": \"run_python\", \"input\": \"b\"}\n```".to_owned(),
        "```json\n{\"tool\": \"run_python\", \"input\": \"a\"}\n```\nand\n```json\n{\"tool\": \"run_python\", \"input\": \"b\"}\n```".to_owned(),
    ] {
        let codes: Vec<String> = read(&text).1.into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, ["a", "b"], "{text}");
    }
}

#[test]
fn text_that_only_mentions_a_call_is_not_a_call() {
    for text in [
        "It is 42.",
        "Call `run_python(code='print(1)')` to see it.",
        "The tool is called run_python (it takes code).",
        "{\"name\": \"Anna\", \"input\": 3}",
        "[1, 2, 3]",
        "The list is [a(1), b(2)].",
        "```python\nprint(search(query='x'))\n```",
        "```python\ndef run_python(code):\n    exec(code)\n\n\nrun_python('print(1)')\n```",
        "```json\n{\"name\": \"Anna\", \"age\": 3}\n```",
        "Use this form:\n```json\n{\"name\": \"x\", \"arguments\": {\"a\": 1}}\n```\nThen send it.",
        "<b>42</b> and <function> and <code>print(1)</code>",
        "x < 3 and y > 2 [ok] {fine}",
        "print(42)",
        "Action: none is needed.",
        "Python takes `<tool_call>` for text, as any other word. It is 42.",
    ] {
        assert_eq!(written(text, TOOL), None, "{text}");
    }
    for text in
        ["<".repeat(1 << 17), "{".repeat(1 << 17), "[{\"a\":".repeat(1 << 16), "a=".repeat(1 << 17)]
    {
        assert_eq!(written(&text, TOOL), None);
    }
}
