//! From a task to an accepted script, through the real program.

use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};

const NO_RUN: [&str; 2] = ["--name", "s"];

fn new<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["new", "count to two"];
    args.extend(NO_RUN);
    args.extend(more);
    args
}

#[test]
fn a_task_becomes_an_accepted_script_with_everything_on_disk() {
    let good = fenced("print('one')\nprint('two')");
    let bad = fenced("print('one')\nprint(1 / 0)");
    let world = World::scripted(&[PLAN], &[&bad, &good], &[ACCEPT]);
    let out = world.run_with(&new(&["--sandbox", "off"]), "approve\naccept\n").expect(0);
    assert!(out.out.contains("accepted v2"), "{}", out.out);
    for file in [
        "session.yaml",
        "plan.md",
        "script_v1.py",
        "script_v2.py",
        "report_v1.yaml",
        "report_v2.yaml",
        "review_v2.md",
        "run_v1/stdout.txt",
        "run_v1/stderr.txt",
        "run_v2/stdout.txt",
        "chats/0001-planner.md",
        "chats/0002-coder.md",
        "chats/0003-repair.md",
        "chats/0004-reviewer.md",
    ] {
        assert!(world.file(&format!("sessions/s/{file}")).is_file(), "{file}");
    }
    assert_eq!(world.read("sessions/s/script_v2.py"), "print('one')\nprint('two')\n");
    assert_eq!(world.read("sessions/s/run_v2/stdout.txt"), "one\ntwo\n");
    assert!(world.read("sessions/s/report_v1.yaml").contains("ZeroDivisionError"));
    let journal = world.journal("s");
    for (n, entry) in journal.iter().enumerate() {
        assert_eq!(entry["seq"], n + 1);
    }
    assert_eq!(journal[0]["event"], "session_created");
    assert_eq!(journal[0]["format"], 1);
    let created: Vec<_> = journal.iter().filter(|e| e["event"] == "version_created").collect();
    assert_eq!(created[0]["cause"], "first");
    assert_eq!(created[1]["cause"], "repair");
}

#[test]
fn the_plan_is_discussed_before_any_code_is_written() {
    let world = World::scripted(
        &[PLAN, "Now with three.\nR1: It prints one.\nR2: It prints three.\n"],
        &[&fenced("print(1)")],
        &[ACCEPT],
    );
    let input = "make it three\nsounds good\naccept\n";
    world.run_with(&new(&["--no-run"]), input).expect(0);
    let prompts: Vec<_> = world.received();
    assert!(prompts[1].prompt().contains("make it three"));
    assert_eq!(agent(&prompts[2]), Asking::Coder);
    assert!(world.read("sessions/s/plan.md").contains("It prints three"));
    assert!(prompts[2].prompt().contains("It prints three"));
}

#[test]
fn thinking_and_chat_marks_never_reach_the_session_files() {
    let think = "<|channel|>analysis<|message|>R1. A draft.\nR2: not met\n<|end|><|start|>assistant\
                 <|channel|>final<|message|>";
    let say = |answer: &str| format!("{think}{answer}<|return|><|start|>user<|message|>R3. More.");
    let world =
        World::scripted(&[&say(PLAN)], &[&say("```python\nprint('one')\n```")], &[&say(ACCEPT)]);
    world.run_with(&new(&["--no-run", "--auto"]), "").expect(0);
    assert_eq!(world.read("sessions/s/script_v1.py"), "print('one')\n");
    for file in ["plan.md", "review_v1.md"] {
        let text = world.read(&format!("sessions/s/{file}"));
        assert!(!text.contains("<|") && !text.contains("draft") && !text.contains("R3"), "{text}");
    }
    assert_eq!(world.received().len(), 3);
}

#[test]
fn packages_an_answer_installs_are_declared_if_imports_do_not_name_them() {
    let script = "import strange\n\nprint(strange.x)";
    let answer = format!("```bash\npip install -q unheard-of\n```\n{}", fenced(script));
    let world = World::scripted(&[PLAN], &[&answer], &[ACCEPT]);
    world.run_with(&new(&["--no-run", "--auto"]), "").expect(0);
    let written = world.read("sessions/s/script_v1.py");
    assert!(
        written.contains("# dependencies = [\n#     \"unheard-of\",\n# ]\n# ///\n"),
        "{written}"
    );
    assert!(written.ends_with(&format!("{script}\n")), "{written}");
}

#[test]
fn input_that_ends_at_a_gate_pauses_and_resume_asks_again() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    let out = world.run(&new(&["--no-run"])).expect(3);
    assert_eq!(out.last_line(), "resume with: redraft resume s");
    let out = world.run_with(&["resume", "s"], "approve\n").expect(3);
    assert_eq!(out.last_line(), "resume with: redraft resume s");
    world.run_with(&["resume"], "accept\n").expect(0);
    assert_eq!(world.received().len(), 3, "no finished call is asked twice");
    world.run(&["resume", "s"]).expect(0);
}

#[test]
fn feedback_reaches_the_coder_and_is_the_cause_of_the_version() {
    let world = World::scripted(
        &[PLAN],
        &[&fenced("print(1)"), &fenced("print(2)"), &fenced("print(3)")],
        &[ACCEPT],
    );
    world.run_with(&new(&["--no-run"]), "approve\nfeedback: it is too small\nquit\n").expect(3);
    assert!(world.read("sessions/s/feedback_v1.md").contains("it is too small"));
    let coder: Vec<_> = world.received();
    assert!(coder[3].prompt().contains("it is too small"));
    world.run(&["feedback", "s", "still too small"]).expect(0);
    world.run_with(&["resume", "s"], "accept\n").expect(0);
    assert!(world.received()[5].prompt().contains("still too small"));
    let causes: Vec<_> = world
        .journal("s")
        .iter()
        .filter(|e| e["event"] == "version_created")
        .map(|e| e["cause"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(causes, ["first", "feedback", "feedback"]);
}

#[test]
fn the_user_can_rewind_and_continue_from_there() {
    let world = World::scripted(
        &[PLAN],
        &[&fenced("print(1)"), &fenced("print(2)"), &fenced("print(3)")],
        &[ACCEPT],
    );
    let input = "approve\nfeedback: other\nrewind v1\niterate\naccept\n";
    world.run_with(&new(&["--no-run"]), input).expect(0);
    let journal = world.journal("s");
    let third = journal.iter().find(|e| e["event"] == "version_created" && e["version"] == 3);
    assert_eq!(third.unwrap()["base"], 1);
    assert!(world.received().iter().any(|r| r.prompt().contains("print(1)\n```")));
}

#[test]
fn auto_accepts_a_version_that_passes_and_says_if_nothing_was_run() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    let out = world.run(&new(&["--auto", "--no-run"])).expect(0);
    assert!(out.out.contains("without a run"), "{}", out.out);
    assert!(world.read("sessions/s/report_v1.yaml").contains("verdict: skipped"));
    let out = world.run(&["new", "again", "--name", "t", "--auto"]).expect(0);
    assert!(!out.out.contains("without a run"), "{}", out.out);
    let report = world.read("sessions/t/report_v1.yaml");
    assert!(report.contains("verdict: ok") && report.contains("sandbox: strict"), "{report}");
}

#[test]
fn auto_stops_at_the_limit_of_versions() {
    let world = ten_versions();
    let out = world.run(&new(&["--auto", "--no-run", "--max-versions", "3"])).expect(3);
    assert!(out.out.contains("limit of 3 versions"), "{}", out.out);
    assert_eq!(out.last_line(), "resume with: redraft resume s");
    world.run(&["resume", "s", "--auto", "--max-versions", "4"]).expect(3);
    assert!(world.file("sessions/s/script_v4.py").is_file());
    assert!(!world.file("sessions/s/script_v5.py").is_file());
}

#[test]
fn auto_stops_at_the_token_budget() {
    let world = ten_versions();
    let out = world.run(&new(&["--auto", "--no-run", "--budget-tokens", "500"])).expect(3);
    assert!(out.out.contains("budget"), "{}", out.out);
    let tokens = |e: &serde_json::Value| {
        e["usage"]["prompt"].as_u64().unwrap_or(0) + e["usage"]["answer"].as_u64().unwrap_or(0)
    };
    let used: u64 = world.journal("s").iter().map(tokens).sum();
    assert!(used > 0 && used <= 900, "{used}");
}

#[test]
fn a_coder_that_repeats_itself_is_stuck_after_a_few_calls() {
    let same = fenced("print(1)");
    let iterate =
        "R1: not met\nR2: met\n- [blocker] R1 \"print(1)\" prints nothing else\nVERDICT: ITERATE";
    let world = World::scripted(&[PLAN], &[&same], &[iterate]);
    let out = world.run(&new(&["--auto", "--no-run"])).expect(3);
    assert!(out.out.contains("stuck"), "{}", out.out);
    assert!(world.received().len() < 10, "{}", world.received().len());
}

#[test]
fn a_coder_that_returns_its_failed_script_is_asked_without_seeing_it() {
    let bad = fenced("print(1 / 0)");
    let world = World::scripted(&[PLAN], &[&bad, &bad, &fenced("print(1)")], &[ACCEPT]);
    world.run(&new(&["--auto", "--sandbox", "off"])).expect(0);
    let asked: Vec<String> = world
        .received()
        .iter()
        .filter(|r| agent(r) == Asking::Coder)
        .map(crate::support::model_server::Received::prompt)
        .collect();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].contains("print(1 / 0)\n```"), "the repair shows the script: {}", asked[1]);
    assert!(!asked[2].contains("```python\nprint"), "it is shown again: {}", asked[2]);
    assert!(asked[2].contains("ZeroDivisionError"), "{}", asked[2]);
    let versions = world.events("s").iter().filter(|e| *e == "version_created").count();
    assert_eq!(versions, 2);
}

#[test]
fn a_coder_that_copied_the_script_is_not_shown_it_in_later_repairs() {
    let scripts = ["print(1 / 0)", "print(1 / 0)", "print(2 / 0)", "print(3)"].map(fenced);
    let world = World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[ACCEPT]);
    world.run(&new(&["--auto", "--sandbox", "off"])).expect(0);
    let received = world.received();
    let asked = received.iter().filter(|r| agent(r) == Asking::Coder);
    let shown: Vec<bool> = asked.map(|r| r.prompt().contains("```python\nprint(")).collect();
    assert_eq!(shown, [false, true, false, false]);
}

#[test]
fn a_script_without_output_is_sent_back_once() {
    let idle = "import argparse\nwords = argparse.ArgumentParser()\n\
                words.add_argument('--show', action='store_true')\n\
                if words.parse_args().show:\n    print(";
    let (idle, other) = (fenced(&format!("{idle}1)")), fenced(&format!("{idle}2)")));
    for (scripts, versions, asked_for, shows) in [
        (vec![idle.as_str(), &fenced("print(1)")], 2, 2, true),
        // A script that prints nothing is not sent back again: the user decides.
        (vec![idle.as_str(), &other], 2, 2, false),
        (vec![idle.as_str()], 1, 3, false),
    ] {
        let world = World::scripted(&[PLAN], &scripts, &[ACCEPT]);
        let out = world.run(&new(&["--auto", "--sandbox", "off"]));
        out.expect(if shows { 0 } else { 3 });
        let requests = world.received();
        let asked: Vec<String> = requests
            .iter()
            .filter(|r| agent(r) == Asking::Coder)
            .map(crate::support::model_server::Received::prompt)
            .collect();
        let made = world.events("s").iter().filter(|e| *e == "version_created").count();
        assert_eq!((made, asked.len()), (versions, asked_for), "{scripts:?}");
        assert!(asked[1].contains("showed nothing: it printed nothing"), "{}", asked[1]);
        let reviewed = requests.last().unwrap().prompt();
        assert_eq!(
            !reviewed.contains("It printed nothing and wrote no file."),
            shows,
            "{reviewed}"
        );
    }
    // With arguments, the script must print something.
    let silent = "import argparse\nwords = argparse.ArgumentParser()\n\
                  words.add_argument('x')\nprint(words.parse_args().x)";
    let world = World::scripted(&[PLAN], &[&fenced(silent)], &[ACCEPT]);
    world.run(&new(&["--auto", "--sandbox", "off", "--args", "x"])).expect(0);
    assert_eq!(world.received().len(), 3);
    // The script must read the input.
    let world = World::scripted(&[PLAN], &[&idle, &fenced("print(input())")], &[ACCEPT]);
    world.run(&new(&["--auto", "--sandbox", "off", "--stdin", "50\n42\n"])).expect(0);
    let asked = world.received();
    assert!(asked[2].prompt().contains("what is typed with `input()`"));
    assert!(world.read("sessions/s/report_v2.yaml").contains("given_by: manager"));
}

#[test]
fn a_suspicious_script_is_sent_back_once() {
    const TEST: &str = "from script import half\ndef test_one(): assert half(1) == 0.5\n";
    let constant = "def half(x):\n    return 0.5";
    let hidden = "cities = ['Rome', 'Oslo']\nfor city in cities:\n    \
                  print(sum(1 for city in cities if city == city))";
    let right = "def half(x):\n    return x / 2";
    let tested = &["--tests", "test_half.py"][..];
    for (first, second, flags, told) in [
        (constant, right, tested, Some("one case only: `half`. Compute what it returns")),
        // No test calls the function.
        (constant, right, &[], None),
        (hidden, "print(1)", &[], Some("Line 3 compares a value with itself")),
        ("n = float('nan')\nprint(n != n)", "print(1)", &[], None),
    ] {
        let (first, second) = (fenced(first), fenced(second));
        let world = World::scripted(&[PLAN], &[&first, &second], &[ACCEPT]);
        world.write("test_half.py", TEST);
        let args = [&new(&["--auto", "--sandbox", "off"])[..], flags].concat();
        let out = world.run(&args).expect(0).out;
        let accepted = if told.is_some() { "accepted v2" } else { "accepted v1" };
        assert!(out.contains(accepted), "{first}: {out}");
        let requests = world.received();
        let repair = requests.iter().filter(|r| agent(r) == Asking::Coder).nth(1);
        assert_eq!(repair.is_some(), told.is_some(), "{first}");
        if let (Some(repair), Some(told)) = (repair, told) {
            assert!(repair.prompt().contains(told), "{}", repair.prompt());
        }
    }
    // The script must read the user's input even if it prints something.
    let first = fenced("import sys\nprint(len(sys.argv))");
    let world = World::scripted(&[PLAN], &[&first, &fenced("print(input())")], &[ACCEPT]);
    world.run(&new(&["--auto", "--sandbox", "off", "--stdin", "50\n42\n"])).expect(0);
    let told = world.received()[2].prompt();
    assert!(told.contains("what is typed, and no arguments, and read none"), "{told}");
    let world = World::scripted(&[PLAN], &[&first], &[ACCEPT]);
    world.run(&new(&["--auto", "--sandbox", "off", "--stdin", "50", "--args", "x"])).expect(0);
    assert_eq!(world.received().len(), 3);
    // Only once, since a function may really have a single result.
    let other = fenced("def half(x):\n    return 1 / 2");
    let world = World::scripted(&[PLAN], &[&fenced(constant), &other], &[ACCEPT]);
    world.write("test_half.py", TEST);
    let args = [&new(&["--auto", "--sandbox", "off"])[..], tested].concat();
    world.run(&args).expect(0);
    assert!(world.read("sessions/s/report_v2.yaml").contains("heedless:\n"));
    // Among the candidates that pass, one that uses its parameters is chosen.
    let world = World::scripted(&[PLAN], &[&fenced(constant), &fenced(right)], &[ACCEPT]);
    world.write("test_half.py", TEST);
    let args = [&new(&["--auto", "--candidates", "2"])[..], tested].concat();
    world.run(&args).expect(0);
    assert!(world.read("sessions/s/script_v1.py").contains("x / 2"));
}

#[test]
fn a_script_that_does_not_write_a_planned_file_is_sent_back() {
    let saves = "with open('clock.png', 'wb') as file:\n    file.write(b'12')\nprint('saved')";
    for (flags, saved) in [(&["--auto"][..], "v2"), (&["--auto", "--candidates", "2"], "v1")] {
        let scripts = [fenced("print('ten past ten')"), fenced(saves)];
        let plan = format!("{PLAN}\n## Writes\n\n- clock.png\n");
        let world = World::scripted(&[&plan], &[&scripts[0], &scripts[1]], &[ACCEPT]);
        let mut args = vec!["new", "Draw a clock and save it as clock.png.", "--name", "s"];
        args.extend(flags);
        let out = world.run(&args).expect(0).out;
        assert!(out.contains(&format!("accepted {saved}")), "{out}");
        assert!(world.file(&format!("sessions/s/run_{saved}/files/clock.png")).is_file());
        if saved == "v2" {
            let report = world.read("sessions/s/report_v1.yaml");
            assert!(report.contains("it was to write `clock.png`, and did not"), "{report}");
            let asked = world.received();
            let repair = asked.iter().rfind(|r| agent(r) == Asking::Coder).unwrap().prompt();
            assert!(repair.contains("save it as `clock.png` in the current folder"), "{repair}");
        }
    }
}

#[test]
fn a_missing_import_is_added_without_a_repair() {
    let world = World::scripted(&[PLAN], &[&fenced("print(math.floor(1.5))")], &[ACCEPT]);
    let out = world.run(&new(&["--auto", "--sandbox", "off"])).expect(0);
    assert!(out.out.contains("a forgotten import was added: import math"), "{}", out.out);
    assert_eq!(world.read("sessions/s/script_v1.py"), "import math\nprint(math.floor(1.5))\n");
    assert_eq!(world.received().len(), 3);
}

#[test]
fn lasting_blockers_are_stuck_after_one_warmer_try() {
    let scripts: Vec<String> = (0..20).map(|n| fenced(&format!("print({n})"))).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let iterate =
        "R1: met\nR2: not met\n- [blocker] R2 the number two never appears\nVERDICT: ITERATE";
    let world = World::scripted(&[PLAN], &scripts, &[iterate]);
    let out = world.run(&new(&["--auto", "--no-run"])).expect(3);
    assert!(out.out.contains("same blockers"), "{}", out.out);
    assert!(world.file("sessions/s/script_v4.py").is_file(), "one warmer try");
    assert!(!world.file("sessions/s/script_v5.py").is_file());
    let warm: Vec<f64> = world
        .received()
        .iter()
        .filter(|r| agent(r) == Asking::Coder)
        .map(|r| r.body["temperature"].as_f64().unwrap())
        .collect();
    assert!(warm[3] > warm[2], "{warm:?}");
}

#[test]
fn a_script_that_omits_earlier_code_is_requested_again() {
    let script = |area: &str, n: u32| {
        fenced(&format!("def area(r):\n    {area}\n\n\n# remaining functions as above\nprint({n})"))
    };
    let iterate = "R1: met\nR2: not met\n- [blocker] R2 two is never printed\nVERDICT: ITERATE";
    let coder = [script("return 3 * r", 1), script("...", 2), script("return 4 * r", 2)];
    let coder: Vec<&str> = coder.iter().map(String::as_str).collect();
    let world = World::scripted(&[PLAN], &coder, &[iterate, ACCEPT]);
    world.run(&new(&["--auto", "--no-run"])).expect(0);
    assert!(world.read("sessions/s/script_v1.py").contains("# remaining functions as above"));
    assert!(world.read("sessions/s/script_v2.py").contains("return 4 * r"));
    let received = world.received();
    let last = received.iter().rfind(|r| agent(r) == Asking::Coder).unwrap().prompt();
    assert!(last.contains("`area` has no code any more: write the whole script"), "{last}");
}

#[test]
fn an_answer_without_a_script_is_requested_again_with_the_reason() {
    let world = World::scripted(
        &[PLAN],
        &["I can't.", &fenced("def f(:\n  pass"), &fenced("print(1)")],
        &[ACCEPT],
    );
    world.run(&new(&["--auto", "--no-run"])).expect(0);
    let coder: Vec<_> =
        world.received().into_iter().filter(|r| agent(r) == Asking::Coder).collect();
    assert_eq!(coder.len(), 3);
    assert!(coder[1].prompt().contains("could not be used"), "{}", coder[1].prompt());
    assert!(coder[2].prompt().contains("Line 1"), "{}", coder[2].prompt());
    assert!(!world.file("sessions/s/script_v2.py").is_file());
}

#[test]
fn a_coder_that_never_gives_a_script_is_asked_four_times() {
    let world = World::scripted(&[PLAN], &["I can't."], &[ACCEPT]);
    let out = world.run(&new(&["--auto", "--no-run"])).expect(3);
    assert!(out.out.contains("no usable script in 4 answers"), "{}", out.out);
    assert_eq!(out.last_line(), "resume with: redraft resume s");
}

#[test]
fn without_a_usable_plan_the_request_is_the_requirement() {
    let world = World::scripted(&["```python\nprint(1)\n```"], &[&fenced("print(1)")], &[ACCEPT]);
    world.run(&new(&["--auto", "--no-run"])).expect(0);
    assert!(world.read("sessions/s/plan.md").contains("R1: count to two"));
}

#[test]
fn with_json_every_event_is_a_line() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    let out = world.run(&new(&["--auto", "--no-run", "--json"])).expect(0);
    assert_eq!(out.json(), world.journal("s"));
    assert!(out.err.contains("accepted v1"), "people's text goes to standard error");
}

#[test]
fn prompts_do_not_grow_with_the_number_of_versions() {
    let world = ten_versions();
    world.run(&new(&["--auto", "--no-run", "--max-versions", "10"])).expect(3);
    assert!(world.file("sessions/s/review_v10.md").is_file());
    let lengths: Vec<usize> = world
        .received()
        .iter()
        .filter(|r| agent(r) == Asking::Coder)
        .map(|r| r.prompt().len())
        .collect();
    assert_eq!(lengths.len(), 10);
    assert!(lengths[9] <= lengths[2], "{lengths:?}");
}

/// Ten versions, each with one blocker that the next one fixes; none is good.
fn ten_versions() -> World {
    use crate::support::model_server::Reply;
    use std::sync::atomic::{AtomicU32, Ordering};
    const WORDS: [&str; 12] = [
        "alpha", "bravo", "gamma", "delta", "theta", "kappa", "omega", "sigma", "lambd", "zetas",
        "etass", "iotas",
    ];
    let written = AtomicU32::new(0);
    World::with(move |request| {
        let text = match agent(request) {
            Asking::Planner => PLAN.to_owned(),
            Asking::Coder => {
                let n = written.fetch_add(1, Ordering::SeqCst) as usize;
                fenced(&format!("print('{}')", WORDS[n % 12]))
            }
            Asking::Reviewer => {
                let n = written.load(Ordering::SeqCst) as usize - 1;
                let word = WORDS[n % 12];
                format!(
                    "R1: met\nR2: not met\n- [blocker] R2 \"print('{word}')\" {word} is not {}\nVERDICT: ITERATE",
                    WORDS[(n + 5) % 12]
                )
            }
        };
        Reply::to(request, &text)
    })
}

#[test]
fn a_second_process_is_told_which_one_holds_the_session() {
    use crate::support::model_server::Reply;
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        _ => Reply::to(request, "some").cut_to(1).then_hang(),
    });
    let mut first = world.start(&new(&["--auto", "--no-run"]));
    while world.received().len() < 2 {
        std::thread::yield_now();
    }
    let out = world.run(&["resume", "s"]).expect(5);
    assert!(out.err.contains(&format!("process {}", first.id())), "{}", out.err);
    world.run(&["show", "s"]).expect(0);
    first.kill().unwrap();
    first.wait().unwrap();
    world.server().release();
    world.run(&["feedback", "s", "x"]).expect(2);
    assert_eq!(world.events("s").last().unwrap(), "model_call_started");
}

#[test]
fn each_new_permission_is_asked_once_by_its_name() {
    let scripts = [
        "print(len(open('/etc/hostname').read()) > 0)",
        "print(open('/etc/hostname').read() != '', 'again')",
        "print(open('/etc/passwd').read())",
    ];
    let scripts = scripts.map(fenced);
    let coder: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = World::scripted(&[PLAN], &coder, &[ACCEPT]);
    let input = "approve\nallow\nfeedback: other\nfeedback: other\ndeny\naccept\n";
    let out = world.run_with(&new(&[]), input).expect(0);
    assert!(
        out.out.contains("read /etc/hostname  open(\"/etc/hostname\") in line 1"),
        "{}",
        out.out
    );
    let gates = world.journal("s");
    let gates = gates.iter().filter(|e| e["event"] == "gate_opened" && e["gate"] == "safety");
    assert_eq!(gates.count(), 2, "one for each path, not for each version");
    let permissions: Vec<_> = world
        .journal("s")
        .iter()
        .filter(|e| e["event"] == "run_permission")
        .map(|e| format!("{} {}", e["permissions"], e["allowed"]))
        .collect();
    assert_eq!(permissions, ["[\"read=/etc/hostname\"] true", "[\"read=/etc/passwd\"] false"]);
    let verdicts = [1, 2, 3]
        .map(|n| world.read(&format!("sessions/s/report_v{n}.yaml")).contains("verdict: ok"));
    assert_eq!(verdicts, [true, true, false]);
}

#[test]
fn what_a_flag_allows_is_granted_without_a_question() {
    let script = "import socket\nprint(open('/etc/hostname').read() != '', socket.gethostname())";
    let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
    let allow = ["--allow", "read=/etc/hostname", "--allow", "network"];
    world.run(&new(&[&["--auto"], &allow[..]].concat())).expect(0);
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("verdict: ok") && report.contains("sandbox: network"), "{report}");
    assert_eq!(world.journal("s").iter().filter(|e| e["event"] == "run_permission").count(), 0);
}

#[test]
fn a_script_not_clearly_judged_safe_runs_only_if_the_user_allows() {
    for (answer, input, verdict, said) in [
        ("SAFE: yes\nREASON: it only prints.", None, "ok", "judged safe"),
        ("SAFE: no\nREASON: line 1 harms.", None, "refused", "line 1 harms."),
        ("I would have to think about that.", None, "refused", "its answer was not clear"),
        (
            "SAFE: no\nREASON: line 1 harms.",
            Some("approve\nallow\naccept\n"),
            "ok",
            "line 1 harms.",
        ),
        ("SAFE: no\nREASON: line 1 harms.", Some("approve\ndeny\naccept\n"), "refused", "line 1"),
    ] {
        let world = World::with(move |request| {
            if request.prompt().starts_with("You judge") {
                assert!(request.prompt().contains("print(1)"), "it is shown the script");
                return Reply::to(request, answer);
            }
            let text = match agent(request) {
                Asking::Planner => PLAN.to_owned(),
                Asking::Coder => fenced("print(1)"),
                Asking::Reviewer => ACCEPT.to_owned(),
            };
            Reply::to(request, &text)
        });
        world.write("safety.yaml", "safety: both\n");
        let auto: &[&str] = if input.is_none() { &["--auto"] } else { &[] };
        let args = new(&[auto, &["--config", "safety.yaml"]].concat());
        let accepted = input.is_some() || verdict == "ok";
        let out = world.run_with(&args, input.unwrap_or_default());
        let out = out.expect(if accepted { 0 } else { 3 });
        assert!(out.out.contains(said), "{answer}\n{}", out.out);
        let report = world.read("sessions/s/report_v1.yaml");
        assert!(report.contains(&format!("verdict: {verdict}")), "{answer}\n{report}");
    }
}

#[test]
fn a_version_that_crashes_does_not_replace_one_that_ran() {
    let iterate = "R1: not met\n- [blocker] R1 \"print(1)\" it prints no two\nVERDICT: ITERATE";
    let world = World::scripted(
        &[PLAN],
        &[&fenced("print(1)"), &fenced("print(1)\nraise SystemExit(3)"), &fenced("print(1 + 1)")],
        &[iterate, ACCEPT],
    );
    let out = world.run(&new(&["--auto", "--repairs", "0"])).expect(0);
    assert!(
        out.out.contains("v2 is worse than v1 (its run failed): going on from v1"),
        "{}",
        out.out
    );
    let journal = world.journal("s");
    let bases: Vec<_> = journal
        .iter()
        .filter(|e| e["event"] == "version_created")
        .map(|e| e["base"].as_u64())
        .collect();
    assert_eq!(bases, [None, Some(1), Some(1)]);
    let coder: Vec<_> =
        world.received().into_iter().filter(|r| agent(r) == Asking::Coder).collect();
    assert!(!coder[2].prompt().contains("SystemExit"), "it is shown the better one");
    assert_ne!(coder[1].body["temperature"], coder[2].body["temperature"], "asked the same again");
}

#[test]
fn a_program_that_needs_a_terminal_gets_one_without_a_repair() {
    for (script, code, shown) in [
        (
            "import curses\ndef main(screen):\n    screen.addstr('drawn')\n    screen.getch()\n\
             curses.wrapper(main)",
            3,
            "waits for input that nobody gave",
        ),
        ("import sys, termios\nprint(len(termios.tcgetattr(sys.stdin)))", 0, "accepted v1 (ran)"),
        ("import os\nprint(os.get_terminal_size().columns)", 0, "accepted v1 (ran)"),
    ] {
        let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
        let out = world.run(&new(&["--auto"])).expect(code).out;
        assert!(out.contains(shown), "{out}");
        let screen = world.read("sessions/s/run_v1/stdout.txt");
        assert!(["drawn\n", "7\n", "80\n"].contains(&screen.as_str()), "{screen}");
        let coder = world.received().into_iter().filter(|r| agent(r) == Asking::Coder).count();
        assert_eq!(coder, 1, "{out}");
    }
}

#[test]
fn a_program_that_waits_for_input_is_not_repaired() {
    let script = fenced("n = int(input('n? '))\nprint('double:', 2 * n)");
    let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
    let calls = || world.received().into_iter().filter(|r| agent(r) == Asking::Coder).count();
    let out = world.run(&new(&["--auto"])).expect(3).out;
    for said in
        ["run: waits, it waits for input, and nothing was given", "--stdin TEXT", "- input: TEXT"]
    {
        assert!(out.contains(said), "{said}\n{out}");
    }
    assert_eq!(calls(), 1, "{out}");
    assert!(world.read("sessions/s/report_v1.yaml").contains("verdict: waits"));
    assert!(world.run(&["show", "s"]).expect(0).out.contains("waits"));
    world.run(&["run", "s"]).expect(3);
    // Without new input, it still waits and calls no model.
    world.run(&["resume", "s", "--auto"]).expect(3);
    assert_eq!(calls(), 1, "{out}");
    let out = world.run(&["resume", "s", "--auto", "--stdin", "3"]).expect(0).out;
    assert!(out.contains("accepted v1 (ran)"), "{out}");
    assert!(world.read("sessions/s/run_v1/stdout.txt").contains("double: 6"));
    assert_eq!(calls(), 1, "{out}");
}

#[test]
fn an_example_gives_a_waiting_program_its_input() {
    let script = fenced("n = int(input('n? '))\nprint('double:', 2 * n)");
    let world = World::scripted(&[PLAN], &[&script], &[ACCEPT]);
    world.run(&new(&["--auto"])).expect(3);
    let more = ["resume", "s", "--auto", "--example", "input: 3 -> 6"];
    let out = world.run(&more).expect(0).out;
    assert!(out.contains("accepted v1 (tested: 1 of 1)"), "{out}");
}
