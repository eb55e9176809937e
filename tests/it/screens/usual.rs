//! A terminal of 80 columns.

use super::{accepted, asked, first_start, shown, streaming};

const COLUMNS: u16 = 80;

#[test]
fn the_first_start_fits_a_usual_terminal() {
    insta::assert_snapshot!(first_start(COLUMNS), @r#"
    redraft turns a sentence into one working Python script.
    You agree on a plan, and a model writes the script. Each version is checked, run
    in a sandbox and compared with the plan. You accept it, or say what to change.
    Everything is in readable files in sessions; stop and resume at any time.
    No key or account is needed: a model (1 kB) is downloaded once and runs here.

    start with:  redraft new "show the time on an analog clock face"
    more:        redraft --help, redraft models, redraft doctor

    What should the script do? (empty: quit)
    "#);
}

#[test]
fn streamed_text_fits_a_usual_terminal() {
    insta::assert_snapshot!(streaming(COLUMNS), @r"
    The Coder writes v1 (local/m)
      * writing, 8 lines Ns
      │ Here it is:
      │ ```python
      │ # why it is so
      │ # why it is so
      │ # why it is so
      │ # why it is so
      │ # why it is so
      │ #
    ");
}

#[test]
fn an_acceptance_fits_a_usual_terminal() {
    insta::assert_snapshot!(accepted(COLUMNS), @r#"
    What now? accept
      after 1 version, 1 call of the Coder
    accepted v1 (ran): sessions/s/script_v1.py
      wrote         sessions/s/run_v1/files/counted.txt
      run it        redraft run s
      copy it here  redraft export s -o s.py
      change it     redraft feedback s "..." and redraft resume s
    "#);
}

#[test]
fn show_and_list_fit_a_usual_terminal() {
    let [session, version, list] = shown(COLUMNS);
    insta::assert_snapshot!(session, @r"
    s: count to two, in words that a child can read, and keep what was printed in a
    file
      status   accepted v2 (ran)
      began    2026-11-30 09:00:00 UTC, last event 2026-11-30 09:00:00 UTC
      planner  local/m
      coder    local/m
      reviewer local/m
      allowed  sandbox=off
      spent    N tokens in 5 calls
      script   sessions/s/script_v2.py
      wrote    sessions/s/run_v2/files/counted.txt

    Plan
           v1   v2
      R1   ✓v   ✓v   It prints one. Check: read the output.
      R2   ~v   ~v   It prints two, in a line of its own and in words that a child…
      R3   ·    ·    It writes what it printed to a file. Check: open the file.
           ✓ met, ~ partly, ✗ not met, · not judged; said by m you, t your tests, r
           the run, v the Reviewer

    Versions
      v1    first        3 lines  run ok       ITERATE
    ✓ v2    feedback     3 lines  run ok       ITERATE

    Findings
      F1   should   open        R1   v1-v2    it prints the word where the plan
                                              could mean the number `print('one')`
                                              (said 2 times)
      F2   should   settled     -    v1       the second word is too small (yours)
    ");
    insta::assert_snapshot!(version, @r"
    ── s v2 (feedback) ─────────────────────────────────────────────────────────
      verdict   ITERATE (ran)
      run       ok, 0.0 s, 2 lines printed, wrote counted.txt, sandbox off
      wrote     sessions/s/run_v2/files/counted.txt
      plan      1 of 3 requirements met, partly: R2, not judged: R3
      findings  1 open (0 blockers), 0 new, 0 settled
      F1  should   R1 it prints the word where the plan could mean the number
                   `print('one')`
      script    sessions/s/script_v2.py
      checks    no errors
      changed   +2 −2 lines since v1
      spent     N tokens in 5 calls
      next      another version takes about N tokens, 0.0 s

       1  print('one')
       2  print('two!')
       3  open('counted.txt', 'w').write('one two!')
    ");
    insta::assert_snapshot!(list, @r"
    the-clock-of-my-grandmother  2026-11-30  -    at the plan gate
      a clock
    s                            2026-11-30  v2   accepted v2 (ran)
      count to two, in words that a child can read, and keep what…
    ");
}

#[test]
fn questions_fit_a_usual_terminal() {
    let [asked, shown] = asked(COLUMNS);
    insta::assert_snapshot!(asked, @r"
    session q: what is six times seven, and why is it not more?
    The Engineer writes an answer (local/m)
      N tokens in, 16 out, 0.0 s
      v1: 2 lines
         1  print(6 * 7)
         2  open('answer.txt', 'w').write('42')
      run: ok, 0.0 s, 1 line printed, wrote answer.txt
         │ 42
         wrote   sessions/q/run_v1/files/answer.txt
    The Engineer writes an answer (local/m)
      N tokens in, 19 out, 0.0 s
    It is 42: six times seven, as the code that was run for it has printed it.
    resume with: redraft resume q
    ");
    insta::assert_snapshot!(shown, @r"
    q: what is six times seven, and why is it not more?
      status   answered
      kind     questions answered by running code
      began    2026-11-30 09:00:00 UTC, last event 2026-11-30 09:00:00 UTC
      engineer local/m
      spent    N tokens in 2 calls

    Question 1: what is six times seven, and why is it not more?
      v1, 2 lines: ok, 0.0 s, 1 line printed, wrote answer.txt
      │ 42
        wrote   sessions/q/run_v1/files/answer.txt
           1  print(6 * 7)
           2  open('answer.txt', 'w').write('42')
      Answer: It is 42: six times seven, as the code that was run for it has printed
              it.

    resume with: redraft resume q
    ");
}
