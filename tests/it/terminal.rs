//! Interactive use at a terminal: menus, prompts, an editor, Ctrl-C, a closed window.

use crate::support::model_server::{Received, Reply};
use crate::support::pty::{CTRL_C, CTRL_D, ENTER, ESCAPE, Pty};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced, finish};
use expectrl::process::unix::Signal;
use std::time::{Duration, Instant};

const LAST: &str = "resume with: redraft resume s";

/// `new` without runs.
const NEW: [&str; 5] = ["new", "count to two", "--name", "s", "--no-run"];

/// A world whose Coder writes a new script each time.
fn world() -> World {
    let scripts: Vec<String> = (1..9).map(|n| fenced(&format!("print({n})"))).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    World::scripted(&[PLAN, &PLAN.replace("prints two", "prints three")], &scripts, &[ACCEPT])
}

/// A world whose Coder stops in the middle of a wide line until the server is released.
fn hanging() -> World {
    World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Coder => written(request, "streamed"),
        Asking::Reviewer => Reply::to(request, ACCEPT),
    })
}

fn written(request: &Received, word: &str) -> Reply {
    let lines: String = (10..40).map(|n| format!("# {}-{n}\n", [word; 20].join("-"))).collect();
    let text = format!("{}\n# the last line\n```\n", fenced(&lines).trim_end());
    let pieces = text.split_inclusive([' ', '\n']).count();
    // Without the closing fence and the end of the stream.
    Reply::to(request, &text).cut_to(pieces - 6).then_hang()
}

/// The program at the version gate, in a world from [`world`].
fn at_the_version_gate(world: &World, more: &[&str]) -> Pty {
    let mut pty = Pty::start(world, &[&NEW[..], more].concat());
    pty.choose("Is this the plan?", "approve");
    pty
}

/// The conditions that hold whenever the program ends early.
#[track_caller]
fn expect_a_clean_end(pty: &mut Pty, code: i32) {
    pty.expect_end(code);
    assert_eq!(pty.last_line(), LAST, "{}", pty.screen());
    assert!(pty.shows_cursor(), "the cursor is hidden");
    assert!(pty.echoes(), "what is typed is not shown");
    let raw = String::from_utf8_lossy(pty.raw());
    assert!(
        raw.rfind("\x1b[?2004h") <= raw.rfind("\x1b[?2004l"),
        "the shell would be sent the marks of pasted text"
    );
}

#[test]
fn a_plan_changed_by_a_remark_becomes_an_accepted_script() {
    let world = world();
    let mut pty = Pty::start(&world, &NEW);
    pty.expect("s: the plan");
    pty.expect("R2: It prints two.");
    pty.choose("Is this the plan?", "say");
    pty.expect("What should change?");
    pty.send("make it three");
    pty.send(ENTER);
    pty.expect("R2: It prints three.");
    pty.choose("Is this the plan?", "approve");
    pty.expect("v1: 1 line");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "iterate");
    pty.expect("s v2 (review)");
    pty.choose("What now?", "accept");
    pty.expect("accepted v2 without a run");
    pty.expect_end(0);
    assert!(world.received()[1].prompt().contains("make it three"));
    assert!(world.read("sessions/s/plan.md").contains("It prints three"));
}

#[test]
fn feedback_arrives_whole_whether_typed_pasted_or_edited() {
    for (keys, expected) in [
        ("it is too small", "it is too small\n"),
        ("\x1b[200~one\rtwo\r\rfour\x1b[201~", "one\ntwo\n\nfour\n"),
        ("one\ntwo\n\nfour", "one\ntwo\n\nfour\n"),
        ("one\x1b\rtwo", "one\ntwo\n"),
        ("tiXpo\x1b[D\x1b[D\x7f\x1b[Cés\x1b[H[\x1b[F]", "[tipéso]\n"),
        ("\u{6642}\u{8a08} \x1b[200~\x1b[31mred\x1b[201~", "\u{6642}\u{8a08} red\n"),
    ] {
        let world = world();
        let mut pty = at_the_version_gate(&world, &[]);
        pty.choose("What now?", "feedback");
        pty.expect("What did you see?");
        pty.send(keys);
        // Wait for the whole text: an Enter right after a burst would count as one of its lines.
        let last = expected.trim_end().lines().last().unwrap().to_owned();
        pty.expect_screen("what was entered", |screen| screen.trim_end().ends_with(&last));
        pty.send(ENTER);
        pty.expect("s v2 (feedback)");
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        assert_eq!(world.read("sessions/s/feedback_v1.md"), expected, "{keys:?}");
    }
}

#[test]
fn escape_at_a_prompt_goes_back_to_the_menu() {
    let world = world();
    let mut pty = at_the_version_gate(&world, &[]);
    pty.choose("What now?", "feedback");
    pty.expect("What did you see?");
    pty.send("half a sentence");
    pty.expect("half a sentence");
    pty.send(ESCAPE);
    // The typed text is restored and can be continued.
    pty.choose("What now?", "plan");
    pty.expect("What should the plan say?");
    pty.send(ESCAPE);
    pty.choose("What now?", "feedback");
    pty.expect("What did you see? half a sentence");
    pty.send(", and the rest");
    pty.expect_screen("all of it", |screen| screen.contains("half a sentence, and the rest"));
    pty.send(ENTER);
    pty.expect("s v2 (feedback)");
    pty.choose("What now?", "feedback");
    pty.expect("What did you see?");
    pty.send("x");
    pty.expect_screen("an empty prompt", |screen| screen.contains("What did you see? x"));
    pty.send(ESCAPE);
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
    assert_eq!(world.read("sessions/s/feedback_v1.md"), "half a sentence, and the rest\n");
    assert!(!world.file("sessions/s/feedback_v2.md").exists());
}

#[test]
fn escape_goes_back_one_question_at_a_time() {
    let world = world();
    let mut pty = Pty::sized(&world, &NEW, 100, 40, &[]);
    pty.choose("Is this the plan?", "approve");
    // A menu of a choice, then the gate.
    pty.choose("What now?", "rewind");
    pty.expect("? Go back to which version?");
    pty.expect_screen("the versions", |screen| screen.contains("❯ "));
    pty.send(ESCAPE);
    // A follow-up question, then the one before it, then the gate.
    pty.choose("What now?", "test");
    pty.choose("R1: It prints one. Check: read the output.", "no");
    pty.expect("What did you see?");
    pty.send("it prints 1");
    pty.expect("it prints 1");
    pty.send(ENTER);
    pty.expect("? R2: It prints two");
    pty.expect_screen("the second menu", |screen| screen.contains("❯ y"));
    pty.send(ESCAPE);
    pty.choose("R1: It prints one. Check: read the output.", "no");
    pty.expect("What did you see? it prints 1");
    pty.send(ESCAPE);
    pty.expect("? R1: It prints one");
    pty.expect_screen("the first menu", |screen| screen.contains("❯ y"));
    pty.send(ESCAPE);
    pty.choose("What now?", "test");
    pty.choose("R1: It prints one. Check: read the output.", "no");
    pty.expect("What did you see? it prints 1");
    pty.send(" and no word");
    pty.expect_screen("all of it", |screen| screen.contains("it prints 1 and no word"));
    pty.send(ENTER);
    pty.choose("R2: It prints two. Check: read the output.", "stop");
    pty.expect("R1 you: it prints 1 and no word");
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
}

#[test]
fn a_script_with_a_syntax_error_can_be_edited_again_after_escape() {
    let world = world();
    let editor = "sh -c 'cat \"$0\" >> seen; echo \"print(\" > \"$0\"'";
    let mut pty = Pty::sized(&world, &NEW, 100, 40, &[("EDITOR", editor)]);
    pty.choose("Is this the plan?", "approve");
    for _ in 0..2 {
        pty.choose("What now?", "edit");
        pty.expect("? Edit it again?");
        pty.expect_screen("the menu", |screen| screen.contains("❯ "));
        pty.send(ESCAPE);
    }
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
    assert_eq!(world.read("seen"), "print(1)\nprint(\n", "what was written is lost");
}

#[test]
fn escape_at_the_first_prompt_keeps_the_text_and_leaves_without_one() {
    let world = world();
    let mut pty = Pty::start(&world, &["new", "--name", "s", "--no-run"]);
    pty.expect("What should the script do?");
    pty.send("count to");
    pty.expect("count to");
    pty.send(ESCAPE);
    pty.expect("What should the script do? count to");
    pty.send(" two");
    pty.expect_screen("all of it", |screen| screen.contains("count to two"));
    pty.send(ENTER);
    pty.choose("Is this the plan?", "quit");
    expect_a_clean_end(&mut pty, 3);
    assert!(world.received()[0].prompt().contains("count to two"));
    let mut pty = Pty::start(&world, &["new", "--name", "t"]);
    pty.expect("What should the script do?");
    pty.send(ESCAPE);
    pty.expect("no task was given");
    pty.expect_end(2);
}

#[test]
fn ctrl_d_at_a_menu_leaves_like_escape_at_the_gate() {
    for (within, key) in [(None, ESCAPE), (None, CTRL_D), (Some("rewind"), CTRL_D)] {
        let world = world();
        let mut pty = at_the_version_gate(&world, &[]);
        if let Some(word) = within {
            pty.choose("What now?", word);
            pty.expect("? Go back to which version?");
        } else {
            pty.expect("? What now?");
        }
        pty.expect_screen("the menu", |screen| screen.contains("❯ "));
        pty.send(key);
        expect_a_clean_end(&mut pty, 3);
        assert!(!world.events("s").contains(&"accepted".to_owned()));
    }
}

#[test]
fn an_earlier_version_can_be_chosen_run_and_continued() {
    let world = world();
    let args = ["new", "count to two", "--name", "s", "--sandbox", "off"];
    let mut pty = Pty::sized(&world, &args, 120, 40, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.choose("What now?", "iterate");
    pty.expect("s v2 (review)");
    pty.choose("What now?", "rewind");
    pty.choose("Go back to which version?", "v1");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "run");
    pty.expect("ok: ");
    pty.choose("What now?", "rerun");
    pty.expect("run: ok");
    pty.expect("│ 1");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "look");
    pty.choose("What do you want to see?", "script");
    pty.expect("1  print(1)");
    pty.choose("What do you want to see?", "back");
    pty.choose("What now?", "iterate");
    pty.expect("s v3 (review)");
    pty.expect("since v1");
    pty.choose("What now?", "accept");
    pty.expect_end(0);
}

#[test]
fn only_a_successful_edit_makes_a_version() {
    for (editor, shown) in [
        ("false", "the editor `false` ended with exit code 1; nothing was changed"),
        ("no-such-editor --wait", "cannot start the editor `no-such-editor`"),
        ("true", "nothing was changed"),
        ("'", "cannot understand the editor"),
        ("sh -c 'kill -9 $$'", "nothing was changed"),
        // Invalid Python can be corrected or discarded, and an editor that left the terminal in raw
        // mode does no harm.
        ("sh -c 'stty raw -echo; echo \"print(\" > \"$0\"'", "not saved as a version: line 2"),
        ("sh -c 'echo \"print(77)\" > \"$0\"'", "s v2 (manager)"),
    ] {
        let world = world();
        let mut pty = Pty::sized(&world, &NEW, 120, 40, &[("EDITOR", editor)]);
        pty.choose("Is this the plan?", "approve");
        pty.choose("What now?", "edit");
        pty.expect(shown);
        if shown.contains("not saved") {
            pty.choose("Edit it again?", "drop");
        }
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        let made = world.file("sessions/s/script_v2.py").exists();
        assert_eq!(made, shown.contains("v2"), "{editor}");
    }
}

#[test]
fn a_resumed_session_continues_at_the_same_gate() {
    let world = world();
    let mut pty = Pty::start(&world, &NEW);
    pty.choose("Is this the plan?", "quit");
    expect_a_clean_end(&mut pty, 3);
    let mut pty = Pty::start(&world, &["resume", "s"]);
    pty.choose("Is this the plan?", "approve");
    pty.expect("What now?");
    // Escape leaves a gate too.
    pty.expect("stop here and resume later");
    pty.send(ESCAPE);
    expect_a_clean_end(&mut pty, 3);
    let mut pty = Pty::start(&world, &["resume"]);
    pty.choose("What now?", "accept");
    pty.expect_end(0);
    assert_eq!(world.received().len(), 3, "a finished call was asked again");
}

/// Where the program is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Menu,
    Prompt,
    Stream,
}

const PLACES: [Place; 3] = [Place::Menu, Place::Prompt, Place::Stream];

/// Continues from the plan gate to this place, in a world from [`hanging`].
fn go_to(pty: &mut Pty, place: Place) {
    match place {
        Place::Menu => pty.expect("stop here and resume later"),
        Place::Prompt => {
            pty.choose("Is this the plan?", "say");
            pty.expect("What should change?");
            pty.send("half a sentence");
            pty.expect("half a sentence");
        }
        Place::Stream => {
            pty.choose("Is this the plan?", "approve");
            pty.expect_screen("the model's words", |screen| screen.contains("│ # streamed"));
            pty.expect("writing, 33 lines");
        }
    }
}

#[test]
fn ctrl_c_or_a_signal_ends_cleanly_at_every_place() {
    for place in PLACES {
        for how in ["once", "twice", "signal"] {
            let world = hanging();
            let mut pty = Pty::start(&world, &NEW);
            go_to(&mut pty, place);
            if how != "signal" && place == Place::Stream {
                // The first Ctrl-C only stops the answer: see stopping.rs.
                pty.send(CTRL_C);
                pty.expect("Stopped. What next?");
            }
            match how {
                "once" => pty.send(CTRL_C),
                "twice" => pty.send(&CTRL_C.repeat(2)),
                _ => pty.signal(Signal::SIGTERM),
            }
            expect_a_clean_end(&mut pty, 130);
            let screen = pty.screen();
            assert!(!screen.contains("writing"), "{place:?} {how}: the window stays\n{screen}");
            assert_eq!(world.events("s").last().unwrap(), "paused", "{place:?} {how}");
            if place == Place::Stream {
                let kept = world.read("sessions/s/chats/0002-coder.md");
                assert!(kept.contains("streamed-streamed"), "{how}: {kept}");
            }
        }
    }
}

#[test]
fn a_closed_terminal_leaves_a_resumable_session() {
    for place in PLACES {
        let world = hanging();
        let mut pty = Pty::under_a_shell(&world, &NEW);
        go_to(&mut pty, place);
        pty.close();
        // The lock is released when the program exits.
        let end = Instant::now() + Duration::from_secs(20);
        let args = ["feedback", "s", "x"];
        while world.run(&args).code == Some(5) {
            assert!(Instant::now() < end, "{place:?}: still running");
        }
        assert_eq!(world.events("s").last().unwrap(), "paused", "{place:?}");
        if place == Place::Stream {
            let kept = world.read("sessions/s/chats/0002-coder.md");
            assert!(kept.contains("streamed-streamed"), "{kept}");
        } else {
            let mut pty = Pty::start(&world, &["resume", "s"]);
            pty.choose("Is this the plan?", "quit");
            expect_a_clean_end(&mut pty, 3);
        }
    }
}

#[test]
fn the_streaming_window_disappears_when_the_answer_is_complete() {
    for (columns, rows) in [(80, 24), (120, 40), (44, 12)] {
        let world = hanging();
        let mut pty = Pty::sized(&world, &NEW, columns, rows, &[]);
        pty.choose("Is this the plan?", "approve");
        pty.expect_screen("the window", |screen| {
            screen.contains("writing, 33 lines") && screen.contains("│ # streamed")
        });
        // Keys pressed meanwhile are neither shown nor taken as an answer to the next question.
        pty.send("zzz\r\r");
        world.server().release();
        pty.expect("resume with");
        pty.expect_end(4);
        let screen = pty.screen();
        for gone in ["writing", "│", "zzz", "⠁"] {
            assert!(!screen.contains(gone), "`{gone}` stays\n{screen}");
        }
    }
}

#[test]
fn keys_pressed_while_a_model_writes_are_ignored() {
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Coder => Reply::to(request, &fenced("print(1)")),
        Asking::Reviewer => Reply::to(request, ACCEPT).then_hang(),
    });
    let mut pty = at_the_version_gate(&world, &[]);
    pty.expect("The Reviewer reviews v1");
    pty.expect("writing, ");
    pty.send("zzz\r\r");
    world.server().release();
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
    assert!(!pty.text().contains("zzz"), "{}", pty.screen());
}

#[test]
fn foreign_escape_sequences_never_reach_the_terminal() {
    const EVIL: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\x1b[?25l";
    let plan = format!("{PLAN}R3: It says {EVIL}. Check: look.\n");
    let review = format!(
        "R1: met\nR2: partly\nR3: not met\n- [blocker] R3 \"print(1)\" it shows {EVIL}\nVERDICT: ITERATE\n"
    );
    let script = format!(
        "import sys\nprint(1)\nE = '\\x1b]0;owned\\x07\\x1b[2J\\r\\x9b31m'\nprint(E)\n\
         open('a' + E + '.txt', 'w').close()\n# {EVIL}\nsys.exit(E)"
    );
    let script = fenced(&script);
    for more in [None, Some("-v")] {
        let world = World::scripted(&[&plan], &[&script], &[&review]);
        let task = format!("count {EVIL}");
        let mut args = vec!["new", &task, "--name", "s", "--sandbox", "off", "--repairs", "0"];
        let data = "d\x1b]0;owned\x07\u{9b}31m.csv";
        world.write(data, "a,b\n");
        let mut pty = Pty::sized(&world, &[&args[..], &["--data", data]].concat(), 120, 60, &[]);
        pty.expect("\\x1b]0;owned");
        pty.expect_end(2);
        expect_tame(&pty);
        args.extend(more);
        let mut pty = Pty::sized(&world, &args, 120, 60, &[("PAGER", "cat")]);
        pty.choose("Is this the plan?", "approve");
        pty.expect("run: failed");
        pty.choose("What now?", "look");
        for what in ["script", "output", "requirements", "back"] {
            pty.choose("What do you want to see?", what);
        }
        pty.choose("What now?", "plan");
        // The terminal itself echoes input sent before the prompt is ready.
        pty.expect("What should the plan say?");
        pty.send(&format!("\x1b[200~{EVIL}\x1b[201~"));
        pty.send(ESCAPE);
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        for command in ["show", "log", "list", "diff"] {
            let mut args = vec![command];
            args.extend((command != "list").then_some("s"));
            let mut pty = Pty::sized(&world, &args, 120, 60, &[]);
            pty.expect_end(0);
            expect_tame(&pty);
        }
        expect_tame(&pty);
        assert!(pty.text().contains("\\x1b]0;owned\\x07"), "what was said is not shown");
    }
}

#[track_caller]
fn expect_tame(pty: &Pty) {
    let raw = String::from_utf8_lossy(pty.raw());
    for evil in ["\x1b]", "\x07", "\u{9b}", "\x1b[2J"] {
        let at = raw.find(evil);
        assert!(at.is_none(), "{evil:?} was sent: {:?}", raw.get(at.unwrap_or(0)..));
    }
}

#[test]
fn no_color_switches_colours_off() {
    for (more, env, colored) in [
        (None, None, true),
        (Some("--no-color"), None, false),
        (None, Some(("NO_COLOR", "1")), false),
    ] {
        let world = world();
        let args: Vec<&str> = NEW.into_iter().chain(more).collect();
        let mut pty = Pty::sized(&world, &args, 80, 24, env.as_slice());
        pty.choose("Is this the plan?", "approve");
        pty.choose("What now?", "feedback");
        pty.send("x");
        pty.send(ENTER);
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        assert_eq!(pty.is_styled(), colored, "{more:?} {env:?}\n{}", pty.screen());
    }
}

#[test]
fn a_menu_leaves_nothing_on_the_screen_at_any_width() {
    for columns in [40, 80, 120] {
        let world = world();
        let mut pty = Pty::sized(&world, &NEW, columns, 40, &[]);
        pty.choose("Is this the plan?", "approve");
        pty.choose("What now?", "rewind");
        pty.choose("Go back to which version?", "v1");
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        let screen = pty.screen();
        for gone in ["❯", "stop here and resume later", "^["] {
            assert!(!screen.contains(gone), "`{gone}` stays\n{screen}");
        }
        for line in screen.lines().filter(|line| line.contains("What now?")) {
            assert!(["What now? rewind", "What now? quit"].contains(&line.trim()), "{screen}");
        }
    }
}

#[test]
fn a_letter_selects_its_choice() {
    let world = world();
    let mut pty = Pty::start(&world, &NEW);
    pty.expect("? Is this the plan?");
    pty.expect("stop here and resume later");
    pty.send("a");
    pty.expect("Is this the plan? approve");
    pty.expect("? What now?");
    pty.expect("stop here and resume later");
    // No choice has this letter.
    pty.send("z");
    pty.send("i");
    pty.expect("What now? iterate");
    pty.expect("s v2 (review)");
    pty.expect("stop here and resume later");
    pty.send("q");
    pty.expect("What now? quit");
    expect_a_clean_end(&mut pty, 3);
}

#[test]
fn long_texts_are_shown_in_the_pager_or_page_by_page() {
    let script = fenced("for n in range(100):\n    print('line', n)");
    for (pager, begins) in [("sed s/^/paged/", "pagedline 0"), ("no-such-pager", "line 0")] {
        let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
        let args = ["new", "count", "--name", "s", "--sandbox", "off"];
        let mut pty = Pty::sized(&world, &args, 80, 40, &[("PAGER", pager)]);
        pty.choose("Is this the plan?", "approve");
        pty.choose("What now?", "look");
        pty.choose("What do you want to see?", "output");
        pty.expect(begins);
        if pager.starts_with("no") {
            pty.expect("line 37");
            pty.expect("any key: next page, q: quit");
            pty.send(" ");
            pty.expect("line 38");
            pty.expect("any key: next page, q: quit");
            pty.send("q");
        } else {
            pty.expect("pagedline 99");
        }
        pty.choose("What do you want to see?", "back");
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
    }
}

#[test]
fn typed_input_of_a_run_at_the_gate_can_become_the_session_s_input() {
    let script = fenced("n = int(input('n? '))\nprint('double:', 2 * n)");
    for (answer, verdict) in [("no", "verdict: waits"), ("yes", "verdict: ok")] {
        let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
        let mut pty = Pty::sized(&world, &["new", "double it", "--name", "s"], 100, 50, &[]);
        pty.choose("Is this the plan?", "approve");
        pty.expect("run: waits");
        pty.choose("What now?", "run");
        pty.expect("n? ");
        pty.send("5\x7f21\r");
        pty.expect("double: 42");
        pty.expect("ok: ");
        pty.expect("you typed: 21");
        pty.choose("Use what you typed as this session's input?", answer);
        if answer == "yes" {
            pty.expect("run: ok");
            pty.expect("double: 42");
        }
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        let report = world.read("sessions/s/report_v1.yaml");
        assert!(report.contains(verdict), "{report}");
        let typed = world.read("sessions/s/session.yaml").contains("21");
        assert_eq!(typed, answer == "yes");
    }
}

#[test]
fn a_running_program_has_its_own_terminal_and_can_always_be_ended() {
    let script = "import curses, os, signal\n\
        signal.signal(signal.SIGINT, signal.SIG_IGN)\n\
        def main(screen):\n\
        \x20rows, columns = screen.getmaxyx()\n\
        \x20screen.addstr(2, 2, f'{columns} by {rows}')\n\
        \x20while True: screen.addstr(3, 2, f'key {screen.getch()}')\n\
        curses.wrapper(main)\n";
    let world = World::empty();
    world.write("keys.py", script);
    let mut pty = Pty::sized(&world, &["run", "keys.py"], 90, 30, &[]);
    pty.expect_screen("its size", |screen| screen.contains("90 by 30"));
    pty.send("x");
    pty.expect_screen("the key", |screen| screen.contains("key 120"));
    pty.send(CTRL_C);
    pty.send("y");
    pty.expect_screen("the next key", |screen| screen.contains("key 121"));
    pty.send("\x1c");
    pty.expect_end(130);
    assert!(pty.echoes(), "what is typed is not shown");
}

#[test]
fn file_names_are_links_in_terminals_that_support_them() {
    let script = fenced("open('a b.txt', 'w').write('x')");
    for (env, linked) in [(None, false), (Some(("VTE_VERSION", "7003")), true)] {
        let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
        let args = ["new", "write it", "--name", "s", "--sandbox", "off"];
        let mut pty = Pty::sized(&world, &args, 100, 50, env.as_slice());
        pty.choose("Is this the plan?", "approve");
        pty.choose("What now?", "quit");
        expect_a_clean_end(&mut pty, 3);
        let raw = String::from_utf8_lossy(pty.raw()).into_owned();
        let file = "sessions/s/run_v1/files/a b.txt";
        assert!(raw.contains(file), "{raw}");
        let whole = world.file(file).canonicalize().unwrap();
        let link =
            format!("\x1b]8;;file://{}\x1b\\", whole.display().to_string().replace(' ', "%20"));
        assert_eq!(raw.contains(&link), linked, "{raw:?}");
        assert_eq!(raw.contains("\x1b]8;"), linked, "{raw:?}");
    }
}

#[test]
fn every_command_prints_file_paths_as_links() {
    let writes = "open('kept.txt', 'w').write('x')";
    let script = fenced(writes);
    let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
    let asking = World::with(move |request| {
        let code = format!("```python\n{writes}\nprint(1)\n```");
        let answered = request.prompt().contains("It ran.");
        Reply::to(request, if answered { "It is one." } else { &code })
    });
    let (script, file) = ("sessions/s/script_v1.py", "sessions/s/run_v1/files/kept.txt");
    let new = ["new", "write it", "--name", "s", "--sandbox", "off", "--auto"];
    for (world, args, named) in [
        (&world, &new[..], &[script, file][..]),
        (&world, &["show", "s"], &[script, file]),
        (&world, &["show", "s:v1"], &[script, file]),
        (&world, &["export", "s", "-o", "x.py"], &["x.py"]),
        (&world, &["report", "s", "-o", "r.html"], &["r.html"]),
        (&world, &["run", "s", "-o", "out"], &["out/kept.txt"]),
        (&asking, &["ask", "what is one?", "--name", "s"], &[file]),
        (&asking, &["show", "s"], &[file]),
        (&asking, &["show", "s:v1"], &[script, file]),
    ] {
        let mut pty = Pty::sized(world, args, 120, 60, &[("VTE_VERSION", "7003")]);
        pty.expect_end(0);
        let raw = String::from_utf8_lossy(pty.raw()).into_owned();
        for name in named {
            let whole = world.file(name).canonicalize().unwrap();
            let link = format!("\x1b]8;;file://{}\x1b\\{name}\x1b]8;;", whole.display());
            assert!(raw.contains(&link), "{args:?}: {name}\n{}", pty.screen());
        }
    }
}

#[test]
fn open_opens_the_files_of_a_run_or_prints_their_paths() {
    let png = "import struct, zlib\n\
        def part(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n\
        open('dot.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)) + part(b'IDAT', zlib.compress(bytes(2))) + part(b'IEND', b''))\n";
    for (script, more, opens, names) in [
        (png, &[][..], true, "files/dot.png"),
        ("open('a.sh', 'w').write('true')", &[], false, "files/a.sh"),
        ("open('a.sh', 'w').write('true')", &["--yes"], true, "files/a.sh"),
    ] {
        let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
        world.run(&["new", "write it", "--name", "s", "--sandbox", "off", "--auto"]).expect(0);
        world.write("bin/xdg-open", "#!/bin/sh\necho \"$1\" > opened\n");
        let opener = world.file("bin/xdg-open");
        std::fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let mut command = world.command(&[&["open", "s"], more].concat());
        command.env("PATH", format!("{}:/usr/bin:/bin", world.file("bin").display()));
        let out = finish(command, "").expect(0).out;
        assert!(out.contains(names), "{out}");
        assert_eq!(out.contains("opened"), opens, "{out}");
        assert_eq!(world.file("opened").exists(), opens, "{out}");
        // If no program can open the file, its path is printed.
        let mut command = world.command(&[&["open", "s:v1"], more].concat());
        command.env("PATH", world.file("home"));
        let out = finish(command, "").expect(0).out;
        assert!(out.contains(names) && !out.contains("opened"), "{out}");
    }
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.run(&["new", "print it", "--name", "s", "--sandbox", "off", "--auto"]).expect(0);
    let out = world.run(&["open", "s"]).expect(2);
    assert!(out.err.contains("left no picture and no file"), "{}", out.err);
}
