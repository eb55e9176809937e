//! Every command-line flag has a visible effect.

use crate::support::world::{ACCEPT, Output, PLAN, World, fenced, finish};
use redraft::domain::chat::Role;
use redraft::domain::permission::Permission;
use redraft::domain::settings::SandboxMode;
use redraft::store::artifacts::read_session_file;
use std::collections::BTreeSet;

/// The flags listed in a command's help, except `--help`.
fn flags(world: &World, command: &[&str]) -> BTreeSet<String> {
    let help = world.run(&[command, &["--help"]].concat()).expect(0).out;
    let lines = help.lines().filter(|line| line.starts_with("      --") || line.starts_with("  -"));
    let name = |line: &str| {
        let at = line.find("--")?;
        let end = line[at + 2..].find([' ', '\n']).map_or(line.len(), |end| at + 2 + end);
        Some(line[at + 2..end].to_owned())
    };
    lines.filter_map(name).filter(|name| !["help", "version"].contains(&name.as_str())).collect()
}

/// The flags that every command has.
const GLOBAL: [&str; 7] = ["config", "sessions", "json", "yes", "no-color", "verbose", "quiet"];

/// The other flags of each command. Each is tested in this file, or in the file named beside it.
const OWN: &[(&str, &[&str])] = &[
    (
        "new",
        &[
            "name",
            "task-file",
            "preset",
            "data",
            "tests",
            "model",
            "planner",
            "coder",
            "reviewer",
            "candidates",
            "repairs",
            "max-versions",
            "budget-tokens",
            "budget-usd",
            "auto",
            "no-run",
            "sandbox",
            "allow",
            "python",
            "chatlog",
            // In exports.rs.
            "schema",
            "args",
            "stdin",
            "example",
        ],
    ),
    (
        "resume",
        &[
            "from",
            "model",
            "planner",
            "coder",
            "reviewer",
            "candidates",
            "repairs",
            "max-versions",
            "budget-tokens",
            "budget-usd",
            "auto",
            "no-run",
            "sandbox",
            "allow",
            "python",
            "chatlog",
            // In exports.rs.
            "schema",
            "args",
            "stdin",
            "example",
        ],
    ),
    (
        "ask",
        &[
            "name",
            "data",
            "steps",
            "auto",
            "model",
            "budget-tokens",
            "budget-usd",
            "sandbox",
            "allow",
            "python",
            "chatlog",
            // In exports.rs.
            "schema",
        ],
    ),
    // In batch.rs.
    (
        "batch",
        &[
            "jobs",
            "out",
            "preset",
            "retry-paused",
            "repeat",
            "compare",
            "shard",
            "shards",
            "merge",
            "from",
            "status",
            "cancel",
            "engine",
            "account",
            "partition",
            "time",
            "mem",
            "array-limit",
            "model",
            "planner",
            "coder",
            "reviewer",
            "candidates",
            "repairs",
            "max-versions",
            "budget-tokens",
            "budget-usd",
            "auto",
            "no-run",
            "sandbox",
            "allow",
            "python",
            "chatlog",
            // In exports.rs.
            "schema",
            "args",
            "stdin",
            "example",
        ],
    ),
    ("diff", &["stat", "side-by-side"]),
    // `--seconds` in package.rs.
    ("run", &["sandbox", "allow", "python", "seconds", "output"]),
    // The others in exports.rs.
    ("export", &["output", "notebook", "lock"]),
    // In report.rs.
    ("report", &["output", "format"]),
    // In serve.rs.
    ("serve", &["listen"]),
    // In mcp.rs.
    ("mcp", &["root", "allow-gates", "http"]),
    // In acp.rs.
    ("acp", &["setup"]),
    ("open", &[]),
    ("man", &[]),
    ("models", &["check"]),
    ("trust", &["revoke", "list"]),
    ("list", &[]),
    ("rm", &[]),
    ("rename", &[]),
    // In pictures.rs.
    ("show", &["pictures"]),
    ("log", &[]),
    ("replay", &[]),
    ("feedback", &[]),
    ("revoke", &[]),
    ("edit", &[]),
    ("fork", &[]),
    ("login", &[]),
    ("logout", &[]),
    ("doctor", &[]),
    ("repair", &[]),
    ("prompts", &[]),
    ("completions", &[]),
];

#[test]
fn the_tables_here_list_every_flag_of_the_help() {
    let world = World::empty();
    for (command, own) in OWN {
        let known: BTreeSet<String> = GLOBAL.iter().chain(*own).map(|f| (*f).to_owned()).collect();
        assert_eq!(flags(&world, &[command]), known, "{command}");
    }
    let help = world.run(&["--help"]).expect(0).out;
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for name in names.filter(|name| !name.is_empty() && *name != "help") {
        assert!(OWN.iter().any(|(known, _)| *known == name), "{name}");
    }
    // A misspelt flag is answered with a suggestion.
    for (command, own) in OWN {
        for flag in own.iter().chain(&GLOBAL) {
            let out = world.run(&[command, &format!("--{flag}x")]).expect(2);
            assert!(out.err.contains(&format!("'--{flag}'")), "{command} --{flag}: {}", out.err);
        }
    }
}

/// The source of each test file with its name, without the list of flags above.
fn sources(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let (_, text) = text
                .split_once("\n];\n")
                .filter(|_| path.ends_with("flags.rs"))
                .unwrap_or(("", &text));
            found.push((path.display().to_string(), text.to_owned()));
        }
    }
}

#[test]
fn each_flag_is_used_by_some_test() {
    let mut all = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut all);
    for (command, own) in OWN {
        for flag in *own {
            let long = regex::Regex::new(&format!(r#"["' ]--{flag}["= ]"#)).unwrap();
            let short = format!("\"-{}\"", &flag[..1]);
            let named = format!("\"{command}\"");
            let given = all.iter().any(|(file, text)| {
                (text.contains(&named) || file.contains(command))
                    && (long.is_match(text) || text.contains(&short))
            });
            assert!(given, "nobody gives --{flag} to `{command}`");
        }
    }
}

fn world() -> World {
    let scripts: Vec<String> = (1..9).map(|n| fenced(&format!("print({n})"))).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    World::scripted(&[PLAN], &scripts, &[ACCEPT])
}

#[test]
fn flags_of_new_and_resume_become_the_session_s_settings() {
    let world = world();
    world.write("task.txt", "count to two");
    world.write("d.csv", "a\n1\n");
    world.write("test_a.py", "import script\ndef test_a(): pass\n");
    world.write("in.txt", "3\n4\n");
    let decoy = world.file("d.csv").canonicalize().unwrap();
    let read = format!("read={}", decoy.display());
    let of_new = [
        "new",
        "--task-file",
        "task.txt",
        "--name",
        "s",
        "--preset",
        "sampler",
        "--data",
        "d.csv",
        "--tests",
        "test_a.py",
        "--model",
        "local/all",
        "--planner",
        "local/p",
        "--coder",
        "local/c",
        "--reviewer",
        "local/r",
        "--candidates",
        "2",
        "--repairs",
        "6",
        "--max-versions",
        "7",
        "--budget-tokens",
        "765432",
        "--budget-usd",
        "4.5",
        "--auto",
        "--no-run",
        "--sandbox",
        "network",
        "--allow",
        &read,
        "--python",
        "python3",
        "--args",
        "--a 'b c'",
        "--stdin",
        "@in.txt",
        "--example",
        "input: 5 -> 120",
        "--chatlog",
        "log.md",
    ];
    world.run(&of_new);
    let file = read_session_file(&world.read("sessions/s/session.yaml")).unwrap();
    let set = file.settings;
    assert_eq!((file.request.as_str(), set.preset.name()), ("count to two", "sampler"));
    assert_eq!(set.limits.budget_tokens, Some(765_432));
    assert_eq!((set.limits.repairs, set.limits.max_versions, set.candidates), (6, 7, 2));
    assert_eq!((set.limits.budget_usd, set.run), (Some(4.5), false));
    assert_eq!((set.sandbox.mode, set.python.as_deref()), (SandboxMode::Network, Some("python3")));
    assert_eq!(
        (set.args.as_slice(), set.stdin.as_str()),
        (&["--a".into(), "b c".into()][..], "3\n4\n")
    );
    assert_eq!((set.allow, set.examples.len()), (vec![Permission::Read(decoy)], 1));
    let models =
        [Role::Planner, Role::Coder, Role::Reviewer].map(|role| set.roles[&role].model.clone());
    assert_eq!(models, ["local/p", "local/c", "local/r"]);
    for kept in ["data/d.csv", "tests/test_a.py", "script_v1.py"] {
        assert!(world.file(&format!("sessions/s/{kept}")).is_file(), "{kept}");
    }
    assert!(world.read("log.md").contains("## planner"));
    world.write("form.json", "{\"type\": \"object\"}");
    let of_resume = [
        "resume",
        "s",
        "--from",
        "v1",
        "--model",
        "local/other",
        "--coder",
        "local/k",
        "--candidates",
        "1",
        "--repairs",
        "0",
        "--max-versions",
        "1",
        "--budget-tokens",
        "99999999",
        "--budget-usd",
        "8",
        "--sandbox",
        "off",
        "--allow",
        "processes",
        "--python",
        "system",
        "--args",
        "x",
        "--stdin",
        "y",
        "--example",
        "input: 1 -> 1",
        "--schema",
        "form.json",
        "--no-run",
        "--auto",
        "--chatlog",
        "more.md",
    ];
    world.run(&of_resume);
    let set = read_session_file(&world.read("sessions/s/session.yaml")).unwrap().settings;
    let model = |role| set.roles[&role].model.as_str();
    assert_eq!((model(Role::Planner), model(Role::Coder)), ("local/other", "local/k"));
    assert_eq!((set.candidates, set.limits.repairs, set.limits.max_versions), (1, 0, 1));
    assert_eq!((set.limits.budget_tokens, set.limits.budget_usd), (Some(99_999_999), Some(8.0)));
    assert_eq!((set.sandbox.mode, set.python.as_deref()), (SandboxMode::Off, Some("system")));
    assert_eq!((set.args, set.stdin.as_str(), set.examples.len()), (vec!["x".into()], "y\n", 2));
    assert!(set.allow.contains(&Permission::Processes) && world.file("more.md").is_file());
    assert!(!set.schema.is_empty(), "--schema");
}

#[test]
fn flags_of_batch_become_its_sessions_settings() {
    let world = world();
    world.write("tasks.jsonl", "{\"id\": \"s\", \"task\": \"count to two\"}\n");
    world.write("form.json", "{\"type\": \"object\"}");
    let flags = "--preset sampler --model local/all --planner local/p --coder local/c --reviewer local/r \
                 --candidates 2 --repairs 6 --max-versions 7 --budget-tokens 765432 --budget-usd 4.5 \
                 --no-run --sandbox network --allow network=a.example --python python3 --args x \
                 --stdin y --schema form.json --auto --jobs 1";
    let mut args = vec!["batch", "tasks.jsonl", "--example", "input: 5 -> 120"];
    args.extend(flags.split_whitespace());
    world.run(&args);
    let file = read_session_file(&world.read("sessions/s/session.yaml")).unwrap();
    let set = file.settings;
    assert_eq!((set.preset.name(), set.candidates, set.run), ("sampler", 2, false));
    assert_eq!((set.limits.repairs, set.limits.max_versions), (6, 7));
    assert_eq!((set.limits.budget_tokens, set.limits.budget_usd), (Some(765_432), Some(4.5)));
    assert_eq!((set.sandbox.mode, set.python.as_deref()), (SandboxMode::Network, Some("python3")));
    assert_eq!((set.args, set.stdin.as_str(), set.examples.len()), (vec!["x".into()], "y\n", 1));
    assert_eq!(set.allow, [Permission::Network(Some("a.example".into()))]);
    assert!(!set.schema.is_empty(), "--schema");
    let models =
        [Role::Planner, Role::Coder, Role::Reviewer].map(|role| set.roles[&role].model.clone());
    assert_eq!(models, ["local/p", "local/c", "local/r"]);
    // A log of one conversation makes no sense for many sessions.
    let out = world.run(&["batch", "tasks.jsonl", "--chatlog", "log.md"]).expect(2);
    assert!(out.err.contains("`--chatlog`"), "{}", out.err);
}

#[test]
fn the_other_flags_take_effect() {
    let world = world();
    world.write("c.yaml", "preset: quick\n");
    world
        .run(&["--config", "c.yaml", "new", "count", "--name", "s", "--auto", "--no-run"])
        .expect(0);
    let run = |args: &[&str]| world.run(args);
    let seen = |out: Output, words: &str| assert!(out.out.contains(words), "{words}: {}", out.out);
    assert!(!world.read("sessions/s/journal.jsonl").contains("plan_approved"), "--config");
    assert_eq!(run(&["list", "--json"]).expect(0).json()[0][0]["name"], "s");
    seen(run(&["list", "--sessions", "none", "--no-color"]).expect(0), "none");
    assert!(
        run(&["new", "x", "--model", "local/m", "--name", "v", "-v", "--auto", "--no-run"])
            .expect(0)
            .out
            .contains("A script that counts")
    );
    run(&["feedback", "s", "more"]).expect(0);
    run(&["resume", "s", "--auto"]).expect(0);
    seen(run(&["diff", "s", "--stat"]).expect(0), "+1");
    seen(run(&["diff", "s", "--side-by-side"]).expect(0), "│");
    let out = run(&["run", "s", "--sandbox", "off", "--python", "python3"]).expect(0).out;
    assert!(out.trim().parse::<u32>().is_ok(), "{out}");
    world.write(
        "w.py",
        "import os\nopen('w.txt', 'w').write(os.environ.get('MY_NAME', 'none'))\nprint('w')",
    );
    run(&["run", "w.py", "-o", "out"]).expect(0);
    assert_eq!(world.read("out/w.txt"), "none");
    let mut command =
        world.command(&["run", "w.py", "--allow", "env=MY_NAME", "-o", "out", "--yes"]);
    command.env("MY_NAME", "me");
    crate::support::world::finish(command, "").expect(0);
    assert!(world.read("out/w.txt").contains("me") || world.read("out/w.txt").contains("MY_NAME"));
    run(&["export", "s", "-o", "s.py"]).expect(0);
    assert!(world.read("s.py").contains("print("));
    assert!(run(&["models", "--check"]).out.contains("local/m"));
    run(&["trust", "--yes"]).expect(0);
    let folder = world.path().canonicalize().unwrap();
    seen(run(&["trust", "--list"]).expect(0), folder.to_str().unwrap());
    run(&["trust", "--revoke"]).expect(0);
    assert!(!run(&["trust", "--list"]).expect(0).out.contains(folder.to_str().unwrap()));
    run(&["rm", "s", "--yes"]).expect(0);
    assert!(!world.file("sessions/s").exists());
}

#[test]
fn a_version_without_a_session_is_of_the_last_session() {
    let world = world();
    let new = ["new", "count", "--auto", "--no-run", "--name"];
    world.run(&[&new[..], &["first"]].concat()).expect(0);
    world.run(&[&new[..], &["last"]].concat()).expect(0);
    world.run(&["feedback", "last", "more"]).expect(0);
    world.run(&["resume", "last", "--auto"]).expect(0);
    assert!(world.run(&["show", "v2"]).expect(0).out.contains("last v2"));
    assert!(world.run(&["diff", "v1"]).expect(0).out.contains("script_v1.py"));
    assert!(world.run(&["diff", "v1", "v2"]).expect(0).out.contains("script_v2.py"));
    let mut command = world.command(&["edit", "v1"]);
    command.env("EDITOR", "sed -i s/print/print/;s/$/#/");
    let out = crate::support::world::finish(command, "").expect(0);
    assert!(
        out.out.contains("saved as v3: ") && out.out.contains("last/script_v3.py"),
        "{}",
        out.out
    );
    assert!(world.run(&["show", "v7"]).expect(2).err.contains("no version v7"));
    assert!(world.run(&["rm", "v1", "--yes"]).expect(2).err.contains("not a version"));
}

#[test]
fn a_full_screen_editor_is_not_started_without_a_terminal() {
    let world = world();
    world.run(&["new", "count", "--auto", "--no-run", "--name", "s"]).expect(0);
    let before = world.tree();
    let out = world.run(&["edit", "s"]).expect(2);
    assert!(out.err.contains("no terminal") && out.err.contains("EDITOR"), "{}", out.err);
    assert_eq!(world.tree(), before);
}

#[test]
fn doctor_checks_the_models_of_the_named_session() {
    let world = world();
    world.run(&["new", "count", "--auto", "--no-run", "--name", "s"]).expect(0);
    world.write("answers.yaml", "[]\n");
    world.write(
        "redraft.yaml",
        "model: other/m\nproviders: { other: { kind: script, path: answers.yaml } }\n",
    );
    let model = |args: &[&str]| {
        let rows = world.run(&[args, &["--json"]].concat()).json().remove(0);
        rows.as_array().unwrap().iter().find(|row| row["what"] == "model").unwrap().clone()
    };
    assert!(model(&["doctor"])["found"].as_str().unwrap().contains("other/m"));
    let own = model(&["doctor", "s"]);
    assert_eq!(own["ok"], false, "{own}");
    assert!(own["found"].as_str().unwrap().contains("`local`"), "{own}");
}

#[cfg(unix)]
#[test]
fn doctor_says_which_python_a_run_gets_and_why() {
    let world = world();
    world.write("conda/envs/work/bin/python", "#!/bin/sh\nexec python3 \"$@\"\n");
    let program = world.file("conda/envs/work/bin/python");
    std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let exe = world.file("conda/bin/conda");
    for (set, why) in [
        (&[][..], "the first `python3` on the PATH"),
        (
            &[("CONDA_EXE", exe.to_str().unwrap()), ("CONDA_DEFAULT_ENV", "work")],
            "the active conda environment (CONDA_DEFAULT_ENV)",
        ),
    ] {
        let mut command = world.command(&["doctor"]);
        command.envs(set.iter().copied());
        let out = crate::support::world::finish(command, "");
        assert!(out.out.contains(why), "{set:?}: {}", out.out);
    }
}

#[test]
fn ask_shows_the_code_but_no_echo_of_its_prompt() {
    let world = World::with(|request| {
        let echo = "- Never make up an output, a file or a column: print it and look.\nIt is 42.";
        let code = "```python\nanswer = 6 * 7\nprint(answer)\n```";
        let said = if request.prompt().contains("It ran.") { echo } else { code };
        crate::support::model_server::Reply::to(request, said)
    });
    let out = world.run(&["ask", "what is six times seven?", "--name", "s"]).expect(0);
    assert!(out.out.ends_with("It is 42.\n") && !out.out.contains("Never make up"), "{}", out.out);
    assert!(out.err.contains("answer = 6 * 7"), "{}", out.err);
    assert!(world.run(&["show", "s"]).expect(0).out.contains("answer = 6 * 7"));
    let out = world.run(&["ask", "what is six times seven?", "--name", "t", "--json"]).expect(0);
    assert_eq!(out.json()[0]["code"], "answer = 6 * 7\nprint(answer)\n");
}

#[test]
fn the_resume_hint_includes_the_config_and_sessions_flags() {
    let world = world();
    world.write("my c.yaml", "limits: { repairs: 2 }\n");
    let flags = ["--config", "my c.yaml", "--sessions", "other place"];
    let how = "--config 'my c.yaml' --sessions 'other place'";
    for (args, input, code, name) in [
        (&["new", "count", "--name", "s", "--no-run"][..], "", 3, "s"),
        (&["resume", "s"], "approve\nquit\n", 3, "s"),
        (&["show", "s"], "", 0, "s"),
        (&["feedback", "s", "larger"], "", 0, "s"),
        (&["edit", "s"], "", 0, "s"),
        (&["fork", "s", "t"], "", 0, "t"),
    ] {
        let mut command = world.command(&[args, &flags].concat());
        command.env("EDITOR", "sh -c 'echo \"print(77)\" > \"$0\"'");
        let out = finish(command, input).expect(code);
        assert_eq!(
            out.last_line(),
            format!("resume with: redraft resume {name} {how}"),
            "{args:?}"
        );
    }
    // The suggested command line continues the session.
    let line = format!("resume t {how}");
    let again = shlex::split(&line).unwrap();
    let again: Vec<&str> = again.iter().map(String::as_str).collect();
    let out = world.run_with(&again, "accept\n").expect(0);
    assert!(out.out.contains("accepted"), "{}", out.out);
    let next = world.run(&[&flags[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(next[0]["next"], format!("redraft resume {how}"));
}
