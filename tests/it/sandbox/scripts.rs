//! The scripts: hostile ones, terminal output, honest ones, and one with a window.

/// Who can do the harm as an unconfined child process.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum As {
    Anyone,
    Root,
}
use As::{Anyone, Root};

/// The harm, what prevents it, who can do it unconfined, and the script. `C` is libc; `call` makes
/// a system call and returns whether it succeeded.
pub(super) const HOSTILE: &[(&str, &str, As, &str)] = &[
    ("reads a secret", "root of its own", Anyone, "out('key' in open(SECRET).read())"),
    (
        "reads a secret by a long way round",
        "root of its own",
        Anyone,
        "out('key' in open('/usr/../' + '../' * 40 + SECRET[1:]).read())",
    ),
    (
        "reads a secret through the root of another process",
        "process namespace",
        Anyone,
        "out('key' in open(f'/proc/{VICTIM}/root' + SECRET).read())",
    ),
    (
        "reads a secret through a handle that the program inherited",
        "handles closed",
        Anyone,
        "out('key' in os.read(9, 99).decode())",
    ),
    (
        "links to a secret",
        "root of its own",
        Anyone,
        "os.symlink(SECRET, 'link'); out('key' in open('link').read())",
    ),
    ("lists another session", "root of its own", Anyone, "out(os.listdir(PLACE) is not None)"),
    (
        "reads who has an account",
        "root of its own",
        Anyone,
        "out('root' in open('/etc/passwd').read())",
    ),
    ("reads the passwords", "root of its own", Root, "out('root' in open('/etc/shadow').read())"),
    (
        "reads what the machine is made of",
        "root of its own",
        Anyone,
        "out(os.listdir('/sys') != [])",
    ),
    (
        // Unconfined, only root can: redraft's memory is protected from its own user.
        "reads the keys of the program that started it",
        "process namespace",
        Root,
        "import glob\n\
         for f in glob.glob('/proc/[0-9]*/environ'):\n\
         \x20try: out('a-secret-key' in open(f).read())\n\
         \x20except OSError: pass",
    ),
    (
        "sees other processes",
        "process namespace",
        Anyone,
        "out(os.path.exists(f'/proc/{VICTIM}/stat') and 'sleep' in open(f'/proc/{VICTIM}/stat').read())",
    ),
    (
        "writes into another session",
        "root of its own",
        Anyone,
        "open(PLACE + '/x', 'w').write('x'); out()",
    ),
    (
        "empties another session's file",
        "root of its own",
        Anyone,
        "os.truncate(PLACE + '/file', 0); out()",
    ),
    (
        "deletes another session's file",
        "root of its own",
        Anyone,
        "os.remove(PLACE + '/gone'); out()",
    ),
    (
        "changes who may read a file",
        "root of its own",
        Anyone,
        "os.chmod(PLACE + '/file', 0o777); out()",
    ),
    ("changes the time of a file", "root of its own", Anyone, "os.utime(PLACE + '/file'); out()"),
    (
        "gives a file a second name",
        "root of its own",
        Anyone,
        "os.link(PLACE + '/file', PLACE + '/other'); out()",
    ),
    (
        "writes into the system",
        "read-only root",
        Root,
        "open('/usr/redraft-x', 'w'); os.remove('/usr/redraft-x'); out()",
    ),
    (
        "writes into the interpreter, as a poisoned sitecustomize would be",
        "read-only root",
        Root,
        "import sysconfig\n\
         f = sysconfig.get_path('purelib') + '/redraft_poison.py'\n\
         open(f, 'w'); os.remove(f); out()",
    ),
    (
        "writes into the interpreter's caches",
        "read-only root",
        Root,
        "import json\n\
         f = os.path.dirname(json.__file__) + '/__pycache__/redraft.pyc'\n\
         os.makedirs(os.path.dirname(f), exist_ok=True); open(f, 'w'); os.remove(f); out()",
    ),
    (
        "opens a setting of the kernel",
        "it is no longer root",
        Root,
        "open('/proc/sys/kernel/hostname', 'r+'); out()",
    ),
    (
        "makes a device",
        "no rights, no devices",
        Root,
        "os.mknod('d', 0o60600, os.makedev(254, 0)); out()",
    ),
    (
        "reads the machine's disks",
        "devices of its own",
        Root,
        "out(any(d.startswith(('sd', 'vd', 'nvme', 'loop')) for d in os.listdir('/dev')))",
    ),
    (
        "talks to a server on this machine",
        "network namespace",
        Anyone,
        "import socket; socket.create_connection(('127.0.0.1', TCP), 5); out()",
    ),
    (
        "sends a datagram",
        "network namespace",
        Anyone,
        "import socket\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)\n\
         s.sendto(b'x', ('127.0.0.1', UDP)); out(s.recv(9) == b'x')",
    ),
    (
        "talks to a local service by its file",
        "root of its own",
        Anyone,
        "import socket; socket.socket(socket.AF_UNIX).connect(SOCKET); out()",
    ),
    (
        "talks to a local service without a file",
        "network namespace, Landlock",
        Anyone,
        "import socket; socket.socket(socket.AF_UNIX).connect('\\0' + ABSTRACT); out()",
    ),
    (
        "asks the kernel about the network",
        "seccomp",
        Anyone,
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); out()",
    ),
    (
        "talks to the host of this machine",
        "seccomp",
        Anyone,
        "import socket; socket.socket(40, socket.SOCK_STREAM, 0); out()",
    ),
    (
        "listens to all packets",
        "seccomp, no rights",
        Root,
        "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768); out()",
    ),
    (
        "sends packets of its own making",
        "no rights",
        Root,
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); out()",
    ),
    (
        "asks whether it may signal another process",
        "process namespace",
        Anyone,
        "os.kill(VICTIM, 0); out(b'sleep' in open(f'/proc/{VICTIM}/cmdline', 'rb').read())",
    ),
    (
        "looks into another program's memory",
        "seccomp",
        Anyone,
        "b = [ctypes.create_string_buffer(8) for _ in '12']; v = [(ctypes.c_void_p * 2)(ctypes.addressof(x), 8) for x in b]; out(call(310, os.getpid(), v[0], 1, v[1], 1, 0))",
    ),
    ("lets itself be traced", "seccomp", Anyone, "out(call(101, 0, 0, 0, 0))"),
    ("makes a user namespace", "seccomp", Anyone, "out(call(272, 0x10000000))"),
    (
        "makes a process in a new namespace",
        "seccomp",
        Anyone,
        "pid = C.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)\n\
         if pid == 0: os._exit(0)\n\
         out(pid > 0)",
    ),
    (
        "makes such a process by the newer call",
        "seccomp",
        Anyone,
        "import errno\nC.syscall(435, 0, 0); out(ctypes.get_errno() != errno.ENOSYS)",
    ),
    ("enters a namespace", "seccomp", Root, "out(call(308, os.open('/proc/self/ns/uts', 0), 0))"),
    (
        "mounts",
        "seccomp",
        Root,
        "os.mkdir('m'); ok = call(165, b'tmpfs', b'm', b'tmpfs', 0, 0); C.umount2(b'm', 2); out(ok)",
    ),
    ("changes its root", "no rights", Root, "os.chroot('.'); out()"),
    ("uses io_uring", "seccomp", Anyone, "out(call(425, 4, ctypes.create_string_buffer(256)))"),
    (
        "loads a program into the kernel",
        "seccomp",
        Root,
        "out(call(321, 0, (ctypes.c_uint * 32)(2, 4, 8, 1), 128))",
    ),
    (
        "uses the kernel's keyrings",
        "seccomp",
        Anyone,
        "out(call(248, b'user', b'redraft', b'x', 1, -1))",
    ),
    (
        "measures the machine",
        "seccomp",
        Root,
        "b = (ctypes.c_uint * 32)(1, 128); out(call(298, b, 0, -1, -1, 0))",
    ),
    ("handles page faults itself", "seccomp", Root, "out(call(323, 0))"),
    (
        "reads the kernel's log",
        "seccomp",
        Root,
        "b = ctypes.create_string_buffer(99); out(call(103, 3, b, 99))",
    ),
    (
        "renames the machine",
        "seccomp",
        Root,
        "import socket; n = socket.gethostname().encode(); out(call(170, n, len(n)))",
    ),
    (
        "sets the clock",
        "seccomp",
        Root,
        "import time; time.clock_settime(time.CLOCK_REALTIME, time.time()); out()",
    ),
    (
        "raises its limits",
        "rlimits, no rights",
        Anyone,
        "import resource as r; r.setrlimit(r.RLIMIT_DATA, (r.RLIM_INFINITY,) * 2); out()",
    ),
    (
        "goes before all others",
        "no rights",
        Root,
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)); os.sched_setscheduler(0, 0, os.sched_param(0)); out()",
    ),
    (
        "gets rights by a set-uid program",
        "no new privileges, nosuid",
        Anyone,
        "out('NoNewPrivs:\\t0' in open('/proc/self/status').read() or not os.statvfs('/usr').f_flag & os.ST_NOSUID)",
    ),
    (
        "leaves a process behind",
        "process namespace",
        Anyone,
        "import subprocess\n\
         if os.fork() == 0:\n\
         \x20os.setsid()\n\
         \x20if os.fork() == 0: os.execvp('sleep', ['sleep', MARK])\n\
         \x20os._exit(0)",
    ),
    (
        "starts processes without end",
        "RLIMIT_NPROC",
        Anyone,
        "n = 0\n\
         while n < 60:\n\
         \x20if os.fork() == 0: import time; time.sleep(20); os._exit(0)\n\
         \x20n += 1\n\
         out()",
    ),
    (
        "starts threads without end",
        "RLIMIT_NPROC",
        Anyone,
        "import threading, time\n\
         for n in range(80): threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n\
         out()",
    ),
    ("takes all memory", "RLIMIT_DATA", Anyone, "b = bytearray(500 << 20); out(len(b) > 0)"),
    (
        "takes all memory by many processes",
        "the keeper's watch",
        Anyone,
        "import time\n\
         for n in range(4):\n\
         \x20if os.fork() == 0:\n\
         \x20 b = bytearray(150 << 20)\n\
         \x20 for i in range(0, len(b), 4096): b[i] = 1\n\
         \x20 time.sleep(20); os._exit(0)\n\
         time.sleep(5); out()",
    ),
    (
        "takes all memory by sharing it",
        "the keeper's watch",
        Anyone,
        "import mmap, time\n\
         m = mmap.mmap(-1, 600 << 20)\n\
         for n in range(0, 600 << 20, 4096): m[n] = 1\n\
         time.sleep(1); out()",
    ),
    (
        "takes all memory by files without a name",
        "seccomp",
        Anyone,
        "import time\n\
         files = [os.memfd_create(str(n)) for n in range(6)]\n\
         for f in files: os.write(f, bytes(50 << 20))\n\
         time.sleep(1); out()",
    ),
    (
        "takes all memory by segments of System V that nobody has",
        "seccomp",
        Anyone,
        "import time\n\
         C.shmat.restype = ctypes.c_void_p\n\
         made = [C.shmget(0, 50 << 20, 0o1600) for n in range(6)]\n\
         for n in made:\n\
         \x20at = C.shmat(n, None, 0); ctypes.memset(at, 1, 50 << 20); C.shmdt(ctypes.c_void_p(at))\n\
         time.sleep(1); out(min(made) >= 0)\n\
         for n in made: C.shmctl(n, 0, None)",
    ),
    (
        "takes all memory by what sockets hold",
        "the keeper's watch",
        Anyone,
        "import socket, time\n\
         held, ready = os.pipe(), []\n\
         for n in range(3):\n\
         \x20if os.fork() == 0:\n\
         \x20 sent, kept = 0, []\n\
         \x20 while sent < 100 << 20:\n\
         \x20  kept += socket.socketpair()\n\
         \x20  for s in kept[-2:]:\n\
         \x20   s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20); s.setblocking(False)\n\
         \x20   try:\n\
         \x20    while True: sent += s.send(bytes(60000))\n\
         \x20   except BlockingIOError: pass\n\
         \x20 os.write(held[1], b'x'); time.sleep(20); os._exit(0)\n\
         for n in range(3): os.read(held[0], 1)\n\
         time.sleep(1); out()\n\
         os.killpg(0, 9)",
    ),
    (
        "takes all memory by unmapping what it shares",
        "the keeper is asked",
        Anyone,
        "import mmap, time\n\
         made = []\n\
         for n in range(3):\n\
         \x20m = mmap.mmap(-1, 100 << 20); made.append(m)\n\
         \x20for i in range(0, 100 << 20, 4096): m[i] = 1\n\
         \x20m.madvise(mmap.MADV_DONTNEED)\n\
         time.sleep(1); out()",
    ),
    (
        "takes all memory by mapping a device",
        "/dev/zero is one that can't be mapped",
        Anyone,
        "import mmap; out(len(mmap.mmap(os.open('/dev/zero', os.O_RDWR), 300 << 20)))",
    ),
    (
        "takes memory by semaphores of System V",
        "seccomp",
        Anyone,
        "n = C.semget(0, 1000, 0o1600); out(n >= 0); C.semctl(n, 0, 0)",
    ),
    (
        "gives pages to a pipe, which keeps them",
        "seccomp",
        Anyone,
        "r, w = os.pipe()\n\
         b = ctypes.create_string_buffer(4096); v = (ctypes.c_void_p * 2)(ctypes.addressof(b), 4096)\n\
         out(call(278, w, v, 1, 0))",
    ),
    (
        "fills the disk",
        "sized tmpfs, RLIMIT_FSIZE",
        Anyone,
        "for n in range(10): open(str(n), 'wb').write(bytes(10 << 20))\nout()",
    ),
    (
        "fills the disk by many files",
        "sized tmpfs",
        Anyone,
        "for n in range(9000): open(str(n), 'w').close()\nout()",
    ),
    (
        "fills the shared memory",
        "sized tmpfs",
        Anyone,
        "f = open('/dev/shm/redraft-x', 'wb'); os.remove('/dev/shm/redraft-x')\nfor n in range(100): f.write(bytes(1 << 20))\nf.flush(); out()",
    ),
];

/// The beginning of every hostile script.
pub(super) const PRELUDE: &str = "import ctypes, os\n\
    C = ctypes.CDLL(None, use_errno=True)\n\
    def out(did=True):\n\
    \x20if did: print('ESC' + 'APED', flush=True)\n\
    def call(*a):\n\
    \x20return C.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a]) >= 0\n";

/// What an honest program does, and the program, which prints `WORKS` if it succeeded.
pub(super) const HONEST: &[(&str, &str)] = &[
    ("computes", "import math, statistics; out(math.comb(5, 2) == 10)"),
    (
        "works with many processes",
        "import multiprocessing as m\n\
         if __name__ == '__main__':\n\
         \x20with m.Pool(4) as p: out(p.map(abs, [-1, -2]) == [1, 2])",
    ),
    (
        "works with processes that are started anew and share a queue",
        "import multiprocessing as m\n\
         def f(q): q.put(7)\n\
         if __name__ == '__main__':\n\
         \x20c = m.get_context('spawn'); q = c.Queue(); p = c.Process(target=f, args=(q,)); p.start()\n\
         \x20out(q.get(timeout=15) == 7); p.join()",
    ),
    (
        "hands work to a pool",
        "from concurrent.futures import ThreadPoolExecutor as T\n\
         with T(8) as t: out(sum(t.map(len, ['a'] * 50)) == 50)",
    ),
    (
        "waits for several things at once",
        "import asyncio\n\
         async def f(): return await asyncio.gather(asyncio.sleep(0, 1), asyncio.to_thread(lambda: 2))\n\
         out(asyncio.run(f()) == [1, 2])",
    ),
    (
        "runs a program by asyncio",
        "import asyncio\n\
         async def f():\n\
         \x20p = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1)\n\
         \x20return (await p.communicate())[0]\n\
         out(asyncio.run(f()) == b'x\\n')",
    ),
    (
        "runs itself",
        "import subprocess, sys\n\
         if len(sys.argv) > 1: print('inner'); sys.exit()\n\
         out(subprocess.check_output([sys.executable, __file__, 'x']) == b'inner\\n')",
    ),
    (
        "runs the shell",
        "import subprocess; out(subprocess.run('ls /usr | wc -l', shell=True, capture_output=True).returncode == 0)",
    ),
    (
        "keeps temporary files",
        "import tempfile\nwith tempfile.NamedTemporaryFile('w+') as f: f.write('x'); f.seek(0); out(f.read() == 'x')",
    ),
    (
        "keeps a database",
        "import sqlite3; d = sqlite3.connect('a.db'); d.execute('create table t (x)'); d.execute('insert into t values (1)'); d.commit(); out(d.execute('select x from t').fetchone() == (1,))",
    ),
    (
        "asks, and is told that there is nothing more",
        "try: input('name? ')\nexcept EOFError: out()",
    ),
    (
        "reads its arguments",
        "import argparse; p = argparse.ArgumentParser(); p.add_argument('--n', default=3, type=int); out(p.parse_args().n == 3)",
    ),
    (
        "shows a progress bar",
        "import sys, time\nfor n in range(50): sys.stderr.write(f'\\r{\"#\" * n:50}'); sys.stderr.flush(); time.sleep(0.002)\nout()",
    ),
    (
        "writes 50 MB",
        "open('big.bin', 'wb').write(os.urandom(50 << 20)); out(os.path.getsize('big.bin') == 50 << 20)",
    ),
    (
        "prints 50 MB",
        "import sys\nfor n in range(50): sys.stdout.write('x' * (1 << 20))\nprint(); out()",
    ),
    (
        "names files in any language",
        "open('čaj 茶 ☕.txt', 'w').write('ü'); out(open('čaj 茶 ☕.txt').read() == 'ü' and 'čaj 茶 ☕.txt' in os.listdir())",
    ),
    (
        "makes and removes folders",
        "import shutil; os.makedirs('a/b/c'); open('a/b/x', 'w').close(); shutil.move('a/b', 'z'); shutil.rmtree('a'); out(os.listdir('z') == ['c', 'x'] or os.listdir('z') == ['x', 'c'])",
    ),
    (
        "packs files",
        "import zipfile, tarfile\nwith zipfile.ZipFile('a.zip', 'w') as z: z.writestr('x', 'y')\nout(zipfile.ZipFile('a.zip').read('x') == b'y')",
    ),
    (
        "knows the time elsewhere",
        "import zoneinfo, datetime as d; out(d.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo('Asia/Tokyo')).utcoffset().seconds == 32400)",
    ),
    (
        "serves a page and fetches it",
        "import http.server, threading, urllib.request as u\n\
         s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n\
         threading.Thread(target=s.serve_forever, daemon=True).start()\n\
         out(u.urlopen(f'http://localhost:{s.server_port}/').status == 200)",
    ),
    (
        "talks to itself",
        "import socket; a, b = socket.socketpair(); a.send(b'x'); out(b.recv(1) == b'x')",
    ),
    (
        "maps a file",
        "import mmap; open('m', 'wb').write(b'abc'); m = mmap.mmap(os.open('m', os.O_RDWR), 3); m[0] = 120; out(open('m').read() == 'xbc')",
    ),
    (
        "shares memory",
        "from multiprocessing import shared_memory as s; m = s.SharedMemory(create=True, size=9); m.buf[0] = 5; out(m.buf[0] == 5); m.close(); m.unlink()",
    ),
    (
        "shares memory without a file",
        "import mmap; m = mmap.mmap(-1, 1 << 20)\n\
         if os.fork() == 0: m[5] = 7; os._exit(0)\n\
         os.wait(); out(m[5] == 7)",
    ),
    (
        "works on much data with many processes",
        "import multiprocessing as m\n\
         data = bytearray(b'x') * (700 << 20)\n\
         def f(n): return data[n << 20]\n\
         if __name__ == '__main__':\n\
         \x20with m.get_context('fork').Pool(4) as p: out(sum(p.map(f, range(600), 1)) == 72000)",
    ),
    (
        "sets the buffers of its socket",
        "import socket; a, b = socket.socketpair(); a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536); a.send(b'x'); out(b.recv(1) == b'x')",
    ),
    ("reads zeros", "out(open('/dev/zero', 'rb').read(9) == bytes(9))"),
    (
        "waits for a signal",
        "import signal; signal.signal(signal.SIGALRM, lambda *a: out()); signal.setitimer(signal.ITIMER_REAL, 0.05); signal.pause()",
    ),
    (
        "asks who and where it is",
        "import getpass, platform, pwd; out(pwd.getpwuid(os.getuid()).pw_dir == os.environ['HOME'] == os.getcwd() and platform.system() == 'Linux' and os.cpu_count() > 0)",
    ),
    (
        "writes a log",
        "import logging; logging.basicConfig(filename='a.log'); logging.error('x'); out('x' in open('a.log').read())",
    ),
    ("calls the C library", "import ctypes, ctypes.util; out(ctypes.CDLL(None).abs(-3) == 3)"),
    (
        "makes random numbers and hashes",
        "import secrets, hashlib, uuid, ssl; out(len(secrets.token_bytes(4)) == 4 and uuid.uuid4() != uuid.uuid1())",
    ),
    (
        "writes where nothing is kept",
        "print('x', file=open('/dev/null', 'w')); out(os.open('/dev/urandom', 0) > 0)",
    ),
    ("prints to its own output by name", "print('x', file=open('/dev/stdout', 'w')); out()"),
];

/// The effect on a terminal, what prevents it, and the bytes.
pub(super) const TERMINAL: &[(&str, &str, &[u8])] = &[
    ("writes into the clipboard", SHOWN, b"\x1b]52;c;cm0gLXJmIH4=\x07"),
    ("reads the clipboard", SHOWN, b"\x1b]52;c;?\x1b\\"),
    ("renames the window", SHOWN, b"\x1b]0;owned\x07"),
    ("hides an address behind a word", SHOWN, b"\x1b]8;;http://evil\x1b\\bank\x1b]8;;\x1b\\"),
    ("draws on another screen", SHOWN, b"\x1b[?1049h"),
    ("hides the cursor", SHOWN, b"\x1b[?25l"),
    ("writes over what was said before", SHOWN, b"\x1b[1;1Hyes\x1b[2J"),
    ("writes over its own line", SHOWN, b"refused\rallowed"),
    ("takes back what it said", SHOWN, b"rm\x08\x08ls"),
    ("has the terminal type an answer", SHOWN, b"\x1b[6n\x1b[c\x05"),
    ("controls the device", SHOWN, b"\x1bP$q\"p\x1b\\"),
    ("speaks through a multiplexer", SHOWN, b"\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\"),
    ("resets the terminal", SHOWN, b"\x1bc"),
    ("changes the letters", SHOWN, b"\x0elqk"),
    ("rings", SHOWN, b"\x07"),
    ("uses the controls of eight bits, as text", SHOWN, "\u{9b}2J\u{9d}0;x\u{9c}".as_bytes()),
    ("uses the controls of eight bits, as bytes", READ, b"\x9b2J\x9d0;x\x9c"),
    ("turns the direction of letters", SHOWN, "a\u{202e}yp.exe".as_bytes()),
];
const SHOWN: &str = "what steers a terminal is shown as text";
const READ: &str = "what is not UTF-8 is replaced as it is read";

/// A window that draws a clock face and stays open; its title shows the state.
pub(super) const CLOCK: &str = "import tkinter\n\
    root = tkinter.Tk()\n\
    canvas = tkinter.Canvas(root, width=200, height=200, bg='white')\n\
    canvas.pack()\n\
    canvas.create_oval(20, 20, 180, 180, width=4, outline='red')\n\
    open('up.txt', 'w').write('x')\n\
    root.mainloop()\n";
