//! Exports: notebooks and manual pages; and outputs that must match a schema.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use serde_json::{Value, json};
use std::process::Command;

const READS: &str = "import sys\nprint(sys.argv[1:], input('how many? '))";

#[test]
fn an_exported_notebook_has_plan_code_and_output_and_runs() {
    let world = World::scripted(&[PLAN], &[&fenced(READS)], &[ACCEPT]);
    let args = ["new", "count", "--name", "s", "--auto", "--args", "a 'b c'", "--stdin", "5"];
    world.run(&args).expect(0);
    world.run(&["export", "s", "--notebook", "-o", "s.ipynb"]).expect(0);
    let notebook: Value = serde_json::from_str(&world.read("s.ipynb")).unwrap();
    assert_eq!((&notebook["nbformat"], &notebook["nbformat_minor"]), (&json!(4), &json!(5)));
    let cells = notebook["cells"].as_array().unwrap();
    let ids: Vec<&str> = cells.iter().map(|cell| cell["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["request", "plan", "given", "script", "seen"]);
    assert!(cells[1]["source"].as_str().unwrap().contains("R2"));
    let printed = "['a', 'b c'] 5\n";
    let output = &cells[3]["outputs"][0];
    assert_eq!(output["name"], "stdout");
    assert!(output["text"].as_str().unwrap().ends_with(printed), "{output}");
    assert_eq!(cells[4]["source"], "v1: ran");
    // The notebook's code does the same in another process, with other arguments and without input.
    let source = |n: usize| cells[n]["source"].as_str().unwrap();
    let code = format!("{}\n{}", source(2), source(3));
    let ran = Command::new("python3").args(["-c", &code, "other"]).output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).ends_with(printed), "{ran:?}");
    let out = world.run(&["export", "s", "--notebook"]).expect(0);
    assert_eq!(out.out, world.read("s.ipynb"));
    world.run(&["export", "s", "--notebook", "-o", "s.ipynb"]).expect(2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_notebook_embeds_only_pictures_of_its_session() {
    let script = "open('a.png', 'wb').write(b'picture')\nopen('b.svg', 'w').write('<svg/>')";
    let world = World::scripted(&[], &[&fenced(script)], &[]);
    world.run(&["new", "draw", "--name", "s", "--preset", "quick", "--auto"]).expect(0);
    let shown = || {
        let out = world.run(&["export", "s", "--notebook"]).expect(0).out;
        let notebook: Value = serde_json::from_str(&out).unwrap();
        notebook["cells"][2]["outputs"].clone()
    };
    assert_eq!(
        shown(),
        json!([{
            "output_type": "display_data",
            "data": { "image/png": "cGljdHVyZQ==", "text/plain": "files/a.png" },
            "metadata": {},
        }])
    );
    world.write("mine.png", "mine");
    let picture = world.file("sessions/s/run_v1/files/a.png");
    std::fs::remove_file(&picture).unwrap();
    std::os::unix::fs::symlink(world.file("mine.png"), picture).unwrap();
    assert_eq!(shown(), json!([]));
}

#[test]
fn each_command_has_a_manual_page() {
    let world = World::empty();
    // The manual pages do not depend on a valid configuration.
    world.write("redraft.yaml", "modle: x\n");
    world.run(&["man", "share/man1"]).expect(0);
    let page = world.read("share/man1/redraft-new.1");
    assert!(page.contains(".TH redraft-new 1"), "{page}");
    assert!(page.contains("max\\-versions") && page.contains("\\-\\-json"), "{page}");
    assert!(world.read("share/man1/redraft.1").contains("redraft\\-resume"));
    assert!(world.file("share/man1/redraft-models-pull.1").exists());
}

const SCHEMA: &str =
    r#"{"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}"#;

#[test]
fn an_output_that_does_not_fit_the_schema_is_repaired() {
    let scripts = ["print('sum: 3')", "print('{\"sum\": \"3\"}')", "print('{\"sum\": 3}')"];
    let scripts = scripts.map(fenced);
    let world = World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[ACCEPT]);
    world.write("sum.json", SCHEMA);
    let args = ["new", "add up", "--name", "s", "--schema", "sum.json", "--auto"];
    let out = world.run(&args).expect(0).out;
    assert!(out.contains("accepted v3 (ran)"), "a form says nothing of values: {out}");
    let received = world.received();
    let prompts: Vec<String> = received.iter().map(Received::prompt).collect();
    let told = |whom: Asking| {
        let of = received.iter().zip(&prompts).filter(|(asked, _)| agent(asked) == whom);
        let mut of = of.map(|(_, prompt)| prompt).peekable();
        of.peek().is_some()
            && of.all(|prompt| prompt.contains("fits this JSON schema:\n```json\n{"))
    };
    assert!(told(Asking::Planner) && told(Asking::Coder) && told(Asking::Reviewer), "{prompts:#?}");
    let coder: Vec<&String> =
        prompts.iter().filter(|p| p.starts_with("You are the Coder")).collect();
    assert!(coder[1].contains("it is no JSON") && coder[1].contains("json.dumps"), "{}", coder[1]);
    assert!(coder[2].contains("`/sum`: \"3\" is not of type \"number\""), "{}", coder[2]);
    assert!(world.read("sessions/s/session.yaml").contains("schema: "));
}

#[test]
fn an_invalid_schema_is_refused_before_any_model_call() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.write("wrong.json", "{\"type\": \"thing\"}");
    world.write("far.json", "{\"$ref\": \"https://example.org/schema.json\"}");
    for file in ["wrong.json", "far.json", "nothing.json"] {
        let out = world.run(&["new", "x", "--schema", file, "--auto"]).expect(2);
        assert!(out.err.contains(file), "{}", out.err);
    }
    assert!(world.received().is_empty() && !world.file("sessions").exists());
}

#[test]
fn an_answer_with_a_schema_has_a_json_value() {
    let answers =
        ["```python\nprint('3 and 4')\n```", "```python\nprint('{\"sum\": 7}')\n```", "It is 7."];
    let at = std::sync::atomic::AtomicUsize::new(0);
    let world = World::with(move |request| {
        let n = at.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Reply::to(request, answers[n.min(answers.len() - 1)])
    });
    world.write("sum.json", SCHEMA);
    let out = world.run(&["ask", "what is 3 and 4?", "--schema", "sum.json", "--json"]).expect(0);
    let ended = out.json().remove(0);
    assert_eq!((&ended["answer"], &ended["value"]), (&json!("It is 7."), &json!({"sum": 7})));
    let received = world.received();
    assert!(received[0].prompt().contains("fits this JSON schema"), "{}", received[0].prompt());
    let second = received[1].body.to_string();
    assert!(second.contains("it is no JSON"), "{second}");
}
