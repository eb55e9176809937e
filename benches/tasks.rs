//! Measures how often redraft's scripts do what the user asked for: realistic requests, each judged
//! by checks that no prompt contains, on variations of the data that no session sees.
//!
//! `cargo bench --bench tasks -- MODEL CONFIG [--mode M]... [--seeds N] [--half look|held] [--only
//! NAME]...`, where `MODEL` is a model of the configuration file `CONFIG`. Modes: `oneshot` (one
//! answer of the Coder to the request, not run before it is judged), `quick`, `single` (the default
//! with one candidate), `guided` (the default), `sampler`; without `--mode`, all of them. The
//! program is this build's or the one in `REDRAFT_PROGRAM`; the judge is always this build's. Each
//! seed is the sampling seed of an embedded model (`providers: { embedded: { sampling: { seed: N }
//! } }`); servers sample anew anyway. The half `held` is for the final figure only. It prints one
//! line per session, then a table for each mode. Nothing else may run at the same time.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use support::{folder_at, redraft, say, this_build, tokens_of, write};

/// The modes with their arguments for `redraft new`.
const MODES: [(&str, &[&str]); 5] = [
    (
        "oneshot",
        &[
            "--preset",
            "quick",
            "--candidates",
            "1",
            "--repairs",
            "0",
            "--max-versions",
            "1",
            "--no-run",
        ],
    ),
    ("quick", &["--preset", "quick"]),
    ("single", &["--preset", "guided", "--candidates", "1"]),
    ("guided", &["--preset", "guided"]),
    ("sampler", &["--preset", "sampler"]),
];
const LEVELS: [&str; 3] = ["easy", "medium", "hard"];
/// Time limit of a check in seconds; it runs a script several times.
const CHECK: u32 = 600;

/// A request with its data and check.
struct Task {
    name: String,
    level: String,
    request: String,
    data: Vec<PathBuf>,
}

/// Result of one session.
struct Came {
    level: String,
    seed: u32,
    right: bool,
    accepted: bool,
    /// Tokens of prompts and answers, and of answers alone.
    tokens: u64,
    answered: u64,
    seconds: f64,
}

fn tasks_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/tasks")
}

/// The tasks of a half, or the named ones.
fn tasks(half: Option<&str>, only: &[String]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for entry in fs::read_dir(tasks_folder()).expect("the tasks") {
        let folder = entry.expect("a task").path();
        let Ok(text) = fs::read_to_string(folder.join("task.yaml")) else { continue };
        let task: Value = serde_yaml::from_str(&text).expect("a task's file");
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let is_held = Sha256::digest(name.as_bytes())[0] >> 4 & 1 == 1;
        let wanted = if only.is_empty() {
            half.is_none_or(|half| (half == "held") == is_held)
        } else {
            only.contains(&name)
        };
        if !wanted {
            continue;
        }
        let text = |key: &str| task[key].as_str().unwrap_or_default().trim().to_owned();
        let data = task["data"].as_array().into_iter().flatten();
        let data = data.filter_map(Value::as_str).map(|file| folder.join("data").join(file));
        let data = data.collect();
        tasks.push(Task { level: text("level"), request: text("request"), name, data });
    }
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    tasks
}

/// Creates a home folder with this configuration and a seed for embedded models.
fn home(folder: &Path, config: &Value, seed: u32) -> PathBuf {
    let mut config = config.clone();
    config["providers"]["embedded"]["sampling"]["seed"] = seed.into();
    let home = folder.join(format!("seed-{seed}"));
    folder_at(&home);
    write(&home.join("bench.yaml"), &config.to_string());
    // The same Python, with the time limit of a check.
    let sandbox = serde_json::json!({ "seconds": CHECK, "memory_mb": 4096 });
    let judge = serde_json::json!({ "python": config["python"], "sandbox": sandbox });
    write(&home.join("judge.yaml"), &judge.to_string());
    home
}

/// Writes a script with one mode. Returns the result, and the script that a user would end with.
fn session(
    home: &Path,
    model: &str,
    mode: (&str, &[&str]),
    task: &Task,
) -> (Came, Option<PathBuf>) {
    let name = format!("{}-{}", mode.0, task.name);
    let mut args = vec!["--config", "bench.yaml", "new", &task.request, "--name", &name, "--auto"];
    args.extend(["--model", model]);
    args.extend(mode.1);
    let data: Vec<String> = task.data.iter().map(|path| path.display().to_string()).collect();
    for path in &data {
        args.extend(["--data", path.as_str()]);
    }
    let begun = Instant::now();
    let output = redraft(home, &args).output().expect("the program starts");
    let seconds = begun.elapsed().as_secs_f64();
    let code = output.status.code();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0 | 3)), "{name}: {code:?} {said}");
    let folder = home.join("sessions").join(&name);
    let journal = fs::read_to_string(folder.join("journal.jsonl")).expect("the journal");
    let (mut head, mut tokens, mut answered) = (None, 0, 0);
    for line in journal.lines() {
        let event: Value = serde_json::from_str(line).expect("a line");
        let (prompt, answer) = tokens_of(&event);
        tokens += prompt + answer;
        answered += answer;
        if let Some("version_created" | "rewound" | "accepted") = event["event"].as_str() {
            head = event["version"].as_u64();
        }
    }
    let script = head.map(|n| folder.join(format!("script_v{n}.py")));
    let (level, accepted) = (task.level.clone(), code == Some(0));
    let came = Came { level, seed: 0, right: false, accepted, tokens, answered, seconds };
    (came, script)
}

/// Whether a script is right. It is judged in the sandbox, like all code from models.
fn is_right(home: &Path, task: &Task, script: &Path) -> bool {
    let tasks = tasks_folder();
    let check = tasks.join(&task.name).join("check.py");
    let runner = home.join("judge.py");
    let list = format!("{:?}", [check.display().to_string(), script.display().to_string()]);
    write(
        &runner,
        &format!(
            "import subprocess, sys\n\
             done = subprocess.run([sys.executable, *{list}, '--work', '.'])\n\
             print('JUDGED', done.returncode)\n"
        ),
    );
    let read = |path: &Path| format!("read={}", path.display());
    let (tasks, script, runner) = (read(&tasks), read(script), runner.display().to_string());
    let args = ["--config", "judge.yaml", "run", &runner, "--allow", &tasks, "--allow", &script];
    let output = this_build(home, &args).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let judged = said.lines().find_map(|line| line.strip_prefix("JUDGED "));
    match judged {
        Some("0") => true,
        // A package that the benchmark's Python lacks counts as wrong: a user would not have it
        // either.
        Some("1") => false,
        Some("2") if said.contains("is not installed") => false,
        _ => panic!("{}: not judged: {said}{}", task.name, String::from_utf8_lossy(&output.stderr)),
    }
}

/// Mean, minimum and maximum of a count over the seeds.
fn spread(all: &[Came], seeds: u32, counts: impl Fn(&Came) -> bool) -> String {
    let of = |seed: u32| all.iter().filter(|came| came.seed == seed && counts(came)).count();
    let counts: Vec<usize> = (1..=seeds).map(of).collect();
    let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
    let sum: u32 = counts.iter().map(|n| u32::try_from(*n).unwrap_or(u32::MAX)).sum();
    format!("{:.1} ({least} to {most})", f64::from(sum) / f64::from(seeds.max(1)))
}

fn table(mode: &str, all: &[Came], seeds: u32) {
    let number = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let sessions = number(all.len() as u64).max(1.0);
    let mean = |of: &dyn Fn(&Came) -> f64| all.iter().map(of).sum::<f64>() / sessions;
    let asked = all.iter().filter(|came| came.seed == 1).count();
    say(&format!("{mode}: of {asked} tasks, means of {seeds} seeds"));
    say(&format!("  right                 {}", spread(all, seeds, |came| came.right)));
    for level in LEVELS {
        let right = spread(all, seeds, |came| came.right && came.level == level);
        say(&format!("    {level:<19} {right}"));
    }
    say(&format!("  accepted              {}", spread(all, seeds, |came| came.accepted)));
    let wrong = spread(all, seeds, |came| came.accepted && !came.right);
    say(&format!("  accepted and wrong    {wrong}"));
    let paused = spread(all, seeds, |came| !came.accepted && came.right);
    say(&format!("  paused though right   {paused}"));
    say(&format!("  tokens a task         {:.0}", mean(&|came| number(came.tokens))));
    say(&format!("  answer tokens a task  {:.0}", mean(&|came| number(came.answered))));
    say(&format!("  seconds a task        {:.1}", mean(&|came| came.seconds)));
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let model = args.next().expect("MODEL is missing");
    let config = args.next().expect("CONFIG is missing");
    let config = fs::read_to_string(config).expect("the configuration");
    let config: Value = serde_yaml::from_str(&config).expect("the configuration");
    let mut options: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(name) = args.next() {
        let value = args.next().unwrap_or_else(|| panic!("{name} needs a value"));
        options.entry(name).or_default().push(value);
    }
    let known = ["--mode", "--seeds", "--half", "--only"];
    assert!(options.keys().all(|name| known.contains(&name.as_str())), "options are {known:?}");
    let first =
        |name: &str| options.get(name).and_then(|values| values.first()).map(String::as_str);
    let seeds: u32 = first("--seeds").map_or(1, |n| n.parse().expect("a number"));
    let tasks = tasks(first("--half"), options.get("--only").map_or(&[], Vec::as_slice));
    assert!(!tasks.is_empty(), "there is no such task");
    let wanted = options.get("--mode").cloned().unwrap_or_default();
    let chosen: Vec<_> = MODES
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|mode| mode == name))
        .collect();
    assert!(!chosen.is_empty(), "modes are {:?}", MODES.map(|(name, _)| name));

    let folder = tempfile::tempdir().expect("a folder");
    let mut all: Vec<Vec<Came>> = chosen.iter().map(|_| Vec::new()).collect();
    for seed in 1..=seeds {
        let home = home(folder.path(), &config, seed);
        // Probe the model first, as on a user's first use.
        let args = ["--config", "bench.yaml", "models", "probe", &model];
        let output = redraft(&home, &args).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for task in &tasks {
            for (mode, all) in chosen.iter().zip(&mut all) {
                let (came, script) = session(&home, &model, *mode, task);
                let right = script.is_some_and(|script| is_right(&home, task, &script));
                let verdict = if right { "right" } else { "wrong" };
                let end = if came.accepted { "accepted" } else { "paused" };
                say(&format!(
                    "seed {seed} {:<8} {:<20} {:<7} {verdict} {end:<8} {:>6} tokens {:>6.1} s",
                    mode.0, task.name, task.level, came.tokens, came.seconds
                ));
                all.push(Came { seed, right, ..came });
            }
        }
    }
    for ((mode, _), all) in chosen.iter().zip(&all) {
        table(mode, all, seeds);
    }
}
