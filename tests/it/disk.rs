//! A disk that fails: whichever operation it is that fails, the user is told in a line or two, and the
//! session goes on to the same end.

use crate::kill::{Session, check_calls, check_files, model, outcome};
use crate::support::world::World;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

/// What happens to an operation.
const KINDS: [&str; 5] = ["full", "broken", "denied", "killed-before", "killed-after"];

/// Set, every operation meets every kind of fault, which takes many minutes; else every third one meets
/// one of them.
const ALL: &str = "REDRAFT_ALL_FAULTS";

/// How a command ended whose disk failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Met {
    /// It went on without what failed.
    WentOn,
    /// It said what failed.
    Told,
    /// It was killed.
    Killed,
}

/// Works on a session while an operation of that number fails; none if there is no such operation.
fn work(world: &World, name: &str, number: usize, kind: &str) -> Option<Met> {
    let seen = world.file(&format!("seen-{name}"));
    let args = ["new", "count to two", "--sandbox", "off", "--auto", "--name", name];
    let mut command = world.command(&args);
    command.env("REDRAFT_FILE_FAULT", format!("{number}:{kind}"));
    command.env("REDRAFT_FILE_FAULT_SEEN", &seen);
    let out = command.output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    let what = format!("operation {number}, {kind}: {:?}\n{told}", out.status);
    seen.exists().then(|| match (out.status.code(), out.status.signal()) {
        (Some(0), _) => Met::WentOn,
        (Some(_), _) => {
            let errors: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
            assert_eq!(errors.len(), 1, "{what}");
            assert!(told.lines().count() <= 4 && !told.contains("panicked"), "{what}");
            Met::Told
        }
        (None, signal) => {
            assert_eq!(signal, Some(6), "{what}");
            Met::Killed
        }
    })
}

/// How often a kind of fault ended which way.
type Counts = BTreeMap<(&'static str, Met), usize>;

/// Has each operation of these numbers fail, up to the last one that a session has, and resumes the session.
fn fail(
    world: &World,
    expected: &[Value],
    numbers: impl Iterator<Item = usize>,
    all: bool,
) -> Counts {
    let mut counts = Counts::new();
    for number in numbers {
        let kinds = if all { &KINDS[..] } else { &KINDS[number % KINDS.len()..][..1] };
        let mut met_any = false;
        for kind in kinds {
            let name = format!("s{number}-{kind}");
            let Some(met) = work(world, &name, number, kind) else { continue };
            met_any = true;
            *counts.entry((kind, met)).or_default() += 1;
            let session = Session { world, name, auto: true };
            // It goes on, however far it came.
            let ended = !session.journal().is_empty() && met == Met::WentOn;
            assert!(ended || !session.killed(usize::MAX, Duration::ZERO), "{}", session.name);
            let journal = session.journal();
            let came = outcome(&journal);
            for n in 0..came.len().max(expected.len()) {
                assert_eq!(came.get(n), expected.get(n), "{}, number {n}", session.name);
            }
            check_calls(&journal);
            check_files(&world.file(&format!("sessions/{}", session.name)), &journal);
        }
        if !met_any {
            break;
        }
    }
    counts
}

#[test]
fn a_failure_of_any_disk_operation_leads_to_the_same_end() {
    let world = World::with(model);
    let whole = Session { world: &world, name: "whole".to_owned(), auto: true };
    assert!(!whole.killed(usize::MAX, Duration::ZERO));
    let expected = outcome(&whole.journal());
    let all = std::env::var_os(ALL).is_some();
    let step = if all { 1 } else { 3 };
    // Most of the time goes to starting processes: one for each core.
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (world, expected) = (&world, &expected);
    let counts = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores)
            .map(|n| (1 + n * step..).step_by(step * cores))
            .map(|numbers| scope.spawn(move || fail(world, expected, numbers, all)))
            .collect();
        let mut counts = Counts::new();
        for (key, count) in parts.into_iter().flat_map(|part| part.join().unwrap()) {
            *counts.entry(key).or_default() += count;
        }
        counts
    });
    let seen: usize = counts.values().sum();
    let _ = writeln!(std::io::stdout(), "{counts:#?}");
    assert!(seen > 40, "{counts:?}");
    assert!(counts.keys().any(|(_, met)| *met == Met::Told), "{counts:?}");
}
