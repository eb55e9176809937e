//! Every command through the real program, with output for people and with JSON.

use crate::support::model_server::{ModelServer, Reply};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, feed, fenced};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A world with the session `x`: the user rejected v1; v2 has run and waits at its gate.
fn with_session() -> World {
    let one = fenced("import sys\nprint('one', *sys.argv[1:])");
    let two = fenced("import sys\nprint('two', *sys.argv[1:])\nprint('done')");
    let world = World::scripted(&[PLAN], &[&one, &two], &[ACCEPT]);
    let args = ["new", "count to two", "--name", "x", "--sandbox", "off"];
    world.run_with(&args, "approve\nfeedback: one is too few\nquit\n").expect(3);
    world
}

/// Standard output, which must be exactly one JSON value.
#[track_caller]
fn value(world: &World, args: &[&str]) -> Value {
    let out = world.run(&[args, &["--json"]].concat()).expect(0);
    let mut values = out.json();
    assert_eq!(values.len(), 1, "{}", out.out);
    values.remove(0)
}

#[track_caller]
fn text(world: &World, args: &[&str]) -> String {
    let out = world.run(args).expect(0);
    assert_eq!(out.err, "", "{args:?}");
    out.out
}

#[test]
fn list_shows_the_status_of_each_session() {
    let world = World::empty();
    assert!(text(&world, &["list"]).contains("redraft new"), "an empty folder says how to begin");
    assert_eq!(value(&world, &["list"]), json!([]));
    let world = with_session();
    world.run(&["fork", "x:v1", "other"]).expect(0);
    world.run_with(&["resume", "x"], "accept\n").expect(0);
    world.write("sessions/broken/journal.jsonl", "no json\n{}\n");
    let out = text(&world, &["list"]);
    let lines: Vec<Vec<&str>> = out.lines().map(|l| l.split_whitespace().collect()).collect();
    let events = world.journal("x");
    let date = &events.last().unwrap()["at"].as_str().unwrap()[..10];
    assert_eq!(lines[0][..3], ["x", date, "v2"], "the last one worked on comes first\n{out}");
    assert_eq!(lines[0][3..], ["accepted", "v2", "(ran)", "count", "to", "two"], "{out}");
    assert_eq!(lines[1][..3], ["other", date, "v1"], "{out}");
    assert_eq!(lines[2][..2], ["broken", "session"], "{out}");
    let rows = value(&world, &["list"]);
    let brief: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["name"], row["status"], row["versions"], row["accepted"]]))
        .collect();
    assert_eq!(
        brief,
        [
            json!(["x", "accepted", 2, 2]),
            json!(["other", "waiting", 1, null]),
            json!(["broken", "damaged", null, null]),
        ]
    );
    assert!(rows[0]["tokens"].as_u64().unwrap() > 0);
}

#[test]
fn sessions_are_removed_and_renamed_by_name() {
    let world = with_session();
    world.run(&["fork", "x:v1", "other"]).expect(0);
    let out = world.run(&["rm", "other"]).expect(2);
    assert!(out.err.contains("`--yes` removes other"), "{}", out.err);
    world.run(&["rm", "other", "nothing", "--yes"]).expect(2);
    assert!(world.file("sessions/other").exists(), "all of them are there, or none is removed");
    world.run(&["rename", "other", "x"]).expect(2);
    world.run(&["rename", "other", "a/b"]).expect(2);
    world.run(&["rename", "other", "third"]).expect(0);
    assert!(!world.file("sessions/other").exists());
    assert_eq!(value(&world, &["show", "third"])["name"], "third");
    world.run(&["rm", "third", "--yes"]).expect(0);
    assert!(!world.file("sessions/third").exists() && world.file("sessions/x").exists());
}

#[test]
fn files_written_by_a_run_are_kept_where_the_output_flag_says() {
    let script = "import os\nos.makedirs('out')\nopen('out/a.txt', 'w').write('1')\n\
                  open('.bashrc', 'w').write('2')\nprint('done')";
    let world = World::scripted(&[], &[&fenced(script)], &[]);
    world.run(&["new", "x", "--name", "s", "--preset", "quick", "--auto"]).expect(0);
    world.run(&["run", "s"]).expect(0);
    assert!(!world.file("out").exists(), "nobody was asked");
    let out = world.run(&["run", "s", "-o", "here"]).expect(0);
    assert_eq!(world.read("here/out/a.txt"), "1");
    assert!(out.err.contains("left out") && !world.file("here/.bashrc").exists(), "{}", out.err);
    world.write("here/out/a.txt", "mine");
    world.run(&["run", "s", "-o", "here"]).expect(2);
    assert_eq!(world.read("here/out/a.txt"), "mine");
    world.run(&["run", "s", "-o", "here", "--yes"]).expect(0);
    assert_eq!(world.read("here/out/a.txt"), "1");
}

#[test]
fn a_sentence_without_a_command_is_a_task() {
    let world = World::scripted(&[], &[&fenced("print('tick')")], &[]);
    let args = ["show the time", "--preset", "quick", "--auto", "--name", "s"];
    world.run(&args).expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "tick\n");
    let out = world.run(&["shwo", "s"]).expect(2);
    assert!(out.err.contains("show"), "{}", out.err);
}

#[test]
fn show_describes_a_session_or_a_version() {
    let world = with_session();
    let out = text(&world, &["show"]);
    for words in [
        "x: count to two",
        "at the version gate",
        "R2   ✓v   ✓v   It prints two.",
        "local/m",
        "▸ v2",
        "run ok",
    ] {
        assert!(out.contains(words), "no `{words}` in {out}");
    }
    assert!(out.trim_end().ends_with("resume with: redraft resume x"), "{out}");
    let one = text(&world, &["show", "x:v1"]);
    assert!(one.contains("print('one', *sys.argv[1:])") && one.contains("too few"), "{one}");
    assert!(!one.contains("print('two'"), "{one}");

    let session = value(&world, &["show", "x"]);
    assert_eq!(session["head"], 2);
    assert_eq!(session["accepted"], Value::Null);
    assert_eq!(session["plan"]["requirements"][1]["id"], "R2");
    assert_eq!(session["versions"][1]["cause"], "feedback");
    assert_eq!(session["versions"][1]["run"]["verdict"], "ok");
    let words = session["versions"][1]["run"]["words"].as_str().unwrap();
    assert!(words.starts_with("ok, ") && words.contains(", 2 lines printed"), "{words}");
    let tokens = |value: &Value| value["tokens"].as_u64().unwrap();
    let of_versions: u64 = session["versions"].as_array().unwrap().iter().map(tokens).sum();
    assert!(of_versions > 0 && of_versions < tokens(&session), "the Planner's are of no version");
    let version = value(&world, &["show", "./sessions/x:v2"]);
    assert_eq!(version["script"], world.read("sessions/x/script_v2.py"));
    assert_eq!(version["stdout"], "two\ndone\n");
    assert_eq!(version["verdict"], "ACCEPT");
}

#[test]
fn diff_shows_the_changes_between_two_versions() {
    let world = with_session();
    insta::assert_snapshot!(text(&world, &["diff"]), @"
    --- script_v1.py
    +++ script_v2.py
    @@ -1,2 +1,3 @@
     import sys
    -print('one', *sys.argv[1:])
    +print('two', *sys.argv[1:])
    +print('done')
    ");
    insta::assert_snapshot!(text(&world, &["diff", "x", "--stat"]), @"script_v1.py → script_v2.py: +2 −1");
    insta::assert_snapshot!(text(&world, &["diff", "x", "v2", "v1", "--stat"]), @"script_v2.py → script_v1.py: +1 −2");
    insta::assert_snapshot!(text(&world, &["diff", "x:v1", "v1", "--stat"]), @"script_v1.py → script_v1.py: +0 −0");
    let beside = text(&world, &["diff", "v1", "v2", "--side-by-side"]);
    let line = beside.lines().find(|l| l.contains("print('one'")).unwrap();
    assert!(line.contains("print('two'"), "both are on a line: {beside}");
    let value = value(&world, &["diff", "x", "v1", "v2"]);
    assert_eq!((&value["added"], &value["removed"]), (&json!(2), &json!(1)));
    assert!(value["diff"].as_str().unwrap().contains("\n+print('done')\n"));
    world.run(&["fork", "x:v1", "first"]).expect(0);
    let all = text(&world, &["diff", "first", "--stat"]);
    assert!(all.contains("/dev/null → script_v1.py: +2 −0"), "{all}");
}

#[test]
fn log_has_a_line_for_each_event() {
    let world = with_session();
    let journal = world.journal("x");
    let out = text(&world, &["log", "x"]);
    assert_eq!(out.lines().count(), journal.len());
    for (line, event) in out.lines().zip(&journal) {
        let name = event["event"].as_str().unwrap().replace('_', " ");
        assert!(line.trim_start().starts_with(&event["seq"].to_string()), "{line}");
        assert!(line.contains(&name) && line.chars().count() < 200, "{line}");
    }
    assert_eq!(world.run(&["log", "x", "--json"]).expect(0).json(), journal);
}

#[test]
fn feedback_is_kept_with_its_version() {
    let world = with_session();
    let out = world.run(&["feedback", "x", "it should say three"]).expect(0);
    assert!(out.out.contains("noted for v2"), "{}", out.out);
    assert_eq!(out.last_line(), "resume with: redraft resume x");
    let out = world.run_with(&["feedback", "x:v1", "-", "--json"], "from\na pipe\n").expect(0);
    assert_eq!(out.json(), [json!({"session": "x", "version": 1})]);
    assert_eq!(world.read("sessions/x/feedback_v1.md"), "one is too few\n\nfrom\na pipe\n");
    assert!(world.read("sessions/x/feedback_v2.md").contains("it should say three"));
}

#[test]
fn run_passes_on_the_script_s_output_and_exit_code() {
    let world = with_session();
    world.write("bad.py", "import sys\nprint('out')\nsys.exit('no luck')\n");
    world.write("slow.py", "import time\nprint('begun', flush=True)\ntime.sleep(60)\n");
    world.write("limits.yaml", "sandbox: { seconds: 1 }\n");
    let off = ["--sandbox", "off"];
    let out = world.run(&["run", "x", "--", "a b", "--json"]).expect(0);
    assert_eq!(out.out, "two a b --json\ndone\n", "what follows -- is the script's");
    assert!(out.err.starts_with("ok: "), "{}", out.err);
    assert_eq!(world.run(&["run", "x:v1"]).expect(0).out, "one\n");
    let out = world.run(&[&["run", "bad.py"][..], &off].concat()).expect(1);
    assert_eq!(out.out, "out\n");
    assert!(out.err.contains("no luck") && out.err.contains("failed: "), "{}", out.err);
    let args = [&["run", "slow.py", "--config", "limits.yaml"][..], &off].concat();
    let out = world.run(&args).expect(124);
    assert!(out.out == "begun\n" && out.err.contains("timeout: "), "{out:?}");
    let out = world.run(&["run", "bad.py"]).expect(1);
    assert!(out.out == "out\n" && out.err.contains("no luck"), "confined: {out:?}");

    let value = value(&world, &["run", "x"]);
    assert_eq!(value["run"]["verdict"], "ok");
    assert_eq!((&value["stdout"], &value["stderr"]), (&json!("two\ndone\n"), &json!("")));
    let before = world.tree();
    world.run(&["run", "x"]).expect(0);
    assert_eq!(world.tree(), before, "a run by hand leaves the session as it was");
}

#[test]
fn edit_saves_the_edited_script_as_a_version() {
    let world = with_session();
    let edit = |editor: &str, args: &[&str]| {
        let mut command = world.command(&[&["edit"][..], args].concat());
        command.env("EDITOR", editor);
        feed(command, b"")
    };
    let out = edit("sed -i s/two/three/", &["x"]).expect(0);
    assert!(out.out.contains("saved as v3"), "{}", out.out);
    assert_eq!(out.last_line(), "resume with: redraft resume x");
    let saved = world.read("sessions/x/script_v3.py");
    assert_eq!(saved, "import sys\nprint('three', *sys.argv[1:])\nprint('done')\n");
    let last = world.journal("x").pop().unwrap();
    assert_eq!((&last["cause"], &last["base"]), (&json!("manager"), &json!(2)));
    let out = edit("sed -i s/one/four/", &["x:v1", "--json"]).expect(0);
    assert_eq!(out.json()[0]["version"], 4);

    let before = world.tree();
    assert!(edit("true", &["x"]).expect(0).out.contains("nothing was changed"));
    for (editor, words) in [
        ("sed -i 's/print/print(/'", "not saved as a version: line 3"),
        ("false", "exit code 1"),
        ("no-such-editor", "`no-such-editor`"),
        ("'unclosed", "EDITOR"),
    ] {
        let out = edit(editor, &["x"]).expect(2);
        assert!(out.err.starts_with("error: ") && out.err.contains(words), "{}", out.err);
        assert_eq!(out.err.lines().count(), 1, "{}", out.err);
    }
    assert_eq!(world.tree(), before);
    // The version is checked, run and reviewed like any other.
    world.run(&["resume", "x", "--auto"]).expect(0);
    assert!(world.read("sessions/x/report_v4.yaml").contains("verdict: ok"));
}

#[test]
fn fork_starts_at_a_version_and_leaves_the_original_unchanged() {
    let world = with_session();
    world.write("table.csv", "1\n");
    let before = world.tree();
    let out = world.run(&["fork", "x:v1", "y"]).expect(0);
    assert_eq!(out.last_line(), "resume with: redraft resume y");
    let after = world.tree();
    for (file, content) in &before {
        assert_eq!(after.get(file), Some(content), "{}", file.display());
    }
    assert!(world.file("sessions/y/script_v1.py").is_file());
    assert!(!world.file("sessions/y/script_v2.py").exists());
    world.run_with(&["resume", "y"], "accept\n").expect(0);
    assert_eq!(world.received().len(), 5, "what was paid for in `x` is not asked for again");
    let value = value(&world, &["fork", "x", "z"]);
    assert_eq!(value, json!({"name": "z", "forked_from": "x:v2", "head": 2}));
}

#[test]
fn export_writes_a_script_with_its_dependencies() {
    let script = fenced("import requests\nprint(requests)");
    let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
    world.run(&["new", "fetch", "--name", "x", "--auto", "--no-run"]).expect(0);
    insta::assert_snapshot!(text(&world, &["export", "x"]), @r#"
    # /// script
    # requires-python = ">=3.9"
    # dependencies = [
    #     "requests",
    # ]
    # ///

    import requests
    print(requests)
    "#);
    let out = text(&world, &["export", "x:v1", "-o", "out.py"]);
    assert!(out.contains("v1 of x is in out.py"), "{out}");
    assert_eq!(world.read("out.py"), text(&world, &["export"]));
    // An existing file is not overwritten without `--yes`; a link or a pipe is kept.
    world.write("kept.py", "mine");
    let out = world.run(&["export", "x", "-o", "kept.py"]).expect(2);
    assert!(out.err.contains("`kept.py`") && out.err.contains("--yes"), "{}", out.err);
    assert_eq!(world.read("kept.py"), "mine");
    std::os::unix::fs::symlink("kept.py", world.file("link.py")).unwrap();
    text(&world, &["export", "x", "--yes", "-o", "link.py"]);
    assert!(world.file("link.py").is_symlink());
    assert_eq!(world.read("kept.py"), world.read("out.py"));
    let program = env!("CARGO_BIN_EXE_redraft");
    let line = format!("mkfifo pipe; cat pipe >got & {program} export x -o pipe; wait");
    feed(world.shell(&line), b"").expect(0);
    assert_eq!(world.read("got"), world.read("out.py"));
    let value = value(&world, &["export", "x"]);
    assert_eq!(value["dependencies"], json!(["requests"]));
    assert_eq!(value["script"], world.read("out.py"));
}

#[test]
fn models_lists_what_was_found_and_what_is_used() {
    let ollama = ModelServer::start(|request| Reply::to(request, ""));
    let world = World::empty();
    let run = |args: &[&str], key: bool| {
        let mut command = world.command(args);
        command.env("OLLAMA_HOST", ollama.base_url());
        if key {
            command.env("OPENAI_API_KEY", "sk-never-shown");
        }
        let out = feed(command, b"").expect(0);
        assert!(!out.out.contains("never-shown"), "{}", out.out);
        out
    };
    let out = run(&["models"], false).out;
    assert!(out.contains("coder        ollama/fake-coder:latest (no key was found"), "{out}");
    let value = run(&["models", "--json"], true).json().remove(0);
    assert_eq!(value["keys"], json!([{"provider": "openai", "variable": "OPENAI_API_KEY"}]));
    assert_eq!(value["ollama"]["models"], json!(["fake-coder:latest"]));
    assert!(value["roles"][0]["model"].as_str().unwrap().starts_with("openai/"), "{value}");
    world.write("redraft.yaml", "roles: { planner: { model: anthropic/m } }\n");
    let value = run(&["models", "--json"], false).json().remove(0);
    assert_eq!(value["roles"][0]["why"], "configured for this role");
    assert!(value["roles"][0]["error"].as_str().unwrap().contains("ANTHROPIC_API_KEY"));
    assert_eq!(value["roles"][1]["error"], Value::Null);
}

#[test]
fn a_running_ollama_is_enough_for_a_session() {
    let ollama = ModelServer::start(|request| match request.method.as_str() {
        "GET" => Reply::tags(&["nomic-embed-text:latest", "fake-coder:latest"]),
        _ => Reply::to(request, &answer(agent(request))),
    });
    let world = World::empty();
    let mut command = world.command(&["new", "count", "--name", "x", "--auto", "--no-run"]);
    command.env("OLLAMA_HOST", ollama.base_url());
    feed(command, b"").expect(0);
    let asked = ollama.received().into_iter().filter(|r| r.method == "POST");
    assert!(
        asked.clone().count() == 3 && asked.clone().all(|r| r.body["model"] == "fake-coder:latest")
    );
}

fn answer(asking: Asking) -> String {
    match asking {
        Asking::Planner => PLAN.to_owned(),
        Asking::Coder => fenced("print('one')"),
        Asking::Reviewer => ACCEPT.to_owned(),
    }
}

#[test]
fn doctor_checks_everything_that_a_session_needs() {
    let world = with_session();
    let before = world.tree();
    let out = text(&world, &["doctor", "x"]);
    for what in ["python", "model", "sandbox", "sessions", "prompts", "session"] {
        assert!(out.contains(&format!("✓ {what} ")), "no {what} in {out}");
    }
    assert_eq!(world.tree(), before, "it leaves nothing behind");
    let looks = value(&world, &["doctor"]);
    assert!(looks.as_array().unwrap().iter().all(|look| look["ok"] == true), "{looks}");
    world.write("bad.yaml", "python: /no/such/python\nmodel: anthropic/m\n");
    let out = world.run(&["doctor", "nobody", "--config", "bad.yaml"]).expect(2);
    for what in ["✗ python", "✗ model", "✓ prompts", "✗ session "] {
        assert!(out.out.contains(what), "no {what} in {}", out.out);
    }
}

#[test]
fn repair_removes_unreadable_lines_and_the_session_continues() {
    let world = with_session();
    assert!(text(&world, &["repair", "x"]).contains("nothing was changed"));
    let whole = world.read("sessions/x/journal.jsonl");
    let mut lines: Vec<&str> = whole.lines().collect();
    let last = lines.len() - 2;
    lines[last] = "{\"seq\":";
    let damaged = lines.join("\n") + "\n";
    world.write("sessions/x/journal.jsonl", &damaged);
    world.run(&["resume", "x"]).expect(5);
    let out = world.run(&["repair", "x", "--json"]).expect(0);
    let value = out.json().remove(0);
    assert!(!value["left_out"].as_array().unwrap().is_empty(), "{value}");
    let saved = value["saved"].as_str().unwrap();
    assert_eq!(world.read(&format!("sessions/x/{saved}")), damaged);
    world.run(&["show", "x"]).expect(0);
    world.run_with(&["resume", "x"], "accept\n").expect(0);
    let seqs: Vec<u64> = world.journal("x").iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_user_s_template_overrides_the_built_in_one() {
    let world = with_session();
    let out = text(&world, &["prompts", "export", "mine/deep"]);
    assert!(out.contains("mine/deep/coder.md") && out.contains(".config/redraft/prompts"), "{out}");
    let coder = world.read("mine/deep/coder.md");
    world.write("mine/deep/coder.md", "changed");
    let refused = world.run(&["prompts", "export", "mine/deep"]).expect(2);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    assert_eq!(world.read("mine/deep/coder.md"), "changed");
    assert_eq!(
        value(&world, &["prompts", "export", "mine/deep", "--yes"])[1],
        "mine/deep/coder.md"
    );
    assert_eq!(world.read("mine/deep/coder.md"), coder);

    let own = coder.replace("=== user ===", "Always greet first.\r\n=== user ===");
    let own = own.replacen("temperature: 0.2", "temperature: 1.5", 1);
    world.write("home/.config/redraft/prompts/coder.md", &own);
    world.run(&["new", "greet", "--name", "y", "--auto", "--no-run"]).expect(0);
    let asked = world.received().into_iter().rfind(|r| agent(r) == Asking::Coder).unwrap();
    assert!(asked.prompt().contains("Always greet first."), "{}", asked.prompt());
    assert!(asked.body["temperature"].as_f64() == Some(1.5), "{}", asked.body);
}

#[test]
fn help_and_version_go_to_stdout_even_with_a_broken_configuration() {
    let world = World::empty();
    world.write("redraft.yaml", "modle: x\n");
    assert!(text(&world, &["--version"]).starts_with("redraft "));
    let help = text(&world, &["--help"]);
    for command in [
        "new",
        "resume",
        "list",
        "show",
        "diff",
        "log",
        "feedback",
        "run",
        "edit",
        "fork",
        "export",
        "models",
        "doctor",
        "repair",
        "prompts",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in {help}");
        let own = text(&world, &[command, "--help"]);
        assert!(own.contains(&format!("Usage: redraft {command}")), "{own}");
        assert!(own.lines().all(|line| line.chars().count() <= 100), "{own}");
    }
}

#[test]
fn global_flags_work_before_and_after_the_command() {
    let world = with_session();
    std::fs::rename(world.file("sessions"), world.file("other")).unwrap();
    for args in [
        &["--sessions", "other", "--json", "list"][..],
        &["list", "--sessions", "other", "--json"],
        &["--json", "list", "--sessions=other", "--no-color"],
        &["-v", "list", "--json", "--yes", "--sessions", "other"],
    ] {
        assert_eq!(world.run(args).expect(0).json()[0][0]["name"], "x", "{args:?}");
    }
    // The flag overrides the variable, which overrides the file.
    world.write("c.yaml", "sessions_dir: empty\n");
    let named = |args: &[&str], variable: &str| {
        let mut command = world.command(&[&["list", "--json"], args].concat());
        command.env("REDRAFT_SESSIONS", variable);
        feed(command, b"").expect(0).json()[0].as_array().unwrap().len()
    };
    assert_eq!(named(&["--config", "c.yaml"], ""), 0);
    assert_eq!(named(&["--config", "c.yaml"], "other"), 1);
    assert_eq!(named(&["--config", "c.yaml", "--sessions", "empty"], "other"), 0);
}

#[test]
fn a_program_can_be_the_model() {
    let world = World::empty();
    world.write(
        "model.py",
        "import json, os, sys\n\
         messages = json.load(sys.stdin)\n\
         assert messages[-1]['role'] == 'user' and os.environ['REDRAFT_MODEL'] == 'a/b'\n\
         print(open(os.environ['REDRAFT_AGENT'] + '.txt').read())\n",
    );
    for (file, asking) in
        [("planner", Asking::Planner), ("coder", Asking::Coder), ("reviewer", Asking::Reviewer)]
    {
        world.write(&format!("{file}.txt"), &answer(asking));
    }
    world.write(
        "redraft.yaml",
        "model: p/a/b\nproviders: { p: { kind: command, command: python3 model.py } }\n",
    );
    world.run(&["new", "count", "--name", "x", "--auto", "--no-run"]).expect(0);
    assert_eq!(world.read("sessions/x/script_v1.py"), "print('one')\n");
    std::fs::remove_file(world.file("coder.txt")).unwrap();
    let out = world.run(&["new", "count", "--name", "y", "--auto", "--no-run"]).expect(4);
    assert!(out.err.contains("FileNotFoundError") && out.err.lines().count() == 2, "{}", out.err);
    world.write("coder.txt", &answer(Asking::Coder));
    world.run(&["resume", "y", "--auto"]).expect(0);
}

#[test]
fn recorded_answers_can_be_the_model() {
    let world = World::empty();
    let record = |agents: &[(&str, Asking)]| -> String {
        let line = |(name, asking): &(&str, Asking)| {
            format!("- {}\n", json!({"agent": name, "answer": answer(*asking)}))
        };
        agents.iter().map(line).collect()
    };
    let two = [("planner", Asking::Planner), ("coder", Asking::Coder)];
    world.write("answers.yaml", &record(&two));
    world.write(
        "redraft.yaml",
        "model: r/any\nproviders: { r: { kind: script, path: answers.yaml } }\n",
    );
    let out = world.run(&["new", "count", "--name", "x", "--auto", "--no-run"]).expect(4);
    assert!(out.err.contains("`answers.yaml` has no answer left for the reviewer"), "{}", out.err);
    world.write("answers.yaml", &record(&[&two[..], &[("reviewer", Asking::Reviewer)]].concat()));
    world.run(&["resume", "x", "--auto"]).expect(0);
    assert_eq!(world.read("sessions/x/script_v1.py"), "print('one')\n");
}

#[test]
fn each_wire_format_works_for_a_whole_session() {
    for (kind, path, key) in [
        ("openai", "/v1/chat/completions", "authorization"),
        ("anthropic", "/v1/messages", "x-api-key"),
        ("ollama", "/api/chat", "authorization"),
    ] {
        let server = ModelServer::with_key(Some("sk-1"), |request| {
            Reply::to(request, &answer(agent(request)))
        });
        let world = World::empty();
        let url = server.base_url() + if kind == "openai" { "/v1" } else { "" };
        world.write(
            "redraft.yaml",
            &format!(
                "model: p/some/model:7b\nproviders: {{ p: {{ kind: {kind}, base_url: '{url}', \
                 api_key_env: KEY }} }}\nroles: {{ coder: {{ temperature: 0.7, max_tokens: 77 }} }}\n"
            ),
        );
        let mut command = world.command(&["new", "count", "--name", "x", "--auto", "--no-run"]);
        command.env("KEY", " sk-1\n");
        feed(command, b"").expect(0);
        let received = server.received();
        assert_eq!(received.len(), 3, "{kind}");
        assert!(received.iter().all(|r| r.path == path && r.body["model"] == "some/model:7b"));
        assert!(received[1].header(key).is_some());
        assert!(received[1].body.to_string().contains("0.7"), "{kind}: {}", received[1].body);
        assert!(received[1].body.to_string().contains("77"), "{kind}: {}", received[1].body);
        for event in world.journal("x").iter().filter(|e| e["event"] == "model_call_finished") {
            assert_eq!(event["usage"]["prompt"], 10, "{kind}: counted by the server");
        }
    }
}

/// A Coder that writes a new script each time, and a Reviewer that never accepts.
fn never_good() -> World {
    let written = AtomicUsize::new(0);
    World::with(move |request| {
        let text = match agent(request) {
            Asking::Planner => PLAN.to_owned(),
            Asking::Coder => {
                fenced(&format!("print({})", written.fetch_add(1, Ordering::SeqCst)))
            }
            Asking::Reviewer => "R1: met\nR2: not met\n- [blocker] R2 the number two never appears\nVERDICT: ITERATE".to_owned(),
        };
        Reply::to(request, &text)
    })
}

#[test]
fn a_stuck_session_uses_the_stronger_model_once() {
    let world = never_good();
    world.write("more.yaml", "roles: { coder: { escalate_to: local/big } }\n");
    let args = ["new", "count", "--name", "x", "--auto", "--no-run", "--config", "more.yaml"];
    let out = world.run(&args).expect(3);
    assert!(out.out.contains("same blockers"), "{}", out.out);
    let models: Vec<String> = world
        .received()
        .iter()
        .filter(|r| agent(r) == Asking::Coder)
        .map(|r| r.body["model"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(models, ["m", "m", "m", "m", "big"], "three, a warmer try, a stronger model");
}

#[test]
fn cost_is_counted_and_the_budget_stops_further_calls() {
    let world = never_good();
    // The 10 prompt tokens of a call, at one cent each, cost ten cents.
    world.write("prices.yaml", "prices: { local/m: { input: 10000, output: 0 } }\n");
    let args = ["new", "count", "--name", "x", "--auto", "--no-run", "--config", "prices.yaml"];
    world.run(&[&args[..], &["--budget-usd", "100"]].concat()).expect(3);
    let spent: f64 = world.journal("x").iter().filter_map(|e| e["usd"].as_f64()).sum();
    let calls = world.received().len();
    #[expect(clippy::cast_precision_loss, reason = "a few calls")]
    let expected = calls as f64 * 0.1;
    assert!((spent - expected).abs() < 1e-9, "{spent} for {calls} calls");
    let shown = value(&world, &["show", "x"])["usd"].as_f64().unwrap();
    assert!((shown - spent).abs() < 1e-9, "{shown}");
    let shown = text(&world, &["show", "x"]);
    assert!(shown.contains("$0.90"), "{shown}");

    let world = never_good();
    world.write("prices.yaml", "prices: { local/m: { input: 10000, output: 0 } }\n");
    let out = world.run(&[&args[..], &["--budget-usd", "0.25"]].concat()).expect(3);
    assert!(out.out.contains("budget"), "{}", out.out);
    assert_eq!(out.last_line(), "resume with: redraft resume x --config prices.yaml");
    assert!(world.received().len() <= 3, "{}", world.received().len());
    let spent: f64 = world.journal("x").iter().filter_map(|e| e["usd"].as_f64()).sum();
    assert!(spent <= 0.3 + 1e-9, "{spent}");
    let before = world.received().len();
    let more = ["resume", "x", "--auto", "--config", "prices.yaml", "--budget-usd", "0.45"];
    world.run(&more).expect(3);
    assert!(world.received().len() > before, "a wider budget goes on");
    let unpriced = never_good();
    unpriced.run(&["new", "count", "--name", "x", "--auto", "--no-run"]).expect(3);
    assert_eq!(value(&unpriced, &["show", "x"])["usd"], Value::Null, "unknown is not nothing");
}

#[test]
fn allowing_at_the_budget_gate_lets_work_continue() {
    for budget in [["--budget-tokens", "0"], ["--budget-tokens", "1"], ["--budget-usd", "0"]] {
        let world = never_good();
        let prices = "prices: { local/m: { input: 10000, output: 0 } }\n";
        world.write("redraft.yaml", &(world.read("redraft.yaml") + prices));
        let args = [&["new", "count", "--name", "x", "--no-run"][..], &budget].concat();
        world.run_with(&args, "allow\n").expect(3);
        assert!(!world.received().is_empty(), "{budget:?}");
        world.run_with(&["resume", "x"], "approve\nallow\n").expect(3);
        assert!(world.received().len() > 1, "{budget:?}");
        let allowed = world.events("x").iter().filter(|e| *e == "budget_extended").count();
        assert!((1..=2).contains(&allowed), "{budget:?}: allowed {allowed} times");
    }
}

#[test]
fn resume_applies_and_keeps_new_flags() {
    let world = World::scripted(
        &[PLAN],
        &[&fenced("print(1)"), &fenced("print(2)"), &fenced("print(3)")],
        &[ACCEPT],
    );
    let args = ["new", "count", "--name", "x", "--no-run"];
    world.run_with(&args, "approve\nquit\n").expect(3);
    let flags = ["--coder", "local/other", "--repairs", "7", "--max-versions", "9"];
    let args = [&["resume", "x", "--sandbox", "off"], &flags[..]].concat();
    world.run_with(&args, "feedback: more\nquit\n").expect(3);
    assert!(world.read("sessions/x/report_v2.yaml").contains("verdict: ok"), "it runs now");
    let settings = &value(&world, &["show", "x"])["settings"];
    assert_eq!(settings["roles"]["coder"]["model"], "local/other");
    assert_eq!(settings["roles"]["reviewer"]["model"], "local/m");
    assert_eq!(settings["limits"]["repairs"], 7);
    assert!(world.read("sessions/x/session.yaml").contains("local/other"));
    world.run_with(&["resume", "x"], "feedback: more\nquit\n").expect(3);
    assert_eq!(&value(&world, &["show", "x"])["settings"], settings, "they are kept");
    let changes = world.events("x").iter().filter(|e| *e == "settings_changed").count();
    assert_eq!(changes, 1, "and journaled once");
    let models: Vec<Value> = world
        .received()
        .iter()
        .filter(|r| agent(r) == Asking::Coder)
        .map(|r| r.body["model"].clone())
        .collect();
    assert_eq!(models, ["m", "other", "other"]);

    world.run_with(&["resume", "x", "--from", "v1"], "accept\n").expect(0);
    assert_eq!(value(&world, &["show", "x"])["accepted"], 1);
}

#[test]
fn a_task_is_read_from_a_file_or_a_pipe_with_its_data() {
    let read = "print(open('data/table.csv').read())";
    let world = World::scripted(&[PLAN], &[&fenced(read)], &[ACCEPT]);
    world.write("task.txt", "add up\nthe table\n");
    world.write("in/table.csv", "1,2\n");
    let given = ["--name", "x", "--auto", "--sandbox", "off", "--data", "in/table.csv"];
    world.run(&[&["new", "--task-file", "task.txt"], &given[..]].concat()).expect(0);
    assert_eq!(world.read("sessions/x/run_v1/stdout.txt"), "1,2\n\n");
    assert!(world.received()[0].prompt().contains("add up\nthe table"));
    assert!(world.received()[0].prompt().contains("table.csv"));
    let piped = ["new", "--task-file", "-", "--auto", "--no-run"];
    let out = world.run_with(&piped, "count the stars").expect(0);
    assert!(out.out.contains("session count-stars"), "{}", out.out);
}

#[test]
fn files_with_a_bom_or_crlf_are_read_correctly() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    let config = world.read("redraft.yaml").replace('\n', "\r\n");
    world.write("redraft.yaml", &format!("\u{feff}{config}"));
    world.write("task.txt", "\u{feff}count\r\nto two\r\n");
    let args = ["new", "--task-file", "task.txt", "--name", "x", "--auto", "--no-run"];
    world.run(&args).expect(0);
    let request = value(&world, &["show", "x"])["request"].as_str().unwrap().to_owned();
    assert!(request.starts_with("count"), "{request:?}");
}

#[test]
fn configuration_files_and_flags_override_in_order() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.write("home/.config/redraft/config.yaml", "limits: { repairs: 1, max_versions: 2 }\n");
    let here = world.read("redraft.yaml");
    world.write("redraft.yaml", &(here + "limits: { max_versions: 4, budget_tokens: 50000 }\n"));
    world.write(
        "c.yaml",
        "limits: { budget_tokens: 60000 }\nroles: { planner: { model: local/p } }\n",
    );
    let args = ["new", "t", "--name", "x", "--auto", "--no-run", "--config", "c.yaml"];
    world.run(&[&args[..], &["--model", "local/flag", "--reviewer", "local/r"]].concat()).expect(0);
    let settings = &value(&world, &["show", "x"])["settings"];
    assert_eq!(settings["limits"]["repairs"], 1);
    assert_eq!(settings["limits"]["max_versions"], 4);
    assert_eq!(settings["limits"]["budget_tokens"], 60000);
    let models: Vec<Value> = world.received().iter().map(|r| r.body["model"].clone()).collect();
    assert_eq!(models, ["flag", "flag", "r"], "a flag goes over the files");
}
