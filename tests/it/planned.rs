//! Additions of a plan to the user's request: they are shown as proposals and have no effect until
//! the user approves them.

use crate::support::world::{ACCEPT, Asking, World, agent, fenced};

const REQUEST: &str = "count the words of a text, 12 words at most, and save it as count.txt";
const PLAN: &str = "It counts words.\n\
    R1: Print how many words there are. Check: count them. From: \"count the words of a text\"\n\
    R2: Draw a bar chart. From: \"draw a bar chart\"\n\
    R3: Take the option --json.\n\n\
    ## Examples\n\n- E1: prints `12 words`\n- E2: prints `99`\n\n\
    ## Writes\n\n- count.txt\n- chart.png\n\n\
    ## Try it with\n\n- arguments: --json\n";

fn world(scripts: &[&str]) -> World {
    let scripts: Vec<String> = scripts.iter().map(|script| fenced(script)).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    World::scripted(&[PLAN], &scripts, &[ACCEPT])
}

fn coder_prompt(world: &World) -> String {
    let received = world.received();
    received.iter().find(|asked| matches!(agent(asked), Asking::Coder)).unwrap().prompt()
}

const COUNTS: &str =
    "import sys\nopen('count.txt', 'w').write('12')\nprint('12 words', sys.argv[1:])";

#[test]
fn unattended_the_additions_of_a_plan_stay_proposals() {
    let world = world(&[COUNTS]);
    let out = world.run(&["new", REQUEST, "--name", "s", "--auto"]).expect(0).out;
    let plan = world.read("sessions/s/plan.md");
    assert!(plan.contains("- R1: Print how many words there are. Check: count them. From: \""));
    assert!(
        !plan.contains("- R2") && plan.contains("## Proposals\n\n- Draw a bar chart.\n"),
        "{plan}"
    );
    let prompt = coder_prompt(&world);
    assert!(!prompt.contains("bar chart") && !prompt.contains("It is run like this"), "{prompt}");
    assert!(
        prompt.contains("R1: Print how many words there are. Check: count them.\n"),
        "{prompt}"
    );
    // The example from the request is a test, the invented one is not; the same holds for files.
    assert!(out.contains("accepted v1 (tested: 1 of 1)"), "{out}");
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "12 words []\n");
}

#[test]
fn approved_proposals_become_requirements() {
    let world = world(&[COUNTS]);
    let out = world.run_with(&["new", REQUEST, "--name", "s"], "approve\nquit\n").expect(3).out;
    assert!(out.contains("- R2: Draw a bar chart. (proposal)"), "{out}");
    assert!(out.contains("- R3: Take the option --json. (proposal)"), "{out}");
    assert!(out.contains("What is marked as a proposal was not in your request."), "{out}");
    let plan = world.read("sessions/s/plan.md");
    assert!(plan.contains("- R2: Draw a bar chart.\n") && !plan.contains("(proposal)"), "{plan}");
    assert!(coder_prompt(&world).contains("R2: Draw a bar chart."));
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "12 words ['--json']\n");
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("it was to write `chart.png`, and did not"), "{report}");
}

#[test]
fn input_proposed_by_a_plan_is_used_if_the_script_fails_without_it() {
    let needs = "import sys\nopen('count.txt', 'w').write('12')\nassert sys.argv[1:]\n\
                 open('more.txt', 'w')\nprint('12 words', sys.argv[1:])";
    let world = world(&[needs]);
    let out = world.run(&["new", REQUEST, "--name", "s", "--auto", "--max-versions", "1"]);
    assert!(world.read("sessions/s/report_v1.yaml").contains("given_by: plan"), "{}", out.out);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "12 words ['--json']\n");
    assert!(world.file("sessions/s/run_v1/files/more.txt").exists());
    assert!(!world.file("sessions/s/run_v1/further").exists());
}

#[test]
fn a_plan_without_quotes_is_kept_as_it_is() {
    let plan = "It counts.\nR1: Print how many words there are.\nR2: Print the longest one.\n";
    let world = World::scripted(&[plan], &[&fenced("print(12)")], &[ACCEPT]);
    world.run(&["new", "count the words", "--name", "s", "--auto"]).expect(0);
    assert!(world.read("sessions/s/plan.md").contains("- R2: Print the longest one.\n"));
}

#[test]
fn an_output_that_the_user_confirms_becomes_an_example() {
    let scripts = ["n = int(input())\nprint('double:', 2 * n)", "print(int(input()) + 1)"];
    let scripts = scripts.map(fenced);
    let world = World::scripted(&[], &scripts.each_ref().map(String::as_str), &[]);
    let args = ["new", "double it", "--name", "s", "--preset", "quick", "--stdin", "5"];
    let out = world.run_with(&args, "test output: yes\nshorter please\nquit\n").expect(3).out;
    assert!(out.contains("example: input `5\\n` prints `double: 10`"), "{out}");
    let events = world.journal("s");
    assert!(events.iter().any(|event| event["event"] == "example_given"));
    let tests = world.read("sessions/s/report_v2.yaml");
    assert!(tests.contains("E1") && tests.contains("failed"), "{tests}");
}

#[test]
fn a_blank_picture_is_sent_back_to_the_coder() {
    // A white picture of 2 by 2 pixels, or one with a black pixel.
    let picture = |rows: &str| {
        format!(
            "import struct, zlib\n\n\ndef part(kind, data):\n    body = kind + data\n    \
             return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))\n\n\n\
             rows = {rows}\nwith open('a.png', 'wb') as f:\n    \
             f.write(b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', struct.pack('>IIBBBBB', 2, 2, 8, 0, 0, 0, 0))\n            \
             + part(b'IDAT', zlib.compress(rows)) + part(b'IEND', b''))\nprint('done')\n"
        )
    };
    let blank = fenced(&picture("b'\\0\\xff\\xff\\0\\xff\\xff'"));
    let drawn = fenced(&picture("b'\\0\\xff\\x00\\0\\xff\\xff'"));
    let world = World::scripted(&[], &[&blank, &drawn], &[]);
    let args = ["new", "a dot", "--name", "s", "--preset", "quick", "--auto"];
    let out = world.run(&args).expect(0).out;
    assert!(out.contains("nothing is drawn on a.png"), "{out}");
    assert!(world.received()[1].prompt().contains("Nothing is drawn on `a.png`"));
    assert!(out.contains("accepted v2"), "{out}");
}
