//! Completion scripts, in their shells.

use crate::support::pty::Pty;
use crate::support::world::World;
use std::path::Path;
use std::process::Command;

/// A sessions folder with three sessions; the name of one contains a shell command.
fn world() -> World {
    let world = World::empty();
    for (name, versions) in [("clock-face", 2), ("other", 1), ("cl$(touch obeyed)", 1)] {
        world.write(&format!("sessions/{name}/journal.jsonl"), "");
        for version in 1..=versions {
            world.write(&format!("sessions/{name}/script_v{version}.py"), "");
        }
    }
    world
}

fn offered(world: &World, words: &[&str]) -> Vec<String> {
    let out = world.run(&[&["complete", "--"], words].concat()).expect(0);
    out.out.lines().map(str::to_owned).collect()
}

#[test]
fn sessions_and_versions_are_completed_from_the_named_folder() {
    let world = world();
    world.write("elsewhere/far/journal.jsonl", "");
    for (words, expected) in [
        (&["show", "c"][..], vec!["clock-face"]),
        (&["show", "clock-face:"], vec!["clock-face:v2", "clock-face:v1"]),
        (&["show", "clock-face:v1"], vec!["clock-face:v1"]),
        (&["diff", "clock-face", "v"], vec!["v2", "v1"]),
        (&["--sessions", "elsewhere", "show", ""], vec!["far"]),
        (&["show", "../elsewhere/far:"], vec![]),
        (&["show", "x"], vec![]),
        (&["list", ""], vec![]),
    ] {
        assert_eq!(offered(&world, words), expected, "{words:?}");
    }
    // The configuration can name the folder; with an invalid one, completion still works.
    world.write("redraft.yaml", "sessions_dir: elsewhere\n");
    assert_eq!(offered(&world, &["show", ""]), ["far"]);
    world.write("redraft.yaml", "modle: x\n");
    assert_eq!(offered(&world, &["show", "cl"]), ["clock-face"]);
    assert!(!world.run(&["--help"]).expect(0).out.contains("complete "), "nobody types it");
}

#[test]
fn completions_prints_a_script_for_each_shell() {
    let world = World::empty();
    // An invalid configuration must not break the start of a shell.
    world.write("redraft.yaml", "modle: x\n");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let out = world.run(&["completions", shell]).expect(0);
        assert_eq!(out.err, "", "{shell}");
        for word in ["redraft", "max-versions", "side-by-side"] {
            assert!(out.out.contains(word), "{shell}: no {word}");
        }
        assert_eq!(out.out.contains(" complete -- "), !["powershell", "elvish"].contains(&shell));
    }
}

/// Tests every installed shell with its Tab key; bash is always installed.
#[test]
fn the_tab_key_completes_session_names() {
    let own = Path::new(env!("CARGO_BIN_EXE_redraft")).parent().unwrap().display();
    let posix = format!("PATH=\"{own}:$PATH\"; PS1='> '\n");
    for (shell, flags, first) in [
        ("bash", &["--norc", "--noprofile", "-i"][..], posix.clone()),
        ("zsh", &["-f", "-i"], format!("{posix}autoload -U compinit; compinit -u\n")),
        ("fish", &["--no-config", "-i"], format!("set -x PATH \"{own}\" $PATH\n")),
    ] {
        if Command::new(shell).arg("-c").arg("exit").status().is_err() {
            assert_ne!(shell, "bash", "bash has to be here");
            continue;
        }
        let world = world();
        let script = world.run(&["completions", shell]).expect(0).out;
        world.write("it", &format!("{first}{script}\necho rea'd'y\n"));
        let mut pty = Pty::of(&world, shell, flags);
        pty.send(". ./it\r");
        pty.expect("ready");
        for (typed, line) in [
            ("redraft show cl\t", "redraft show clock-face"),
            ("redraft show clock-face:\t", "redraft show clock-face:v"),
            ("redraft show clock-face:v2 --js\t", "redraft show clock-face:v2 --json"),
            ("redraft diff oth\tv\t", "redraft diff other v1"),
        ] {
            pty.send(typed);
            pty.expect_screen(line, |screen| screen.lines().any(|l| l.contains(line)));
            // Ctrl-U clears the line.
            pty.send("\x15clear\r");
            pty.expect_screen("an empty screen", |screen| !screen.contains(line));
        }
        pty.send("exit\r");
        assert!(!world.file("obeyed").exists(), "{shell}");
    }
}
