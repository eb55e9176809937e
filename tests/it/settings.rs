//! Every configuration key and every flag has an effect, or is refused with a suggestion.

use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use redraft::domain::chat::Role;
use redraft::domain::packages::Rules;
use redraft::domain::permission::Permission;
use redraft::domain::report::Evidence;
use redraft::domain::settings::{
    Install, Limits, LintUse, Safety, Sandbox, SandboxMode, Settings, Strategy,
};
use redraft::store::artifacts::read_session_file;
use std::collections::BTreeSet;

/// One configuration per section, which has this content in that section.
fn sections(inner: &str) -> Vec<(&'static str, String)> {
    vec![
        ("", inner.to_owned()),
        ("roles", format!("roles: {{ {inner} }}")),
        ("roles.coder", format!("roles: {{ coder: {{ {inner} }} }}")),
        ("providers.p", format!("providers: {{ p: {{ {inner} }} }}")),
        ("providers.p.sampling", format!("providers: {{ p: {{ sampling: {{ {inner} }} }} }}")),
        ("limits", format!("limits: {{ {inner} }}")),
        ("sandbox", format!("sandbox: {{ {inner} }}")),
        ("packages", format!("packages: {{ {inner} }}")),
        ("traces", format!("traces: {{ {inner} }}")),
        ("prices.a/b", format!("prices: {{ a/b: {{ {inner} }} }}")),
    ]
}

/// The error for an invalid configuration.
fn refused(world: &World, text: &str) -> String {
    world.write("c.yaml", text);
    world.run(&["list", "--config", "c.yaml"]).expect(2).err
}

/// Every existing key, such as `limits.repairs`, from the error messages for unknown keys, which
/// list the known ones.
fn keys(world: &World) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (section, text) in sections("zzzzzzzz: {}") {
        let said = refused(world, &text);
        let names = said.split("expected ").nth(1).expect(&said);
        for name in names.split('`').skip(1).step_by(2) {
            keys.insert(if section.is_empty() {
                name.to_owned()
            } else {
                format!("{section}.{name}")
            });
        }
    }
    keys
}

#[test]
fn a_misspelt_key_is_reported_with_the_intended_one() {
    let world = World::empty();
    for key in keys(&world) {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
        let slip = format!("{name}e");
        let text = sections(&format!("{slip}: {{}}"));
        let (_, text) = text.iter().find(|(known, _)| *known == section).unwrap();
        let said = refused(&world, text);
        assert!(said.contains(&format!("`{slip}` (is `{name}` meant?)")), "{key}: {said}");
        assert!(said.contains("line 1 column"), "{said}");
    }
}

/// Keys that a session stores in its settings, each with an unusual value.
const OF_SESSIONS: &str = "
model: local/all
candidates: 2
plan_candidates: 2
dependency_samples: 7
check_index: false
install_attempts: 4
sampling_temperature_step: 0.35
sampling_strategy: none
edits: true
accept: tested
lint: repair
run: false
install: never
safety: both
allow: [env=SOME_NAME]
python: python3
packages: { allow: [Flask_Cors], deny: [evil.pkg] }
limits: { max_versions: 7, repairs: 6, budget_tokens: 123456, budget_usd: 4.5, steps: 5 }
sandbox: { mode: network, seconds: 11, memory_mb: 700, processes: 17, disk_mb: 33 }
roles:
  planner: { model: local/p, temperature: 0.11 }
  coder: { model: local/c, temperature: 1.3, max_tokens: 77, escalate_to: local/big }
  reviewer: { model: local/r }
  safety: { model: local/s }
  dependencies: { temperature: 0.21 }
  linter: { model: local/l }
";

/// Keys whose effect is tested by another test of this file or by another module.
const ELSEWHERE: &[(&str, &str)] = &[
    ("preset", "settings"),
    ("sessions_dir", "settings"),
    ("chatlog", "settings"),
    ("quiet", "settings"),
    ("traces", "traces"),
    ("traces.endpoint", "traces"),
    ("traces.prompts", "traces"),
    ("providers.p.requests_per_minute", "settings"),
    ("uv", "packages"),
    ("probe", "models"),
    ("roles.engineer", "ask"),
    ("prices.a/b.input", "commands"),
    ("prices.a/b.output", "commands"),
    ("prices.a/b.cached", "llm"),
    ("providers.p.kind", "llm"),
    ("providers.p.base_url", "llm"),
    ("providers.p.api_key_env", "llm"),
    ("providers.p.parallel", "settings"),
    ("providers.p.timeout", "faults"),
    ("providers.p.path", "commands"),
    ("providers.p.command", "llm"),
    ("providers.p.retries", "faults"),
    ("providers.p.retry_seconds", "faults"),
    ("providers.p.context", "faults"),
    ("providers.p.template", "llm"),
    ("providers.p.stop", "llm"),
    ("providers.p.fields", "llm"),
    ("providers.p.extra", "llm"),
    ("providers.p.structured", "llm"),
    ("providers.p.grammar", "embedded"),
    ("providers.p.sampling", "embedded"),
    ("providers.p.sampling.seed", "embedded"),
    ("providers.p.sampling.top_p", "embedded"),
    ("providers.p.sampling.min_p", "embedded"),
    ("providers.p.sampling.repetition_penalty", "embedded"),
];

/// Whether the tests of a module, or those in the code of a crate, mention this name.
fn looks_at(place: &str, name: &str) -> bool {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = place.replace("::", "/");
    let mut files = vec![
        root.join(format!("tests/it/{place}.rs")),
        root.join(format!("tests/it/{place}")),
        root.join(format!("crates/{}.rs", place.replacen('/', "/src/", 1))),
    ];
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(std::fs::read_dir(file).unwrap().map(|entry| entry.unwrap().path()));
        } else if std::fs::read_to_string(file).is_ok_and(|text| text.contains(name)) {
            return true;
        }
    }
    false
}

#[test]
fn each_configuration_key_is_covered_by_a_test() {
    let world = World::empty();
    let tests: Vec<&str> = ELSEWHERE.iter().map(|(key, _)| *key).collect();
    let of_sessions: serde_json::Value = serde_yaml::from_str(OF_SESSIONS).unwrap();
    for (key, place) in ELSEWHERE {
        let name = key.rsplit('.').next().unwrap();
        assert!(looks_at(place, name), "`{place}` does not look at `{key}`");
    }
    for key in keys(&world) {
        let path = key.replace('.', "/");
        let here = of_sessions.pointer(&format!("/{path}")).is_some();
        // A section is tested if its keys are.
        let section = matches!(key.as_str(), "roles" | "providers" | "prices");
        assert!(here || section || tests.contains(&key.as_str()), "`{key}`: nobody looks at it");
    }
}

fn settings(world: &World) -> Settings {
    read_session_file(&world.read("sessions/s/session.yaml")).unwrap().settings
}

#[test]
fn session_settings_are_taken_from_the_configuration() {
    let scripts = [fenced("print(1)"), fenced("print(2)")];
    let world = World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[ACCEPT]);
    world.write("c.yaml", OF_SESSIONS);
    world.run(&["--config", "c.yaml", "new", "count", "--name", "s", "--auto"]);
    let set = settings(&world);
    assert_eq!((set.candidates, set.plan_candidates, set.dependency_samples), (2, 2, 7));
    assert_eq!(
        (set.check_index, set.install_attempts, set.edits, set.run),
        (false, 4, true, false)
    );
    assert!((set.sampling_temperature_step - 0.35).abs() < 1e-9);
    assert_eq!((set.sampling_strategy, set.accept), (Strategy::None, Evidence::Tested));
    assert_eq!(
        (set.lint, set.install, set.safety),
        (LintUse::Repair, Install::Never, Safety::Both)
    );
    assert_eq!(set.allow, [Permission::Environment("SOME_NAME".into())]);
    assert_eq!(set.python.as_deref(), Some("python3"));
    let own = |name: &str| vec![name.to_owned()];
    assert_eq!(set.packages, Rules { allow: own("flask-cors"), deny: own("evil-pkg") });
    let limits = Limits {
        max_versions: 7,
        repairs: 6,
        budget_tokens: Some(123_456),
        budget_usd: Some(4.5),
        steps: Some(5),
    };
    assert_eq!(set.limits, limits);
    let sandbox = Sandbox {
        mode: SandboxMode::Network,
        seconds: 11,
        memory_mb: 700,
        processes: 17,
        disk_mb: 33,
    };
    assert_eq!(set.sandbox, sandbox);
    let model = |role| set.role(role).model;
    let models =
        [Role::Planner, Role::Coder, Role::Reviewer, Role::Safety, Role::Linter].map(model);
    assert_eq!(models, ["local/p", "local/c", "local/r", "local/s", "local/l"]);
    // Settings missing in a role come from the role it stands in for.
    let (dependencies, linter) = (set.role(Role::Dependencies), set.role(Role::Linter));
    assert_eq!((dependencies.model.as_str(), dependencies.temperature), ("local/r", Some(0.21)));
    assert_eq!((linter.temperature, linter.max_tokens), (Some(1.3), Some(77)));
    let asked = world.received();
    // Candidates arrive in any order, with rising temperatures.
    let of = |who| {
        let own = asked.iter().filter(|request| agent(request) == who).map(|request| &request.body);
        let warmth = |body: &&serde_json::Value| body["temperature"].as_f64().unwrap_or_default();
        own.min_by(|a, b| warmth(a).total_cmp(&warmth(b))).unwrap().clone()
    };
    let (planner, coder) = (of(Asking::Planner), of(Asking::Coder));
    assert_eq!((&planner["model"], &planner["temperature"]), (&"p".into(), &0.11.into()));
    assert_eq!((&coder["model"], &coder["temperature"]), (&"c".into(), &1.3.into()));
    assert!(coder.to_string().contains(":77"), "{coder}");
    assert_eq!(of(Asking::Reviewer)["model"], "r");
}

#[test]
fn the_linter_role_repairs_lint_findings() {
    let unused = "import json\nprint(1)";
    let answers = move |request: &crate::support::model_server::Received| {
        let prompt = request.prompt();
        let text = if prompt.starts_with("You are the Coder. Your") {
            fenced("print(1)\nprint(2)")
        } else {
            match agent(request) {
                Asking::Coder => fenced(unused),
                Asking::Planner => PLAN.to_owned(),
                Asking::Reviewer => ACCEPT.to_owned(),
            }
        };
        crate::support::model_server::Reply::to(request, &text)
    };
    let world = World::with(answers);
    world.write(
        "c.yaml",
        "lint: repair\nroles: { linter: { model: local/lint, temperature: 0.4 } }\n",
    );
    let args = ["new", "count", "--name", "s", "--auto", "--sandbox", "off", "--config", "c.yaml"];
    world.run(&args).expect(0);
    let repair = world.received().into_iter().nth(2).unwrap().body;
    assert_eq!((&repair["model"], &repair["temperature"]), (&"lint".into(), &0.4.into()));
}

#[test]
fn a_lint_repair_that_lowers_the_score_is_not_taken() {
    let (first, worse) =
        ("import json\nprint(1)\nprint(2)\nprint(3)", "import os, sys, re\nprint(1)");
    let scripts = [fenced(first), fenced(worse)];
    let world = World::scripted(&[PLAN], &scripts.each_ref().map(String::as_str), &[ACCEPT]);
    world.write("c.yaml", "lint: repair\n");
    let args = ["new", "count", "--name", "s", "--auto", "--sandbox", "off", "--config", "c.yaml"];
    let out = world.run(&args).expect(0);
    assert!(out.out.contains("v2 is worse than v1 (its lint score is lower)"), "{}", out.out);
    assert!(out.out.contains("accepted v1"), "{}", out.out);
    let reviewed = world.received().iter().filter(|r| agent(r) == Asking::Reviewer).count();
    assert_eq!(reviewed, 1, "what is not gone on with is not reviewed");
}

#[test]
fn quiet_prints_only_results_questions_and_errors() {
    let world = || World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    let args = ["new", "count", "--name", "s", "--auto", "--sandbox", "off"];
    let by_flag = world();
    let flag = by_flag.run(&[&args[..], &["-q"]].concat()).expect(0);
    let by_key = world();
    by_key.write("c.yaml", "quiet: true\n");
    let key = by_key.run(&[&args[..], &["--config", "c.yaml"]].concat()).expect(0);
    for out in [flag, key] {
        assert!(out.out.starts_with("accepted v1 (ran): "), "{}", out.out);
        assert_eq!((out.out.lines().count(), out.err.as_str()), (1, ""), "{}", out.out);
    }
    let asked = world();
    let out = asked.run_with(&["-q", "new", "count", "--name", "s"], "approve\n").expect(3);
    assert!(out.out.contains("plan gate: approve, edit, quit"), "{}", out.out);
    assert!(!out.out.contains("The Planner writes a plan"), "{}", out.out);
    assert_eq!(out.last_line(), "resume with: redraft resume s");
    asked.run(&["-q", "-v", "list"]).expect(2);
}

#[test]
fn the_chat_log_is_written_however_the_program_ends() {
    let coder = fenced("print(1)");
    let world = || World::scripted(&[PLAN], &[&coder], &[ACCEPT]);
    let new = ["new", "count", "--name", "s"];
    let kept = |world: &World, words: &[&str]| {
        let text = world.read("said/log.md");
        for word in words {
            assert_eq!(text.matches(word).count(), 1, "{word}\n{text}");
        }
    };
    let flag = ["--chatlog", "said/log.md"];
    // Accepted, paused at a gate and resumed, and failed because of the model.
    let accepted = world();
    std::fs::create_dir(accepted.file("said")).unwrap();
    accepted.run(&[&new[..], &flag, &["--auto", "--no-run"]].concat()).expect(0);
    kept(&accepted, &["# s, ", "## planner", "## coder", "## reviewer", "Accepted: v1."]);
    let paused = world();
    paused.write("said/c.yaml", "chatlog: said/log.md\n");
    paused.run(&[&new[..], &["--config", "said/c.yaml"]].concat()).expect(3);
    kept(&paused, &["# s, ", "## planner", "Paused: input ended at the plan gate."]);
    paused
        .run_with(&[&["resume", "s", "--no-run"][..], &flag].concat(), "approve\naccept\n")
        .expect(0);
    kept(&paused, &["# s, ", "## planner", "## coder", "Accepted: v1."]);
    let failed = World::with(|request| {
        if request.number == 0 {
            return crate::support::model_server::Reply::to(request, PLAN);
        }
        crate::support::model_server::Reply::refusal(401, "no")
    });
    std::fs::create_dir(failed.file("said")).unwrap();
    failed.run(&[&new[..], &flag, &["--auto"]].concat()).expect(4);
    kept(&failed, &["# s, ", "## planner", "## no answer", "Paused: the model failed"]);
    let asked = World::with(|request| {
        let said = if request.prompt().contains("It ran.") {
            "It is 1."
        } else {
            "```python\nprint(1)\n```"
        };
        crate::support::model_server::Reply::to(request, said)
    });
    std::fs::create_dir(asked.file("said")).unwrap();
    asked.run(&[&["ask", "what is one?", "--name", "s"][..], &flag].concat()).expect(0);
    kept(&asked, &["# s, ", "## run of v1", "It is 1."]);
    // An untrusted folder cannot make redraft write a file.
    let foreign = world();
    foreign.write_untrusted("redraft.yaml", "model: local/m\nchatlog: stolen.md\n");
    foreign.run(&["list"]).expect(0);
    assert!(!foreign.file("stolen.md").exists());
}

#[cfg(unix)]
#[test]
fn configured_rate_limits_of_a_provider_are_respected() {
    use crate::support::model_server::{Received, Reply};
    use crate::support::world::wait_for;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let asked = |world: &World| {
        let received = world.received();
        received.iter().filter(|asked| !asked.is_list() && agent(asked) == Asking::Coder).count()
    };
    for (key, most) in [("", 4), ("parallel: 1", 1), ("requests_per_minute: 1", 0)] {
        let world = World::with(|request: &Received| match agent(request) {
            Asking::Planner => Reply::to(request, PLAN),
            _ => Reply::silent(),
        });
        world.write("c.yaml", &format!("providers: {{ local: {{ {key} }} }}\n"));
        let args =
            ["--config", "c.yaml", "new", "count", "--name", "s", "--auto", "--candidates", "4"];
        let mut child = world.start(&args);
        wait_for(|| {
            let journal = world.file("sessions/s/journal.jsonl");
            let text = std::fs::read_to_string(journal).unwrap_or_default();
            text.matches("model_call_started").count() == 5 && asked(&world) >= most
        });
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{key}");
        assert_eq!(asked(&world), most, "{key}");
    }
}

#[test]
fn preset_and_sessions_folder_are_taken_from_the_configuration() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.write("c.yaml", "preset: quick\nsessions_dir: there/of mine\n");
    world
        .run(&["new", "count", "--name", "s", "--auto", "--no-run", "--config", "c.yaml"])
        .expect(0);
    assert!(world.file("there/of mine/s/script_v1.py").is_file());
    assert_eq!(agent(&world.received()[0]), Asking::Coder, "no plan");
}
