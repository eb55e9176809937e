//! Screens at three widths, with and without colours.

mod narrow;
mod usual;
mod wide;

use crate::support::model_server::Reply;
use crate::support::pty::{CTRL_C, ENTER, Pty};
use crate::support::world::{Asking, World, agent, fenced};

const PLAN: &str = "A script that counts to two and draws what it counted.\n\
    R1: It prints one. Check: read the output.\n\
    R2: It prints two, in a line of its own and in words that a child can read. Check: read the output.\n\
    R3: It writes what it printed to a file. Check: open the file.\n";
const SCRIPT: &str = "print('one')\nprint('two')\nopen('counted.txt', 'w').write('one two')\n";
/// One requirement is partly met, without an explanation, and one is not judged.
const REVIEW: &str = "R1: met\nR2: partly\n\
    - [should] R1 \"print('one')\" it prints the word where the plan could mean the number\n\
    VERDICT: ITERATE\n";

/// The screen from this line on, with values that differ between runs replaced.
fn from(screen: &str, line: &str) -> String {
    let at = screen.find(line).unwrap_or_else(|| panic!("no `{line}` on\n{screen}"));
    let number = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(text, with).into_owned()
    };
    let text = number(screen[at..].trim_end(), r"[0-9]+\.[0-9] s", "0.0 s");
    let text = number(&text, r"[0-9]+ tokens", "N tokens");
    // Replacements of the same width.
    let text =
        number(&text, "20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC", "2026-11-30 09:00:00 UTC");
    number(&text, "20[0-9]{2}-[0-9]{2}-[0-9]{2} ", "2026-11-30 ")
}

/// The plan gate and the version gate in a terminal of this width.
fn gates(columns: u16) -> [String; 2] {
    same_without_colours(|env| {
        let world = world();
        let mut pty = Pty::sized(&world, &NEW, columns, 70, env);
        pty.expect_screen("the plan gate", |screen| screen.contains("q quit"));
        let plan = from(&pty.screen(), "── s: the plan");
        pty.send("a");
        at_the_version_gate(&mut pty);
        let version = from(&pty.screen(), "── s v1");
        pty.send("q");
        pty.expect_end(3);
        ([plan, version], pty.is_styled())
    })
}

const NEW: [&str; 6] = ["new", TASK, "--name", "s", "--sandbox", "off"];
const TASK: &str =
    "count to two, in words that a child can read, and keep what was printed in a file";

fn world() -> World {
    let scripts = [SCRIPT, &SCRIPT.replace("two')", "two!')")].map(fenced);
    World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[REVIEW])
}

fn at_the_version_gate(pty: &mut Pty) {
    pty.expect_screen("the version gate", |screen| {
        screen.contains("f feedback") && screen.contains("q quit")
    });
}

/// The result of `shown`, which must be the same with and without `NO_COLOR`, and styled only
/// without.
fn same_without_colours<T: PartialEq + std::fmt::Debug>(
    shown: impl Fn(&[(&str, &str)]) -> (T, bool),
) -> T {
    let (plain, styled) = shown(&[("NO_COLOR", "1")]);
    assert!(!styled, "colours in spite of NO_COLOR: {plain:?}");
    let (coloured, styled) = shown(&[]);
    assert!(styled, "no colours: {coloured:?}");
    assert_eq!(plain, coloured);
    plain
}

/// The screen left by a command.
fn left_by(world: &World, args: &[&str], columns: u16) -> String {
    same_without_colours(|env| {
        let mut pty = Pty::sized(world, args, columns, 70, env);
        pty.expect_end(0);
        let screen = pty.screen();
        assert!(!screen.is_empty());
        (from(&screen, screen.lines().next().unwrap()), pty.is_styled())
    })
}

/// The first start of a user without a key or a model.
fn first_start(columns: u16) -> String {
    same_without_colours(|env| {
        let world = World::empty();
        let mut pty = Pty::sized(&world, &[], columns, 40, env);
        pty.expect("What should the script do?");
        let screen = from(&pty.screen(), "redraft turns");
        pty.send(ENTER);
        pty.expect_end(0);
        (screen, pty.is_styled())
    })
}

/// The screen while a model writes.
fn streaming(columns: u16) -> String {
    same_without_colours(|env| {
        let world = World::with(|request| match agent(request) {
            Asking::Planner => Reply::to(request, PLAN),
            _ => Reply::to(request, &fenced(&format!("{}{SCRIPT}", "# why it is so\n".repeat(9))))
                .cut_to(30)
                .then_hang(),
        });
        let mut pty = Pty::sized(&world, &NEW, columns, 70, env);
        pty.expect_screen("the plan gate", |screen| screen.contains("q quit"));
        pty.send("a");
        pty.expect_screen("the script", |screen| {
            screen.contains("8 lines") && screen.trim_end().ends_with("│ #")
        });
        let screen = from(&pty.screen(), "The Coder writes v1");
        let moving = regex::Regex::new(r"[\u{2801}-\u{28ff}]").unwrap().replace_all(&screen, "*");
        // The speed and the time are tested elsewhere.
        let speed = regex::Regex::new("(writing, 8 lines).*").unwrap();
        let screen = speed.replace_all(&moving, "$1 Ns").into_owned();
        pty.send(CTRL_C);
        pty.expect("What next?");
        pty.send(CTRL_C);
        pty.expect_end(130);
        (screen, pty.is_styled())
    })
}

/// The screen after a version is accepted.
fn accepted(columns: u16) -> String {
    same_without_colours(|env| {
        let world = world();
        let mut pty = Pty::sized(&world, &NEW, columns, 70, env);
        pty.choose("Is this the plan?", "approve");
        at_the_version_gate(&mut pty);
        pty.send("a");
        pty.expect_end(0);
        (from(&pty.screen(), "What now? accept"), pty.is_styled())
    })
}

/// `show` of a session and of a version, and `list`.
fn shown(columns: u16) -> [String; 3] {
    let world = world();
    world.run_with(&NEW, "approve\nthe second word is too small\naccept\n").expect(0);
    world
        .run_with(&["new", "a clock", "--name", "the-clock-of-my-grandmother"], "quit\n")
        .expect(3);
    [&["show", "s"][..], &["show", "s:v2"], &["list"]].map(|args| left_by(&world, args, columns))
}

/// A question with its answer, and the session as shown afterwards.
fn asked(columns: u16) -> [String; 2] {
    let world = World::with(|request| {
        let code = "```python\nprint(6 * 7)\nopen('answer.txt', 'w').write('42')\n```";
        let said = "It is 42: six times seven, as the code that was run for it has printed it.";
        Reply::to(request, if request.prompt().contains("It ran.") { said } else { code })
    });
    let asked = same_without_colours(|env| {
        let name = if env.is_empty() { "q" } else { "p" };
        let args = ["ask", "what is six times seven, and why is it not more?", "--name", name];
        let mut pty = Pty::sized(&world, &args, columns, 70, env);
        pty.expect_end(0);
        let screen = pty.screen().replace("sessions/p/", "sessions/q/");
        let screen = screen.replace("resume p", "resume q");
        (from(&screen, "session ").replace("session p", "session q"), pty.is_styled())
    });
    [asked, left_by(&world, &["show", "q"], columns)]
}

#[test]
fn gates_fit_a_narrow_terminal() {
    let [plan, version] = gates(50);
    insta::assert_snapshot!(plan, @r"
    ── s: the plan ───────────────────────────────────
      A script that counts to two and draws what it
      counted.

      Requirements

      - R1: It prints one. Check: read the output.
      - R2: It prints two, in a line of its own and in
        words that a child can read. Check: read the
        output.
      - R3: It writes what it printed to a file.
        Check: open the file.

    ? Is this the plan? ›
    ❯ a approve   the Coder writes the script
      s say       tell the Planner what to change
      e edit      change the plan in your editor
      q quit      stop here and resume later
    ");
    insta::assert_snapshot!(version, @r"
    ── s v1 (first) ──────────────────────────────────
      verdict   ITERATE (ran)
      run       ok, 0.0 s, 2 lines printed, wrote
                counted.txt, sandbox off
      wrote     sessions/s/run_v1/files/counted.txt
      plan      1 of 3 requirements met, partly: R2,
                not judged: R3
      findings  1 open (0 blockers), 1 new, 0 settled
      F1  should   R1 it prints the word where the
                   plan could mean the number
                   `print('one')`
      script    sessions/s/script_v1.py
      checks    no errors
      spent     N tokens in 3 calls
      next      another version takes about N tokens,
                0.0 s

    ? What now? ›
      a accept    take this version and finish
    ❯ i iterate   write another version that fixes
                  what was found
      f feedback  say what you saw; another version
                  follows
      r run       try it yourself, in the sandbox
      e edit      change the script in your editor
      p plan      change the plan
      w rewind    continue from an earlier version
      l look      view the script, its changes,
                  output and pictures
      t test      check the requirements one by one
      g right     its output is correct: keep it as
                  an example
      v waive     ignore a finding
      u rerun     run it again
      q quit      stop here and resume later
    ");
}

#[test]
fn gates_fit_a_usual_terminal() {
    let [plan, version] = gates(80);
    insta::assert_snapshot!(plan, @r"
    ── s: the plan ─────────────────────────────────────────────────────────────
      A script that counts to two and draws what it counted.

      Requirements

      - R1: It prints one. Check: read the output.
      - R2: It prints two, in a line of its own and in words that a child can read.
        Check: read the output.
      - R3: It writes what it printed to a file. Check: open the file.

    ? Is this the plan? ›
    ❯ a approve   the Coder writes the script
      s say       tell the Planner what to change
      e edit      change the plan in your editor
      q quit      stop here and resume later
    ");
    insta::assert_snapshot!(version, @r"
    ── s v1 (first) ────────────────────────────────────────────────────────────
      verdict   ITERATE (ran)
      run       ok, 0.0 s, 2 lines printed, wrote counted.txt, sandbox off
      wrote     sessions/s/run_v1/files/counted.txt
      plan      1 of 3 requirements met, partly: R2, not judged: R3
      findings  1 open (0 blockers), 1 new, 0 settled
      F1  should   R1 it prints the word where the plan could mean the number
                   `print('one')`
      script    sessions/s/script_v1.py
      checks    no errors
      spent     N tokens in 3 calls
      next      another version takes about N tokens, 0.0 s

    ? What now? ›
      a accept    take this version and finish
    ❯ i iterate   write another version that fixes what was found
      f feedback  say what you saw; another version follows
      r run       try it yourself, in the sandbox
      e edit      change the script in your editor
      p plan      change the plan
      w rewind    continue from an earlier version
      l look      view the script, its changes, output and pictures
      t test      check the requirements one by one
      g right     its output is correct: keep it as an example
      v waive     ignore a finding
      u rerun     run it again
      q quit      stop here and resume later
    ");
}

#[test]
fn gates_fit_a_wide_terminal() {
    let [plan, version] = gates(120);
    insta::assert_snapshot!(plan, @r"
    ── s: the plan ─────────────────────────────────────────────────────────────
      A script that counts to two and draws what it counted.

      Requirements

      - R1: It prints one. Check: read the output.
      - R2: It prints two, in a line of its own and in words that a child can read. Check: read the output.
      - R3: It writes what it printed to a file. Check: open the file.

    ? Is this the plan? ›
    ❯ a approve   the Coder writes the script
      s say       tell the Planner what to change
      e edit      change the plan in your editor
      q quit      stop here and resume later
    ");
    insta::assert_snapshot!(version, @r"
    ── s v1 (first) ────────────────────────────────────────────────────────────
      verdict   ITERATE (ran)
      run       ok, 0.0 s, 2 lines printed, wrote counted.txt, sandbox off
      wrote     sessions/s/run_v1/files/counted.txt
      plan      1 of 3 requirements met, partly: R2, not judged: R3
      findings  1 open (0 blockers), 1 new, 0 settled
      F1  should   R1 it prints the word where the plan could mean the number `print('one')`
      script    sessions/s/script_v1.py
      checks    no errors
      spent     N tokens in 3 calls
      next      another version takes about N tokens, 0.0 s

    ? What now? ›
      a accept    take this version and finish
    ❯ i iterate   write another version that fixes what was found
      f feedback  say what you saw; another version follows
      r run       try it yourself, in the sandbox
      e edit      change the script in your editor
      p plan      change the plan
      w rewind    continue from an earlier version
      l look      view the script, its changes, output and pictures
      t test      check the requirements one by one
      g right     its output is correct: keep it as an example
      v waive     ignore a finding
      u rerun     run it again
      q quit      stop here and resume later
    ");
}

#[test]
fn the_allow_flag_is_shown_whole_on_a_narrow_screen() {
    let address = "https://a-name-of-some-length.example.org/a";
    let script = fenced(&format!(
        "import urllib.request\nprint(urllib.request.urlopen('{address}').read())"
    ));
    let world = World::scripted(&[PLAN], &[&script], &[REVIEW]);
    let mut pty = Pty::sized(&world, &["new", TASK, "--name", "s"], 50, 70, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.choose("May it?", "deny");
    at_the_version_gate(&mut pty);
    let screen = from(&pty.screen(), "── s v1");
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let flag = "`--allow network=a-name-of-some-length.example.org` allows it";
    assert!(words.contains(flag), "{screen}");
    pty.send("q");
    pty.expect_end(3);
}
