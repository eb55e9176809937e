//! Memory in unusual places, time limits, and what other users of the machine could read.

use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced, finish, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};

/// The beginning of every script: allocates 120 MB of private memory.
const PRIVATE: &str = "import ctypes, mmap, os, socket, struct, time\n\
    C = ctypes.CDLL(None, use_errno=True)\n\
    M = 1 << 20\n\
    private = bytearray(120 * M)\n\
    for n in range(0, len(private), 4096): private[n] = 1\n";
/// Printed after the script has held all its memory for a while.
const HELD: &str = "HELD";

/// The kind of memory, and the script that allocates 120 MB of it. Unconfined, each script holds
/// 240 MB; with a limit of 200 MB, an attacker could allocate any amount of memory of a kind that
/// does not count.
const KINDS: &[(&str, &str)] = &[
    (
        "files without a name",
        "files = [os.memfd_create(str(n)) for n in range(3)]\n\
         for file in files: os.write(file, bytes(40 * M))\n",
    ),
    (
        "detached segments of System V",
        "C.shmat.restype = ctypes.c_void_p\n\
         made = [C.shmget(0, 40 * M, 0o1600) for n in range(3)]\n\
         if min(made) < 0: raise OSError('shmget')\n\
         for n in made:\n\
         \x20at = C.shmat(n, None, 0); ctypes.memset(at, 1, 40 * M); C.shmdt(ctypes.c_void_p(at))\n\
         time.sleep(1)\n\
         for n in made: C.shmctl(n, 0, None)\n",
    ),
    (
        "socket buffers",
        "kept = []; sent = 0\n\
         while sent < 120 * M:\n\
         \x20kept += socket.socketpair()\n\
         \x20for s in kept[-2:]:\n\
         \x20 s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20); s.setblocking(False)\n\
         \x20 try:\n\
         \x20  while True: sent += s.send(bytes(60000))\n\
         \x20 except BlockingIOError: pass\n",
    ),
    (
        "files in /dev/shm",
        "kept = []\n\
         for n in range(3):\n\
         \x20path = f'/dev/shm/redraft-test-{os.getpid()}-{n}'\n\
         \x20kept.append(open(path, 'wb')); os.remove(path)\n\
         \x20kept[n].write(bytes(40 * M)); kept[n].flush()\n",
    ),
    (
        "a shared mapping, touched by processes that ended",
        "shared = mmap.mmap(-1, 120 * M)\n\
         for part in range(3):\n\
         \x20if os.fork() == 0:\n\
         \x20 for n in range(part * 40 * M, (part + 1) * 40 * M, 4096): shared[n] = 1\n\
         \x20 os._exit(0)\n\
         \x20os.wait()\n",
    ),
    (
        "a shared mapping whose pages are unmapped",
        "shared = mmap.mmap(-1, 120 * M)\n\
         for part in range(30):\n\
         \x20for n in range(part * 4 * M, (part + 1) * 4 * M, 4096): shared[n] = 1\n\
         \x20shared.madvise(mmap.MADV_DONTNEED, part * 4 * M, 4 * M)\n",
    ),
    (
        "a shared mapping that grows as files are removed",
        "for part in range(30): open(str(part), 'wb').write(bytes(4 * M))\n\
         shared = mmap.mmap(-1, 120 * M)\n\
         for part in range(30):\n\
         \x20os.remove(str(part))\n\
         \x20for n in range(part * 4 * M, (part + 1) * 4 * M, 4096): shared[n] = 1\n\
         \x20shared.madvise(mmap.MADV_DONTNEED, part * 4 * M, 4 * M)\n",
    ),
    (
        "the buffers of connections by TCP",
        "server = socket.create_server(('127.0.0.1', 0)); kept = []; sent = 0\n\
         while sent < 120 * M:\n\
         \x20kept += [socket.create_connection(server.getsockname()), server.accept()[0]]\n\
         \x20for s in kept[-2:]:\n\
         \x20 s.setblocking(False)\n\
         \x20 try:\n\
         \x20  while True: sent += s.send(bytes(60000))\n\
         \x20 except BlockingIOError: pass\n",
    ),
    (
        "connections that nobody accepts",
        "server = socket.socket(socket.AF_UNIX); server.bind('s'); server.listen(4096); sent = 0\n\
         while sent < 120 * M:\n\
         \x20s = socket.socket(socket.AF_UNIX); s.setblocking(False); s.connect('s')\n\
         \x20try:\n\
         \x20 while True: sent += s.send(bytes(60000))\n\
         \x20except BlockingIOError: pass\n\
         \x20s.close()\n",
    ),
    (
        "a mapping of /dev/zero",
        "zero = os.open('/dev/zero', os.O_RDWR)\n\
         shared = mmap.mmap(zero, 120 * M)\n\
         for part in range(30):\n\
         \x20for n in range(part * 4 * M, (part + 1) * 4 * M, 4096): shared[n] = 1\n\
         \x20shared.madvise(mmap.MADV_DONTNEED, part * 4 * M, 4 * M)\n",
    ),
];

/// Pixmaps in the display's memory, created through the X protocol.
const PIXMAPS: &str = "import tkinter\n\
    secret = open(os.path.expanduser('~/.Xauthority'), 'rb').read()[-16:]\n\
    x = socket.socket(socket.AF_UNIX)\n\
    x.connect('/tmp/.X11-unix/X' + os.environ['DISPLAY'][1:])\n\
    x.sendall(struct.pack('<BxHHHHxx', 0x6c, 11, 0, 18, 16) + b'MIT-MAGIC-COOKIE-1\\0\\0' + secret)\n\
    def read(n):\n\
    \x20data = b''\n\
    \x20while len(data) < n:\n\
    \x20 more = x.recv(n - len(data))\n\
    \x20 if not more: raise OSError('the display is gone')\n\
    \x20 data += more\n\
    \x20return data\n\
    start = read(8)\n\
    more = read(4 * struct.unpack_from('<H', start, 6)[0])\n\
    base, vendor, formats = (struct.unpack_from(f, more, at)[0] for f, at in (('<I', 4), ('<H', 16), ('<B', 21)))\n\
    root = struct.unpack_from('<I', more, 32 + (vendor + 3) // 4 * 4 + 8 * formats)[0]\n\
    x.sendall(struct.pack('<BBHIII', 55, 0, 4, base, root, 0))\n\
    for n in range(1, 9):\n\
    \x20x.sendall(struct.pack('<BBHIIHH', 53, 24, 4, base + n, root, 2000, 2000))\n\
    \x20x.sendall(struct.pack('<BBHIIhhHH', 70, 0, 5, base + n, base, 0, 0, 2000, 2000))\n\
    x.sendall(struct.pack('<BBH', 43, 0, 1))\n\
    if read(32)[0] != 1: raise OSError('the display refused')\n";

#[test]
fn every_kind_of_memory_counts_towards_the_limit() {
    let world = World::empty();
    world.write(
        "redraft.yaml",
        "sandbox: { seconds: 40, memory_mb: 200, processes: 40, disk_mb: 512 }\n",
    );
    let mut kinds = KINDS.to_vec();
    if let Some(missing) = redraft::sandbox::display::missing() {
        assert!(missing.contains("apt install xvfb"), "it says what is missing: {missing}");
    } else {
        kinds.push(("pixmaps of the virtual display", PIXMAPS));
    }
    let mut complaints = Vec::new();
    for (what, script) in kinds {
        let script = format!("{PRIVATE}{script}time.sleep(1)\nprint('{}' + 'LD')\n", &HELD[..2]);
        world.write("take.py", &script);
        let strict = world.run(&["run", "take.py"]);
        let said = format!("{}{}", strict.out, strict.err);
        if said.contains(HELD) || !said.contains("failed: ") {
            complaints.push(format!("{what}, confined: took it\n{said}"));
        }
        let bare = world.run(&["run", "take.py", "--sandbox", "off"]);
        if !bare.out.contains(HELD) {
            complaints.push(format!("{what}, bare: can't take it\n{}{}", bare.out, bare.err));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Otherwise, a script that slows down the measurement of its memory could run as long as it wants.
#[test]
fn many_memory_mappings_do_not_extend_the_time_limit() {
    let world = World::empty();
    world.write(
        "redraft.yaml",
        "sandbox: { seconds: 3, memory_mb: 2000, processes: 40, disk_mb: 64 }\n",
    );
    world.write(
        "many.py",
        "import ctypes, os\n\
         C = ctypes.CDLL(None); C.mmap.restype = ctypes.c_void_p\n\
         at = C.mmap(None, ctypes.c_size_t(4096 * 64000), 1, 0x22, -1, 0)\n\
         for n in range(at, at + 4096 * 64000, 8192):\n\
         \x20if C.mprotect(ctypes.c_void_p(n), ctypes.c_size_t(4096), 3): break\n\
         \x20ctypes.memset(n, 1, 1)\n\
         for n in range(25):\n\
         \x20if os.fork() == 0: break\n\
         while True: pass\n",
    );
    let ended = world.run(&["run", "many.py", "--json"]);
    let run = ended.json().pop().unwrap();
    let milliseconds = run["run"]["milliseconds"].as_u64().unwrap_or_else(|| panic!("{run}"));
    assert!(milliseconds < 5_000, "{run}");
}

/// The temporary folders of a redraft process.
fn folders(world: &World, pid: u32) -> Vec<PathBuf> {
    let own = format!("redraft-{pid}-");
    [PathBuf::from("/dev/shm"), world.file("tmp")]
        .iter()
        .flat_map(|root| std::fs::read_dir(root).unwrap().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&own))
        .collect()
}

/// The processes whose command line names one of these folders, except this one.
fn processes(folders: &[PathBuf], but: u32) -> Vec<u32> {
    let names = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        folders.iter().any(|folder| line.contains(&*folder.to_string_lossy()))
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    ids.filter(|pid| *pid != but).filter(names).collect()
}

/// Starts redraft with a script that keeps running, under this umask.
fn started(world: &World, mask: &str, args: &str, window: bool) -> Child {
    std::fs::create_dir_all(world.file("tmp")).unwrap();
    let window = if window { "import tkinter\ntkinter.Tk()\n" } else { "" };
    world.write("stay.py", &format!("{window}import time\ntime.sleep(50)\n"));
    let program = env!("CARGO_BIN_EXE_redraft");
    let mut command = world.shell(&format!("umask {mask}; exec '{program}' run stay.py {args}"));
    command.env("TMPDIR", world.file("tmp")).env("A_TEST_KEY", "a-secret-key");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Whether windows can be shown here; the reason is reported elsewhere.
fn windows() -> bool {
    let toolkit = Command::new("python3").args(["-c", "import tkinter"]).status().unwrap();
    redraft::sandbox::display::missing().is_none() && toolkit.success()
}

/// Otherwise, other users could read the script, its input, the screen and the display's secret,
/// and the display's process would have the user's keys.
#[test]
fn temporary_folders_are_private_and_the_display_has_no_keys() {
    for (mask, args, window, count) in [
        ("000", "", false, 1),
        ("000", "--sandbox off", false, 1),
        ("022", "", true, 2),
        ("000", "", true, 2),
    ] {
        if window && !windows() {
            continue;
        }
        let world = World::empty();
        let mut child = started(&world, mask, args, window);
        let pid = child.id();
        wait_for(|| folders(&world, pid).len() >= count || child_ended(pid));
        let found = folders(&world, pid);
        // The confining process names one folder in its command line, the display's process the
        // other.
        let named = if args.is_empty() { count } else { 0 };
        let by_each =
            || found.iter().filter(|f| !processes(&[(*f).clone()], pid).is_empty()).count();
        wait_for(|| by_each() >= named || child_ended(pid));
        let modes: Vec<u32> = found
            .iter()
            .filter_map(|path| Some(path.metadata().ok()?.permissions().mode() & 0o7777))
            .collect();
        let environments: Vec<String> = processes(&found, pid)
            .iter()
            .map(|id| std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(modes, vec![0o700; count], "{mask} {args} {found:?}");
        assert!(environments.len() >= named, "{mask} {args}");
        for environment in environments {
            assert!(!environment.contains("a-secret-key"), "{environment}");
            assert!(!environment.contains("HOME="), "{environment}");
        }
        world.run_in_tmp();
        assert_eq!(folders(&world, pid), Vec::<PathBuf>::new());
    }
}

impl World {
    /// Runs a command with this world's folder for temporary files.
    fn run_in_tmp(&self) {
        let mut command = self.command(&["list"]);
        command.env("TMPDIR", self.file("tmp"));
        finish(command, "");
    }
}

/// Whether a child process has ended.
fn child_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
}

/// Otherwise, displays without an owner and folders with scripts would remain; or, with a crafted
/// folder name, the cleanup would remove other files.
#[test]
fn only_the_leftovers_of_killed_processes_are_removed() {
    for signal in [Signal::SIGKILL, Signal::SIGQUIT] {
        let world = World::empty();
        let window = windows();
        let mut child = started(&world, "022", "", window);
        let pid = child.id();
        let count = 1 + usize::from(window);
        wait_for(|| {
            let found = folders(&world, pid);
            found.len() == count && processes(&found, pid).len() >= count || child_ended(pid)
        });
        let left = folders(&world, pid);
        assert_eq!(left.len(), count, "{left:?}");
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
        child.wait().unwrap();
        // The display and the confining process end by themselves.
        wait_for(|| processes(&left, pid).is_empty());

        let name = left[0].file_name().unwrap().to_string_lossy().into_owned();
        let (like_it, _) = name.rsplit_once('-').unwrap();
        let alive = like_it.replace(&format!("-{pid}-"), &format!("-{}-", std::process::id()));
        let (_, ours) = alive.split_at("redraft-".len());
        let start = ours.split('-').nth(1).unwrap();
        let alive = alive.replace(start, &start_of(std::process::id()));
        let elsewhere = format!("{}0", &like_it[..like_it.len() - 1]);
        world.write("victim/file", "x");
        symlink(world.file("victim"), world.file(&format!("tmp/{like_it}-link"))).unwrap();
        let mut stay = vec![
            format!("tmp/{alive}-x/file"),
            format!("tmp/{elsewhere}x-x/file"),
            "tmp/redraft-abcdef/file".to_owned(),
            "tmp/other/file".to_owned(),
            "victim/file".to_owned(),
        ];
        if nix::unistd::Uid::effective().is_root() {
            stay.push(format!("tmp/{like_it}-other/file"));
        }
        for file in &stay {
            world.write(file, "x");
        }
        if nix::unistd::Uid::effective().is_root() {
            let other = world.file(&format!("tmp/{like_it}-other"));
            std::os::unix::fs::chown(other, Some(65_533), Some(65_533)).unwrap();
        }
        world.write(&format!("tmp/{like_it}-gone/file"), "x");
        world.run_in_tmp();
        assert!(left.iter().all(|folder| !folder.exists()), "{signal}: {left:?}");
        assert!(!world.file(&format!("tmp/{like_it}-gone")).exists());
        for file in &stay {
            assert!(world.file(file).is_file(), "{file}");
        }
        assert!(world.file(&format!("tmp/{like_it}-link")).is_symlink());
    }
}

/// The start time of a process, according to the kernel.
fn start_of(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().to_owned()
}

/// Otherwise, the limit would end the program without a message.
#[test]
fn a_file_size_limit_is_reported_as_an_error() {
    for blocks in [0, 1, 4] {
        let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
        let program = env!("CARGO_BIN_EXE_redraft");
        let line = format!("ulimit -f {blocks}; exec '{program}' new count --name s --auto");
        let ended = finish(world.shell(&line), "").expect(2);
        let error = ended.err.lines().find(|line| line.contains("error:"));
        let error = error.unwrap_or_else(|| panic!("{blocks}: {}", ended.err));
        assert!(error.contains("file too large"), "{blocks}: {error}");
    }
}

/// Otherwise, "accepted" would be printed for a session that does not exist.
#[test]
fn a_sessions_folder_removed_during_work_is_an_error() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 4] = [
        ("removed", |sessions| std::fs::remove_dir_all(sessions).unwrap()),
        ("moved", |sessions| {
            std::fs::rename(sessions, sessions.with_file_name("elsewhere")).unwrap();
        }),
        ("its journal removed", |sessions| {
            std::fs::remove_file(sessions.join("s/journal.jsonl")).unwrap();
        }),
        ("its journal replaced", |sessions| {
            let journal = sessions.join("s/journal.jsonl");
            let text = std::fs::read(&journal).unwrap();
            std::fs::remove_file(&journal).unwrap();
            std::fs::write(&journal, text).unwrap();
        }),
    ];
    for (what, harm) in harms {
        for at in [Asking::Coder, Asking::Reviewer] {
            let sessions: Arc<OnceLock<PathBuf>> = Arc::default();
            let place = Arc::clone(&sessions);
            let world = World::with(move |request| {
                let asks = agent(request);
                if asks == at {
                    harm(place.get().unwrap());
                }
                Reply::to(
                    request,
                    &match asks {
                        Asking::Planner => PLAN.to_owned(),
                        Asking::Coder => fenced("print(1)"),
                        Asking::Reviewer => ACCEPT.to_owned(),
                    },
                )
            });
            sessions.set(world.file("sessions")).unwrap();
            let ended = world.run(&["new", "count", "--name", "s", "--auto"]).expect(2);
            let said = format!("{}{}", ended.out, ended.err);
            assert!(said.contains("removed or replaced"), "{what}\n{said}");
            assert!(!said.contains("accepted v1"), "{what}\n{said}");
        }
    }
}

/// Files private to the user are still readable for the script, which runs as `nobody` if the user
/// is root.
#[test]
fn a_script_sees_what_it_needs_under_any_umask() {
    let world = World::empty();
    world.write(
        "look.py",
        "import os\n\
         if not os: import matplotlib\n\
         open('made.txt', 'w').write('x')\n\
         shown = os.listdir(os.environ['PYTHONPATH'])\n\
         print(len(open('/etc/passwd').read().splitlines()), os.listdir('.') != [], shown)\n",
    );
    for mask in ["000", "022", "077"] {
        let program = env!("CARGO_BIN_EXE_redraft");
        let line = format!("umask {mask}; exec '{program}' run look.py");
        let ended = finish(world.shell(&line), "").expect(0);
        assert_eq!(ended.out.trim(), "1 True ['redraft_figures.py']", "{mask}: {}", ended.err);
    }
}
