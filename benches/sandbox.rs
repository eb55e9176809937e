//! Measures the overhead of the sandbox: `python3 -c pass` confined, compared with unconfined,
//! against bubblewrap's overhead in the same run; and the memory used for a script's endless
//! output.
//!
//! The whole program is linked into this one, unused: the sandbox starts the same executable, and
//! that takes longer the larger it is.
//!
//! `cargo bench --bench sandbox`; without `bwrap` (on Debian: `apt install bubblewrap`) there is no
//! comparison, which is reported and counts as a failure.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use redraft::domain::settings::SandboxMode;
use redraft::python::interpreter::{self, Interpreter};
use redraft::sandbox::{Done, Job, Limits, runner, started_to_confine};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use support::{ms, row, say};
use tokio_util::sync::CancellationToken;

/// Number of rounds. Each round runs all variants, starting with another one each time, so that
/// other load affects them equally. The overhead over the unconfined run is computed per round.
const ROUNDS: usize = 120;

fn job(python: &Interpreter, code: &str) -> Job {
    Job {
        program: python.path.clone(),
        args: ["-c", code].map(Into::into).into(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        inputs: Vec::new(),
        readable: python.files(),
        hosts: Vec::new(),
        programs: false,
        stdin: Vec::new(),
        limits: Limits {
            time: Duration::from_mins(2),
            memory: 2 << 30,
            processes: 64,
            disk: 512 << 20,
        },
        keep: 256 << 10,
        keep_files_in: None,
        stop: CancellationToken::new(),
        attached: false,
        terminal: false,
        hands: None,
        counted: Vec::new(),
    }
}

fn confined(runtime: &tokio::runtime::Runtime, job: Job) -> Done {
    let runner = runner(SandboxMode::Strict);
    let done = runtime.block_on(runner.run(job, &CancellationToken::new()));
    done.expect("a confined run")
}

/// The closest equivalent with bubblewrap: all namespaces, a root of its own, the same readable
/// folders.
fn bubblewrap(python: &Interpreter) -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]);
    for folder in ["/usr", "/bin", "/sbin", "/lib", "/lib64"] {
        if Path::new(folder).exists() {
            command.args(["--ro-bind", folder, folder]);
        }
    }
    // The non-secret part of `/etc` that programs need, as in our sandbox.
    for name in [
        "alternatives",
        "fonts",
        "ld.so.cache",
        "localtime",
        "mime.types",
        "protocols",
        "services",
        "timezone",
    ] {
        let path = format!("/etc/{name}");
        command.args(["--ro-bind-try", &path, &path]);
    }
    for path in python.files().iter().filter(|path| path.exists() && !path.starts_with("/usr")) {
        command.arg("--ro-bind").args([path, path]);
    }
    command.args([
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--tmpfs", "/tmp", "--tmpfs",
        "/work",
    ]);
    command.args(["--chdir", "/work", "--"]).arg(&python.path).args(["-c", "pass"]);
    command
}

fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn succeed(command: &mut Command) {
    let ended = command.stdin(Stdio::null()).output().expect("a program");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// A quantile of these times: `part` 0.5 is the median.
fn above(part: f64, times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let at = (times.len() as f64 * part) as usize;
    times[at]
}

fn tell(what: &str, times: &[f64]) {
    let [least, quarter, median] = [0.0, 0.25, 0.5].map(|part| above(part, times));
    say(&format!("{what:<42} least {least:.1}, a quarter {quarter:.1}, median {median:.1} ms"));
}

/// The peak resident memory of this process, in MiB. Not from `getrusage`, whose value includes the
/// process that started this program.
fn most_resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("what this process is");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    let kib = line.trim().trim_end_matches(" kB").parse::<u32>().expect("a number");
    f64::from(kib) / 1024.0
}

fn main() -> ExitCode {
    // The sandbox starts its own executable again.
    if let Some(code) = started_to_confine() {
        return code.into();
    }
    let python = interpreter::find(None).expect("a Python");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let there = Command::new("bwrap").arg("--version").output().is_ok();
    // Keeps the linker from removing the rest of the program.
    std::hint::black_box(redraft::commands::main as fn() -> u8);
    let runs: [&dyn Fn(); 3] = [
        &|| succeed(Command::new(&python.path).args(["-c", "pass"]).env_clear()),
        &|| drop(confined(&runtime, job(&python, "pass"))),
        &|| succeed(&mut bubblewrap(&python)),
    ];
    let kinds = if there { 3 } else { 2 };
    let mut rounds: Vec<[f64; 3]> = Vec::new();
    for round in 0..=ROUNDS {
        let mut times = [0.0; 3];
        for kind in (round..round + kinds).map(|kind| kind % kinds) {
            times[kind] = ms(time(runs[kind]));
        }
        rounds.push(times);
    }
    // The first round runs with cold caches.
    rounds.remove(0);
    let of = |kind: usize| rounds.iter().map(|times| times[kind]).collect::<Vec<f64>>();
    let over = |kind: usize| rounds.iter().map(|t| t[kind] - t[0]).collect::<Vec<f64>>();
    tell("`python3 -c pass`, bare", &of(0));
    tell("confined", &of(1));
    let mut held = there;
    if there {
        tell("by bubblewrap", &of(2));
        tell("what confinement costs over the bare one", &over(1));
        tell("what bubblewrap costs", &over(2));
        let ratio = above(0.5, &over(1)) / above(0.5, &over(2)).max(0.001);
        held &= row("its cost over a bare one, to bubblewrap's", ratio, "", 0.9);
    } else {
        say("bubblewrap is not there: nothing to compare with");
    }
    let flood = "import sys\nfor n in range(3 << 10): sys.stdout.write('x' * (1 << 20))";
    let done = confined(&runtime, job(&python, flood));
    say(&format!("{} bytes printed in {:.1} s", done.stdout.bytes, done.elapsed.as_secs_f64()));
    assert_eq!(done.stdout.bytes, 3 << 30, "all of it was read");
    held &= row("memory while a script prints 3 GiB", most_resident(), "MiB", 64.0);
    ExitCode::from(u8::from(!held))
}
