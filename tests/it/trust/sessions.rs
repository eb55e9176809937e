//! Sessions made elsewhere: the permissions they contain have no effect here.

use crate::support::world::{ACCEPT, PLAN, World, fenced};
use serde_json::{Value, json};

/// A script that creates a file outside its run folder if nothing confines it.
fn marking(world: &World) -> String {
    let mark = world.file("mark");
    fenced(&format!(
        "import builtins\nf = getattr(builtins, 'op' + 'en')\ntry:\n    f('{}', 'w').close()\n    \
         print('marked')\nexcept OSError:\n    print('held')",
        mark.display()
    ))
}

/// An accepted session with such a script.
fn session() -> World {
    let world = World::scripted(&[PLAN], &["```python\nprint(1)\n```"], &[ACCEPT]);
    let script = marking(&world);
    let script = script.trim_start_matches("Here it is:\n```python\n").trim_end_matches("```\n");
    world.run(&["new", "count", "--name", "s", "--auto"]).expect(0);
    change(&world, "version_created", |event| event["script"] = script.into());
    let path = world.file("sessions/s/script_v1.py");
    std::fs::remove_file(&path).unwrap();
    hash(&world, "version_created", script);
    std::fs::write(path, script).unwrap();
    world
}

/// Changes the first event of this name, as another program may.
fn change(world: &World, name: &str, with: impl Fn(&mut Value)) {
    let mut done = false;
    let lines: String = world
        .journal("s")
        .into_iter()
        .map(|mut event| {
            if event["event"] == name && !done {
                with(&mut event);
                done = true;
            }
            format!("{event}\n")
        })
        .collect();
    assert!(done, "{name}");
    std::fs::write(world.file("sessions/s/journal.jsonl"), lines).unwrap();
}

/// Appends an event.
fn add(world: &World, mut event: Value) {
    let seq = world.journal("s").len() + 1;
    event["seq"] = seq.into();
    event["at"] = "2026-11-21T09:00:00Z".into();
    let mut journal = world.read("sessions/s/journal.jsonl");
    journal.push_str(&format!("{event}\n"));
    std::fs::write(world.file("sessions/s/journal.jsonl"), journal).unwrap();
}

fn hash(world: &World, name: &str, content: &str) {
    let sha256 = redraft::files::hash(content.as_bytes());
    change(world, name, |event| {
        event["sha256"] = sha256.as_str().into();
        event["bytes"] = content.len().into();
    });
}

fn settings(world: &World, key: &str, value: &Value) {
    change(world, "session_created", |event| event["settings"][key] = value.clone());
}

/// Forges a permission in a session.
type Forge = fn(&World);

#[test]
fn permissions_of_a_foreign_session_count_only_once_allowed_here() {
    let program = "#!/bin/sh\necho > \"$0.ran\"\nexec python3 \"$@\"\n";
    let forged: [(&str, Forge); 11] = [
        ("the user's files, by sandbox mode off", |world| {
            settings(world, "sandbox", &json!({"mode": "off"}));
        }),
        ("the network, by sandbox mode network", |world| {
            settings(world, "sandbox", &json!({"mode": "network"}));
        }),
        ("a program, by the interpreter's path", |world| {
            settings(world, "python", &json!(world.file("python").to_str().unwrap()));
        }),
        ("no questions, by safety off", |world| settings(world, "safety", &json!("off"))),
        ("packages of anybody, by install auto", |world| {
            settings(world, "install", &json!("auto"));
        }),
        ("a file, by the list of what is allowed", |world| {
            settings(world, "allow", &json!(["read=/etc/hostname", "network"]));
        }),
        ("the user's files, by changed settings", |world| {
            let mut settings = world.journal("s")[0]["settings"].clone();
            settings["sandbox"] = json!({"mode": "off"});
            add(
                world,
                json!({"event": "settings_changed", "settings": settings,
                "file": "session.yaml", "sha256": "", "bytes": 0}),
            );
        }),
        ("the user's files, by a widened budget", |world| {
            let mut settings = world.journal("s")[0]["settings"].clone();
            settings["sandbox"] = json!({"mode": "off"});
            add(
                world,
                json!({"event": "budget_extended", "settings": settings,
                "file": "session.yaml", "sha256": "", "bytes": 0}),
            );
        }),
        ("everything, by an answer at the gate", |world| {
            add(
                world,
                json!({"event": "run_permission", "allowed": true, "by": "manager",
                "permissions": ["sandbox=off", "network", "read=/etc"]}),
            );
        }),
        ("everything, by an answer of an earlier program", |world| {
            add(world, json!({"event": "run_permission", "allowed": true, "by": "manager"}));
        }),
        ("a host, by a plan that its user approved", |world| {
            add(
                world,
                json!({"event": "plan_approved", "by": "manager",
                "text": "## Requirements\n\n- R1: x\n\n## Needs\n- network\n- read /etc\n",
                "requirements": [{"id": "R1", "text": "x"}],
                "file": "plan.md", "sha256": "", "bytes": 0}),
            );
        }),
    ];
    for (had, forge) in forged {
        let world = session();
        world.write("python", program);
        let mut rights = std::fs::metadata(world.file("python")).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
        std::fs::set_permissions(world.file("python"), rights).unwrap();
        forge(&world);
        let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
        assert_eq!(shown["allowed"], json!([]), "it would have had {had}");
        assert_eq!(shown["settings"]["sandbox"]["mode"], "strict", "{had}");
        let out = world.run(&["run", "s:v1"]);
        assert!(!world.file("mark").exists(), "it would have had {had}: {}", out.out);
        assert!(!world.file("python.ran").exists(), "it would have had {had}");
        world.run(&["feedback", "s", "again"]).expect(0);
        world.run(&["resume", "s", "--auto"]);
        assert!(!world.file("mark").exists(), "it would have had {had}");
        assert!(!world.file("python.ran").exists(), "it would have had {had}");
    }
}

#[test]
fn a_forged_or_moved_seal_is_not_valid() {
    let open = json!({"event": "run_permission", "allowed": true, "by": "manager",
        "permissions": ["network"]});
    let allowed = |world: &World| {
        let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
        shown["allowed"].as_array().unwrap().len()
    };
    // An invented seal.
    let world = session();
    add(
        &world,
        json!({"event": "run_permission", "allowed": true, "by": "manager",
        "permissions": ["network"], "seal": "0".repeat(64)}),
    );
    assert_eq!(allowed(&world), 0);
    // A seal from another line of the same session.
    let world = session();
    let seal = world.journal("s")[0]["seal"].clone();
    assert!(seal.is_string());
    let mut taken = open.clone();
    taken["seal"] = seal;
    add(&world, taken);
    assert_eq!(allowed(&world), 0);
    // A seal with its line from another session of the same user.
    let world = World::scripted(&[PLAN], &["```python\nprint(1)\n```"], &[ACCEPT]);
    world.run(&["new", "count", "--name", "t", "--auto", "--allow", "network"]).expect(0);
    world.run(&["new", "count", "--name", "s", "--auto"]).expect(0);
    assert_eq!(allowed(&world), 0);
    world.run(&["resume", "t", "--allow", "env=TERM"]).expect(0);
    let line = world.journal("t").into_iter().find(|e| e["event"] == "settings_changed").unwrap();
    let seq = world.journal("s").len() + 1;
    let line =
        line.to_string().replace(&format!("\"seq\":{}", line["seq"]), &format!("\"seq\":{seq}"));
    let journal = world.read("sessions/s/journal.jsonl");
    std::fs::write(world.file("sessions/s/journal.jsonl"), format!("{journal}{line}\n")).unwrap();
    assert_eq!(allowed(&world), 0);
}

#[test]
fn another_user_of_a_session_is_asked_once_and_its_owner_never() {
    let world = World::scripted(
        &[PLAN],
        &["```python\nprint(1)\n```", "```python\nprint(2)\n```"],
        &[ACCEPT],
    );
    world.run(&["new", "count", "--name", "s", "--auto", "--sandbox", "off"]).expect(0);
    let out = world.run(&["run", "s"]).expect(0);
    assert!(!out.err.contains("made elsewhere"), "its own user: {}", out.err);
    // Another user's state folder has another secret, or none.
    std::fs::remove_file(world.file("home/.local/state/redraft/secret")).unwrap();
    let out = world.run(&["run", "s"]).expect(0);
    assert!(out.err.contains("made elsewhere"), "{}", out.err);
    let out = world.run(&["show", "s"]).expect(0);
    assert!(out.out.contains("sandbox=off  allowed elsewhere"), "{}", out.out);
    world.run(&["feedback", "s", "more"]).expect(0);
    let out = world.run_with(&["resume", "s"], "allow\naccept\n").expect(0);
    assert!(out.out.contains("made elsewhere"), "{}", out.out);
    let gates = world.events("s").iter().filter(|e| *e == "run_permission").count();
    assert_eq!(gates, 1, "once");
    let out = world.run(&["run", "s"]).expect(0);
    assert!(!out.err.contains("made elsewhere"), "{}", out.err);
}

#[test]
fn a_secret_that_others_can_read_or_a_link_is_not_used() {
    let world = World::scripted(&[PLAN], &["```python\nprint(1)\n```"], &[ACCEPT]);
    world.run(&["new", "count", "--name", "s", "--auto", "--allow", "network"]).expect(0);
    let secret = world.file("home/.local/state/redraft/secret");
    let mode = |path: &std::path::Path| {
        std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777
    };
    assert_eq!((mode(&secret), mode(secret.parent().unwrap())), (0o600, 0o700));
    let allowed = || {
        let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
        shown["allowed"].clone()
    };
    assert_eq!(allowed(), json!(["network"]));
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(allowed(), json!([]));
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(&secret, world.file("elsewhere")).unwrap();
    std::os::unix::fs::symlink(world.file("elsewhere"), &secret).unwrap();
    assert_eq!(allowed(), json!([]));
}

#[test]
fn changed_or_linked_data_files_are_refused() {
    let decoy = "decoy of the user\n";
    for (had, forge) in [
        ("a file of the user's, by a link", 0),
        ("a file of the user's, by a folder that is a link", 1),
        ("another content than was given", 2),
    ] {
        let code = "print('data', open('data/a.csv').read())";
        let world = World::scripted(&[PLAN], &[&fenced(code)], &[ACCEPT]);
        world.write("a.csv", "given\n");
        world.write("private/a.csv", decoy);
        let args = ["new", "count", "--name", "s", "--auto", "--data", "a.csv"];
        world.run(&args).expect(0);
        let given = world.file("sessions/s/data/a.csv");
        match forge {
            0 => {
                std::fs::remove_file(&given).unwrap();
                std::os::unix::fs::symlink(world.file("private/a.csv"), &given).unwrap();
            }
            1 => {
                std::fs::remove_dir_all(given.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(world.file("private"), given.parent().unwrap()).unwrap();
            }
            _ => std::fs::write(&given, decoy).unwrap(),
        }
        let out = world.run(&["run", "s"]).expect(1);
        assert!(!out.out.contains("decoy"), "it would have had {had}");
        assert!(out.err.contains("`data/a.csv` is not the file that was given"), "{}", out.err);
        let _ = world.run(&["fork", "s", "t"]);
        let copied = std::fs::read_to_string(world.file("sessions/t/data/a.csv"));
        assert!(!copied.is_ok_and(|text| text.contains("decoy")), "it would have had {had}");
    }
}

#[test]
fn reading_a_foreign_session_needs_no_trust_and_runs_nothing() {
    let world = session();
    settings(&world, "sandbox", &json!({"mode": "off"}));
    for args in [
        &["list"][..],
        &["show", "s"],
        &["show", "s:v1"],
        &["diff", "s"],
        &["log", "s"],
        &["replay", "s"],
        &["export", "s"],
    ] {
        let out = world.run(args);
        assert!(matches!(out.code, Some(0 | 1)), "{args:?}: {out:?}");
        assert!(!world.file("mark").exists(), "{args:?}");
    }
}

#[test]
fn a_file_edited_by_hand_grants_no_permission() {
    // Otherwise, anyone who can write to the folder could get the user's files or the network.
    for (file, from, to) in [
        ("session.yaml", "mode: strict", "mode: 'off'"),
        ("plan.md", "R2", "R2: x\n\n## Needs\n- network\n- read /etc\n## Rest\n- R2"),
    ] {
        let world = session();
        let path = format!("sessions/s/{file}");
        let text = world.read(&path);
        assert!(text.contains(from), "{text}");
        world.write(&path, &text.replacen(from, to, 1));
        world.run(&["resume", "s", "--auto"]);
        assert!(!world.file("mark").exists(), "{file}");
        let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
        assert_eq!(shown["allowed"], json!([]), "{file}");
    }
}

#[test]
fn the_shipped_session_can_be_shown_replayed_and_resumed() {
    let world = World::scripted(&[PLAN], &["```python\nprint(1)\n```"], &[ACCEPT]);
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/analog-clock");
    let copied =
        std::process::Command::new("cp").args(["-r", from]).arg(world.file("s")).status().unwrap();
    assert!(copied.success());
    world.write("demo.yaml", "providers:\n  demo: { kind: script, path: answers.yaml }\n");
    world.write("answers.yaml", "- agent: planner\n  answer: print(1)\n");
    for (args, codes) in [
        (&["show", "./s"][..], &[0][..]),
        (&["log", "./s"], &[0]),
        // The templates have changed since.
        (&["replay", "./s"], &[0, 1]),
        (&["--config", "demo.yaml", "resume", "./s"], &[0]),
    ] {
        let out = world.run(args);
        assert!(out.code.is_some_and(|code| codes.contains(&code)), "{args:?}: {out:?}");
        assert!(!out.out.contains("allowed elsewhere"), "{args:?}: {}", out.out);
    }
}
