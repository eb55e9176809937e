//! Packages that scripts need: resolved, confirmed and installed into environments, or not.

use crate::support::model_server::{Received, Reply};
use crate::support::pty::{ENTER, Pty};
use crate::support::world::{ACCEPT, Output, PLAN, World, feed, fenced, finish, wait_for};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A fake `uv` with a small index: `conflict` cannot be installed, `slow` waits for a file, and
/// `far` cannot be resolved. Logs its arguments.
const UV: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/log"
case "$1 $2" in
--version*) echo "uv 0.0.0" ;;
"pip compile")
    read -r name
    case $name in
    tiny | conflict | slow | panda | haversine) ;;
    far) echo "error: Failed to fetch: it is far away" >&2; exit 2 ;;
    *) echo "error: No solution found
  cause: Because $name was not found in the package registry and you require it" >&2; exit 1 ;;
    esac ;;
"lock --script") grep -q conflict "$3" && { echo "error: no way" >&2; exit 1; }
    sed 's/^/locked: /' "$3" > "$3.lock" ;;
venv*) for last; do :; done; "$PYTHON_OF_TEST" -m venv --without-pip "$last" ;;
"pip install")
    while [ "$1" != --python ]; do shift; done
    python=$2; shift 2
    folder=$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    for package; do
        case $package in
        conflict*) echo "error: conflict needs a newer Python, see https://me:secret@host/simple
and $HOME/there" >&2; exit 1 ;;
        slow*) touch "$here/waiting"
            while [ ! -e "$here/go" ]; do [ -d "$here" ] || exit 1; sleep 0.02; done ;;
        esac
        echo "name = '$package'" > "$folder/${package%%[<>=]*}.py"
    done ;;
esac
"#;

/// A world with the fake `uv`.
fn world(scripts: &[&str], config: &str) -> World {
    let fenced: Vec<String> = scripts.iter().map(|script| fenced(script)).collect();
    let coder: Vec<&str> = fenced.iter().map(String::as_str).collect();
    with_uv(World::scripted(&[PLAN], &coder, &[ACCEPT]), config)
}

/// Like [`world`], with this model.
fn world_with(replies: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> World {
    with_uv(World::with(replies), "")
}

fn with_uv(world: World, config: &str) -> World {
    world.write("redraft.yaml", &(world.read("redraft.yaml") + config));
    let python = redraft::python::interpreter::find(None).unwrap().path;
    let text = UV.replace("$PYTHON_OF_TEST", python.to_str().unwrap());
    world.write("bin/uv", &text);
    fs::set_permissions(world.file("bin/uv"), fs::Permissions::from_mode(0o755)).unwrap();
    world
}

fn command(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(args);
    command.env("UV", world.file("bin/uv"));
    command
}

fn run(world: &World, args: &[&str], input: &str) -> Output {
    finish(command(world, args), input)
}

/// The number of installations by `uv`.
fn installs(world: &World) -> usize {
    let log = fs::read_to_string(world.file("bin/log")).unwrap_or_default();
    log.lines().filter(|line| line.starts_with("pip install")).count()
}

/// The existing environments.
fn environments(world: &World) -> Vec<PathBuf> {
    let folder = world.file("home/.cache/redraft/environments");
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

const TINY: &str = "import tiny\nprint(tiny.name)";

#[test]
fn an_allowed_package_is_installed_once_for_all_versions() {
    let second = format!("{TINY}\nprint(2)");
    let world = world(&[TINY, &second], "");
    let input = "approve\nallow\nfeedback: print two as well\naccept\n";
    let out = run(&world, &["new", "count", "--name", "s"], input).expect(0);
    assert!(out.out.contains("tiny not one of the well-known packages"), "{}", out.out);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "tiny\n");
    assert_eq!(world.read("sessions/s/run_v2/stdout.txt"), "tiny\n2\n");
    assert!(world.read("sessions/s/report_v1.yaml").contains("sandbox: strict"));
    assert_eq!(installs(&world), 1);
    let journal = world.journal("s");
    let gates = journal.iter().filter(|e| e["event"] == "gate_opened" && e["gate"] == "install");
    assert_eq!(gates.count(), 1, "the Manager is asked once");
    let answer = journal.iter().find(|e| e["event"] == "install_permission").unwrap();
    assert_eq!((&answer["allowed"], &answer["packages"][0]), (&true.into(), &"tiny".into()));
    let finished = journal.iter().find(|e| e["event"] == "install_finished").unwrap();
    assert!(finished.get("error").is_none(), "{finished}");

    // Another session uses the existing environment.
    run(&world, &["new", "count", "--name", "t"], "approve\naccept\n").expect(0);
    assert_eq!((installs(&world), environments(&world).len()), (1, 1));
    let out = run(&world, &["run", "t"], "").expect(0);
    assert!(out.out.starts_with("tiny\n"), "{}", out.out);
    let out = run(&world, &["log", "s"], "").expect(0);
    assert!(out.out.contains("install permission   allowed true, manager, tiny"), "{}", out.out);
}

#[test]
fn a_refused_package_is_not_installed_and_the_script_is_repaired() {
    let world = world(&[TINY, "print('without')"], "");
    run(&world, &["new", "count", "--name", "s"], "approve\ndeny\naccept\n").expect(0);
    assert_eq!((installs(&world), environments(&world).len()), (0, 0));
    assert!(world.read("sessions/s/report_v1.yaml").contains("ModuleNotFoundError"));
    assert_eq!(world.read("sessions/s/run_v2/stdout.txt"), "without\n");

    // Asking for a run asks again for the refused permission.
    let again = "rewind v1\nrun\nallow\naccept\n";
    run(&world, &["feedback", "s", "no"], "").expect(0);
    run(&world, &["resume", "s"], &format!("quit\n{again}")).expect(3);
    run(&world, &["resume", "s"], again).expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "tiny\n");
}

#[test]
fn unattended_only_packages_allowed_by_the_settings_are_installed() {
    for (config, module, installed, gate) in [
        ("", "tiny", 0, Some(false)),
        ("install: ask\n", "tiny", 0, Some(false)),
        // `tiny` is not a well-known package.
        ("install: auto\n", "tiny", 0, Some(false)),
        ("install: auto\npackages: { allow: [Tiny] }\n", "tiny", 1, None),
        ("packages: { allow: [tiny] }\n", "tiny", 1, None),
        ("install: auto\npackages: { allow: [tiny] }\n", "haversine", 0, Some(false)),
        ("install: auto\npackages: { deny: [haversine] }\n", "haversine", 0, None),
        // A well-known package is installed without asking.
        ("install: auto\n", "haversine", 1, None),
        // The name differs by one letter from a much better known one.
        ("install: auto\n", "panda", 0, Some(false)),
        ("install: never\n", "tiny", 0, None),
    ] {
        let script = format!("import {module}\nprint({module}.name)");
        let world = world(&[&script, "print('without')"], config);
        run(&world, &["new", "count", "--name", "s", "--auto"], "").expect(0);
        assert_eq!(installs(&world), installed, "{config}{module}");
        let journal = world.journal("s");
        let answer = journal.iter().find(|e| e["event"] == "install_permission");
        assert_eq!(answer.map(|e| e["allowed"] == true), gate, "{config}{module}");
        assert_eq!(answer.map(|e| e["by"] == "auto"), gate.map(|_| true));
        let sought = journal.iter().any(|e| e["event"] == "packages_sought");
        assert_eq!(sought, !config.contains("never"), "{config}");
    }
}

#[test]
fn a_nonexistent_package_is_reported_to_the_coder_without_a_gate() {
    let world = world(&["import tiny, tinyhelpers\n", "print('without')"], "");
    run(&world, &["new", "count", "--name", "s"], "approve\naccept\n").expect(0);
    assert_eq!(installs(&world), 0);
    let asked: Vec<String> = world.received().iter().map(Received::prompt).collect();
    assert_eq!(asked.iter().filter(|p| p.starts_with("You know which package")).count(), 2);
    let repair = asked.iter().find(|p| p.contains("the package index has no")).unwrap();
    assert!(repair.contains("the package index has no `tinyhelpers`"), "{repair}");
    assert!(!repair.contains("no `tiny`"), "{repair}");
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("verdict: failed") && report.contains("not started"), "{report}");
}

#[test]
fn an_optional_import_needs_no_installation() {
    let script = "try:\n    import tinyhelpers\nexcept ImportError:\n    tinyhelpers = None\n\
                  try:\n    import json\nexcept ImportError:\n    import tiny\nprint(tinyhelpers)";
    let world = world(&[script], "");
    run(&world, &["new", "count", "--name", "s"], "approve\naccept\n").expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "None\n");
    assert_eq!(installs(&world), 0);
}

#[test]
fn a_failed_installation_is_reported_to_the_coder() {
    let world = world(&["import conflict\n", "print('without')"], "");
    run(&world, &["new", "count", "--name", "s"], "approve\nallow\naccept\n").expect(0);
    let repair = world.received()[2].prompt();
    assert!(repair.contains("`conflict` could not be installed: "), "{repair}");
    assert!(repair.contains("conflict needs a newer Python"), "{repair}");
    assert!(repair.contains("and ~/there"), "{repair}");
    assert!(!world.read("sessions/s/journal.jsonl").contains("secret"));
    assert!(environments(&world).is_empty(), "half an environment is left");
}

#[test]
fn an_unreachable_index_does_not_prevent_an_installation() {
    let world = world(&["import far\nprint(far.name)"], "");
    let out = run(&world, &["new", "count", "--name", "s"], "approve\nallow\naccept\n").expect(0);
    assert!(out.out.contains("the index could not be reached"), "{}", out.out);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "far\n");
}

#[test]
fn declared_dependencies_are_installed_and_exported() {
    let script = "# /// script\n# dependencies = ['tiny>=1']\n# ///\nimport os, tiny, helper\nprint(tiny.name, helper.x)";
    let world = world(&[script], "");
    world.write("helper.py", "x = 5\n");
    let args = ["new", "count", "--name", "s", "--data", "helper.py"];
    run(&world, &args, "approve\nallow\naccept\n").expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "tiny>=1 5\n");
    let log = world.read("bin/log");
    assert!(!log.contains("helper"), "{log}");
    let out = run(&world, &["export", "s"], "").expect(0);
    assert!(out.out.contains("# dependencies = ['tiny>=1']"), "{}", out.out);
}

#[test]
fn a_half_made_environment_of_a_killed_installation_is_not_used() {
    let world = world(&["import slow, tiny\nprint(slow.name, tiny.name)"], "");
    let mut child = command(&world, &["new", "count", "--name", "s"]);
    child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"approve\nallow\n").unwrap();
    wait_for(|| world.file("bin/waiting").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(environments(&world).len(), 1);
    world.write("bin/go", "");
    // The permission is not asked for again, and the incomplete environment is created anew.
    run(&world, &["resume", "s"], "accept\n").expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "slow tiny\n");
    assert_eq!((installs(&world), environments(&world).len()), (2, 1));
}

#[test]
fn an_interrupted_installation_pauses_and_continues_at_resume() {
    let world = world(&["import slow\nprint(slow.name)"], "");
    let mut child = command(&world, &["new", "count", "--name", "s"]);
    child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"approve\nallow\n").unwrap();
    wait_for(|| world.file("bin/waiting").exists());
    let id = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(environments(&world).is_empty());
    world.write("bin/go", "");
    run(&world, &["resume", "s"], "accept\n").expect(0);
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "slow\n");
}

#[test]
fn two_sessions_with_the_same_packages_install_them_once() {
    let world = world(&["import slow\nprint(slow.name)"], "");
    std::thread::scope(|scope| {
        let outs: Vec<_> = ["s", "t"]
            .map(|name| {
                let command = command(&world, &["new", "count", "--name", name]);
                scope.spawn(move || feed(command, b"approve\nallow\naccept\n"))
            })
            .into_iter()
            .collect();
        let started = |name: &str| {
            let journal = world.file(&format!("sessions/{name}/journal.jsonl"));
            fs::read_to_string(journal).unwrap_or_default().contains("install_started")
        };
        wait_for(|| started("s") && started("t"));
        world.write("bin/go", "");
        for out in outs {
            out.join().unwrap().expect(0);
        }
    });
    assert_eq!((installs(&world), environments(&world).len()), (1, 1));
    for name in ["s", "t"] {
        assert_eq!(world.read(&format!("sessions/{name}/run_v1/stdout.txt")), "slow\n");
    }
}

#[test]
fn the_run_command_installs_packages_only_with_yes() {
    let world = world(&["print(1)"], "");
    world.write("x.py", TINY);
    let out = run(&world, &["run", "x.py"], "").expect(1);
    assert!(out.err.contains("it needs tiny") && out.err.contains("--yes"), "{}", out.err);
    assert_eq!(installs(&world), 0);
    let out = run(&world, &["run", "x.py", "--yes"], "").expect(0);
    assert_eq!((out.out.as_str(), installs(&world)), ("tiny\n", 1));
    run(&world, &["run", "x.py"], "").expect(0);
    world.write("y.py", "import panda\n");
    run(&world, &["run", "y.py", "--yes"], "").expect(1);
    world.write("z.py", "import conflict\n");
    let out = run(&world, &["run", "z.py", "--yes"], "").expect(2);
    assert!(out.err.contains("conflict needs a newer Python"), "{}", out.err);
}

/// A script that creates a folder with a wheel and a source distribution.
const WHEELS: &str = r#"import io, os, tarfile, zipfile
with zipfile.ZipFile("wheels/wheeled-1.0-py3-none-any.whl", "w") as wheel:
    info = "wheeled-1.0.dist-info/"
    wheel.writestr("wheeled.py", "name = 'from a wheel'\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: wheeled\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "wheeled.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n")
# A source whose code is run by whoever builds it, with nothing else.
ran = f"open({os.getcwd()!r} + '/ran', 'w')\n"
project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
with tarfile.open("wheels/sourced-1.0.tar.gz", "w:gz") as source:
    for name, text in [("pyproject.toml", project), ("backend.py", ran), ("setup.py", ran)]:
        member = tarfile.TarInfo("sourced-1.0/" + name)
        member.size = len(text)
        source.addfile(member, io.BytesIO(text.encode()))
"#;

fn wheels(world: &World) -> PathBuf {
    world.write("make.py", WHEELS);
    fs::create_dir(world.file("wheels")).unwrap();
    finish(world.shell("python3 make.py"), "").expect(0);
    world.file("wheels")
}

#[test]
fn an_exported_script_can_have_a_lock_file() {
    let script = "# /// script\n# dependencies = [\"tiny>=2\"]\n# [[tool.uv.index]]\n\
                  # url = \"https://example.org\"\n# ///\nimport tiny\nprint(tiny)";
    let world = world(&[script], "");
    run(&world, &["new", "count", "--name", "s", "--auto", "--no-run"], "").expect(0);
    run(&world, &["export", "s", "-o", "s.py", "--lock"], "").expect(0);
    let lock = world.read("s.py.lock");
    assert!(lock.contains("locked: #     \"tiny>=2\"") && !lock.contains("example.org"), "{lock}");
    assert!(world.read("s.py").contains("import tiny"));
    // Existing files are not overwritten without `--yes`, and a lock that fails leaves no file
    // behind.
    fs::remove_file(world.file("s.py")).unwrap();
    let out = run(&world, &["export", "s", "-o", "s.py", "--lock"], "").expect(2);
    assert!(out.err.contains("`s.py.lock`") && !world.file("s.py").exists(), "{}", out.err);
    run(&world, &["export", "s", "--lock"], "").expect(2);
    let world = self::world(&["import conflict"], "");
    run(&world, &["new", "count", "--name", "s", "--auto", "--no-run"], "").expect(0);
    let out = run(&world, &["export", "s", "-o", "s.py", "--lock"], "").expect(2);
    assert!(out.err.contains("no way") && !world.file("s.py").exists(), "{}", out.err);
    let out = finish(without_uv(&world, &["export", "s", "-o", "s.py", "--lock"]), "").expect(2);
    assert!(out.err.contains("there is no `uv`"), "{}", out.err);
}

/// The program without `uv`: the `PATH` contains only Python and the system's programs.
fn without_uv(world: &World, args: &[&str]) -> Command {
    let python = redraft::python::interpreter::find(None).unwrap().path;
    let mut command = world.command(args);
    command.env("PATH", format!("{}:/usr/bin:/bin", python.parent().unwrap().display()));
    command.env("PIP_FIND_LINKS", world.file("wheels"));
    command
}

/// The complete installation with the real `venv` and `pip`, from wheels in a folder.
#[test]
fn without_uv_pip_installs_wheels_and_builds_no_sources() {
    let world = World::scripted(
        &[PLAN],
        &[
            &fenced("import sourced\n"),
            &fenced("import nowhere_at_all\n"),
            &fenced("import wheeled\nprint(wheeled.name)"),
        ],
        &[ACCEPT],
    );
    wheels(&world);
    let command = without_uv(&world, &["new", "count", "--name", "s"]);
    finish(command, "approve\nallow\nallow\naccept\n").expect(0);
    let prompts = world.received();
    assert!(
        prompts[2].prompt().contains("source only are not installed"),
        "{}",
        prompts[2].prompt()
    );
    assert!(prompts[3].prompt().contains("has no `nowhere_at_all`"), "{}", prompts[3].prompt());
    assert_eq!(world.read("sessions/s/run_v3/stdout.txt"), "from a wheel\n");
    assert_eq!(environments(&world).len(), 1);
    assert!(!world.file("ran").exists(), "setup code was run");
}

#[test]
fn a_venv_without_pip_runs_in_the_sandbox_and_can_have_packages() {
    let world = World::empty();
    wheels(&world);
    finish(world.shell("python3 -m venv --without-pip bare"), "").expect(0);
    world.write("x.py", "import sys\nprint(sys.prefix)");
    let out = world.run(&["run", "x.py", "--python", "venv:bare"]).expect(0);
    assert!(out.out.trim_end().ends_with("/bare"), "{}", out.out);
    world.write("y.py", "import wheeled\nprint(wheeled.name)");
    let args = ["run", "y.py", "--python", "venv:bare", "--yes"];
    let out = finish(without_uv(&world, &args), "").expect(0);
    assert_eq!(out.out, "from a wheel\n");
}

#[test]
fn the_package_of_an_unknown_module_is_decided_by_a_majority_of_answers() {
    for (answers, installed) in [
        (["tinylib: tiny", "tinylib: conflict", "tinylib: tiny"], true),
        (["tinylib: tiny", "tinylib: conflict", "tinylib: none"], false),
        (["tinylib: none", "tinylib: none", "tinylib: tiny"], false),
        (["tinylib: nowhere", "tinylib: nowhere", "tinylib: tiny"], false),
    ] {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let world = world_with(move |request| {
            let prompt = request.prompt();
            let text = if prompt.starts_with("You know which package") {
                answers[asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst)].to_owned()
            } else if prompt.starts_with("You are the Planner") {
                PLAN.to_owned()
            } else if prompt.starts_with("You are the Reviewer") {
                ACCEPT.to_owned()
            } else if prompt.contains("has no `") {
                fenced("print('without')")
            } else {
                fenced("import tinylib\nprint(1)")
            };
            Reply::to(request, &text)
        });
        let out = run(&world, &["new", "count", "--name", "s"], "approve\nallow\nquit\n");
        assert_eq!(installs(&world) > 0, installed, "{answers:?}\n{}", out.out);
        let gates = world.journal("s");
        let gate = gates.iter().any(|e| e["event"] == "gate_opened" && e["gate"] == "install");
        assert_eq!(gate, installed, "what a model made up is asked for: {answers:?}");
    }
}

#[test]
fn a_careless_enter_does_not_install_a_suspicious_package() {
    let slip = "import panda\nprint(panda.name)";
    let world = world(&[slip, TINY], "uv: bin/uv\n");
    let mut pty = Pty::start(&world, &["new", "count", "--name", "s"]);
    pty.choose("Is this the plan?", "approve");
    pty.expect("misspelling of the far better known `pandas`");
    pty.expect("Install them?");
    pty.send(ENTER);
    pty.expect("not one of the well-known packages");
    pty.choose("Install them?", "allow");
    pty.choose("What now?", "accept");
    pty.expect_end(0);
    let journal = world.journal("s");
    let answers = journal.iter().filter(|e| e["event"] == "install_permission");
    let answers: Vec<bool> = answers.map(|e| e["allowed"] == true).collect();
    assert_eq!(answers, [false, true]);
    assert_eq!(world.read("sessions/s/run_v2/stdout.txt"), "tiny\n");
}
