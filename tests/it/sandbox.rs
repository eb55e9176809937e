//! Scripts that try to escape from the sandbox. Each must do its harm as an unconfined child
//! process, since otherwise the test could not fail, and none of it when confined: as root, if the
//! test runs as root, and as an ordinary user.

mod scripts;

use crate::support::world::World;
use scripts::As::Root;
use scripts::{CLOCK, HONEST, HOSTILE, PRELUDE, TERMINAL};
use std::collections::VecDeque;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// The id of an ordinary user that owns nothing.
const USER: u32 = 65_533;
/// The output of a script that escaped.
const OUT: &str = "ESCAPED";

/// The targets of hostile scripts.
struct Host {
    world: World,
    program: PathBuf,
    tcp: u16,
    udp: u16,
    name: String,
    victim: Child,
    _listeners: (UnixListener, UnixListener),
}

impl Host {
    fn new(user: Option<u32>) -> Self {
        let world = World::empty();
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        };
        open(world.path(), 0o777);
        world.write("secret.txt", "the key");
        for file in ["file", "gone"] {
            world.write(&format!("place/{file}"), "text");
            open(&world.file(&format!("place/{file}")), 0o666);
            std::os::unix::fs::chown(world.file(&format!("place/{file}")), user, user).unwrap();
        }
        open(&world.file("place"), 0o777);
        open(&world.file("home"), 0o777);
        world.write(
            "redraft.yaml",
            "sandbox: { seconds: 20, memory_mb: 256, processes: 40, disk_mb: 64 }\n",
        );
        // The user may have no access to the folder of the build.
        let program = world.file("redraft");
        let built = env!("CARGO_BIN_EXE_redraft");
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).unwrap();
        }
        let name = world.path().display().to_string();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_file = UnixListener::bind(world.file("socket")).unwrap();
        open(&world.file("socket"), 0o777);
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (tcp_port, udp_port) =
            (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        // Both threads end with the test's process.
        std::thread::spawn(move || tcp.incoming().for_each(drop));
        std::thread::spawn(move || {
            let mut buffer = [0; 9];
            while let Ok((n, from)) = udp.recv_from(&mut buffer) {
                let _ = udp.send_to(&buffer[..n], from);
            }
        });
        let mut victim = Command::new("sleep");
        victim.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(user) = user {
            victim.uid(user).gid(user);
        }
        let listeners = (by_file, UnixListener::bind_addr(&address).unwrap());
        Self {
            program,
            tcp: tcp_port,
            udp: udp_port,
            victim: victim.spawn().unwrap(),
            _listeners: listeners,
            name,
            world,
        }
    }

    /// Runs a script in this mode; returns all its output.
    fn run(&self, number: usize, script: &str, mode: &str, user: Option<u32>) -> String {
        let file = format!("{mode}-{number}.py");
        let path = |name: &str| format!("'{}'", self.world.file(name).display());
        let known = format!(
            "SECRET = {}\nPLACE = {}\nSOCKET = {}\nTCP = {}\nUDP = {}\nABSTRACT = {:?}\nVICTIM = {}\nMARK = '{}'\n",
            path("secret.txt"),
            path("place"),
            path("socket"),
            self.tcp,
            self.udp,
            self.name,
            self.victim.id(),
            self.mark(number, mode),
        );
        self.world.write(&file, &format!("{known}{PRELUDE}{script}\n"));
        // A file descriptor opened by redraft's parent and not meant for the script.
        let start = "exec 9<secret.txt; exec \"$@\"";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", start, "sh"]).arg(&self.program);
        command.args(["run", &file, "--sandbox", mode]).current_dir(self.world.path());
        command.env_clear().env("REDRAFT_TEST_KEY", "a-secret-key");
        command.env("HOME", self.world.file("home"));
        for name in ["PATH", "PYENV_ROOT"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        if let Some(user) = user {
            command.uid(user).gid(user).env("PATH", "/usr/bin:/bin");
        }
        command.stdin(Stdio::null());
        let output = command.output().unwrap();
        [output.stdout, output.stderr].map(|s| String::from_utf8_lossy(&s).into_owned()).concat()
    }

    /// An argument that identifies a process left behind by a script.
    fn mark(&self, number: usize, mode: &str) -> String {
        format!("9{}.{number}{}", self.victim.id(), u8::from(mode == "off"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// Kills the processes started with this argument; returns whether there were any.
fn end_marked(mark: &str) -> bool {
    let mut found = false;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if command.ends_with(format!("\0{mark}\0").as_bytes()) {
            found = true;
            let id = entry.file_name().to_string_lossy().parse().unwrap();
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(id),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
    }
    found
}

/// The users to test as: root and an ordinary user, or just the current user.
fn users() -> Vec<Option<u32>> {
    if nix::unistd::Uid::effective().is_root() { vec![None, Some(USER)] } else { vec![None] }
}

fn is_root(user: Option<u32>) -> bool {
    user.is_none() && nix::unistd::Uid::effective().is_root()
}

/// Processes the items on two threads; returns the complaints.
fn on_two_threads<T: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Option<String> + Sync,
) -> Vec<String> {
    let queue = Mutex::new(VecDeque::from(items));
    let complaints = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(item) = queue.lock().unwrap().pop_front() else { return };
                    if let Some(complaint) = work(item) {
                        complaints.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    complaints.into_inner().unwrap()
}

#[test]
#[cfg(target_arch = "x86_64")] // The scripts name system calls by their numbers.
fn no_hostile_script_escapes_the_sandbox() {
    assert!(HOSTILE.len() >= 40);
    for user in users() {
        let host = Host::new(user);
        let rows: Vec<_> = HOSTILE.iter().enumerate().collect();
        let complaints = on_two_threads(rows, |(number, (what, by, who, script))| {
            let got_out = |mode: &str| {
                let said = host.run(number, script, mode, user);
                let left = end_marked(&host.mark(number, mode));
                (left || said.contains(OUT), said)
            };
            let (escaped, said) = got_out("strict");
            if escaped {
                return Some(format!("{what} ({by}) as {user:?}, confined: got out\n{said}"));
            }
            if !said.contains("ok: ") && !said.contains("failed: ") && !said.contains("timeout: ") {
                return Some(format!("{what} as {user:?}: was not run\n{said}"));
            }
            if *who == Root && !is_root(user) {
                return None;
            }
            let (escaped, said) = got_out("off");
            (!escaped).then(|| format!("{what} as {user:?}, bare: can do no harm\n{said}"))
        });
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}

#[test]
fn honest_programs_work_in_the_sandbox() {
    assert!(HONEST.len() >= 25);
    for user in users() {
        let host = Host::new(user);
        host.world.write("redraft.yaml", "sandbox: { seconds: 30, disk_mb: 128 }\n");
        let rows: Vec<_> = HONEST.iter().enumerate().collect();
        let complaints = on_two_threads(rows, |(number, (what, script))| {
            let script = format!("import os\ndef out(did): \n\x20if did: print('WORKS')\n{script}")
                .replace("out()", "out(True)");
            let said = host.run(number, &script, "strict", user);
            (!said.contains("WORKS") || !said.contains("ok: "))
                .then(|| format!("a program that {what}, as {user:?}:\n{said}"))
        });
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}

#[test]
fn no_script_output_controls_the_terminal() {
    use crate::support::pty::Pty;
    use crate::support::world::{ACCEPT, PLAN, fenced};
    // Between markers, since redraft's own output contains control sequences too.
    let marked = |number: usize, bytes: &[u8]| {
        [format!("<{number}:").as_bytes(), bytes, format!(":{number}>").as_bytes()].concat()
    };
    let rows: Vec<Vec<u8>> =
        TERMINAL.iter().enumerate().map(|(number, row)| marked(number, row.2)).collect();
    let said: String = rows.concat().iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let script = format!(
        "import sys\nfor out in sys.stdout, sys.stderr:\n\
         \x20out.buffer.write(b'{said}')\n\x20out.buffer.write(b'\\n')\n\x20out.flush()"
    );
    let world = World::scripted(&[PLAN], &[&fenced(&script)], &[ACCEPT]);
    world.write("bare.py", &script);
    let bare = Command::new("python3").arg(world.file("bare.py")).output().unwrap();
    let args = ["new", "say it", "--name", "s"];
    let mut pty = Pty::sized(&world, &args, 200, 50, &[("PAGER", "cat")]);
    pty.choose("Is this the plan?", "approve");
    pty.expect("run: ok");
    pty.choose("What now?", "look");
    for what in ["script", "output", "back"] {
        pty.choose("What do you want to see?", what);
    }
    pty.choose("What now?", "quit");
    pty.expect_end(3);
    let mut sent = pty.raw().to_vec();
    for args in [&["show", "s"][..], &["log", "s"]] {
        let mut pty = Pty::sized(&world, args, 200, 50, &[]);
        pty.expect_end(0);
        sent.extend(pty.raw());
    }
    let run = world.run(&["run", "s"]).expect(0);
    sent.extend([run.out.as_bytes(), run.err.as_bytes()].concat());
    let contains = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|is| is == part);
    for (number, ((what, by, _), row)) in TERMINAL.iter().zip(&rows).enumerate() {
        for (stream, bare, kept) in
            [("stdout", &bare.stdout, &run.out), ("stderr", &bare.stderr, &run.err)]
        {
            assert!(contains(bare, row), "{what}, bare, on {stream}: can do no harm");
            assert!(kept.contains(&format!("<{number}:")), "{what} ({by}): it is not shown");
            // The session keeps the script's output unchanged, as far as it is text.
            let file = std::fs::read(world.file(&format!("sessions/s/run_v1/{stream}.txt")));
            let text = String::from_utf8_lossy(row);
            assert!(contains(&file.unwrap(), text.as_bytes()), "{what}: {stream} is not kept");
        }
        assert!(!contains(&sent, row), "{what} ({by}): got through");
    }
}

#[test]
fn a_window_is_captured_and_then_stopped() {
    use crate::support::world::{ACCEPT, PLAN, fenced};
    let world = World::scripted(&[PLAN], &[&fenced(CLOCK)], &[ACCEPT]);
    world.run(&["new", "a clock face", "--name", "s", "--auto"]);
    let report = world.read("sessions/s/report_v1.yaml");
    let toolkit = Command::new("python3").args(["-c", "import tkinter"]).status().unwrap();
    if redraft::sandbox::display::missing().is_some() {
        assert!(report.contains("apt install xvfb"), "it says what is missing\n{report}");
    } else if !toolkit.success() {
        assert!(report.contains("tkinter"), "it says what is missing\n{report}");
    } else {
        assert!(
            report.contains("verdict: window") && report.contains("screenshot: true"),
            "{report}"
        );
        let picture = std::fs::read(world.file("sessions/s/run_v1/screenshot.png")).unwrap();
        assert!(picture.starts_with(b"\x89PNG\r\n"), "a picture of it");
        assert_eq!(world.read("sessions/s/run_v1/files/up.txt"), "x", "what it wrote is kept");
    }
}

#[test]
fn data_is_copied_in_and_only_plain_files_come_out() {
    use crate::support::world::{ACCEPT, PLAN, fenced};
    let script = "import csv, os\n\
        rows = list(csv.reader(open('in.csv'))); open('sum.txt', 'w').write(str(len(rows)))\n\
        open('data/in.csv', 'w').write('spoilt')\n\
        e = os.sep + 'etc'; os.symlink(e + '/passwd', 'link.txt'); os.symlink(e, 'folder'); os.mkfifo('pipe')\n\
        os.link('sum.txt', 'second.txt')\n\
        os.makedirs('out/x'); open('out/x/\\x1b[2Jname', 'w').write('x')\n\
        print('rows', len(rows))";
    let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
    world.write("in.csv", "a,b\n1,2\n");
    world.run(&["new", "count rows", "--name", "s", "--auto", "--data", "in.csv"]).expect(0);
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("verdict: ok") && report.contains("sandbox: strict"), "{report}");
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "rows 2\n");
    assert_eq!(
        world.read("sessions/s/data/in.csv"),
        "a,b\n1,2\n",
        "the session's own is untouched"
    );
    let kept = std::fs::read_dir(world.file("sessions/s/run_v1/files")).unwrap().flatten();
    let mut kept: Vec<_> = kept.map(|e| e.file_name().into_string().unwrap()).collect();
    kept.sort();
    assert_eq!(kept, ["data", "out", "second.txt", "sum.txt"], "no link and no pipe");
    assert!(world.file("sessions/s/run_v1/files/out/x/_[2Jname").is_file());
}

#[test]
fn a_user_can_use_a_terminal_program_inside_the_sandbox() {
    use crate::support::pty::Pty;
    let world = World::empty();
    world.write(
        "ask.py",
        // Python can miss a Ctrl-C that comes just before it reads; the default action can't.
        "import os, signal, sys\n\
         signal.signal(signal.SIGINT, signal.SIG_DFL)\n\
         name = input('name? '); print('hello', name.upper(), sys.stdin.isatty())\n\
         print('secret' if os.path.exists('/etc/shadow') else 'nothing')\n\
         input('more? ')\n",
    );
    let mut pty = Pty::start(&world, &["run", "ask.py"]);
    pty.expect("name? ");
    pty.send("ada\r");
    pty.expect("hello ADA True");
    pty.expect("nothing");
    pty.expect("more? ");
    pty.send("\u{3}");
    pty.expect_end(130);
}

#[test]
fn a_script_s_own_terminal_gives_no_other_access() {
    let script = "import fcntl, os, sys, termios\n\
         print(sys.stdin.isatty(), open('/dev/tty').isatty())\n\
         print([os.path.exists(f'/dev/{name}') for name in ('pts', 'ptmx', 'console')])\n\
         try: fcntl.ioctl(0, termios.TIOCSTI, b'x'); print('typed')\n\
         except OSError: print('refused')\n";
    for user in users() {
        let said = Host::new(user).run(920, script, "strict", user);
        for expected in ["True True", "[False, False, False]", "refused", "ok: "] {
            assert!(said.contains(expected), "as {user:?}: {expected}\n{said}");
        }
    }
}

/// The kernel's version, such as `(6, 12)`.
fn kernel() -> (u32, u32) {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn network_mode_gives_access_to_the_network_only() {
    for user in users() {
        let host = Host::new(user);
        let connect = "import socket; socket.create_connection(('127.0.0.1', TCP), 5); out()";
        assert!(host.run(900, connect, "network", user).contains(OUT), "as {user:?}");
        for (number, script) in [
            (901, "out('key' in open(SECRET).read())"),
            (902, "import socket; socket.socket(socket.AF_UNIX).connect(SOCKET); out()"),
            (903, "import socket; socket.socket(socket.AF_UNIX).connect('\\0' + ABSTRACT); out()"),
            (904, "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); out()"),
            (
                905,
                "out(os.path.exists(f'/proc/{VICTIM}/stat') and 'sleep' in open(f'/proc/{VICTIM}/stat').read())",
            ),
        ] {
            let said = host.run(number, script, "network", user);
            // Older kernels do not isolate abstract Unix sockets; the report says so there.
            let expected = number == 903 && kernel() < (6, 12);
            assert_eq!(said.contains(OUT), expected, "{script} as {user:?}\n{said}");
        }
    }
}
