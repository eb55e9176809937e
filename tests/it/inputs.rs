//! Invalid input: each mistake is reported in one or two lines, and nothing is written.

use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, Asking, Output, PLAN, World, agent, feed, fenced, wait_for};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Runs the program and checks that it refuses with this exit code and one or two lines of errors
/// that contain all these words, without any output or changed file.
#[track_caller]
fn refused(world: &World, args: &[&str], input: &[u8], code: i32, words: &[&str]) {
    let before = world.tree();
    let out = feed(world.command(args), input);
    said(&out, code, words, &format!("{args:?}"));
    let after = world.tree();
    let changed: Vec<_> = after
        .iter()
        .filter(|(file, content)| before.get(*file) != Some(content))
        .map(|(file, _)| file)
        .chain(before.keys().filter(|file| !after.contains_key(*file)))
        .collect();
    assert!(changed.is_empty(), "{args:?} changed {changed:?}");
}

/// Checks the format of an error.
#[track_caller]
fn said(out: &Output, code: i32, words: &[&str], what: &str) {
    let Output { code: ended, out, err } = out;
    assert_eq!(*ended, Some(code), "{what}: {err}{out}");
    assert!(out.is_empty(), "{what}: errors do not belong on standard output: {out}");
    let lines: Vec<&str> = err.lines().collect();
    assert!((1..=2).contains(&lines.len()), "{what}: one line or two: {err}");
    assert!(lines[0].starts_with("error: ") && lines[0].len() > 20, "{what}: {err}");
    for word in words {
        assert!(err.contains(word), "{what}: no `{word}` in: {err}");
    }
    for word in ["panicked", "src/", "Error {", "Os {", "None", "Some("] {
        assert!(!err.contains(word), "{what}: `{word}` in: {err}");
    }
}

/// A world with the session `x`, which has v1 and waits at the version gate.
fn with_session() -> World {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.run_with(&["new", "count", "--name", "x", "--no-run"], "approve\n").expect(3);
    world
}

/// A world with this configuration.
fn configured(text: &str) -> World {
    let world = World::empty();
    world.write("redraft.yaml", text);
    world
}

/// A world with a valid configuration whose model is a recording.
fn working() -> World {
    let world = configured(
        "model: r/m\nproviders: { r: { kind: script, path: answers.yaml } }\nsessions_dir: ./s\n",
    );
    world.write("answers.yaml", "- {agent: planner, answer: plan}\n");
    world
}

#[test]
fn a_missing_session_is_named() {
    let world = with_session();
    for args in [
        &["show", "nobody"][..],
        &["log", "nobody"],
        &["diff", "nobody"],
        &["diff", "nobody", "v1", "v2"],
        &["feedback", "nobody", "t"],
        &["run", "nobody"],
        &["edit", "nobody"],
        &["fork", "nobody", "other"],
        &["export", "nobody"],
        &["export", "nobody", "-o", "nobody.py"],
        &["repair", "nobody"],
        &["resume", "nobody"],
        &["resume", "nobody", "--auto"],
        &["show", "nobody", "--json"],
    ] {
        refused(&world, args, b"", 2, &["no session `nobody`", "redraft list"]);
    }
    for path in ["./nobody", "../nobody", "/nobody", "sessions", "redraft.yaml", "", ".", "..", "/"]
    {
        refused(&world, &["show", path], b"", 2, &["no session"]);
    }
    let world = working();
    for command in ["show", "log", "diff", "export", "edit", "resume"] {
        refused(&world, &[command], b"", 2, &["no session in `./s` yet", "redraft new"]);
    }
}

#[test]
fn a_missing_version_is_named_with_the_existing_ones() {
    let world = with_session();
    for target in ["x:v0", "x:v99"] {
        let version = &target[2..];
        for args in [
            &["show", target][..],
            &["run", target],
            &["edit", target],
            &["fork", target, "other"],
            &["export", target],
            &["feedback", target, "t"],
            &["resume", target],
            &["diff", target],
        ] {
            refused(&world, args, b"", 2, &[&format!("no version {version};"), "it has v1"]);
        }
    }
    for target in ["x:vv", "x:v", "x:2", "x:v99999999999", "x:v-1", "x:v1.5", "./sessions/x:vv"] {
        for args in [&["show", target][..], &["resume", target], &["fork", target, "other"]] {
            refused(&world, args, b"", 2, &["is not a version", "v1, v2"]);
        }
    }
    refused(&world, &["diff", "x", "v1", "v7"], b"", 2, &["no version v7", "it has v1"]);
    refused(&world, &["diff", "x", "vv"], b"", 2, &["`vv` is not a version"]);
    refused(&world, &["resume", "x", "--from", "v7"], b"", 2, &["no version v7", "it has v1"]);
    for from in ["vv", "v0", "0", ""] {
        refused(&world, &["resume", "x", "--from", from], b"", 2, &["--from", "`v1`, `v2`"]);
    }
    // Commands for a session as a whole.
    for command in ["log", "repair"] {
        refused(&world, &[command, "x:v1"], b"", 2, &["`x:v1`", "not a version"]);
    }
    let out = world.run(&["doctor", "x:v1"]).expect(2);
    assert!(out.out.contains("✗ session   `x:v1`"), "{}", out.out);
}

#[test]
fn a_configuration_mistake_is_reported_with_its_place() {
    for (text, words) in [
        ("model: [\n", &["line"][..]),
        ("model: a/b\n  c: d\n", &["line 2 column"]),
        ("model: a/b\nlimits:\n\trepairs: 1\n", &["line 3 column 1"]),
        ("model: \"a/b\n", &["line"]),
        ("- model\n", &["line 1 column 1"]),
        ("model\n", &["line 1 column 1"]),
        ("modle: a/b\n", &["`modle`", "line 1 column 1"]),
        ("limits:\n  max_version: 3\n", &["`max_version`", "max_versions", "line 2 column 3"]),
        ("sandbox: { mod: off }\n", &["`mod`", "line 1 column"]),
        ("model: [a/b]\n", &["a string", "line 1 column 8"]),
        ("limits: 3\n", &["limits", "a map of settings", "line 1 column 9"]),
        ("limits:\n  repairs: many\n", &["limits.repairs", "whole number", "line 2 column 12"]),
        ("limits: {max_versions: 0}\n", &["limits.max_versions", "at least 1", "line 1 column"]),
        ("limits: {budget_tokens: -1}\n", &["budget_tokens", "at least 0", "line 1 column"]),
        ("limits: {budget_usd: -0.5}\n", &["budget_usd", "from 0", "line 1 column"]),
        ("limits: {budget_usd: .nan}\n", &["budget_usd", "from 0", "line 1 column"]),
        ("roles: { poet: { model: a/b } }\n", &["`poet`", "planner", "line 1 column 10"]),
        ("roles: {coder: {temperature: 3}}\n", &["temperature", "from 0 to 2", "line 1 column"]),
        ("providers: {p: {kind: grok}}\n", &["`grok`", "openai", "line 1 column"]),
        ("providers: {p: {timeout: soon}}\n", &["timeout", "a number", "line 1 column"]),
        ("providers: {p: {timeout: 0}}\n", &["timeout", "from 0.001", "line 1 column"]),
        ("providers: {p: {command: \"a 'b\"}}\n", &["quote", "line 1 column"]),
        ("providers: {p: {command: []}}\n", &["the command is empty", "line 1 column"]),
        ("install: maybe\n", &["`maybe`", "ask", "line 1 column 10"]),
        ("safety: [static]\n", &["safety", "line 1 column"]),
        ("sandbox: {mode: hard}\n", &["`hard`", "strict", "line 1 column"]),
        ("prices: {a/b: 3}\n", &["prices.a/b", "`input` and `output`", "line 1 column"]),
        ("prices: {a/b: {input: 1}}\n", &["`output`", "line 1 column"]),
        ("model: a/b\ninstall: ask\nmodel: a/c\n", &["`model`", "line 3 column 1"]),
        ("model: *x\n", &["line 1 column 8"]),
    ] {
        let world = configured(text);
        for args in [&["list"][..], &["new", "task", "--auto"], &["doctor"], &["models", "--json"]]
        {
            let words = [words, &["`redraft.yaml` "]].concat();
            refused(&world, args, b"", 2, &words);
        }
    }
}

#[test]
fn an_unreadable_configuration_file_is_named() {
    let world = working();
    std::fs::write(world.file("latin1.yaml"), b"model: caf\xe9/x\n").unwrap();
    for (file, words) in [
        ("none.yaml", &["`none.yaml`", "no such file"][..]),
        ("home", &["`home`", "directory"]),
        ("latin1.yaml", &["`latin1.yaml`", "UTF-8"]),
    ] {
        refused(&world, &["list", "--config", file], b"", 2, words);
        refused(&world, &["--config", file, "new", "task"], b"", 2, words);
    }
    let world = World::empty();
    world.write("home/.config/redraft/config.yaml", "modle: x\n");
    refused(&world, &["list"], b"", 2, &["config.yaml`", "`modle`", "line 1"]);
}

#[test]
fn an_unusable_model_is_reported_before_a_session_is_made() {
    let world = working();
    world.write(
        "own.yaml",
        "providers:
  keyed: { kind: openai, base_url: 'http://127.0.0.1:9', api_key_env: MY_SECRET_KEY }
  kindless: { base_url: 'http://127.0.0.1:9' }
  homeless: { kind: openai }
  lost: { kind: openai, base_url: 'ftp://user:hidden@host/' }
  program: { kind: command, command: [no-such-program-here, -x] }
  idle: { kind: command }
  recorded: { kind: script, path: none.yaml }
  pathless: { kind: script }
  broken: { kind: script, path: redraft.yaml }
  gguf: { kind: embedded }
  raw: { kind: completion }
",
    );
    for (model, words) in [
        ("opnai/gpt-5", &["no provider `opnai`", "openai", "`providers`"][..]),
        ("gpt-5", &["`gpt-5`", "PROVIDER/MODEL"]),
        ("", &["PROVIDER/MODEL"]),
        ("r/", &["`r/`", "PROVIDER/MODEL"]),
        ("anthropic/m", &["`anthropic`", "`ANTHROPIC_API_KEY`"]),
        ("openai/m", &["`OPENAI_API_KEY`"]),
        ("gemini/m", &["`GEMINI_API_KEY`"]),
        ("openrouter/a/b", &["`OPENROUTER_API_KEY`"]),
        ("keyed/m", &["`keyed`", "`MY_SECRET_KEY`"]),
        ("kindless/m", &["`kindless`", "`kind`"]),
        ("homeless/m", &["`homeless`", "`base_url`"]),
        ("lost/m", &["`lost`", "`base_url`", "http"]),
        ("program/m", &["`program`", "`no-such-program-here`", "not there"]),
        ("idle/m", &["`idle`", "`command`"]),
        ("recorded/m", &["`none.yaml`", "no such file"]),
        ("pathless/m", &["`pathless`", "`path`"]),
        ("broken/m", &["`redraft.yaml`", "list of answers"]),
        ("gguf/m", &["no embedded model `m`", "`small-coder`", ".gguf"]),
        ("embedded/smal-coder", &["`smal-coder`; there are `small-coder`"]),
        ("embedded/no/such.gguf", &["no model file `no/such.gguf`"]),
        ("embedded//no/such.gguf", &["no model file `/no/such.gguf`"]),
        ("raw/m", &["`raw`", "`base_url`"]),
    ] {
        for flag in ["--model", "--planner", "--coder", "--reviewer"] {
            let args = ["--config", "own.yaml", "new", "task", "--auto", flag, model];
            refused(&world, &args, b"", 2, words);
        }
    }
    let out = world.run(&["--config", "own.yaml", "new", "t", "--model", "lost/m"]);
    assert!(!out.err.contains("hidden"), "a password is not shown: {}", out.err);
    world.write("escalate.yaml", "roles: { coder: { escalate_to: anthropic/m } }\n");
    let args = ["--config", "escalate.yaml", "new", "task", "--auto"];
    refused(&world, &args, b"", 2, &["`ANTHROPIC_API_KEY`"]);
}

#[test]
fn an_impossible_resume_leaves_the_session_unchanged() {
    let world = with_session();
    for (args, words) in [
        (&["--model", "opnai/m"][..], &["no provider `opnai`"][..]),
        (&["--coder", "anthropic/m"], &["`ANTHROPIC_API_KEY`"]),
        (&["--max-versions", "0"], &["--max-versions", "at least 1"]),
        (&["--budget-usd", "-1"], &["--budget-usd", "US dollars"]),
    ] {
        refused(&world, &[&["resume", "x"], args].concat(), b"accept\n", 2, words);
    }
}

#[test]
fn without_any_model_the_error_says_what_to_do() {
    let world = World::empty();
    let new = |args: &[&str]| {
        let mut command = world.command(args);
        command.env("OLLAMA_HOST", "127.0.0.1:1");
        feed(command, b"")
    };
    said(&new(&["new", "task"]), 2, &["`small-coder`", "redraft models pull"], "new");
    // If the user cannot or does not want to be asked, the model is downloaded, which fails here.
    for args in [&["new", "task", "--auto"][..], &["new", "task", "--yes", "--json"]] {
        let out = new(args).expect(4);
        let last = out.err.lines().last().unwrap();
        assert!(last.starts_with("error: `small-coder` could not be fetched: "), "{}", out.err);
    }
    assert!(!world.file("sessions").exists());
}

#[test]
fn an_unusable_sessions_folder_is_named() {
    let world = working();
    world.write("file", "");
    for folder in ["file", "file/sub", "/proc/redraft", "/dev/null", "/dev/null/sub"] {
        let new = ["new", "task", "--auto", "--sessions", folder];
        refused(&world, &new, b"", 2, &[folder]);
        let out = world.run(&["doctor", "--sessions", folder]).expect(2);
        assert!(out.out.contains("✗ sessions"), "{}", out.out);
    }
    for folder in ["file", "/dev/null"] {
        refused(&world, &["list", "--sessions", folder], b"", 2, &[folder]);
        refused(&world, &["show", "x", "--sessions", folder], b"", 2, &[folder]);
        refused(&world, &["resume", "--sessions", folder], b"", 2, &[folder]);
    }
    let world = with_session();
    world.write("file", "");
    refused(&world, &["fork", "./sessions/x", "y", "--sessions", "file"], b"", 2, &["`file"]);
    for path in ["file/out.py", "/proc/out.py", "none/out.py", "home"] {
        refused(&world, &["export", "x", "-o", path], b"", 2, &[path]);
    }
    for path in ["file", "/dev/null/sub", "/proc/sub"] {
        refused(&world, &["prompts", "export", path], b"", 2, &[path]);
    }
}

#[test]
fn an_empty_or_unreadable_task_is_refused() {
    let world = working();
    world.write("empty.txt", "");
    world.write("mark.txt", "\u{feff}\r\n");
    world.write("blank.txt", " \n\t\r\n\u{a0}\u{2003}\n");
    std::fs::write(world.file("latin1.txt"), b"caf\xe9\n").unwrap();
    let long = "x".repeat((1 << 20) + 1);
    world.write("long.txt", &long);
    world.write("accents.txt", &"é".repeat(1 << 20));
    let empty: &[&str] = &["the task is empty"];
    for (args, input, words) in [
        (&["new"][..], &b""[..], &["TASK", "--task-file"][..]),
        (&["new", ""], b"", empty),
        (&["new", "  \n\t "], b"", empty),
        (&["new", "--task-file", "empty.txt"], b"", empty),
        (&["new", "--task-file", "blank.txt"], b"", empty),
        (&["new", "--task-file", "mark.txt"], b"", empty),
        (&["new", "--task-file", "-"], b"", empty),
        (&["new", "--task-file", "-"], b" \n \n", empty),
        (&["new", "--task-file", "none.txt"], b"", &["`none.txt`", "no such file"]),
        (&["new", "--task-file", "home"], b"", &["`home`", "directory"]),
        (&["new", "--task-file", "latin1.txt"], b"", &["`latin1.txt`", "UTF-8"]),
        (&["new", "--task-file", "-"], b"caf\xe9\n", &["standard input", "UTF-8"]),
        (&["new", "--task-file", "long.txt"], b"", &["`long.txt`", "1048576"]),
        (&["new", "--task-file", "accents.txt"], b"", &["`accents.txt`", "1048576"]),
        (&["new", "--task-file", "-"], long.as_bytes(), &["standard input", "1048576"]),
        (&["new", "a", "--task-file", "long.txt"], b"", &["--task-file", "TASK"]),
        (&["feedback", "x", ""], b"", &["the feedback is empty"]),
        (&["feedback", "x", " \n"], b"", &["the feedback is empty"]),
        (&["feedback", "x", "-"], b"", &["the feedback is empty"]),
        (&["feedback", "x", "-"], b"\xff\n", &["standard input", "UTF-8"]),
        (&["feedback", "x", "-"], long.as_bytes(), &["standard input", "1048576"]),
    ] {
        refused(&world, args, input, 2, words);
    }
    // Arguments can also be invalid UTF-8.
    let before = world.tree();
    for before_it in [&["new"][..], &["show"], &["new", "t", "--name"], &["new", "--model"]] {
        let mut command = world.command(before_it);
        command.arg(OsStr::from_bytes(b"caf\xe9"));
        said(&feed(command, b""), 2, &["UTF-8"], &format!("{before_it:?}"));
    }
    assert_eq!(world.tree(), before);
}

#[test]
fn an_unusable_data_file_is_named() {
    let world = working();
    world.write("a/table.csv", "1\n");
    world.write("b/table.csv", "2\n");
    world.write("odd\\name.csv", "3\n");
    for (files, words) in [
        (&["none.csv"][..], &["`none.csv`", "no such file"][..]),
        (&["home"], &["`home`", "folder"]),
        (&["a/table.csv", "none.csv"], &["`none.csv`", "no such file"]),
        (&["a/table.csv", "b/table.csv"], &["`b/table.csv`", "same name"]),
        (&["odd\\name.csv"], &["`odd\\name.csv`", "path separator `\\`"]),
        (&["/dev/zero"], &["`/dev/zero`"]),
        (&[""], &["data"]),
    ] {
        let mut args = vec!["new", "task", "--auto"];
        args.extend(files.iter().flat_map(|file| ["--data", file]));
        refused(&world, &args, b"", 2, words);
    }
}

#[test]
fn a_session_name_cannot_lead_out_of_the_sessions_folder() {
    let world = with_session();
    let long = "n".repeat(81);
    for (name, words) in [
        ("../y", &["`/`"][..]),
        ("..", &["`..`"]),
        (".", &["`.`"]),
        (".hidden", &["`.hidden`"]),
        ("a/b", &["`/`"]),
        ("/tmp/y", &["`/`"]),
        ("a\\b", &["can't hold"]),
        ("a:v1", &["`:`"]),
        ("a\nb", &["\\n"]),
        ("a\u{1b}[2J", &["can't hold"]),
        ("a\u{202e}b", &["can't hold"]),
        ("~", &["`~`"]),
        ("NUL", &["`NUL`"]),
        (" y", &["` y`"]),
        ("y ", &["`y `"]),
        ("", &["empty"]),
        (long.as_str(), &["at most 80"]),
        ("x", &["a session `x` already"]),
    ] {
        let new = ["new", "task", "--auto", "--no-run", "--name", name];
        refused(&world, &new, b"", 2, words);
        refused(&world, &["fork", "x", name], b"", 2, words);
    }
    let asked = world.received().len();
    assert_eq!(asked, 3, "no model is asked for a session that can't be made");
}

#[test]
fn invalid_limits_and_unknown_flags_are_named() {
    let world = working();
    for (args, words) in [
        (&["new", "t", "--max-versions", "0"][..], &["--max-versions", "at least 1"][..]),
        (&["new", "t", "--max-versions", "-1"], &["--max-versions", "at least 1"]),
        (&["new", "t", "--max-versions=-1"], &["--max-versions", "at least 1"]),
        (&["new", "t", "--max-versions", "many"], &["`many`", "--max-versions"]),
        (&["new", "t", "--repairs=-1"], &["-1", "--repairs"]),
        (&["new", "t", "--repairs", "99999999999"], &["99999999999", "--repairs"]),
        (&["new", "t", "--budget-tokens=-1"], &["-1", "--budget-tokens"]),
        (&["new", "t", "--budget-usd=-1"], &["--budget-usd", "US dollars"]),
        (&["new", "t", "--budget-usd", "-1"], &["--budget-usd", "US dollars"]),
        (&["new", "t", "--budget-usd", "inf"], &["--budget-usd", "US dollars"]),
        (&["new", "t", "--budget-usd", "NaN"], &["--budget-usd", "US dollars"]),
        (&["new", "t", "--budget", "5"], &["--budget", "--budget-"]),
        (&["new", "t", "--preset", "fast"], &["fast", "--preset", "guided"]),
        (&["new", "t", "--sandbox", "none"], &["none", "strict", "off"]),
        (&["new", "t", "--model"], &["--model"]),
        (&["new", "t", "u"], &["`u`"]),
        (&["new", "t", "--frobnicate"], &["--frobnicate"]),
        (&["nwe", "t"], &["nwe"]),
        (&["lst"], &["lst", "list"]),
        (&["list", "x"], &["x"]),
        (&["frobnicate"], &["frobnicate"]),
        (&["--frobnicate"], &["--frobnicate"]),
        (&["fork", "x"], &["NAME"]),
        (&["feedback"], &["SESSION", "TEXT"]),
        (&["diff", "a", "b", "c", "d"], &["d"]),
        (&["diff", "--stat", "--side-by-side"], &["--stat", "--side-by-side"]),
        (&["completions", "tcsh"], &["tcsh", "bash"]),
        (&["prompts", "import", "d"], &["import"]),
        (&["prompts", "export"], &["DIR"]),
        (&["run"], &["no session"]),
        (&["run", "none.py"], &["no file `none.py`"]),
        (
            &["run", "redraft.yaml", "--python", "no-such-python", "--sandbox", "off"],
            &["no-such-python"],
        ),
    ] {
        let args = [args, if args[0] == "new" { &["--auto"] } else { &[] }].concat();
        // clap quotes values differently.
        let words: Vec<&str> = words.iter().map(|word| word.trim_matches('`')).collect();
        refused(&world, &args, b"", 2, &words);
    }
}

#[test]
fn a_template_mistake_is_reported_with_its_line() {
    for (file, text, words) in [
        ("coder.md", "You are\n=== user ===\n{% if x %}\n", &["coder.md`", "line 3"][..]),
        ("planner.md", "---\ntemprature: 1\n---\na\n=== user ===\nb\n", &["`temprature`"]),
        ("planner.md", "---\ntemperature: warm\n---\na\n=== user ===\nb\n", &["planner.md`"]),
        ("reviewer.md", "no user part\n", &["reviewer.md`", "=== user ==="]),
        (
            "repair.md",
            "a\n=== user ===\n{{ nothing_of_this_name }}\n",
            &["repair.md`", "line 3", "`nothing_of_this_name`", "plan, problem"],
        ),
    ] {
        let world = with_session();
        world.write(&format!("home/.config/redraft/prompts/{file}"), text);
        refused(&world, &["new", "task", "--auto"], b"", 2, words);
        refused(&world, &["resume", "x"], b"accept\n", 2, words);
        let out = world.run(&["doctor"]).expect(2);
        assert!(out.out.contains("✗ prompts"), "{}", out.out);
    }
    let world = with_session();
    let path = world.file("home/.config/redraft/prompts/coder.md");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"caf\xe9\n=== user ===\n").unwrap();
    refused(&world, &["new", "task", "--auto"], b"", 2, &["coder.md`", "UTF-8"]);
}

#[test]
fn a_session_locked_by_another_process_can_only_be_read() {
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Coder => Reply::to(request, &fenced("print(1)")),
        Asking::Reviewer => Reply::to(request, "some").cut_to(1).then_hang(),
    });
    let mut first = world.start(&["new", "count", "--name", "x", "--auto", "--no-run"]);
    wait_for(|| world.received().len() == 3);
    wait_for(|| world.events("x").last().is_some_and(|e| e == "model_call_started"));
    let holder = format!("process {}", first.id());
    for args in [
        &["resume", "x"][..],
        &["resume", "x", "--auto", "--json"],
        &["resume"],
        &["feedback", "x", "t"],
        &["edit", "x"],
        &["repair", "x"],
    ] {
        refused(&world, args, b"accept\n", 5, &["session `x` is locked", &holder, "wait"]);
    }
    for args in [&["show", "x"][..], &["list"], &["log", "x"], &["export", "x"], &["diff", "x"]] {
        let before = world.tree();
        world.run(args).expect(0);
        assert_eq!(world.tree(), before, "{args:?} only reads");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    world.run_with(&["feedback", "x", "no more in the way"], "").expect(0);
}

#[test]
fn every_command_refuses_a_damaged_session() {
    let world = with_session();
    let journal = world.read("sessions/x/journal.jsonl");
    let mut lines: Vec<&str> = journal.lines().collect();
    lines[2] = "{\"seq\":3,\"at\":\"2026";
    world.write("sessions/x/journal.jsonl", &(lines.join("\n") + "\n"));
    for args in [
        &["show", "x"][..],
        &["log", "x"],
        &["diff", "x"],
        &["feedback", "x", "t"],
        &["run", "x"],
        &["edit", "x"],
        &["fork", "x", "other"],
        &["export", "x"],
        &["resume", "x", "--auto"],
        &["resume"],
    ] {
        let words = ["session `x` is damaged", "line 3", "redraft repair x"];
        refused(&world, args, b"", 5, &words);
    }
    let out = world.run(&["doctor", "x"]).expect(2);
    assert!(out.out.contains("✗ session   session `x` is damaged"), "{}", out.out);
}

#[test]
fn a_session_of_a_newer_format_is_shown_but_not_written() {
    let world = with_session();
    let journal = world.read("sessions/x/journal.jsonl");
    let newer = journal.replacen("\"format\":1", "\"format\":99", 1);
    assert_ne!(newer, journal);
    world.write("sessions/x/journal.jsonl", &newer);
    for args in [&["feedback", "x", "t"][..], &["edit", "x"], &["resume", "x"], &["repair", "x"]] {
        refused(&world, args, b"accept\n", 5, &["`x`", "format 99", "update redraft"]);
    }
    let out = world.run(&["show", "x"]).expect(0);
    assert!(out.out.contains("99: newer than this program"), "{}", out.out);
}

#[test]
fn closed_standard_streams_cause_no_panic() {
    let world = with_session();
    let program = env!("CARGO_BIN_EXE_redraft");
    for (line, code) in [
        (format!("{program} resume x <&-"), 3),
        (format!("{program} resume x --json <&- >/dev/null"), 3),
        (format!("{program} new --task-file - <&-"), 2),
        (format!("{program} feedback x - <&-"), 2),
        (format!("{program} show x <&- >&-"), 0),
        (format!("{program} nonsense >&- 2>/dev/null"), 2),
        (format!("{{ {program} log x; echo $? >code; }} | true; exit $(cat code)"), 0),
    ] {
        let mut command = world.shell(&line);
        command.env_remove("TERM");
        let out = feed(command, b"").expect(code);
        assert!(!out.err.contains("panicked"), "{line}: {}", out.err);
        assert!(!out.err.contains("os error"), "{line}: {}", out.err);
    }
}

#[test]
fn a_full_disk_at_stdout_is_an_error() {
    let world = with_session();
    for args in ["export x", "show x", "log x --json", "list", "completions bash"] {
        let line = format!("{} {args} >/dev/full", env!("CARGO_BIN_EXE_redraft"));
        let out = feed(world.shell(&line), b"");
        said(&out, 2, &["standard output", "no space left"], args);
    }
}

#[test]
fn a_gate_answer_that_is_not_utf8_is_not_accepted() {
    let world = with_session();
    let out = feed(world.command(&["resume", "x"]), b"acc\xffept\n");
    assert!(matches!(out.code, Some(2 | 3)), "{out:?}");
    assert!(!out.err.contains("panicked"), "{}", out.err);
    assert!(!world.events("x").contains(&"accepted".to_owned()));
}
