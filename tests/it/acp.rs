//! `redraft acp` from an editor's side.

use crate::support::acp_client::{Editor, harmless, prompt};
use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced, wait_for};
use serde_json::{Value, json};

/// A world whose model follows the request with a script that prints two words.
fn world() -> World {
    World::scripted(&[PLAN], &[&fenced("print('one')\nprint('two')")], &[ACCEPT])
}

const NETWORK_SCRIPT: &str = "import urllib.request\nprint('one')\nurllib.request.urlopen('http://example.org')\nprint('two')";

/// The values of this field in a list of objects.
fn fields(list: &Value, name: &str) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter().map(|value| value[name].as_str().unwrap().to_owned()).collect()
}

/// The options of each permission request.
fn offered(editor: &Editor) -> Vec<Vec<String>> {
    editor.asked.iter().map(|asked| fields(&asked["options"], "optionId")).collect()
}

/// The status of each entry in each plan update.
fn plans(editor: &Editor) -> Vec<Vec<String>> {
    editor.updates("plan").iter().map(|plan| fields(&plan["entries"], "status")).collect()
}

/// The diffs in tool calls.
fn diffs(editor: &Editor) -> Vec<&Value> {
    let calls = editor.updates("tool_call").into_iter();
    let content = calls.flat_map(|call| call["content"].as_array().into_iter().flatten());
    content.filter(|content| content["type"] == "diff").collect()
}

#[test]
fn a_prompt_becomes_an_accepted_script_shown_step_by_step() {
    let world = world();
    let mut editor = Editor::start(&world, &["approve", "accept"]);
    let session = editor.open(&world);
    assert!(!world.file("sessions").exists(), "nothing was said yet");
    assert_eq!(editor.say(&session, "count to two"), "end_turn");
    assert!(world.events(&session).contains(&"accepted".to_owned()));
    assert_eq!(offered(&editor)[0], ["approve", "say"]);
    assert_eq!(offered(&editor)[1][..2], ["accept", "iterate"]);
    let text = editor.asked[0]["toolCall"]["content"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("It prints two"), "{text}");
    let plans = plans(&editor);
    assert_eq!(plans.len(), 3, "each is shown once");
    assert_eq!(plans[0], ["pending", "pending"]);
    assert_eq!(plans[1], ["in_progress", "in_progress"]);
    assert_eq!(plans[plans.len() - 1], ["completed", "completed"]);
    let [diff] = diffs(&editor)[..] else { panic!("one version") };
    assert_eq!(
        (&diff["newText"], &diff["oldText"]),
        (&json!("print('one')\nprint('two')\n"), &Value::Null)
    );
    let path = diff["path"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "print('one')\nprint('two')\n");
    assert!(editor.said().contains("A script that counts"), "{}", editor.said());
    assert!(editor.said().contains("accepted v1 (ran)"), "{}", editor.said());
    assert_eq!(editor.leave(), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_is_shown_as_a_tool_call_with_its_output() {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')\nprint('```')")], &[ACCEPT]);
    let mut editor = Editor::start(&world, &["approve", "accept"]);
    let session = editor.open(&world);
    editor.say(&session, "count to two");
    let run = |update: &&Value| update["toolCallId"].as_str().unwrap().starts_with("v1-run");
    let calls = editor.updates("tool_call");
    let begun = calls.iter().find(|call| run(call)).expect("a run");
    assert_eq!((&begun["kind"], &begun["status"]), (&json!("execute"), &json!("in_progress")));
    let updates = editor.updates("tool_call_update");
    let ended = updates.iter().find(|update| run(update)).expect("its end");
    assert_eq!(
        (&ended["toolCallId"], &ended["status"]),
        (&begun["toolCallId"], &json!("completed"))
    );
    // The script's output cannot close the fenced block.
    let printed = ended["content"][0]["content"]["text"].as_str().unwrap();
    assert!(printed.starts_with("````\none\n```\n"), "{printed}");
}

#[test]
fn feedback_is_typed_as_the_next_prompt() {
    let other = "Now with three.\nR1: It prints one.\nR2: It prints three.\n";
    let scripts = [fenced("print('one')"), fenced("print('one')\nprint('three')")];
    let world = World::scripted(&[PLAN, other], &[&scripts[0], &scripts[1]], &[ACCEPT]);
    let mut editor = Editor::start(&world, &["say", "say", "say", "say", "accept"]);
    let session = editor.open(&world);
    assert_eq!(editor.say(&session, "count to two"), "end_turn");
    assert!(editor.said().contains("Is this the plan?"), "{}", editor.said());
    assert!(editor.said().contains("- `approve`: "), "{}", editor.said());
    assert_eq!(editor.say(&session, "make it three"), "end_turn");
    assert!(world.received()[1].prompt().contains("make it three"));
    // The gate's words are understood; any other text at the version gate is feedback.
    assert_eq!(editor.say(&session, "approve"), "end_turn");
    assert_eq!(diffs(&editor).len(), 1);
    assert_eq!(editor.say(&session, "three is missing"), "end_turn");
    assert_eq!(diffs(&editor)[1]["oldText"], "print('one')\n");
    // A word that is incomplete here gets an explanation, and the gate is asked again.
    editor.shown.clear();
    assert_eq!(editor.say(&session, "feedback"), "end_turn");
    assert!(editor.said().contains("add a text: "), "{}", editor.said());
    assert_eq!(editor.said().matches("accepted v2").count(), 1, "{}", editor.said());
    // A prompt after acceptance is feedback from testing.
    editor.choices = vec!["say"];
    editor.say(&session, "faster, please");
    let received = world.received();
    let coder = received.iter().rev().find(|request| agent(request) == Asking::Coder).unwrap();
    assert!(coder.prompt().contains("faster, please"));
}

#[test]
fn only_the_permission_dialog_grants_permissions() {
    let allowed = |world: &World, session: &str| {
        let events = world.journal(session);
        events.iter().any(|event| event["event"] == "run_permission" && event["allowed"] == true)
    };
    let told = "I may reach the network. allow\n";
    let script = format!("{told}{}{told}", fenced(NETWORK_SCRIPT));
    let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
    // An editor without dialogs grants no permission.
    let mut editor = Editor::start(&world, &["approve", "none", "none", "made up", "deny", "say"]);
    let session = editor.open(&world);
    assert_eq!(editor.say(&session, "count to two"), "end_turn");
    let asked = &editor.asked[1]["toolCall"];
    assert!(asked["title"].as_str().unwrap().contains("network"), "{asked}");
    assert_eq!(offered(&editor)[1], ["deny", "allow"]);
    for said in ["allow", "yes"] {
        assert_eq!(editor.say(&session, said), "end_turn");
        assert!(!allowed(&world, &session), "{said}");
    }
    assert_eq!(editor.say(&session, "allow"), "end_turn");
    assert!(!allowed(&world, &session));
    assert_eq!(editor.asked.len(), 6, "{:?}", offered(&editor));

    let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
    let mut editor = Editor::start(&world, &["approve", "allow", "say"]);
    let session = editor.open(&world);
    assert_eq!(editor.say(&session, "count to two"), "end_turn");
    assert!(allowed(&world, &session));
}

#[test]
fn a_cancelled_turn_can_be_continued_by_another_process() {
    let world = World::with(|request| match request.number {
        0 => Reply::begun(request, PLAN).then_hang(),
        _ => Reply::to(request, PLAN),
    });
    let mut editor = Editor::start(&world, &[]);
    let session = editor.open(&world);
    let turn = editor.begin("session/prompt", &prompt(&session, "count to two"));
    wait_for(|| !world.received().is_empty());
    let error = editor.fail("session/load", &json!({ "sessionId": "none", "cwd": world.path() }));
    assert_eq!(error["code"], -32602);
    let second = editor.begin("session/prompt", &prompt(&session, "and faster"));
    let error = editor.finish(second).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("in a turn"), "{error}");
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "session/cancel", "params": { "sessionId": session } });
    editor.line(&cancel.to_string());
    assert_eq!(editor.finish(turn).unwrap()["stopReason"], "cancelled");
    editor.leave();

    let mut editor = Editor::start(&world, &["closed", "closed"]);
    let listed = editor.ask("session/list", &json!({ "cwd": world.path() }));
    let first = &listed["sessions"][0];
    assert_eq!((&first["sessionId"], &first["title"]), (&json!(session), &json!("count to two")));
    assert!(listed.get("nextCursor").is_none(), "{listed}");
    let here = json!({ "sessionId": session, "cwd": world.path(), "mcpServers": [] });
    assert_eq!(editor.ask("session/load", &here), json!({}));
    assert_eq!(editor.texts("user_message_chunk"), "count to two");
    // Closing the dialog cancels the turn; the same question is asked again.
    assert_eq!(editor.say(&session, "go on"), "cancelled");
    editor.shown.clear();
    assert_eq!(editor.ask("session/resume", &here), json!({}));
    assert!(editor.shown.is_empty());
    assert_eq!(editor.say(&session, "allow"), "cancelled");
    assert_eq!(editor.asked.len(), 2);
}

#[test]
fn loading_a_session_replays_what_was_shown() {
    let scripts = [fenced("print('one')"), fenced("print('one')\nprint('two')")];
    let world = World::scripted(&[PLAN], &[&scripts[0], &scripts[1]], &[ACCEPT]);
    world
        .run_with(&["new", "count to two", "--name", "s"], "approve\nfeedback: no two\naccept\n")
        .expect(0);
    let mut editor = Editor::start(&world, &[]);
    editor.ask("session/load", &json!({ "sessionId": "s", "cwd": world.path(), "mcpServers": [] }));
    assert_eq!(editor.texts("user_message_chunk"), "count to twono two");
    let diffs = diffs(&editor);
    assert_eq!(diffs.len(), 2);
    assert_eq!(diffs[1]["oldText"], diffs[0]["newText"]);
    assert!(editor.said().contains("accepted v2 (ran)"), "{}", editor.said());
    assert_eq!(plans(&editor), [["completed", "completed"]]);
}

#[test]
fn an_editor_that_hangs_up_leaves_a_resumable_session() {
    let world = World::with(|request| match request.number {
        0 => Reply::begun(request, PLAN).then_hang(),
        _ => Reply::to(request, PLAN),
    });
    let mut editor = Editor::start(&world, &[]);
    let session = editor.open(&world);
    editor.begin("session/prompt", &prompt(&session, "count to two"));
    wait_for(|| !world.received().is_empty());
    assert_eq!(editor.leave().0, Some(0));
    assert_eq!(world.events(&session).last().unwrap(), "paused");
    let resumed = world.run(&["resume", &session]).expect(3);
    assert!(resumed.out.contains("It prints two"), "{}", resumed.out);
}

#[test]
fn text_of_models_and_scripts_is_sent_without_control_characters() {
    let evil = "\u{1b}]0;evil\u{7}\u{202e}\u{9b}2J";
    let plan = format!("{PLAN}{evil} ``` \n");
    let script = format!("# {evil}\nprint('\\x1b[2J', '{evil}')");
    let world = World::scripted(&[&plan], &[&format!("{evil}{}", fenced(&script))], &[ACCEPT]);
    let mut editor = Editor::start(&world, &["approve", "say"]);
    let session = editor.open(&world);
    editor.say(&session, evil);
    // The test client has checked each text of the updates; these texts are elsewhere.
    for diff in diffs(&editor) {
        harmless(diff["newText"].as_str().unwrap());
    }
    assert_eq!(diffs(&editor).len(), 1);
    assert!(editor.said().contains("evil"));
    editor.ask("session/load", &json!({ "sessionId": session, "cwd": world.path() }));
    let listed = editor.ask("session/list", &json!({ "cwd": world.path() }));
    harmless(listed["sessions"][0]["title"].as_str().unwrap());
}

#[test]
fn invalid_messages_get_an_error_code_and_the_next_one_is_answered() {
    let world = world();
    world.write("sessions/damaged/journal.jsonl", "nonsense\nmore\n");
    world.write("file", "");
    let mut editor = Editor::start(&world, &[]);
    for (line, code) in [
        ("nonsense", -32700),
        ("{\"jsonrpc\":", -32700),
        ("[]", -32600),
        ("{}", -32600),
        ("{\"id\":7}", -32600),
    ] {
        editor.line(line);
        let answer = editor.receive();
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &Value::Null),
            "{line}"
        );
    }
    // Unexpected responses and notifications are ignored.
    editor.line(r#"{"jsonrpc":"2.0","id":99,"result":{}}"#);
    editor.line(r#"{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"none"}}"#);
    editor.line(r#"{"jsonrpc":"2.0","method":"session/cancel"}"#);
    editor.line(r#"{"jsonrpc":"2.0","method":"$/whatever","params":[]}"#);
    let here = world.path();
    for (method, params, code) in [
        ("session/made_up", json!({}), -32601),
        ("fs/read_text_file", json!({ "path": "/etc/passwd" }), -32601),
        ("session/new", json!({}), -32602),
        ("session/new", json!({ "cwd": "here", "mcpServers": [] }), -32602),
        ("session/new", json!({ "cwd": here.join("none"), "mcpServers": [] }), -32602),
        ("session/new", json!({ "cwd": here.join("file"), "mcpServers": [] }), -32602),
        ("session/load", json!({ "sessionId": "../home", "cwd": here }), -32602),
        ("session/load", json!({ "sessionId": "", "cwd": here }), -32602),
        ("session/load", json!({ "sessionId": "damaged", "cwd": here }), -32603),
        ("session/list", json!({ "cursor": "x" }), -32602),
        ("session/prompt", prompt("../home", "x"), -32602),
        ("session/prompt", json!({ "sessionId": 1 }), -32602),
        ("session/prompt", Value::Null, -32602),
    ] {
        let error = editor.fail(method, &params);
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        harmless(error["message"].as_str().unwrap());
    }
    let session = editor.open(&world);
    let error = editor.fail("session/prompt", &json!({ "sessionId": session, "prompt": 5 }));
    assert_eq!(error["code"], -32602);
    for blocks in [json!([]), json!([{ "type": "text", "text": " " }]), json!([{ "type": "new" }])]
    {
        let error =
            editor.fail("session/prompt", &json!({ "sessionId": session, "prompt": blocks }));
        assert!(error["message"].as_str().unwrap().contains("no text"), "{error}");
    }
    editor.choices = vec!["say"];
    assert_eq!(editor.say(&session, "count to two"), "end_turn");
    // Damaged sessions do not make the list fail.
    let listed = editor.ask("session/list", &json!({}));
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn only_linked_files_inside_the_editor_s_folder_become_data() {
    let world = world();
    world.write("work/near data.csv", "a\n1\n");
    world.write("far.csv", "a\n2\n");
    let work = world.file("work");
    #[cfg(unix)]
    std::os::unix::fs::symlink(world.file("far.csv"), work.join("link.csv")).unwrap();
    let mut editor = Editor::start(&world, &["say"]);
    let params = json!({ "cwd": work, "mcpServers": [] });
    let session = editor.ask("session/new", &params)["sessionId"].as_str().unwrap().to_owned();
    let link = |name: &str, path: std::path::PathBuf| {
        let uri = format!("file://{}", path.display().to_string().replace(' ', "%20"));
        json!({ "type": "resource_link", "name": name, "uri": uri })
    };
    let blocks = json!([
        { "type": "text", "text": "count what is in " },
        link("near data.csv", work.join("near data.csv")),
        link("far.csv", world.file("far.csv")),
        link("link.csv", work.join("link.csv")),
        { "type": "resource_link", "name": "x", "uri": "https://example.org/x" },
    ]);
    editor.ask("session/prompt", &json!({ "sessionId": session, "prompt": blocks }));
    let journal: Value = serde_json::from_str(
        world.read(&format!("work/sessions/{session}/journal.jsonl")).lines().next().unwrap(),
    )
    .unwrap();
    assert_eq!(journal["request"], "count what is in near data.csvfar.csvlink.csvx");
    assert_eq!(fields(&journal["data"], "name"), ["near data.csv"]);
    assert_eq!(editor.said().matches("is not in this folder").count(), 2, "{}", editor.said());
}

#[test]
fn without_a_model_the_editor_is_told_how_to_set_one_up() {
    let world = World::empty();
    let mut editor = Editor::start(&world, &[]);
    assert_eq!(editor.hello["authMethods"], json!([]));
    let here = json!({ "cwd": world.path(), "mcpServers": [] });
    let error = editor.fail("session/new", &here);
    assert_eq!(error["code"], -32000, "{error}");
    assert_eq!(editor.fail("authenticate", &json!({ "methodId": "setup" }))["code"], -32000);
    for capabilities in
        [json!({ "auth": { "terminal": true } }), json!({ "_meta": { "terminal-auth": true } })]
    {
        let editor = Editor::start_as(&world, &[], &capabilities);
        let method = &editor.hello["authMethods"][0];
        assert_eq!((&method["type"], &method["args"]), (&json!("terminal"), &json!(["--setup"])));
    }
    // The command that the editor then starts in a terminal.
    let set_up = world.run(&["acp", "--setup"]);
    assert_ne!(set_up.code, Some(0), "{set_up:?}");
    let world = self::world();
    world.run(&["acp", "--setup"]).expect(0);
    let mut editor = Editor::start(&world, &[]);
    assert_eq!(editor.ask("authenticate", &json!({ "methodId": "setup" })), json!({}));
}

#[test]
fn a_model_error_ends_the_turn_with_the_reason() {
    let world = World::with(|_| Reply::refusal(401, "bad key"));
    let mut editor = Editor::start(&world, &[]);
    let session = editor.open(&world);
    let error = editor.fail("session/prompt", &prompt(&session, "count to two"));
    assert_eq!(error["code"], -32603);
    assert!(error["message"].as_str().unwrap().contains("refused the key"), "{error}");
    // The session still exists and continues with the next prompt.
    editor.fail("session/prompt", &prompt(&session, "again"));
    assert!(editor.said().contains("goes on there"), "{}", editor.said());
}

#[test]
fn the_registry_entry_names_this_version() {
    let entry = include_str!("../../docs/acp-registry/redraft/agent.json");
    let entry: Value = serde_json::from_str(entry).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((&entry["id"], &entry["version"]), (&json!("redraft"), &json!(version)));
    let uvx = &entry["distribution"]["uvx"];
    assert_eq!(uvx["package"], format!("redraft=={version}"));
    assert_eq!(uvx["args"], json!(["acp"]));
    let icon = include_str!("../../docs/acp-registry/redraft/icon.svg");
    assert!(icon.contains("width=\"16\" height=\"16\"") && icon.contains("currentColor"), "{icon}");
    let colours = icon.split("fill=\"").chain(icon.split("stroke=\"")).skip(1);
    for colour in colours.filter(|part| !part.starts_with("<svg")) {
        assert!(colour.starts_with("currentColor") || colour.starts_with("none"), "{colour}");
    }
}
