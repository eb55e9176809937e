//! The gates as a person sees them, at three widths and without colours.

use crate::support::pty::Pty;
use crate::support::world::{World, fenced};

const PLAN: &str = "A script that counts to two and draws what it counted.\n\
    R1: It prints one. Check: read the output.\n\
    R2: It prints two, in a line of its own and in words that a child can read. Check: read the output.\n\
    R3: It writes what it printed to a file. Check: open the file.\n";
const SCRIPT: &str = "print('one')\nprint('two')\nopen('counted.txt', 'w').write('one two')\n";
/// One requirement is met in part, without a word about why, and one is not judged.
const REVIEW: &str = "R1: met\nR2: partly\n\
    - [should] R1 \"print('one')\" it prints the word where the plan could mean the number\n\
    VERDICT: ITERATE\n";

/// What stands on the screen from this line on, without what differs from run to run.
fn from(screen: &str, line: &str) -> String {
    let at = screen.find(line).unwrap_or_else(|| panic!("no `{line}` on\n{screen}"));
    let number = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(text, with).into_owned()
    };
    let text = number(screen[at..].trim_end(), r"[0-9]+\.[0-9] s", "0.0 s");
    number(&text, r"[0-9]+ tokens", "N tokens")
}

/// The plan gate and the version gate at a terminal of so many columns.
fn gates(columns: u16) -> [String; 2] {
    let world = World::scripted(&[PLAN], &[&fenced(SCRIPT)], &[REVIEW]);
    let args = ["new", "count to two", "--name", "s", "--sandbox", "off"];
    let mut pty = Pty::sized(&world, &args, columns, 70, &[("NO_COLOR", "1")]);
    pty.expect_screen("the plan gate", |screen| screen.contains("q quit"));
    let plan = from(&pty.screen(), "── s: the plan");
    pty.send("a");
    pty.expect_screen("the version gate", |screen| {
        screen.contains("f feedback") && screen.contains("q quit")
    });
    let version = from(&pty.screen(), "── s v1");
    pty.send("q");
    pty.expect_end(3);
    [plan, version]
}

#[test]
fn gates_fit_a_narrow_terminal() {
    let [plan, version] = gates(50);
    insta::assert_snapshot!(plan, @r#"
    ── s: the plan ───────────────────────────────────
      A script that counts to two and draws what it
      counted.

      ## Requirements

      - R1: It prints one. Check: read the output.
      - R2: It prints two, in a line of its own and in
        words that a child can read. Check: read the
        output.
      - R3: It writes what it printed to a file.
        Check: open the file.

    ? Is this the plan? ›
    ❯ a approve   the Coder starts with it
      s say       tell the Planner what should be…
      e edit      change the text in your editor
      q quit      stop for today
    "#);
    insta::assert_snapshot!(version, @r#"
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
      one more  about N tokens, 0.0 s

    ? What now? ›
      a accept    take this version: done
    ❯ i iterate   another version, for the open f…
      f feedback  say what you saw; then another …
      r run       use it yourself, in the sandbox
      e edit      change the script in your editor
      p plan      change what is asked for
      w rewind    go on from an earlier version
      l look      read the script, what changed, …
      t test      go through the requirements: ye…
      g right     what it printed is right: an ex…
      v waive     say of a finding that it does n…
      u rerun     run it once more
      q quit      stop for today
    "#);
}

#[test]
fn gates_fit_a_usual_terminal() {
    let [plan, version] = gates(80);
    insta::assert_snapshot!(plan, @r#"
    ── s: the plan ─────────────────────────────────────────────────────────────
      A script that counts to two and draws what it counted.

      ## Requirements

      - R1: It prints one. Check: read the output.
      - R2: It prints two, in a line of its own and in words that a child can read.
        Check: read the output.
      - R3: It writes what it printed to a file. Check: open the file.

    ? Is this the plan? ›
    ❯ a approve   the Coder starts with it
      s say       tell the Planner what should be different
      e edit      change the text in your editor
      q quit      stop for today
    "#);
    insta::assert_snapshot!(version, @r#"
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
      one more  about N tokens, 0.0 s

    ? What now? ›
      a accept    take this version: done
    ❯ i iterate   another version, for the open findings
      f feedback  say what you saw; then another version
      r run       use it yourself, in the sandbox
      e edit      change the script in your editor
      p plan      change what is asked for
      w rewind    go on from an earlier version
      l look      read the script, what changed, all it printed, the requiremen…
      t test      go through the requirements: yes, no, or a note
      g right     what it printed is right: an example from now on
      v waive     say of a finding that it does not matter
      u rerun     run it once more
      q quit      stop for today
    "#);
}

#[test]
fn gates_fit_a_wide_terminal() {
    let [plan, version] = gates(120);
    insta::assert_snapshot!(plan, @r#"
    ── s: the plan ─────────────────────────────────────────────────────────────
      A script that counts to two and draws what it counted.

      ## Requirements

      - R1: It prints one. Check: read the output.
      - R2: It prints two, in a line of its own and in words that a child can read. Check: read the output.
      - R3: It writes what it printed to a file. Check: open the file.

    ? Is this the plan? ›
    ❯ a approve   the Coder starts with it
      s say       tell the Planner what should be different
      e edit      change the text in your editor
      q quit      stop for today
    "#);
    insta::assert_snapshot!(version, @r#"
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
      one more  about N tokens, 0.0 s

    ? What now? ›
      a accept    take this version: done
    ❯ i iterate   another version, for the open findings
      f feedback  say what you saw; then another version
      r run       use it yourself, in the sandbox
      e edit      change the script in your editor
      p plan      change what is asked for
      w rewind    go on from an earlier version
      l look      read the script, what changed, all it printed, the requirements
      t test      go through the requirements: yes, no, or a note
      g right     what it printed is right: an example from now on
      v waive     say of a finding that it does not matter
      u rerun     run it once more
      q quit      stop for today
    "#);
}
