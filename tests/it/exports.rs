//! Outputs that have to fit a schema.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use serde_json::json;

const SCHEMA: &str =
    r#"{"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}"#;

#[test]
fn an_output_that_does_not_fit_the_schema_goes_back_to_the_coder() {
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
fn a_schema_that_is_none_is_refused_before_anything_is_paid_for() {
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
fn a_question_with_a_schema_has_a_value_for_programs() {
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
