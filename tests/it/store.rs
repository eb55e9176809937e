//! Files on disk survive damage, manual edits, links and full disks.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{ACCEPT, Asking, Output, PLAN, World, agent, fenced, finish};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A change to a journal's lines.
type Damage<'a> = &'a dyn Fn(&mut Vec<String>);
/// A change to a file, from its path and content.
type Spoil<'a> = &'a dyn Fn(&Path, &[u8]);

/// A model that writes a new script each time.
fn model() -> World {
    let scripts: Vec<String> = (1..9).map(|n| fenced(&format!("print('v{n}')"))).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    World::scripted(&[PLAN, &format!("{PLAN}R3: It prints three.\n")], &scripts, &[ACCEPT])
}

/// A session `s` with two versions that waits at the version gate.
fn paused() -> World {
    let world = model();
    world.run_with(&NEW, "approve\nfeedback: more of it\n").expect(3);
    world
}

const NEW: [&str; 5] = ["new", "count to two", "--no-run", "--name", "s"];

/// All files of a folder with their contents, except the lock file.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !path.ends_with(".lock") {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    files
}

impl World {
    fn session(&self) -> PathBuf {
        self.file("sessions/s")
    }

    fn lines(&self) -> Vec<String> {
        self.read("sessions/s/journal.jsonl").lines().map(str::to_owned).collect()
    }

    fn set_lines(&self, lines: &[String]) {
        self.write("sessions/s/journal.jsonl", &(lines.join("\n") + "\n"));
    }

    /// Cuts the journal after the last matching event, as if the program had been killed there.
    #[track_caller]
    fn cut_behind(&self, is_last: impl Fn(&Value) -> bool) {
        let lines = self.lines();
        let end = lines.iter().rposition(|line| is_last(&serde_json::from_str(line).unwrap()));
        self.set_lines(&lines[..=end.expect("such an event")]);
    }

    /// Replaces a file as an editor does, even if it is read-only.
    fn replace(&self, name: &str, text: &str) {
        std::fs::remove_file(self.file(name)).unwrap();
        self.write(name, text);
    }
}

#[track_caller]
fn says(output: &Output, words: &str) {
    assert!(output.err.contains(words), "{words:?} is not in:\n{}", output.err);
}

#[test]
fn a_torn_last_line_is_cut_off_and_reported() {
    let world = paused();
    let whole = world.read("sessions/s/journal.jsonl");
    for torn in ["{", "{\"seq\":99,\"at\":\"2026-11", "\0\0\0\0", "{\"seq\":1}", "\u{fffd}x"] {
        world.write("sessions/s/journal.jsonl", &format!("{whole}{torn}"));
        world.run(&["show", "s"]).expect(0);
        assert_eq!(world.read("sessions/s/journal.jsonl"), format!("{whole}{torn}"), "only shown");
        let out = world.run(&["resume", "s"]).expect(3);
        says(&out, "journal.torn");
        assert_eq!(world.read("sessions/s/journal.torn"), torn);
        assert!(world.read("sessions/s/journal.jsonl").starts_with(&whole));
        world.journal("s");
    }
    let out = world.run_with(&["resume", "s"], "accept\n").expect(0);
    assert!(!out.err.contains("torn"), "told once: {}", out.err);
}

#[test]
fn damage_in_the_middle_stops_every_writer_until_it_is_repaired() {
    let repeat = |lines: &mut Vec<String>| lines.insert(4, lines[3].clone());
    let damages: [(&str, Damage); 6] = [
        ("a line that is no JSON", &|lines| lines[4] = "{\"seq\":5,".into()),
        ("a line of zeros", &|lines| lines[4] = "\0".repeat(80)),
        ("a line that is missing", &|lines| drop(lines.remove(4))),
        ("a line that is there twice", &repeat),
        ("an unknown event", &|lines| lines[4] = r#"{"seq":5,"at":"x","event":"y"}"#.into()),
        ("an empty line", &|lines| lines.insert(4, String::new())),
    ];
    let world = paused();
    let whole = world.lines();
    for (what, damage) in damages {
        let mut lines = whole.clone();
        damage(&mut lines);
        world.set_lines(&lines);
        let before = files(&world.session());
        for command in [
            ["resume", "s"].as_slice(),
            &["resume", "s", "--from", "v1"],
            &["feedback", "s", "more"],
            &["edit", "s"],
            &["fork", "s", "t"],
            &["show", "s"],
            &["export", "s"],
            &["log", "s"],
        ] {
            let out = world.run(command);
            // The command refuses, or only shows the readable part.
            let shown = command[0] == "log" && out.code == Some(0);
            assert!(shown || out.code == Some(5), "{what}: {command:?}: {out:?}");
            assert!(shown || out.err.contains("line 5"), "{what}: {command:?}: {}", out.err);
            assert!(shown || out.err.contains("redraft repair s"), "{what}: {}", out.err);
        }
        assert_eq!(files(&world.session()), before, "{what}: something was written");
        assert!(!world.file("sessions/t").exists(), "{what}");
        world.run(&["list"]).expect(0);

        world.run(&["repair", "s"]).expect(0);
        let saved = files(&world.session()).into_iter().find(|(path, content)| {
            path.to_string_lossy().contains("journal.damaged")
                && *content == (lines.join("\n") + "\n").into_bytes()
        });
        assert!(saved.is_some(), "{what}: the journal as it was is not kept");
        let journal = world.journal("s");
        for (n, event) in journal.iter().enumerate() {
            assert_eq!(event["seq"], n + 1, "{what}");
        }
        let scripts = journal.iter().filter(|e| e["event"] == "version_created").count();
        assert_eq!(scripts, 2, "{what}");
        world.run(&["show", "s"]).expect(0);
        let repaired = world.read("sessions/s/journal.jsonl");
        world.run(&["repair", "s"]).expect(0);
        assert_eq!(world.read("sessions/s/journal.jsonl"), repaired, "{what}: repaired twice");
    }
    world.run_with(&["resume", "s"], "accept\n").expect(0);
}

#[test]
fn a_journal_without_its_first_line_is_left_unchanged() {
    let world = paused();
    let lines = world.lines();
    for first in ["", "{\"seq\":1,", "nonsense"] {
        let mut damaged = lines.clone();
        damaged[0] = first.to_owned();
        world.set_lines(&damaged);
        let before = files(&world.session());
        for command in [["resume", "s"], ["repair", "s"], ["show", "s"]] {
            says(&world.run(&command).expect(5), "line 1");
        }
        assert_eq!(files(&world.session()), before);
    }
    world.write("sessions/s/journal.jsonl", "");
    world.run(&["resume", "s"]).expect(5);
    world.run(&["repair", "s"]).expect(5);
}

#[test]
fn a_plan_edited_by_hand_is_used_by_the_coder() {
    for (what, edit) in [
        ("changed", PLAN.replace("prints two", "prints seven")),
        ("its last line deleted", "A script that counts.\n\n## Requirements\n\n- R1: It prints one. Check: read the output.\n".to_owned()),
    ] {
        let world = paused();
        world.write("sessions/s/plan.md", &edit);
        let asked = world.received().len();
        let out = world.run_with(&["resume", "s"], "accept\n").expect(0);
        says(&out, "`plan.md` was edited by hand");
        let prompt = world.received()[asked].prompt();
        assert!(!prompt.contains("It prints two"), "{what}: {prompt}");
        assert_eq!(world.read("sessions/s/plan.md"), edit, "{what}");
        let approved = world.journal("s");
        let approved = approved.iter().rfind(|e| e["event"] == "plan_approved").unwrap();
        assert_eq!((&approved["by"], &approved["text"]), (&"manager".into(), &edit.into()));
        assert!(world.file("sessions/s/script_v3.py").is_file(), "{what}");
    }
}

#[test]
fn a_script_edited_by_hand_is_checked_and_reviewed_again() {
    let world = paused();
    let file = world.file("sessions/s/script_v2.py");
    assert!(file.metadata().unwrap().permissions().readonly(), "a change by hand is meant");
    world.replace("sessions/s/script_v2.py", "print('by hand')\n");
    world.run(&["show", "s"]).expect(0);
    let before = world.lines().len();
    let out = world.run_with(&["resume", "s"], "accept\n").expect(0);
    says(&out, "`script_v2.py` was edited by hand");
    let events = world.events("s");
    for event in ["edited", "checked", "run_finished", "reviewed", "accepted"] {
        assert!(events[before..].iter().any(|e| e == event), "{event}: {events:?}");
    }
    assert!(world.received().last().unwrap().prompt().contains("by hand"));
    assert_eq!(world.read("sessions/s/script_v2.py"), "print('by hand')\n");
    let out = world.run(&["resume", "s"]).expect(0);
    assert!(!out.err.contains("edited"), "told once: {}", out.err);
}

#[test]
fn crlf_line_endings_from_git_are_not_taken_for_edits() {
    let world = model();
    world.write("numbers.csv", "1,2\n");
    let attributes = world.file("sessions/.gitattributes");
    world.run_with(&[&NEW[..], &["--data", "numbers.csv"]].concat(), "approve\n").expect(3);
    assert!(std::fs::read_to_string(&attributes).unwrap().contains("\n* -text\n"));
    for (path, content) in files(&world.session()) {
        let writable = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, writable).unwrap();
        let text = String::from_utf8(content).unwrap();
        std::fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    }
    let before = files(&world.session());
    let out = world.run(&["show", "s"]).expect(0);
    assert!(!out.out.contains("edited") && !out.err.contains("edited"), "{}{}", out.out, out.err);
    assert_eq!(files(&world.session()), before);
    let calls = world.received().len();
    let out = world.run_with(&["resume", "s"], "accept\n").expect(0);
    for word in ["edited", "not the file that was given", "elsewhere"] {
        assert!(!out.err.contains(word), "{}", out.err);
    }
    assert_eq!(world.received().len(), calls);
    assert!(!world.events("s").iter().any(|event| event == "edited"));
}

#[test]
fn feedback_edited_by_hand_is_shown_to_the_coder() {
    let world = paused();
    world.run(&["feedback", "s", "too small"]).expect(0);
    world.replace("sessions/s/feedback_v2.md", "far too large\n");
    world.run_with(&["resume", "s"], "accept\n").expect(0);
    let prompts: Vec<String> = world.received().iter().map(Received::prompt).collect();
    assert!(prompts.iter().any(|p| p.contains("far too large")));
    assert!(!prompts.iter().any(|p| p.contains("too small")));
}

#[test]
fn settings_edited_by_hand_take_effect_and_mistakes_are_named() {
    let world = paused();
    let right = world.read("sessions/s/session.yaml");
    let before = world.lines();
    for (mistake, named) in [
        (right.replace("max_versions: 10", "max_versions: many"), "max_versions"),
        (format!("{right}limit: 3\n"), "limit"),
        (format!("{right}run: true\nrun: false\n"), "run"),
        (right.replace("mode: strict", "mode: lax"), "lax"),
        ("- a\n- b\n".to_owned(), "session.yaml"),
        (format!("{right}\tx"), "session.yaml"),
    ] {
        world.write("sessions/s/session.yaml", &mistake);
        let out = world.run_with(&["resume", "s"], "accept\n").expect(2);
        says(&out, "session.yaml");
        says(&out, named);
        assert!(out.err.lines().count() <= 2, "{}", out.err);
        assert_eq!(world.lines(), before, "{mistake}");
        assert_eq!(world.read("sessions/s/session.yaml"), mistake, "his text is kept");
    }
    world.write("sessions/s/session.yaml", &right.replace("max_versions: 10", "max_versions: 2"));
    says(&world.run_with(&["resume", "s"], "iterate\nquit\n").expect(3), "edited by hand");
    assert!(!world.file("sessions/s/script_v3.py").exists());
    let events = world.journal("s");
    let changed = events.iter().find(|e| e["event"] == "settings_changed").unwrap();
    assert_eq!(changed["settings"]["limits"]["max_versions"], 2);
}

#[test]
fn a_session_of_a_newer_program_is_shown_but_not_changed() {
    let world = paused();
    let mut lines = world.lines();
    lines[0] = lines[0].replace("\"format\":1", "\"format\":2");
    let unknown = lines.len() + 1;
    lines.push(format!(r#"{{"seq":{unknown},"at":"2030-01-01T00:00:00Z","event":"dreamt"}}"#));
    world.set_lines(&lines);
    world.replace("sessions/s/plan.md", "gone\n");
    let before = files(&world.session());
    assert!(world.run(&["show", "s"]).expect(0).out.contains("count to two"));
    world.run(&["list"]).expect(0);
    world.run(&["export", "s"]).expect(0);
    for command in [
        ["resume", "s"].as_slice(),
        &["feedback", "s", "x"],
        &["edit", "s"],
        &["repair", "s"],
        &["fork", "s", "t"],
    ] {
        says(&world.run(command).expect(5), "format 2");
    }
    assert_eq!(files(&world.session()), before);
    assert!(!world.file("sessions/t").exists());
}

#[test]
fn one_process_writes_a_session_and_others_can_only_read_it() {
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        _ => Reply::to(request, "some").cut_to(1).then_hang(),
    });
    let mut first = world.start(&["new", "count", "--no-run", "--name", "s", "--auto"]);
    while world.received().len() < 2 {
        std::thread::yield_now();
    }
    for command in
        [["resume", "s"].as_slice(), &["feedback", "s", "x"], &["edit", "s"], &["repair", "s"]]
    {
        says(&world.run(command).expect(5), &format!("process {}", first.id()));
    }
    for command in [["show", "s"].as_slice(), &["list"], &["log", "s"]] {
        world.run(command).expect(0);
    }
    first.kill().unwrap();
    first.wait().unwrap();
    world.server().release();
    assert!(!world.read("sessions/s/.lock").is_empty());
    world.run(&["repair", "s"]).expect(0);
}

#[test]
fn session_names_that_leave_the_folder_are_refused() {
    let world = model();
    let long = "x".repeat(81);
    let names = [
        "",
        ".",
        "..",
        "../s",
        "a/b",
        "/tmp/x",
        "a\\b",
        "a\nb",
        "\u{1b}[2Jx",
        "\u{202e}x",
        "CON",
        "nul.txt",
        "com1",
        "-rf",
        ".git",
        "a.",
        "a:v1",
        &long,
    ];
    for name in names {
        let name_flag = format!("--name={name}");
        let out = world.run(&["new", "count", "--auto", "--no-run", &name_flag]).expect(2);
        assert!(!out.err.contains(['\u{1b}', '\u{202e}']), "{:?}", out.err);
        assert!(out.err.lines().count() <= 2, "{name:?}: {}", out.err);
        assert!(!world.file("sessions").exists(), "{name:?}");
    }
    assert!(world.received().is_empty());
    world.run_with(&NEW, "").expect(3);
    for name in names {
        world.run(&["fork", "s", "--", name]).expect(2);
    }
    world.run(&NEW).expect(2);
    world.run(&["fork", "s", "s"]).expect(2);
    for wanted in ["t", "../s", "", "s/..", "s:v9"] {
        world.run(&["resume", wanted]).expect(2);
    }
    let names = std::fs::read_dir(world.file("sessions")).unwrap().flatten();
    let shown = names.filter(|entry| entry.file_name() != ".gitattributes");
    assert_eq!(shown.count(), 1, "nothing but the one session");
}

#[test]
fn a_task_of_one_mebibyte_in_any_language_is_kept_unchanged() {
    for unit in
        ["zeichne eine Uhr ", "時計を描く", "нарисуй часы\r\n", "🕰️\t", "ارسم ساعة: \"x\" # 'y'\n"]
    {
        let world = model();
        let mut task = unit.repeat((1 << 20) / unit.len());
        task.push_str(&"x".repeat((1 << 20) - task.len()));
        world.write("task.txt", &task);
        world
            .run(&["new", "--task-file", "task.txt", "--name", "s", "--auto", "--no-run"])
            .expect(0);
        assert_eq!(world.journal("s")[0]["request"], task.as_str());
        assert!(world.received()[0].prompt().contains(task.trim()), "{unit}");
        world.run(&["show", "s"]).expect(0);
        // The task in session.yaml is the same and is not taken for an edit.
        let out = world.run(&["resume", "s"]).expect(0);
        assert!(!out.err.contains("edited"), "{}", out.err);
        std::fs::remove_file(world.file("sessions/s/session.yaml")).unwrap();
        world.run(&["resume", "s"]).expect(0);
        world.write("task.txt", &(task + "y"));
        let out = world.run(&["new", "--task-file", "task.txt", "--name", "t"]).expect(2);
        says(&out, "task.txt");
        assert!(!world.file("sessions/t").exists());
    }
}

#[test]
fn a_fork_has_everything_up_to_its_version_and_nothing_later() {
    let world = model();
    world.write("numbers.csv", "1,2\n");
    // A pause between a version and its review does not end the work on the version.
    let server_down = "approve\n";
    world.run_with(&[&NEW[..], &["--data", "numbers.csv"]].concat(), server_down).expect(3);
    world.cut_behind(|e| e["event"] == "run_finished");
    world.run(&["resume", "s"]).expect(3);
    let mut lines = world.lines();
    let at = lines.iter().position(|l| l.contains("\"run_finished\"")).unwrap() + 1;
    lines.insert(
        at,
        r#"{"seq":0,"at":"2026-11-21T09:00:00Z","event":"paused","reason":"x"}"#.into(),
    );
    for (n, line) in lines.iter_mut().enumerate() {
        let rest = line.split_once(',').unwrap().1;
        *line = format!("{{\"seq\":{},{rest}", n + 1);
    }
    world.set_lines(&lines);
    world.run_with(&["resume", "s"], "feedback: more\naccept\n").expect(0);
    let calls = world.received().len();

    let out = world.run(&["fork", "s:v1", "t"]).expect(0);
    assert_eq!(out.last_line(), "resume with: redraft resume t");
    for file in ["plan.md", "script_v1.py", "report_v1.yaml", "review_v1.md", "data/numbers.csv"] {
        let here = world.read(&format!("sessions/t/{file}"));
        assert_eq!(here, world.read(&format!("sessions/s/{file}")), "{file}");
    }
    assert!(!world.file("sessions/t/script_v2.py").exists());
    assert!(!world.file("sessions/t/feedback_v1.md").exists());
    assert_eq!(world.journal("t")[0]["forked_from"], "s:v1");
    assert!(world.read("sessions/t/session.yaml").contains("name: t"));
    world.run_with(&["resume", "t"], "accept\n").expect(0);
    assert_eq!(world.received().len(), calls, "what was paid for is not asked again");
    world.run(&["fork", "s", "u"]).expect(0);
    assert!(world.file("sessions/u/script_v2.py").is_file(), "from the latest version");
    world.run(&["fork", "s:v7", "w"]).expect(2);
    assert!(!world.file("sessions/w").exists());
}

#[test]
fn a_version_is_exported_with_its_dependencies() {
    let world = World::scripted(
        &[PLAN],
        &[&fenced("import numpy\nprint(numpy.pi)"), &fenced("print(2)")],
        &[ACCEPT],
    );
    world.run_with(&NEW, "approve\nfeedback: other\naccept\n").expect(0);
    let out = world.run(&["export", "s:v1"]).expect(0).out;
    assert!(out.contains("# /// script") && out.contains("\"numpy\""), "{out}");
    assert!(out.ends_with("import numpy\nprint(numpy.pi)\n"), "{out}");
    world.run(&["export", "s", "-o", "out.py"]).expect(0);
    assert!(world.read("out.py").ends_with("print(2)\n"));
    world.run(&["export", "s:v9"]).expect(2);
    says(&world.run(&["export", "s", "-o", "no/such/out.py"]).expect(2), "no/such/out.py");
}

#[test]
fn a_moved_or_renamed_session_folder_can_be_resumed() {
    let world = paused();
    std::fs::create_dir(world.file("else where")).unwrap();
    std::fs::rename(world.session(), world.file("else where/my clock")).unwrap();
    let out = world.run(&["resume", "else where/my clock"]).expect(3);
    let told = out.last_line().strip_prefix("resume with: redraft resume ").unwrap();
    let command = shlex::split(told).unwrap();
    let command: Vec<&str> =
        std::iter::once("resume").chain(command.iter().map(String::as_str)).collect();
    world.run_with(&command, "accept\n").expect(0);
    world.run(&["show", "./else where/my clock"]).expect(0);
    std::fs::rename(world.file("else where/my clock"), world.file("sessions/t")).unwrap();
    for wanted in ["t", "sessions/t", "./sessions/t/", "sessions/t:v1"] {
        world.run(&["show", wanted]).expect(0);
    }
    let out = world.run(&["feedback", "t", "more"]).expect(0);
    assert_eq!(out.last_line(), "resume with: redraft resume t");
}

#[test]
fn missing_or_torn_files_are_restored_from_the_journal() {
    let world = paused();
    let whole = files(&world.session());
    let spoil: [(&str, Spoil); 4] = [
        ("missing", &|_, _| {}),
        ("empty", &|path, _| std::fs::write(path, "").unwrap()),
        ("torn", &|path, content| {
            // Cut within a line: whole lines could be what a user left after deleting the others.
            let inside = |n: &usize| !content[n - 1..=*n].contains(&b'\n');
            let end = (1..=content.len() / 2).rev().find(inside).unwrap_or(0);
            std::fs::write(path, &content[..end]).unwrap();
        }),
        ("zeros", &|path, content| std::fs::write(path, vec![0; content.len()]).unwrap()),
    ];
    for (what, spoil) in spoil {
        for command in [["resume", "s"], ["show", "s"]] {
            for (path, content) in &whole {
                if !path.ends_with("journal.jsonl") {
                    std::fs::remove_file(path).unwrap();
                    spoil(path, content);
                }
            }
            world.run(&command);
            for (path, content) in &whole {
                let now = std::fs::read(path).unwrap_or_default();
                let journal = path.ends_with("journal.jsonl");
                // `show` checks files without reading them, and zeros do not change the length.
                let unseen = command[0] == "show" && what == "zeros";
                assert!(journal || unseen || now == *content, "{what}, {command:?}: {path:?}");
                let script = path.to_string_lossy().contains("script_v");
                let mode = path.metadata().unwrap().mode() & 0o222;
                assert!(!script || unseen || mode == 0, "{path:?} can be written");
            }
        }
    }
    assert!(!world.events("s").iter().any(|e| e == "edited"));
    world.run_with(&["resume", "s"], "accept\n").expect(0);
}

#[test]
fn a_plan_left_old_by_a_crash_is_not_taken_for_an_edit() {
    let world = model();
    world.run_with(&NEW, "approve\nplan: make it three\napprove\n").expect(3);
    let old = world.journal("s");
    let old = old.iter().find(|e| e["event"] == "plan_approved").unwrap()["text"].clone();
    let whole = world.lines();
    let new = world.read("sessions/s/plan.md");
    assert!(new.contains("It prints three"));

    world.cut_behind(|e| e["event"] == "plan_approved");
    world.write("sessions/s/plan.md", old.as_str().unwrap());
    let out = world.run(&["resume", "s"]).expect(3);
    assert!(!out.err.contains("edited by hand"), "{}", out.err);
    assert_eq!(world.read("sessions/s/plan.md"), new);

    // After a normal exit, the old plan is an edit by the user.
    world.set_lines(&whole);
    world.write("sessions/s/plan.md", old.as_str().unwrap());
    says(&world.run(&["resume", "s"]).expect(3), "edited by hand");
    assert_eq!(world.read("sessions/s/plan.md"), old.as_str().unwrap());
}

#[test]
fn an_unread_answer_is_not_applied_to_another_version() {
    let world = paused();
    let whole = world.lines();
    let reviewed = |e: &Value| e["event"] == "model_call_finished" && e["agent"] == "reviewer";
    world.cut_behind(reviewed);
    world.run_with(&["resume", "s", "--from", "v1"], "accept\n").expect(0);
    let journal = world.journal("s");
    let reviews: Vec<_> =
        journal.iter().filter(|e| e["event"] == "reviewed").map(|e| e["version"].clone()).collect();
    assert_eq!(reviews, [1, 2], "the second review is of v2");
    assert_eq!(journal.last().unwrap()["version"], 1);

    world.set_lines(&whole);
    world.run_with(&["resume", "s"], "feedback: larger\n").expect(3);
    world.cut_behind(|e| e["event"] == "model_call_finished" && e["agent"] == "coder");
    world.run_with(&["resume", "s", "--from", "v1"], "accept\n").expect(0);
    assert_eq!(world.journal("s").last().unwrap()["version"], 1, "not a version nobody asked for");
}

#[test]
fn links_in_the_folder_are_never_written_through() {
    const SECRET: &str = "print('a secret of mine')\n";
    for file in [
        "plan.md",
        "script_v2.py",
        "session.yaml",
        "report_v2.yaml",
        "review_v2.md",
        "feedback_v1.md",
        "feedback_v2.md",
        "journal.torn",
        ".lock",
        ".plan.md.redraft-tmp",
        "chats",
        "run_v3",
        "chats/0006-planner.md",
    ] {
        let world = paused();
        world.write("mine/victim", SECRET);
        let link = world.session().join(file);
        let folder = !file.contains('.');
        if folder {
            let _ = std::fs::remove_dir_all(&link);
            symlink(world.file("mine"), &link).unwrap();
        } else {
            let _ = std::fs::remove_file(&link);
            symlink(world.file("mine/victim"), &link).unwrap();
        }
        let journal = world.read("sessions/s/journal.jsonl");
        world.write("sessions/s/journal.jsonl", &format!("{journal}torn"));
        world.run(&["show", "s"]);
        let input = "feedback: x\nplan: other\napprove\naccept\n";
        world.run_with(&["resume", "s", "--sandbox", "off"], input);
        world.run(&["feedback", "s", "more"]);
        assert_eq!(world.read("mine/victim"), SECRET, "{file}");
        let there: Vec<_> = files(&world.file("mine")).into_keys().collect();
        assert_eq!(there, [world.file("mine/victim")], "{file}");
        let sent = world.received().iter().any(|r| r.prompt().contains("a secret"));
        assert!(!sent, "{file}: read through a link and sent away");
    }
    // A named pipe in place of a file blocks nothing.
    let world = paused();
    std::fs::remove_file(world.file("sessions/s/plan.md")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(world.file("sessions/s/plan.md")).status();
    assert!(made.unwrap().success());
    world.run(&["show", "s"]).expect(0);
    world.run_with(&["resume", "s"], "accept\n").expect(0);
}

#[test]
fn a_journal_from_elsewhere_writes_nothing_outside_its_folder() {
    let world = paused();
    let whole = world.lines();
    let seq = whole.len() + 1;
    let outside = world.file("outside.py").to_str().unwrap().to_owned();
    for file in ["../../outside.py", &outside, "chats/../../../outside.py", "..", "journal.jsonl"] {
        let mut lines = whole.clone();
        lines.push(format!(
            r#"{{"seq":{seq},"at":"2026-11-21T09:00:00Z","event":"edited","text":"evil\n","file":"{file}","sha256":"00","bytes":5}}"#
        ));
        world.set_lines(&lines);
        says(&world.run(&["resume", "s"]).expect(5), &format!("line {seq}"));
        world.run(&["show", "s"]).expect(5);
        assert!(!world.file("outside.py").exists(), "{file}");
    }
    let mut lines = whole;
    lines[0] = lines[0].replace(
        "\"settings\":",
        r#""data":[{"name":"../../../redraft.yaml","bytes":1,"sha256":"00"}],"settings":"#,
    );
    world.set_lines(&lines);
    says(&world.run(&["resume", "s"]).expect(5), "line 1");
}

#[test]
fn a_full_disk_is_a_one_line_error_and_the_session_continues_later() {
    let world = model();
    let limited = |blocks: usize, args: &[&str], input: &str| {
        let program = world.command(args);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$@\""), "sh"]);
        shell.arg(program.get_program()).args(program.get_args()).current_dir(world.path());
        shell.env_clear();
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        finish(shell, input)
    };
    let mut before: Vec<String> = Vec::new();
    let (mut failures, mut made) = (0, 0);
    // Steps of this size leave room for the output after a prompt.
    for blocks in (0..600).step_by(5) {
        let there = world.session().exists();
        let args = if there { vec!["resume", "s"] } else { NEW.to_vec() };
        let said = |event: &str| before.iter().any(|line| line.contains(event));
        let answers = match (said("\"plan_approved\""), said("\"feedback_given\"")) {
            (false, _) => "approve\n",
            (true, false) => "feedback: more\n",
            (true, true) => "accept\n",
        };
        let out = limited(blocks, &args, answers);
        if out.code == Some(2) {
            failures += 1;
            let errors: Vec<&str> = out.err.lines().filter(|l| l.starts_with("error:")).collect();
            assert_eq!(errors.len(), 1, "{}", out.err);
            assert!(errors[0].contains("cannot write"), "{}", out.err);
            if world.session().exists() {
                assert_eq!(out.last_line(), "resume with: redraft resume s");
            }
        } else {
            assert!(matches!(out.code, Some(0 | 3)), "{blocks}: {out:?}");
        }
        if world.session().exists() {
            made += 1;
            let journal = world.lines();
            assert!(journal.starts_with(&before), "{blocks}: lines were lost");
            for (n, event) in world.journal("s").iter().enumerate() {
                assert_eq!(event["seq"], n + 1);
            }
            before = journal;
        }
        if let Ok(entries) = std::fs::read_dir(world.file("sessions")) {
            for entry in entries {
                let name = entry.unwrap().file_name();
                let known = ["s", ".gitattributes"].map(Some).contains(&name.to_str());
                assert!(known, "half a session is left");
            }
        }
        if world.session().exists() {
            let left = |path: &PathBuf| path.to_string_lossy().ends_with("tmp");
            assert!(!files(&world.session()).keys().any(left), "{blocks}: half a file is left");
        }
        if out.code == Some(0) {
            break;
        }
    }
    assert!(failures > 5 && made > 5, "{failures} failures, {made} runs with a session");
    assert_eq!(world.events("s").last().unwrap(), "accepted");
    let out = world.run(&["resume", "s"]).expect(0);
    assert!(!out.err.contains("again"), "nothing was missing: {}", out.err);
}
