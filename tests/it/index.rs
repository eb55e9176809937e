//! The index speeds up a long list of sessions without changing it.

use crate::support::world::{ACCEPT, PLAN, World, fenced};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Enough sessions for an index.
const MANY: usize = 40;

/// A world with many sessions that are an hour old.
fn world() -> World {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.run_with(&["new", "count", "--no-run", "--name", "s0"], "approve\n").expect(3);
    let journal = world.read("sessions/s0/journal.jsonl");
    for n in 1..MANY {
        world.write(&format!("sessions/s{n}/journal.jsonl"), &journal);
    }
    for n in 0..MANY {
        age(&world, &format!("s{n}"));
    }
    world
}

/// Sets the modification time of a session's journal an hour back.
fn age(world: &World, name: &str) {
    let journal = world.file(&format!("sessions/{name}/journal.jsonl"));
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    File::options().append(true).open(journal).unwrap().set_modified(hour_ago).unwrap();
}

fn list(world: &World) -> String {
    let out = world.run(&["list", "--json"]).expect(0);
    assert_eq!(out.err, "");
    out.out
}

/// The index files.
fn indexes(world: &World) -> Vec<PathBuf> {
    let folder = fs::read_dir(world.file("home/.cache/redraft/lists")).into_iter().flatten();
    folder.map(|entry| entry.unwrap().path()).collect()
}

/// The index file; there must be only one.
#[track_caller]
fn index(world: &World) -> PathBuf {
    let indexes = indexes(world);
    assert_eq!(indexes.len(), 1, "{indexes:?}");
    indexes[0].clone()
}

/// Changes the index so that it differs from the journals of all sessions.
fn lie(world: &World) {
    let index = index(world);
    let said = fs::read_to_string(&index).unwrap();
    fs::write(&index, said.replace("\"request\":\"count\"", "\"request\":\"other\"")).unwrap();
}

#[test]
fn list_is_the_same_with_a_missing_or_corrupt_index() {
    let world = world();
    let first = list(&world);
    let whole = fs::read(index(&world)).unwrap();
    assert_eq!(list(&world), first, "with an index");
    assert_eq!(fs::read(index(&world)).unwrap(), whole, "nothing new is no reason to write it");
    for spoilt in [&b""[..], b"{", b"{}", b"null", b"\xff\xfe", &whole[..whole.len() / 2]] {
        fs::write(index(&world), spoilt).unwrap();
        assert_eq!(list(&world), first, "{:?}", String::from_utf8_lossy(spoilt));
    }
    fs::remove_dir_all(world.file("home/.cache")).unwrap();
    assert_eq!(list(&world), first, "without an index");
    // An index that others could have written is ignored.
    lie(&world);
    fs::set_permissions(index(&world), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(list(&world), first, "an index that others can read");
    // The cache folder cannot be created.
    fs::remove_dir_all(world.file("home/.cache/redraft/lists")).unwrap();
    world.write("home/.cache/redraft/lists", "a file");
    assert_eq!(list(&world), first, "no place for an index");
}

#[test]
fn a_session_is_read_again_when_its_journal_changed() {
    let world = world();
    let requests = |list: &str| -> Vec<(String, String)> {
        let rows: serde_json::Value = serde_json::from_str(list).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (text(&row["name"]), text(&row["request"]))).collect()
    };
    list(&world);
    lie(&world);
    let lied = requests(&list(&world));
    assert!(lied.iter().all(|(_, request)| request == "other"), "the index is what is read");
    // One journal appended to, one replaced by a file of the same size and time, and one session
    // removed.
    world.run(&["feedback", "s1", "more"]).expect(0);
    let journal = world.file("sessions/s2/journal.jsonl");
    let modified = journal.metadata().unwrap().modified().unwrap();
    let other = world.file("sessions/s2/other");
    fs::copy(&journal, &other).unwrap();
    File::options().append(true).open(&other).unwrap().set_modified(modified).unwrap();
    fs::rename(&other, &journal).unwrap();
    fs::remove_dir_all(world.file("sessions/s3")).unwrap();
    // A journal rewritten in place, with its time set back.
    age(&world, "s4");
    for (name, request) in requests(&list(&world)) {
        let read = ["s1", "s2", "s4"].contains(&name.as_str());
        assert_eq!(request, if read { "count" } else { "other" }, "{name}");
        assert_ne!(name, "s3");
    }
    let kept = fs::read_to_string(index(&world)).unwrap();
    assert!(!kept.contains("\"s3\""), "nothing is kept of a session that was removed");
}

#[test]
fn few_sessions_and_long_requests_are_not_indexed() {
    let world = world();
    let long = "x".repeat(5000);
    let journal =
        world.read("sessions/s0/journal.jsonl").replace("\"count\"", &format!("{long:?}"));
    world.write("sessions/s0/journal.jsonl", &journal);
    age(&world, "s0");
    let first = list(&world);
    assert!(first.contains(&long));
    assert!(!fs::read_to_string(index(&world)).unwrap().contains(&long));
    assert_eq!(list(&world), first);
    // A recently written journal is not indexed: it may change again within one tick of the file
    // system's clock.
    fs::remove_dir_all(world.file("home/.cache")).unwrap();
    for n in 0..MANY {
        world.write(&format!("sessions/s{n}/journal.jsonl"), &journal);
    }
    list(&world);
    assert_eq!(indexes(&world), Vec::<PathBuf>::new());
    for n in 5..MANY {
        fs::remove_dir_all(world.file(&format!("sessions/s{n}"))).unwrap();
    }
    for n in 0..5 {
        age(&world, &format!("s{n}"));
    }
    list(&world);
    assert_eq!(indexes(&world), Vec::<PathBuf>::new(), "few sessions");
}

#[test]
fn the_number_of_indexes_is_bounded() {
    let world = world();
    for n in 0..20 {
        let folder = world.file(&format!("folder{n}"));
        fs::rename(
            world.file(&if n == 0 { "sessions".to_owned() } else { format!("folder{}", n - 1) }),
            &folder,
        )
        .unwrap();
        world.run(&["list", "--sessions", &folder.display().to_string()]).expect(0);
    }
    assert_eq!(indexes(&world).len(), 16);
}

#[test]
fn a_clock_that_goes_backward_only_affects_the_dates() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.run_with(&["new", "count", "--no-run", "--name", "s"], "approve\n").expect(3);
    let mut lines: Vec<String> =
        world.read("sessions/s/journal.jsonl").lines().map(str::to_owned).collect();
    let last = lines.len() - 1;
    let at = world.journal("s")[last]["at"].as_str().unwrap().to_owned();
    lines[last] = lines[last].replace(&at, "2001-01-01T00:00:00Z");
    world.write("sessions/s/journal.jsonl", &(lines.join("\n") + "\n"));
    let file = world.file("sessions/s/journal.jsonl");
    let ahead = SystemTime::now() + Duration::from_hours(24);
    File::options().append(true).open(file).unwrap().set_modified(ahead).unwrap();
    assert!(list(&world).contains("2001-01-01"));
    world.run_with(&["resume"], "accept\n").expect(0);
    assert!(list(&world).contains("\"accepted\""));
}
