//! Many tasks in one process: each task is done once, even if others fail or the program is killed.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced, wait_for};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A model whose answers depend on the task.
fn model(request: &Received) -> Reply {
    if request.is_list() {
        return Reply::to(request, "");
    }
    let prompt = request.prompt();
    if prompt.contains("the server fails") {
        return Reply::refusal(401, "no such key");
    }
    let text = match agent(request) {
        Asking::Planner => PLAN.to_owned(),
        Asking::Coder if prompt.contains("never works") => {
            fenced(&format!("print({} / 0)", request.number))
        }
        Asking::Coder => fenced("print('it works')"),
        Asking::Reviewer => ACCEPT.to_owned(),
    };
    Reply::to(request, &text)
}

/// Five tasks: two that succeed, one whose script keeps failing, one that the model's server
/// refuses, one without its data file.
const FIVE: &str = r#"{"id": "one", "task": "print a word"}
{"id": "two", "task": "print a word", "data": "numbers.csv", "examples": ["-> it works"]}
{"id": "three", "task": "it never works", "preset": "quick", "repairs": 1}
{"id": "four", "task": "the server fails"}

{"id": "five", "task": "print a word", "data": ["missing.csv"]}
"#;

fn five() -> World {
    let world = World::with(model);
    world.write("work/tasks.jsonl", FIVE);
    world.write("work/numbers.csv", "a,b\n1,2\n");
    world
}

/// The results of a batch by task id.
fn results(world: &World, file: &str) -> BTreeMap<String, Value> {
    let lines = world.read(file);
    let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

#[test]
fn each_task_has_its_own_outcome() {
    let world = five();
    let output = world.run(&["batch", "work/tasks.jsonl", "--jobs", "3"]).expect(3);
    let rows = results(&world, "sessions/batch-tasks/results.jsonl");
    let order: Vec<&str> = world
        .read("sessions/batch-tasks/results.jsonl")
        .lines()
        .map(|line| line.split('"').nth(3).unwrap().to_owned())
        .map(|id| *["one", "two", "three", "four", "five"].iter().find(|n| **n == id).unwrap())
        .collect();
    assert_eq!(order, ["one", "two", "three", "four", "five"]);
    for (id, outcome, evidence, exit, reason) in [
        ("one", "accepted", Some("ran"), 0, ""),
        ("two", "accepted", Some("tested"), 0, ""),
        ("three", "paused", None, 3, ""),
        ("four", "failed", None, 4, "no such key"),
        ("five", "failed", None, 2, "missing.csv"),
    ] {
        let row = &rows[id];
        assert_eq!((row["outcome"].as_str(), row["exit"].as_u64()), (Some(outcome), Some(exit)));
        assert_eq!(row["evidence"].as_str(), evidence, "{row}");
        assert!(row["reason"].as_str().unwrap_or_default().contains(reason), "{row}");
        assert_eq!(row["session"], format!("sessions/{id}"), "{row}");
    }
    assert_eq!(rows["one"]["script"], "sessions/one/script_v1.py");
    assert!(rows["one"]["tokens"].as_u64().unwrap() > 30, "{}", rows["one"]);
    assert!(output.out.contains("[5/5] "), "{}", output.out);
    let sum = "5 of 5 done: 2 accepted (1 tested, 1 ran), 2 failed, 1 paused;";
    assert!(output.out.contains(sum), "{}", output.out);
    assert_eq!(output.last_line(), "resume with: redraft batch work/tasks.jsonl --jobs 3");
    let csv = world.read("sessions/batch-tasks/results.csv");
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("id,repeat,outcome,evidence,exit,"));
    assert!(lines.next().unwrap().starts_with("one,1,accepted,ran,0,1,"));
    // A second run repeats nothing: accepted and paused tasks stay, failed ones are retried.
    let calls = || -> Vec<Received> {
        world.received().into_iter().filter(|request| !request.is_list()).collect()
    };
    let before = calls().len();
    world.write("work/missing.csv", "a\n1\n");
    world.run(&["batch", "work/tasks.jsonl"]).expect(3);
    let asked: BTreeSet<bool> =
        calls()[before..].iter().map(|r| r.prompt().contains("the server fails")).collect();
    assert_eq!(asked, BTreeSet::from([false, true]), "`five` and `four`");
    assert_eq!(results(&world, "sessions/batch-tasks/results.jsonl")["five"]["exit"], 0);
    let before = calls().len();
    world.run(&["batch", "work/tasks.jsonl"]).expect(3);
    let again = &calls()[before..];
    let one = &results(&world, "sessions/batch-tasks/results.jsonl")["one"];
    assert_eq!(one, &rows["one"], "what is done stays as it was");
    assert!(again.iter().all(|r| r.prompt().contains("the server fails")));
    // `--retry-paused` continues a paused task, with its current limits.
    world.write("work/tasks.jsonl", &FIVE.replace("\"repairs\": 1", "\"repairs\": 3"));
    world.run(&["batch", "work/tasks.jsonl", "--retry-paused"]).expect(3);
    assert!(world.file("sessions/three/script_v3.py").exists());
}

#[test]
fn events_are_json_lines_that_name_their_task() {
    let world = five();
    let output = world.run(&["batch", "work/tasks.jsonl", "--json"]).expect(3);
    let lines = output.json();
    let of = |id: &str| -> Vec<&str> {
        let own = lines.iter().filter(|line| line["task"] == id);
        own.map(|line| line["event"].as_str().unwrap()).collect()
    };
    let one = of("one");
    assert_eq!((one[0], one[one.len() - 1]), ("session_created", "task_finished"));
    let journal = world.events("one");
    assert_eq!(one[..one.len() - 1], journal.iter().map(String::as_str).collect::<Vec<_>>());
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "batch_finished");
    assert_eq!(
        (&last["accepted"], &last["tasks"], &last["exit"]),
        (&2.into(), &5.into(), &3.into())
    );
    let row = lines.iter().find(|l| l["event"] == "task_finished" && l["id"] == "two").unwrap();
    for field in ["id", "session", "script", "exit", "outcome", "evidence", "tokens", "seconds"] {
        assert!(!row[field].is_null(), "{field}: {row}");
    }
    assert!(row.get("usd").is_some());
}

#[test]
fn the_exit_code_says_whether_all_tasks_were_accepted() {
    for (tasks, code) in [
        (r#"[{"id": "a", "task": "print"}, {"id": "b", "task": "print"}]"#, 0),
        (r#"[{"id": "a", "task": "print"}, {"id": "b", "task": "the server fails"}]"#, 3),
        (
            r#"[{"id": "a", "task": "the server fails"}, {"id": "b", "task": "the server fails"}]"#,
            4,
        ),
    ] {
        let world = World::with(model);
        world.write("tasks.json", tasks);
        let output = world.run(&["batch", "tasks.json"]).expect(code);
        assert_eq!(output.last_line().starts_with("resume with:"), code != 0, "{}", output.out);
    }
}

#[test]
fn an_invalid_task_file_is_refused_before_any_work() {
    for (file, text, words) in [
        (
            "t.jsonl",
            "{\"id\":\"a\",\"tsk\":\"x\"}",
            "line 1: there is no key `tsk`; did you mean `task`?",
        ),
        (
            "t.jsonl",
            "{\"id\":\"a\",\"task\":\"x\"}\n{\"id\":\"a\",\"task\":\"x\"}",
            "line 2: the id `a`",
        ),
        ("t.jsonl", "{\"id\":\"a/b\",\"task\":\"x\"}", "can't hold `/`"),
        ("t.jsonl", "", "holds no task"),
        ("t.json", "{}", "expected a sequence"),
        ("t.yaml", "- id: a\n  task: x\n  modle: y\n", "did you mean `model`?"),
        (
            "t.yaml",
            "- id: a\n  task: x\n  model: nobody/y\n",
            "line 1: there is no provider `nobody`",
        ),
        ("t.jsonl", "{\"id\":\"a\",\"task\":\"x\",\"examples\":[\"5\"]}", "the example `5`"),
    ] {
        let world = World::with(model);
        world.write(file, text);
        let output = world.run(&["batch", file]).expect(2);
        assert!(output.err.contains(words), "{text}\n{}", output.err);
        assert!(output.err.trim().lines().count() <= 2, "{}", output.err);
        assert!(world.received().is_empty());
    }
    let world = World::with(model);
    let output = world.run(&["batch", "nothing.jsonl"]).expect(2);
    assert!(output.err.contains("nothing.jsonl"), "{}", output.err);
}

#[test]
fn a_changed_task_under_the_same_id_is_an_error_that_names_the_change() {
    let task = |rest: &str| {
        format!("{{\"id\":\"a\",\"task\":\"print\"{rest}}}\n{{\"id\":\"b\",\"task\":\"print\"}}")
    };
    let world = World::with(model);
    world.write("x.csv", "a\n1\n");
    world.write("t.jsonl", &task(",\"data\":\"x.csv\""));
    world.run(&["batch", "t.jsonl"]).expect(0);
    let before = world.received().len();
    for (rest, what) in [
        (",\"data\":\"x.csv\",\"examples\":[\"-> it works\"]", "its examples changed"),
        (",\"data\":\"x.csv\",\"preset\":\"quick\"", "its preset changed"),
        ("", "its data changed"),
    ] {
        world.write("t.jsonl", &task(rest));
        let output = world.run(&["batch", "t.jsonl"]).expect(3);
        let words = format!("session `a` was made of another task: {what}");
        assert!(output.out.contains(&words), "{}", output.out);
    }
    world.write("t.jsonl", &task(",\"data\":\"x.csv\",\"repairs\":1"));
    world.run(&["batch", "t.jsonl"]).expect(0);
    world.write("x.csv", "a\n2\n");
    let output = world.run(&["batch", "t.jsonl"]).expect(3);
    assert!(output.out.contains("its data changed"), "{}", output.out);
    let asked = &world.received()[before..];
    assert!(asked.iter().all(Received::is_list), "nothing was asked for that");
}

#[test]
fn a_given_plan_replaces_the_planner() {
    let world = World::with(model);
    world.write(
        "plan.md",
        "# Count to two\n\n## Requirements\n- R1: It prints one.\n- R2: It prints two.\n",
    );
    world.write("t.yaml", "- id: planned\n  plan: plan.md\n");
    world.run(&["batch", "t.yaml"]).expect(0);
    let asked: Vec<Asking> = world.received().iter().filter(|r| !r.is_list()).map(agent).collect();
    assert!(!asked.contains(&Asking::Planner), "{asked:?}");
    assert_eq!(world.journal("planned")[0]["request"], "Count to two");
    let plan = world.journal("planned")[1].clone();
    assert_eq!((&plan["event"], &plan["by"]), (&"plan_approved".into(), &"manager".into()));
    world.run(&["batch", "t.yaml"]).expect(0);
}

#[test]
fn tasks_are_repeated_and_compared_with_an_older_batch() {
    let world = World::with(model);
    world.write(
        "t.jsonl",
        "{\"id\":\"a\",\"task\":\"print\"}\n{\"id\":\"b\",\"task\":\"it never works\"}",
    );
    let old = ["batch", "t.jsonl", "--preset", "quick", "--repairs", "0", "--out", "old"];
    world.run(&old).expect(3);
    assert!(world.file("old/results.csv").exists());
    let again = ["batch", "t.jsonl", "--preset", "quick", "--repairs", "0"];
    let more = ["--repeat", "3", "--compare", "old/results.jsonl", "--out", "new"];
    let output = world.run(&[&again[..], &more[..]].concat()).expect(3);
    assert!(output.out.contains("accepted       50.0 %, ± 0.0 %"), "{}", output.out);
    assert!(output.out.contains("4 tasks changed, 2 as before:"), "{}", output.out);
    assert!(world.file("sessions/b.3/journal.jsonl").exists());
    assert_eq!(world.read("new/results.jsonl").lines().count(), 6);
}

/// Kills a batch in the middle; a second run repeats no answered call.
#[cfg(unix)]
#[test]
fn a_killed_batch_continues_without_repeating_calls() {
    // The Reviewer's third answer does not arrive before the program is killed.
    let reviews = std::sync::atomic::AtomicUsize::new(0);
    let world = World::with(move |request| {
        let hang = request.prompt().starts_with("You are the Reviewer")
            && reviews.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 2;
        if hang { Reply::begun(request, ACCEPT).then_hang() } else { model(request) }
    });
    let tasks: String =
        (0..6).map(|n| format!("{{\"id\":\"t{n}\",\"task\":\"print number {n}\"}}\n")).collect();
    world.write("t.jsonl", &tasks);
    let mut child = world.start(&["batch", "t.jsonl", "--jobs", "1"]);
    let reviews =
        || world.received().iter().filter(|r| r.prompt().starts_with("You are the Rev")).count();
    wait_for(|| reviews() == 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let finished = |n: usize| -> usize {
        let id = format!("t{n}");
        if !world.file(&format!("sessions/{id}")).exists() {
            return 0;
        }
        world.events(&id).iter().filter(|event| *event == "model_call_finished").count()
    };
    let before: usize = (0..6).map(finished).sum();
    assert_eq!(before, 3 + 3 + 2);
    let calls = || world.received().iter().filter(|request| !request.is_list()).count();
    let asked = calls();
    world.run(&["batch", "t.jsonl", "--jobs", "2"]).expect(0);
    assert_eq!(calls() - asked, 6 * 3 - before);
    assert_eq!(results(&world, "sessions/batch-t/results.jsonl").len(), 6);
}

#[cfg(unix)]
#[test]
fn ctrl_c_pauses_all_tasks_and_prints_how_to_resume() {
    use nix::sys::signal::{Signal, kill};
    let is_coder = |request: &Received| request.prompt().starts_with("You are the Coder");
    let world = World::with(
        move |request| if is_coder(request) { Reply::silent() } else { model(request) },
    );
    world.write("t.jsonl", "{\"id\":\"a\",\"task\":\"print\"}\n{\"id\":\"b\",\"task\":\"print\"}\n{\"id\":\"c\",\"task\":\"print\"}");
    let child = world.start(&["batch", "t.jsonl", "--jobs", "2"]);
    let coders = || world.received().iter().filter(|request| is_coder(request)).count();
    wait_for(|| coders() == 2);
    let id = nix::unistd::Pid::from_raw(child.id().cast_signed());
    kill(id, Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert_eq!(text.trim().lines().last(), Some("resume with: redraft batch t.jsonl --jobs 2"));
    assert!(text.contains("2 of 3 done: 0 accepted, 2 interrupted"), "{text}");
    for id in ["a", "b"] {
        assert_eq!(world.events(id).last().map(String::as_str), Some("paused"));
    }
    assert!(!world.file("sessions/c").exists());
}

/// Fake cluster programs that log their calls; returns the `PATH` with their folder.
fn cluster(world: &World) -> String {
    let own = |name: &str, says: &str| {
        let text = format!("#!/bin/sh\necho \"{name} $@\" >> calls\n{says}\n");
        world.write(&format!("bin/{name}"), &text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(world.file(&format!("bin/{name}")), mode).unwrap();
        }
    };
    own("sbatch", "echo '41;here'");
    own("scancel", "");
    own("scontrol", "echo 'MaxArraySize = 5'");
    own("hq", "test \"$2\" = cancel || echo 7");
    format!("{}:{}", world.file("bin").display(), std::env::var("PATH").unwrap_or_default())
}

/// A world with eight tasks that succeed at the first try.
fn eight() -> World {
    let world = World::with(model);
    let tasks: String =
        (0..8).map(|n| format!("{{\"id\":\"t{n}\",\"task\":\"print number {n}\"}}\n")).collect();
    world.write("t.jsonl", &tasks);
    world
}

#[test]
fn shards_share_the_tasks_and_their_results_are_merged() {
    let world = eight();
    world.run(&["batch", "t.jsonl", "--shard", "1/3"]).expect(0);
    let ids: Vec<String> =
        results(&world, "sessions/batch-t/results-1-of-3.jsonl").into_keys().collect();
    assert_eq!(ids, ["t0", "t3", "t6"]);
    // Missing results do not count as accepted.
    let output = world.run(&["batch", "t.jsonl", "--merge"]).expect(3);
    assert!(output.out.contains("3 of 8 done: 3 accepted"), "{}", output.out);
    let status = world.run(&["batch", "t.jsonl", "--status", "--json"]).expect(0).json();
    assert_eq!(status[0]["states"], serde_json::json!({"ran": 3, "not begun": 5}));
    for index in [2, 3] {
        let mut command = world.command(&["batch", "t.jsonl", "--json"]);
        for (name, value) in [
            ("ID", index.to_string()),
            ("MIN", "1".into()),
            ("MAX", "3".into()),
            ("COUNT", "3".into()),
        ] {
            command.env(format!("SLURM_ARRAY_TASK_{name}"), value);
        }
        crate::support::world::finish(command, "").expect(0);
    }
    let calls = || world.received().iter().filter(|request| !request.is_list()).count();
    assert_eq!(calls(), 8 * 3);
    world.run(&["batch", "t.jsonl", "--merge"]).expect(0);
    let merged = world.read("sessions/batch-t/results.jsonl");
    let ids: Vec<Value> = merged
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"]);
    assert_eq!(world.read("sessions/batch-t/results.csv").lines().count(), 9);
    // Results from other folders are merged too.
    let output =
        world.run(&["batch", "t.jsonl", "--merge", "--out", "new", "--from", "sessions/batch-t"]);
    assert!(output.expect(0).out.contains("8 of 8 done"));
    assert_eq!(calls(), 8 * 3);
}

#[cfg(unix)]
#[test]
fn a_batch_is_submitted_as_an_array_and_cancelled() {
    let world = eight();
    let path = cluster(&world);
    let run = |args: &[&str]| {
        let mut command = world.command(&[&["batch", "t.jsonl"], args].concat());
        command.env("PATH", &path);
        crate::support::world::finish(command, "")
    };
    let submit = ["--engine", "slurm", "--shards", "4", "--account=acc", "--time", "00:10:00"];
    let room = ["--mem", "4G", "--partition", "cpu"];
    let output =
        run(&[&submit[..], &room, &["--jobs", "3", "--array-limit", "2"]].concat()).expect(0);
    assert!(output.out.contains("submitted as job 41 with 4 shards"), "{}", output.out);
    let script = world.read("sessions/batch-t/batch.sbatch");
    for line in [
        "#SBATCH --array=1-4%2",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --account=acc",
        "#SBATCH --time=00:10:00",
        "#SBATCH --mem=4G",
        "#SBATCH --partition=cpu",
    ] {
        assert!(script.lines().any(|known| known == line), "{line}\n{script}");
    }
    let last = script.lines().last().unwrap();
    assert!(last.ends_with("--shard \"${SLURM_ARRAY_TASK_ID:?}/4\""), "{last}");
    assert!(last.contains("batch t.jsonl --jobs 3 --sessions "), "{last}");
    // The submitted job script runs one shard.
    let mut shard = world.shell("sh sessions/batch-t/batch.sbatch");
    shard.env("SLURM_ARRAY_TASK_ID", "2");
    crate::support::world::finish(shard, "").expect(0);
    let rows = results(&world, "sessions/batch-t/results-2-of-4.jsonl");
    assert_eq!(rows.into_keys().collect::<Vec<_>>(), ["t1", "t5"]);
    let output = run(&["--status"]).expect(0);
    assert!(output.out.contains("submitted to sbatch as job 41, 4 shards"), "{}", output.out);
    assert!(output.out.contains("8 tasks: 6 not begun, 2 ran"), "{}", output.out);
    run(&["--cancel"]).expect(0);
    let output = run(&["--engine", "hq", "--time", "1h"]).expect(0);
    assert!(output.out.contains("submitted as job 7 with 8 shards"), "{}", output.out);
    run(&["--cancel"]).expect(0);
    let calls = world.read("calls");
    let calls: Vec<&str> = calls.lines().collect();
    assert_eq!(calls[0], "scontrol show config");
    assert!(calls[1].starts_with("sbatch --parsable --export=ALL /"), "{}", calls[1]);
    assert_eq!(calls[2], "scancel 41");
    assert!(calls[3].starts_with("hq --output-mode=quiet submit --name=batch-t --array=1-8 "));
    assert_eq!(calls[4], "hq job cancel 7");
}

#[cfg(unix)]
#[test]
fn a_refused_cluster_job_is_reported_with_the_reason() {
    let world = eight();
    let path = cluster(&world);
    world.write("bin/sbatch", "#!/bin/sh\necho 'sbatch: error: invalid account' >&2\nexit 1\n");
    for (args, words) in [
        (&["--engine", "slurm", "--shards", "8"][..], "MaxArraySize); give `--shards 4`"),
        (
            &["--engine", "slurm", "--shards", "2"],
            "did not take the job: sbatch: error: invalid account",
        ),
        (&["--engine", "hq", "--account", "a"], "`--account` is Slurm's"),
        (&["--engine", "slurm", "--shards", "2", "--account", "a b"], "can't be the account"),
        (&["--account", "a"], "--engine"),
        (&["--shard", "5/4"], "a shard is `i/n`"),
        (&["--merge", "--status"], "cannot be used with"),
    ] {
        let mut command = world.command(&[&["batch", "t.jsonl"], args].concat());
        command.env("PATH", &path);
        let output = crate::support::world::finish(command, "").expect(2);
        assert!(output.err.contains(words), "{args:?}\n{}", output.err);
        assert!(output.err.trim().lines().count() <= 2, "{}", output.err);
    }
    let mut command = world.command(&["batch", "t.jsonl", "--engine", "slurm"]);
    command.env("PATH", world.file("home"));
    let output = crate::support::world::finish(command, "").expect(2);
    assert!(output.err.contains("there is no program `sbatch` in PATH"), "{}", output.err);
    assert!(world.received().iter().all(Received::is_list));
}

#[cfg(unix)]
#[test]
fn a_batch_of_another_process_can_be_seen_and_cancelled() {
    let is_coder = |request: &Received| request.prompt().starts_with("You are the Coder");
    let world = World::with(
        move |request| if is_coder(request) { Reply::silent() } else { model(request) },
    );
    world.write("t.jsonl", "{\"id\":\"a\",\"task\":\"print\"}\n{\"id\":\"b\",\"task\":\"print\"}");
    let child = world.start(&["batch", "t.jsonl", "--jobs", "1"]);
    wait_for(|| world.received().iter().any(is_coder));
    world.run(&["batch", "t.jsonl"]).expect(5);
    let output = world.run(&["batch", "t.jsonl", "--status"]).expect(0);
    assert!(output.out.contains("2 tasks: 1 not begun, 1 running"), "{}", output.out);
    let output = world.run(&["batch", "t.jsonl", "--cancel"]).expect(0);
    let words = format!("results: process {} is interrupted", child.id());
    assert!(output.out.contains(&words), "{}", output.out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let output = world.run(&["batch", "t.jsonl", "--cancel"]).expect(0);
    assert!(output.out.contains("nobody works on it"), "{}", output.out);
}
