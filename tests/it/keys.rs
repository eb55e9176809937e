//! Keys stay in the environment or the keyring: they are in no file and no output, and other
//! programs of the same user cannot read them from the process.

use crate::support::pty::{ENTER, Pty};
use crate::support::world::{Output, World, feed, fenced, wait_for};
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

const KEY: &str = "sk-a-key-that-nobody-sees";
/// The user id of `nobody`.
const NOBODY: u32 = 65534;

/// Runs the program without access to a keyring.
fn without_keyring(world: &World, args: &[&str], input: &[u8]) -> Output {
    let mut command = world.command(args);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none");
    feed(command, input)
}

/// Fails if any file in the world contains the key.
#[track_caller]
fn assert_unwritten(world: &World) {
    for (path, content) in world.tree() {
        let content = content.unwrap_or_default();
        let holds = content.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        assert!(!holds, "{}", path.display());
    }
}

#[test]
fn without_a_keyring_login_fails_and_stores_nothing() {
    let world = World::empty();
    let out = without_keyring(&world, &["login", "openai"], KEY.as_bytes()).expect(2);
    assert!(out.err.contains("no keyring") && out.err.contains("environment variable"), "{out:?}");
    assert!(!out.err.contains(KEY) && out.err.lines().count() == 1, "{out:?}");
    assert_unwritten(&world);
    // Other commands do not act as if there were a key.
    let models = without_keyring(&world, &["models"], b"").expect(0).out;
    assert!(!models.contains("openai "), "{models}");
    let out = without_keyring(&world, &["logout", "openai"], b"").expect(0);
    assert!(out.out.contains("has no key of openai"), "{out:?}");
}

#[test]
fn a_failed_login_keeps_the_record_of_earlier_keys() {
    let world = World::empty();
    let noted = world.file("home/.local/state/redraft/logins");
    world.write("home/.local/state/redraft/logins", "openai\n");
    fs::set_permissions(&noted, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for provider in ["openai", "anthropic"] {
        without_keyring(&world, &["login", provider], KEY.as_bytes()).expect(2);
        assert_eq!(fs::read_to_string(&noted).unwrap(), "openai\n", "{provider}");
    }
}

#[test]
fn an_invalid_key_is_refused_before_the_keyring_is_asked() {
    let world = World::empty();
    for (provider, key, words) in [
        ("openai", "", "it is empty"),
        ("openai", " \n", "it is empty"),
        ("openai", "two words", "a word of letters"),
        ("openai", "a\nb", "a word of letters"),
        ("openai", &"x".repeat(9000), "a word of letters"),
        ("nowhere", KEY, "no provider `nowhere`"),
        ("embedded", KEY, "takes no key"),
    ] {
        let out = without_keyring(&world, &["login", provider], key.as_bytes()).expect(2);
        assert!(out.err.contains(words), "{provider} {key}: {out:?}");
    }
}

#[test]
fn the_environment_takes_precedence_over_the_keyring() {
    let world = World::scripted(&[], &[&fenced("print(1)")], &[]);
    let config = world.read("redraft.yaml").replace("kind: openai", "api_key_env: K, kind: openai");
    world.write("redraft.yaml", &config);
    let noted = world.file("home/.local/state/redraft/logins");
    world.write("home/.local/state/redraft/logins", "local\n");
    let mode =
        |mode| fs::set_permissions(&noted, std::os::unix::fs::PermissionsExt::from_mode(mode));
    mode(0o600).unwrap();
    let new = ["new", "count", "--preset", "quick", "--no-run", "--name", "s"];
    // The key is recorded as stored, but there is no keyring.
    let out = without_keyring(&world, &new, b"");
    assert!(out.code != Some(0) && out.err.contains("the key of provider `local`"), "{out:?}");
    let mut command = world.command(&new);
    command.env("K", KEY).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none");
    feed(command, b"").expect(3);
    assert_eq!(world.received().len(), 1);
    assert_unwritten(&world);
    // A record that others can write is ignored.
    mode(0o666).unwrap();
    let other = ["new", "count", "--preset", "quick", "--no-run", "--name", "other"];
    let out = without_keyring(&world, &other, b"");
    assert!(
        out.err.contains("set the environment variable `K`, or: redraft login local"),
        "{out:?}"
    );
}

#[test]
fn a_typed_key_is_not_echoed() {
    let world = World::empty();
    let env = [("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none")];
    let mut pty = Pty::sized(&world, &["login", "openai"], 80, 24, &env);
    pty.expect("key of openai: ");
    pty.send(KEY);
    pty.send(ENTER);
    pty.expect("no keyring");
    pty.expect_screen("no key", |screen| !screen.contains(KEY));
    pty.expect_end(2);
}

/// Runs a command as an ordinary user: as `nobody` if the test runs as root.
fn as_user(command: &mut Command) -> &mut Command {
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Whether another program of the same user can read this process's environment or memory.
fn is_readable(child: &Child) -> bool {
    let place = format!("/proc/{}", child.id());
    let script = format!("cat {place}/environ >/dev/null 2>&1 || : <{place}/mem");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stderr(Stdio::null());
    as_user(&mut command).status().unwrap().success()
}

#[test]
#[cfg(target_os = "linux")]
fn other_programs_of_the_user_cannot_read_its_memory() {
    let world = World::empty();
    // Put the program where an ordinary user can start it.
    let program = world.file("redraft");
    let built = env!("CARGO_BIN_EXE_redraft");
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    if nix::unistd::geteuid().is_root() {
        chown(world.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let start = |command: &mut Command| {
        command.current_dir(world.path()).env_clear().env("HOME", world.path()).env("K", KEY);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        as_user(command).spawn().unwrap()
    };
    let mut open = start(&mut Command::new("/bin/cat"));
    assert!(is_readable(&open), "any other program's is");
    let mut hidden = start(Command::new(&program).args(["login", "openai"]));
    wait_for(|| !is_readable(&hidden));
    assert!(hidden.try_wait().unwrap().is_none(), "it still waits for a key");
    for child in [&mut open, &mut hidden] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
