//! Pictures left by a run, at terminals with and without support for images.

use crate::support::pty::Pty;
use crate::support::world::{ACCEPT, PLAN, World, fenced};

/// A script that writes `a.png` of this size, red above and blue below.
fn script(width: usize, height: usize) -> String {
    format!(
        "import struct, zlib\n\
         def part(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n\
         w, h = {width}, {height}\n\
         rows = b''.join(b'\\0' + (b'\\xff\\0\\0' if y < h // 2 else b'\\0\\0\\xff') * w for y in range(h))\n\
         open('a.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 2, 0, 0, 0)) + part(b'IDAT', zlib.compress(rows)) + part(b'IEND', b''))\n"
    )
}

/// A world with the accepted session `s`, made from this script.
fn world(script: &str) -> World {
    let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
    world.run(&["new", "draw it", "--name", "s", "--sandbox", "off", "--auto"]).expect(0);
    world
}

/// The first bytes of a picture: kitty's protocol, iTerm2's, sixels, half blocks.
const KINDS: [&str; 4] = ["\x1b_Ga=T,f=100,q=2,", "\x1b]1337;File=inline=1;", "\x1bP0;1;0q", "▀"];

/// The kinds of pictures sent to the terminal.
fn sent(pty: &Pty) -> Vec<&'static str> {
    let raw = String::from_utf8_lossy(pty.raw()).into_owned();
    KINDS.into_iter().filter(|kind| raw.contains(kind)).collect()
}

type Env = &'static [(&'static str, &'static str)];

#[test]
fn pictures_are_shown_in_the_terminal_s_format_or_in_blocks_if_asked() {
    let world = world(&script(64, 32));
    for (env, fine, asked) in [
        (&[("KITTY_WINDOW_ID", "1")][..] as Env, Some(KINDS[0]), Some(KINDS[0])),
        (&[("TERM_PROGRAM", "iTerm.app")], Some(KINDS[1]), Some(KINDS[1])),
        (&[("TERM", "foot")], Some(KINDS[2]), Some(KINDS[2])),
        (&[], None, Some(KINDS[3])),
        (&[("KITTY_WINDOW_ID", "1"), ("TMUX", "x")], None, Some(KINDS[3])),
        (&[("KITTY_WINDOW_ID", "1"), ("NO_COLOR", "1")], Some(KINDS[0]), Some(KINDS[0])),
        (&[("NO_COLOR", "1")], None, None),
        (&[("TERM", "dumb"), ("KITTY_WINDOW_ID", "1")], None, None),
        (&[("REDRAFT_PICTURES", "off"), ("KITTY_WINDOW_ID", "1")], None, None),
    ] {
        for (args, expected) in [
            (&["show", "s:v1"][..], fine),
            (&["show", "s"], None),
            (&["show", "s:v1", "--pictures"], asked),
            (&["show", "s", "--pictures"], asked),
            (&["show", "s:v1", "--pictures", "--json"], None),
        ] {
            let mut pty = Pty::sized(&world, args, 80, 40, env);
            pty.expect_end(0);
            assert_eq!(sent(&pty), Vec::from_iter(expected), "{args:?} {env:?}");
            // The terminal is not queried: its response would be read as keys.
            let raw = String::from_utf8_lossy(pty.raw());
            assert!(!raw.contains("a=q") && !raw.contains("\x1b[c"), "{args:?} {env:?}");
            let name = "sessions/s/run_v1/files/a.png";
            let json = args.contains(&"--json");
            assert!(json || raw.contains(name), "{args:?} {env:?}");
        }
    }
    let piped = world.run(&["show", "s:v1", "--pictures"]).expect(0).out;
    assert!(!piped.contains('\x1b') && !piped.contains('▀'), "{piped}");
}

#[test]
fn pictures_can_be_viewed_at_the_version_gate() {
    let world = World::scripted(&[PLAN], &[&fenced(&script(64, 32))], &[ACCEPT]);
    let args = ["new", "draw it", "--name", "s", "--sandbox", "off"];
    let mut pty = Pty::sized(&world, &args, 80, 60, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.choose("What now?", "look");
    assert!(sent(&pty).is_empty(), "nobody asked for it");
    pty.choose("What do you want to see?", "pictures");
    pty.expect("sessions/s/run_v1/files/a.png");
    pty.expect("▀");
    pty.choose("What do you want to see?", "back");
    // The picture is on the screen: red above, blue below.
    let [red, blue] = [(196, 196), (21, 21)];
    let colours = pty.blocks();
    assert_eq!(colours.first().map(Vec::as_slice), Some(&[red; 64][..]), "{colours:?}");
    assert_eq!(colours.last().map(Vec::as_slice), Some(&[blue; 64][..]), "{colours:?}");
    assert_eq!(colours.len(), 16);
    pty.choose("What now?", "quit");
    pty.expect_end(3);
}

#[test]
fn if_no_viewer_opens_the_picture_is_shown_in_the_terminal() {
    let world = world(&script(64, 32));
    world.write("bin/xdg-open", "#!/bin/sh\nexit 3\n");
    let opener = world.file("bin/xdg-open");
    std::fs::set_permissions(opener, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", world.file("bin").display());
    let mut pty = Pty::sized(&world, &["open", "s"], 80, 40, &[("PATH", &path)]);
    pty.expect_end(0);
    assert_eq!(sent(&pty), [KINDS[3]]);
}

#[test]
fn an_undrawable_picture_is_a_one_line_message() {
    let huge = script(9, 9).replace("pack('>IIBBBBB', w, h", "pack('>IIBBBBB', 60000, 60000");
    for (script, said) in [
        (
            "open('a.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + b'\\x1b]0;owned\\x07' * 99)",
            "it is no picture",
        ),
        ("open('a.jpg', 'wb').write(b'\\xff\\xd8\\xff\\xe0\\x1b[2J')", "it is no picture"),
        ("open('a.png', 'w').close()", "it is no picture"),
        (&huge, "it is too large to be drawn: 60000 x 60000 pixels"),
        ("open('a\\x1b[2J.png', 'w').write('x')", "it is no picture"),
    ] {
        let world = world(script);
        for env in [&[("KITTY_WINDOW_ID", "1")][..], &[("TERM_PROGRAM", "WezTerm")], &[]] {
            let args = ["show", "s:v1", "--pictures"];
            let mut pty = Pty::sized(&world, &args, 100, 40, env);
            pty.expect_end(0);
            let (text, raw) = (pty.text(), String::from_utf8_lossy(pty.raw()).into_owned());
            assert!(text.contains(said) && sent(&pty).is_empty(), "{script} {env:?}\n{text}");
            for evil in ["\x1b]0;", "\x07", "\x1b[2J"] {
                assert!(!raw.contains(evil), "{script} {env:?}: {raw:?}");
            }
        }
        std::fs::remove_file(world.file("sessions/s/run_v1/files/a.png")).ok();
        std::fs::remove_file(world.file("sessions/s/run_v1/files/a.jpg")).ok();
    }
}

#[test]
fn a_removed_or_linked_picture_is_not_read() {
    let world = world(&script(9, 9));
    let file = world.file("sessions/s/run_v1/files/a.png");
    let elsewhere = world.file("mine.png");
    std::fs::rename(&file, &elsewhere).unwrap();
    for link in [false, true] {
        if link {
            std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        }
        let env = [("KITTY_WINDOW_ID", "1")];
        let mut pty = Pty::sized(&world, &["show", "s:v1"], 100, 40, &env);
        pty.expect_end(0);
        assert!(sent(&pty).is_empty(), "{link}");
        assert!(pty.text().contains("not there any more"), "{link}: {}", pty.text());
    }
}
