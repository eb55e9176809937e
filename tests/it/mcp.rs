//! `redraft mcp` from a client's side: lines of JSON over standard input and output.

use crate::support::mcp_client::{Client, Spoken, checked};
use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, PLAN, World, fenced, wait_for};
use serde_json::{Value, json};

const BOTH: [Spoken; 2] = [Spoken::WithState, Spoken::Stateless];

/// A world whose model follows the request with a script that prints two words.
fn world() -> World {
    World::scripted(&[PLAN], &[&fenced("print('one')\nprint('two')")], &[ACCEPT])
}

fn write(more: &Value) -> Value {
    let mut arguments = json!({"request": "count to two", "name": "s"});
    for (key, value) in more.as_object().into_iter().flatten() {
        arguments[key] = value.clone();
    }
    arguments
}

#[test]
fn tools_are_listed_with_input_and_output_schemas() {
    for spoken in BOTH {
        let world = World::empty();
        let mut client = Client::start(&world, spoken, false, &[]);
        let answer = client.ask("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "write_script",
                "continue_session",
                "answer_gate",
                "give_feedback",
                "run_script",
                "run_python",
                "lint",
                "list_sessions",
                "show_session",
                "diff_versions",
                "export_script"
            ]
        );
        for tool in tools {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["outputSchema"]["properties"]["error"]["type"], "string", "{tool}");
        }
        let (code, _) = client.leave();
        assert_eq!(code, Some(0));
    }
}

#[test]
fn a_client_without_forms_answers_gates_by_a_tool_in_any_process() {
    for spoken in BOTH {
        let world = world();
        let mut client = Client::start(&world, spoken, false, &[]);
        let value = client.call("write_script", &write(&json!({})));
        assert_eq!(value["status"], "waiting");
        assert_eq!(value["gate"]["name"], "plan");
        assert!(value["gate"]["asks"].as_str().unwrap().contains("It prints two"), "{value}");
        assert_eq!(value["gate"]["answers"][0]["answer"], "approve");
        assert!(value["next"].as_str().unwrap().contains("answer_gate"));
        client.leave();
        let mut client = Client::start(&world, spoken, false, &[]);
        let arguments = json!({"session": "s", "gate": "plan", "answer": "approve"});
        let value = client.call("answer_gate", &arguments);
        assert_eq!(value["gate"]["name"], "version", "{value}");
        assert_eq!(value["script"], "print('one')\nprint('two')\n");
        client.leave();
        let mut client = Client::start(&world, spoken, false, &[]);
        let value = client.call("answer_gate", &json!({"session": "s", "answer": "accept"}));
        assert_eq!(value["status"], "accepted", "{value}");
        assert_eq!(value["version"], 1);
        assert!(value.get("gate").is_none(), "{value}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn every_tool_works_on_an_unattended_session() {
    for spoken in BOTH {
        let first = fenced("print('one')\nprint(1 / 0)");
        let second = fenced("import sys\nprint('one')\nprint('two', *sys.argv[1:])");
        let world = World::scripted(&[PLAN], &[&first, &second], &[ACCEPT]);
        let mut client = Client::start(&world, spoken, false, &[]);
        let value = client.call("write_script", &write(&json!({"auto": true, "preset": "guided"})));
        assert_eq!(value["status"], "accepted", "{value}");
        assert_eq!(value["version"], 2);
        assert_eq!(value["evidence"], "ran");
        assert_eq!(value["output"], "one\ntwo\n");

        let value = client.call("list_sessions", &json!({}));
        assert_eq!(value["sessions"][0]["name"], "s");
        assert_eq!(value["more"], 0);
        let value = client.call("show_session", &json!({"session": "s"}));
        assert_eq!(value["session"]["versions"][1]["cause"], "repair");
        let value = client.call("show_session", &json!({"session": "s", "version": 1}));
        assert_eq!(value["version"]["script"], "print('one')\nprint(1 / 0)\n");
        let value = client.call("diff_versions", &json!({"session": "s"}));
        assert_eq!((&value["from"], &value["to"]), (&json!(1), &json!(2)));
        assert!(value["diff"].as_str().unwrap().contains("-print(1 / 0)"), "{value}");
        let value = client.call("diff_versions", &json!({"session": "s", "to": 1}));
        assert_eq!(value.get("from"), None);
        let value = client.call("export_script", &json!({"session": "s"}));
        assert!(value["script"].as_str().unwrap().contains("# /// script"), "{value}");
        let value = client.call("run_script", &json!({"session": "s", "arguments": ["more"]}));
        assert_eq!(value["output"], "one\ntwo more\n");
        let value = client.call("run_script", &json!({"session": "s", "version": 1}));
        assert_eq!(value["verdict"], "failed");
        assert!(value["error"].as_str().unwrap().contains("ZeroDivisionError"), "{value}");
        let value =
            client.call("run_python", &json!({"code": "print(input())", "input": "typed\n"}));
        assert_eq!(value["output"], "typed\n");
        let value = client.call("lint", &json!({"code": "import os\nprint(x)\n"}));
        assert_eq!(value["ok"], false, "{value}");
        let value = client.call("give_feedback", &json!({"session": "s", "text": "no three"}));
        assert_eq!(value["version"], 2);
        let value = client.call("continue_session", &json!({"session": "s"}));
        assert_eq!(value["version"], 2, "{value}");
        client.leave();
    }
}

#[test]
fn a_failed_tool_call_is_a_result_with_the_reason() {
    for spoken in BOTH {
        let world = world();
        world.write("sessions/damaged/journal.jsonl", "nonsense\nmore\n");
        world.run(&["new", "count to two", "--name", "s", "--no-run"]).expect(3);
        let mut client = Client::start(&world, spoken, false, &[]);
        for (tool, arguments, words) in [
            ("write_script", json!({}), "missing field `request`"),
            ("write_script", json!({"request": "a", "model": "b"}), "unknown field `model`"),
            ("write_script", json!({"request": " "}), "the request is empty"),
            ("write_script", json!({"request": "a", "name": "../a"}), "can't hold `/`"),
            (
                "write_script",
                json!({"request": "a", "name": "s"}),
                "there is a session `s` already",
            ),
            ("write_script", json!({"request": "a", "examples": ["b"]}), "cannot take"),
            ("show_session", json!({"session": "other"}), "other"),
            ("show_session", json!({"session": ".."}), "reserved"),
            ("show_session", json!({"session": "sessions/s"}), "can't hold `/`"),
            ("show_session", json!({"session": "s:v1"}), "can't hold `:`"),
            ("show_session", json!({"session": "damaged"}), "damaged"),
            ("show_session", json!({"session": "s", "version": 9}), "v9"),
            ("run_script", json!({"session": "s"}), "version"),
            ("export_script", json!({"session": "s"}), "no version yet"),
            ("give_feedback", json!({"session": "s", "text": "slow"}), "no version yet"),
            ("answer_gate", json!({"session": "s", "answer": ""}), "empty"),
            ("answer_gate", json!({"session": "s", "answer": "change"}), "needs a `text`"),
            (
                "answer_gate",
                json!({"session": "s", "answer": "accept", "gate": "version"}),
                "the plan gate waits",
            ),
        ] {
            let value = client.fail(tool, &arguments);
            let error = value["error"].as_str().unwrap();
            assert!(error.contains(words), "{tool} {arguments}: {error}");
        }
        let answer = client.ask("tools/call", json!({"name": "rm", "arguments": {}}));
        assert!(answer["error"]["message"].as_str().unwrap().contains("`rm`"), "{answer}");
        client.leave();
    }
}

#[test]
fn a_model_error_is_a_failed_result_and_the_session_continues_later() {
    let world = World::with(|request| match request.number {
        0 => Reply::refusal(401, "no such key"),
        _ => Reply::to(request, PLAN),
    });
    let mut client = Client::start(&world, Spoken::WithState, false, &[]);
    let value = client.fail("write_script", &write(&json!({})));
    assert_eq!(value["status"], "failed");
    assert_eq!(value["session"], "s");
    assert!(value["error"].as_str().unwrap().contains("no such key"), "{value}");
    let value = client.call("continue_session", &json!({"session": "s"}));
    assert_eq!(value["gate"]["name"], "plan", "{value}");
}

#[test]
fn the_older_protocol_asks_the_user_during_the_call() {
    let world = world();
    let mut client = Client::start(&world, Spoken::WithState, true, &[]);
    client.person = vec![
        json!({"answer": "change"}),
        json!({"answer": "change", "text": "in green"}),
        json!({"answer": "approve"}),
        json!({"answer": "accept"}),
    ];
    let arguments = write(&json!({"name": "s"}));
    let value = client.call("write_script", &arguments);
    assert_eq!(value["status"], "accepted", "{value}");
    assert_eq!(client.asked.len(), 4);
    let first = &client.asked[0];
    assert!(first["message"].as_str().unwrap().contains("It prints two"), "{first}");
    let words = &first["requestedSchema"]["properties"]["answer"]["enum"];
    assert_eq!(words, &json!(["approve", "change", "quit"]));
    let second = client.asked[1]["message"].as_str().unwrap();
    assert!(second.starts_with("`change` needs a `text`"), "{second}");
    let approved = world.journal("s").into_iter().find(|e| e["event"] == "plan_approved").unwrap();
    assert_eq!(approved["by"], "manager");
}

#[test]
fn the_newer_protocol_asks_the_user_in_the_result() {
    let world = world();
    let mut client = Client::start(&world, Spoken::Stateless, true, &[]);
    let params = json!({"name": "write_script", "arguments": write(&json!({}))});
    let answer = client.ask("tools/call", params.clone());
    let result = &answer["result"];
    assert_eq!(result["resultType"], "input_required", "{answer}");
    let gate = &result["inputRequests"]["gate"];
    assert_eq!(gate["method"], "elicitation/create");
    assert!(gate["params"]["message"].as_str().unwrap().contains("It prints two"), "{gate}");
    let again = |answer: &Value, response: Value| {
        let mut params = params.clone();
        params["requestState"] = answer["result"]["requestState"].clone();
        params["inputResponses"] = json!({"gate": response});
        params
    };
    let accept = |word: &str| json!({"action": "accept", "content": {"answer": word}});
    let params = again(&answer, accept("approve"));
    let answer = client.ask("tools/call", params.clone());
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    let message = answer["result"]["inputRequests"]["gate"]["params"]["message"].as_str().unwrap();
    assert!(message.starts_with("The version gate"), "{message}");
    // A client that declines gets the gate as the result.
    let declined = client.ask("tools/call", again(&answer, json!({"action": "decline"})));
    assert_eq!(checked(&declined, false)["gate"]["name"], "version");
    // A repeated answer does not apply to another gate.
    let twice = client.ask("tools/call", params);
    assert_eq!(twice["result"]["resultType"], "input_required", "{twice}");
    let value = checked(&client.ask("tools/call", again(&answer, accept("accept"))), false);
    assert_eq!(value["status"], "accepted");
    let names = world.events("s");
    assert_eq!(names.iter().filter(|name| *name == "session_created").count(), 1);
    assert!(!world.file("sessions/s-2").exists());
}

/// A plan that needs the network, and a script that uses it.
const NETWORK_PLAN: &str = "A script that counts.\n\n## Requirements\n- R1: It prints one.\n- R2: It prints two.\n\n\
                            ## Needs\n- network: example.org\n";
const NETWORK_SCRIPT: &str = "import urllib.request\nprint('one')\nurllib.request.urlopen('http://example.org')\nprint('two')";

#[test]
fn a_client_without_a_user_cannot_grant_permissions() {
    let world = World::scripted(&[NETWORK_PLAN], &[&fenced(NETWORK_SCRIPT)], &[ACCEPT]);
    let mut client = Client::start(&world, Spoken::WithState, false, &[]);
    client.call("write_script", &write(&json!({})));
    // Approving a plan through a tool grants no permission.
    let value = client.call("answer_gate", &json!({"session": "s", "answer": "approve"}));
    assert_eq!(value["gate"]["name"], "safety", "{value}");
    assert_eq!(value["gate"]["only_a_person_may_say"], json!(["allow"]));
    let value = client.fail("answer_gate", &json!({"session": "s", "answer": "allow"}));
    assert!(value["error"].as_str().unwrap().contains("--allow-gates"), "{value}");
    assert_eq!(value["gate"]["name"], "safety");
    let value = client.call("answer_gate", &json!({"session": "s", "answer": "deny"}));
    assert_ne!(value["gate"]["name"], "safety", "{value}");
    for event in world.journal("s") {
        assert!(event["event"] != "run_permission" || event["allowed"] == false, "{event}");
    }
    let shown = world.run(&["show", "s", "--json"]).expect(0).json();
    assert_eq!(shown[0]["allowed"], json!([]));
}

#[test]
fn a_user_form_or_the_allow_gates_flag_grants_permissions() {
    for (forms, args) in [(true, &[][..]), (false, &["--allow-gates"])] {
        let world = World::scripted(&[PLAN], &[&fenced(NETWORK_SCRIPT)], &[ACCEPT]);
        let mut client = Client::start(&world, Spoken::WithState, forms, args);
        client.person = vec![
            json!({"answer": "approve"}),
            json!({"answer": "allow"}),
            Value::Null,
            Value::Null,
        ];
        let mut value = client.call("write_script", &write(&json!({})));
        if !forms {
            client.call("answer_gate", &json!({"session": "s", "answer": "approve"}));
            value = client.call("answer_gate", &json!({"session": "s", "answer": "allow"}));
        }
        let allowed =
            |event: &Value| event["event"] == "run_permission" && event["allowed"] == true;
        assert!(world.journal("s").iter().any(allowed), "{value}");
    }
}

#[test]
fn data_files_must_be_below_the_named_root_folders() {
    let world = world();
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("far.csv"), "a\n1\n").unwrap();
    world.write("work/near.csv", "a\n1\n");
    let far = other.path().join("far.csv").display().to_string();
    #[cfg(unix)]
    std::os::unix::fs::symlink(other.path().join("far.csv"), world.file("work/link.csv")).unwrap();
    let code = "import os\nprint(*os.listdir('data'))";
    let take = |client: &mut Client, path: &str| {
        client.ask(
            "tools/call",
            json!({"name": "run_python", "arguments": {"code": code, "data": [path]}}),
        )
    };
    // The parent folder contains the user's home, so no files are taken from it.
    let mut client = Client::start(&world, Spoken::WithState, false, &[]);
    checked(&take(&mut client, "work/near.csv"), true);
    let mut client = Client::start_in(&world, "work", Spoken::WithState, false, &[]);
    for path in [far.as_str(), "link.csv", "../redraft.yaml", "/etc/passwd", "none.csv"] {
        let value = checked(&take(&mut client, path), true);
        assert!(value["error"].as_str().unwrap().contains("--root"), "{path}: {value}");
    }
    for path in ["near.csv", "./near.csv"] {
        let value = checked(&take(&mut client, path), false);
        assert!(value.get("verdict").is_some(), "{value}");
    }
    let root = other.path().display().to_string();
    let mut client = Client::start_in(&world, "work", Spoken::WithState, false, &["--root", &root]);
    checked(&take(&mut client, &far), false);
}

#[test]
fn limits_of_a_client_only_lower_the_user_s() {
    let world = world();
    let mut client = Client::start(&world, Spoken::WithState, false, &[]);
    let limits = json!({"max_versions": 99, "repairs": 1, "budget_tokens": 5000});
    client.call("write_script", &write(&json!({"limits": limits})));
    let shown = client.call("show_session", &json!({"session": "s"}));
    let limits = &shown["session"]["settings"]["limits"];
    assert_eq!(limits["max_versions"], 10);
    assert_eq!(limits["repairs"], 1);
    assert_eq!(limits["budget_tokens"], 5000);
}

#[test]
fn progress_is_sent_in_words_if_requested() {
    for spoken in BOTH {
        let world = world();
        let mut client = Client::start(&world, spoken, false, &[]);
        let params = json!({
            "name": "write_script",
            "arguments": write(&json!({})),
            "_meta": {"progressToken": "p"},
        });
        checked(&client.ask("tools/call", params), false);
        let told = &client.notes;
        assert!(told.iter().all(|note| note["method"] == "notifications/progress"), "{told:?}");
        assert!(told.iter().all(|note| note["params"]["progressToken"] == "p"), "{told:?}");
        let words: Vec<&str> =
            told.iter().filter_map(|note| note["params"]["message"].as_str()).collect();
        assert_eq!(words, ["planning: local/m", "a plan with 2 requirements"]);
    }
}

#[test]
fn a_cancelled_call_stops_and_its_session_continues_later() {
    for spoken in BOTH {
        let world = World::with(|request| match request.number {
            0 => Reply::begun(request, PLAN).then_hang(),
            _ => Reply::to(request, PLAN),
        });
        let mut client = Client::start(&world, spoken, false, &[]);
        let id = client
            .begin("tools/call", json!({"name": "write_script", "arguments": write(&json!({}))}));
        wait_for(|| !world.received().is_empty());
        client.send(&json!({
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": id, "reason": "no time"},
        }));
        wait_for(|| world.events("s").last().is_some_and(|name| name == "paused"));
        let value = loop {
            // The session is locked until the cancelled work is recorded.
            let call = json!({"name": "continue_session", "arguments": {"session": "s"}});
            let answer = client.ask("tools/call", call);
            if answer["result"]["isError"] == false {
                break checked(&answer, false);
            }
        };
        assert_eq!(value["gate"]["name"], "plan", "{value}");
        let (code, _) = client.leave();
        assert_eq!(code, Some(0));
    }
}

#[test]
fn a_client_that_hangs_up_leaves_a_resumable_session() {
    let world = World::with(|request| match request.number {
        0 => Reply::begun(request, PLAN).then_hang(),
        _ => Reply::to(request, PLAN),
    });
    let mut client = Client::start(&world, Spoken::WithState, false, &[]);
    client.begin("tools/call", json!({"name": "write_script", "arguments": write(&json!({}))}));
    wait_for(|| !world.received().is_empty());
    client.leave();
    assert_eq!(world.events("s").last().unwrap(), "paused");
    let out = world.run(&["resume", "s"]).expect(3);
    assert!(out.out.contains("It prints two"), "{}", out.out);
}

#[test]
fn a_session_name_that_looks_like_a_version_still_names_the_session() {
    let world = world();
    let mut client = Client::start(&world, Spoken::WithState, false, &[]);
    for (name, request) in [("v1", "count to two"), ("s", "count to two, later")] {
        let call = json!({"request": request, "name": name, "auto": true});
        client.call("write_script", &call);
    }
    let value = client.call("show_session", &json!({"session": "v1"}));
    assert_eq!(value["session"]["request"], "count to two", "{value}");
    let value = client.fail("show_session", &json!({"session": "v2"}));
    assert!(value["error"].as_str().unwrap().contains("v2"), "{value}");
    client.leave();
}

#[test]
fn plans_scripts_and_reports_are_resources() {
    for spoken in BOTH {
        let world = world();
        let mut client = Client::start(&world, spoken, false, &[]);
        client.call("write_script", &write(&json!({"auto": true, "name": "my clock"})));
        let listed = client.ask("resources/list", json!({}));
        let uris: Vec<&str> = listed["result"]["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource["uri"].as_str().unwrap())
            .collect();
        assert_eq!(
            uris,
            [
                "redraft://session/my%20clock/plan",
                "redraft://session/my%20clock/script/v1",
                "redraft://session/my%20clock/report/v1"
            ]
        );
        for (uri, words) in uris.iter().zip(["It prints two", "print('two')", "lint_score"]) {
            let read = client.ask("resources/read", json!({"uri": uri}));
            let text = read["result"]["contents"][0]["text"].as_str().unwrap();
            assert!(text.contains(words), "{uri}: {text}");
        }
        for uri in
            ["redraft://session/../plan", "redraft://session/none/plan", "file:///etc/passwd"]
        {
            let read = client.ask("resources/read", json!({"uri": uri}));
            assert!(read["error"]["message"].is_string(), "{read}");
        }
        let templates = client.ask("resources/templates/list", json!({}));
        assert_eq!(templates["result"]["resourceTemplates"].as_array().unwrap().len(), 4);
    }
}
