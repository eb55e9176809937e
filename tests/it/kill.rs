//! A session killed at any moment continues where it was: nothing is lost and no call is paid
//! twice.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use redraft::files::hash;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The number of kills in each of the two tests, with and without `--auto`.
const KILLS: usize = 100;

/// The user's answers, gate by gate: each answer causes one event.
const ANSWERS: [&str; 8] = [
    "make it three",
    "approve",
    "iterate",
    "feedback: it is too small",
    "rewind v3",
    "rewind v4",
    "run",
    "accept",
];

/// The events caused by the user's answers.
const ANSWERED: [&str; 6] =
    ["plan_remark", "plan_approved", "iteration_asked", "feedback_given", "rewound", "run_asked"];

/// Events that show only the progress of the program, not a result. A repeated step records them
/// again.
const UNDERWAY: [&str; 6] =
    ["model_call_started", "run_started", "tests_started", "gate_opened", "paused", "rewritten"];

/// A model whose answers depend only on the prompt, so that repeated calls get the same answer. The
/// delay lets kills happen during calls.
pub(crate) fn model(request: &Received) -> Reply {
    std::thread::sleep(Duration::from_millis(3));
    let prompt = request.prompt();
    let shows = |words: &str| prompt.contains(words);
    let text = match agent(request) {
        Asking::Planner if shows("make it three") => format!("{PLAN}R3: It prints three.\n"),
        Asking::Planner => PLAN.to_owned(),
        Asking::Coder if shows("'v3'") => fenced("print('v4')"),
        Asking::Coder if shows("'v2'") && shows("could not be used") => fenced("print('v3')"),
        Asking::Coder if shows("'v2'") => "I can't.".to_owned(),
        Asking::Coder if shows("'v1'") => fenced("print('v2')"),
        Asking::Coder => fenced("print('v1')\nprint(1 / 0)"),
        Asking::Reviewer if shows("'v2'") => {
            "R1: not met\nR2: met\n- [blocker] R1 \"print('v2')\" not one\nVERDICT: ITERATE".into()
        }
        Asking::Reviewer => ACCEPT.to_owned(),
    };
    Reply::to(request, &text)
}

/// A session that is killed repeatedly.
pub(crate) struct Session<'a> {
    pub(crate) world: &'a World,
    pub(crate) name: String,
    pub(crate) auto: bool,
}

impl Session<'_> {
    /// The complete lines of the journal; none before the session exists.
    pub(crate) fn journal(&self) -> Vec<String> {
        let path = self.world.file(&format!("sessions/{}/journal.jsonl", self.name));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // A killed write may leave an incomplete line, which the next command removes.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// Starts or resumes the session, and kills the program this long after this number of events.
    /// Returns whether the kill stopped it; a program that ended by itself must have accepted a
    /// version.
    pub(crate) fn killed(&self, events: usize, time: Duration) -> bool {
        let journal = self.journal();
        let mut args = vec!["--json"];
        if journal.is_empty() {
            args.extend(["new", "count to two", "--sandbox", "off", "--name", &self.name]);
            // With `--auto`, tests would make it accept the first version that passes.
            if !self.auto {
                args.extend(["--tests", "cases.yaml"]);
            }
        } else {
            args.extend(["resume", &self.name]);
        }
        let answered = |line: &&String| {
            let event = &parse(line)["event"];
            ANSWERED.iter().any(|name| event == name)
        };
        let answers = if self.auto {
            args.push("--auto");
            String::new()
        } else {
            ANSWERS[journal.iter().filter(answered).count()..].join("\n") + "\n"
        };
        let mut command = self.world.command(&args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = lines.by_ref().take(events).count();
        if seen == events {
            std::thread::sleep(time);
            // It may have ended in the meantime.
            let _ = child.kill();
        }
        let status = child.wait().unwrap();
        if status.signal() == Some(9) {
            return true;
        }
        assert_eq!(status.code(), Some(0), "{}: {:#?}", self.name, self.journal());
        false
    }
}

pub(crate) fn parse(line: &str) -> Value {
    serde_json::from_str(line).expect(line)
}

/// The results in a journal, without times, durations and numbers of tries.
pub(crate) fn outcome(journal: &[String]) -> Vec<Value> {
    let kept = |event: &Value| !UNDERWAY.iter().any(|name| event["event"] == *name);
    let events = journal.iter().map(|line| parse(line)).filter(kept);
    events
        .map(|e| {
            json!([
                e["event"],
                e["version"],
                e["cause"],
                e["base"],
                e["script"],
                e["agent"],
                e["answer"],
                e["reason"],
                e["text"],
                e["by"],
                e["run"]["verdict"],
                e["stdout"],
                e["tests"][0]["outcome"],
            ])
        })
        .collect()
}

/// Fails if a prompt was sent again after it was answered.
pub(crate) fn check_calls(journal: &[String]) {
    let mut asked: BTreeMap<u64, String> = BTreeMap::new();
    let mut answered: BTreeSet<String> = BTreeSet::new();
    for event in journal.iter().map(|line| parse(line)) {
        let call = event["call"].as_u64().unwrap_or_default();
        if event["event"] == "model_call_started" {
            let prompt = event["messages"].to_string();
            assert!(!answered.contains(&prompt), "asked again: {prompt}");
            asked.insert(call, prompt);
        } else if event["event"] == "model_call_finished" {
            answered.insert(asked[&call].clone());
        }
    }
}

/// Fails unless the session's folder contains exactly the files of the journal, without incomplete
/// ones.
pub(crate) fn check_files(folder: &Path, journal: &[String]) {
    let mut files = BTreeMap::new();
    for (n, event) in journal.iter().map(|line| parse(line)).enumerate() {
        assert_eq!(event["seq"], n + 1);
        let outputs = event["outputs"].as_array().cloned().unwrap_or_default();
        for artifact in std::iter::once(event).chain(outputs) {
            if let Some(file) = artifact["file"].as_str() {
                files.insert(file.to_owned(), artifact["sha256"].as_str().unwrap().to_owned());
            }
        }
    }
    assert!(files.contains_key("plan.md") && files.contains_key("script_v3.py"), "{files:?}");
    for (file, sha256) in files {
        assert_eq!(hash(&std::fs::read(folder.join(&file)).expect(&file)), sha256, "{file}");
        let read_only = std::fs::metadata(folder.join(&file)).unwrap().permissions().readonly();
        assert_eq!(read_only, file.starts_with("script_v"), "{file}");
    }
    for folder in [folder, &folder.join("chats"), &folder.join("run_v1")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.ends_with("tmp"), "left behind: {name}");
        }
    }
}

/// Kills sessions at random moments, from a fixed seed, and compares each with an uninterrupted
/// one.
fn kill_and_resume(auto: bool, seed: u64) {
    let world = World::with(model);
    world.write("cases.yaml", "- name: runs\n  pattern: v\n");
    let session = |name: String| Session { world: &world, name, auto };
    let whole = session("whole".to_owned());
    assert!(!whole.killed(usize::MAX, Duration::ZERO));
    let expected = outcome(&whole.journal());
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut kills, mut moments) = (0, BTreeSet::new());
    let mut starts = count_starts(&whole.journal());
    for number in 0.. {
        let session = session(format!("s{number}"));
        let mut before = Vec::new();
        loop {
            // The last session may finish.
            let events = if kills < KILLS { rng.usize(..9) } else { usize::MAX };
            let longest = [1, 300, 3_000, 60_000][rng.usize(..4)];
            let killed = session.killed(events, Duration::from_micros(rng.u64(..longest)));
            let after = session.journal();
            assert!(after.starts_with(&before), "{}: the journal lost lines", session.name);
            before = after;
            if !killed {
                break;
            }
            kills += 1;
            moments.extend(before.last().map(|line| parse(line)["event"].to_string()));
        }
        let came = outcome(&before);
        for n in 0..came.len().max(expected.len()) {
            assert_eq!(came.get(n), expected.get(n), "{}, number {n}", session.name);
        }
        check_calls(&before);
        check_files(&world.file(&format!("sessions/{}", session.name)), &before);
        starts += count_starts(&before);
        if kills >= KILLS {
            break;
        }
    }
    assert!(world.received().len() <= starts, "a request that the journal does not know of");
    let _ = writeln!(std::io::stdout(), "{kills} kills, after {moments:?}");
    assert!(moments.len() >= 5, "killed only after {moments:?}");
}

fn count_starts(journal: &[String]) -> usize {
    journal.iter().filter(|line| parse(line)["event"] == "model_call_started").count()
}

#[test]
fn a_repeatedly_killed_session_loses_nothing_the_user_said() {
    kill_and_resume(false, 20_261_121);
}

#[test]
fn a_repeatedly_killed_unattended_session_ends_as_an_undisturbed_one() {
    kill_and_resume(true, 20_261_122);
}
