#!/usr/bin/env python3
"""What a Python prints where a script fails: runs each script of tests/it/fixtures/tracebacks and writes
VERSION.txt beside them anew. Not part of the tests, which read what is recorded there.

    tests/tracebacks.py COMMAND...      that starts a Python in the current folder, as `python3.14`

A script that does not end is stopped after some seconds, and of its output the beginning is kept. The
folder of the script is written as `.`, that of the Python as `/usr`.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

# Seconds and bytes. A server of processes takes its time to start.
LIMIT = 5
KEPT = 10_000
FIXTURES = pathlib.Path(__file__).parent / "it/fixtures/tracebacks"


def run(command, folder, prefix):
    env = {name: os.environ[name] for name in ("PATH", "HOME")}
    env |= {"LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    # Error output is no terminal, as in a run: to one, newer Pythons write colours.
    with open(folder / "stderr.txt", "wb") as stderr:
        child = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)
        try:
            ended = f"exit {child.wait(timeout=LIMIT)}"
        except subprocess.TimeoutExpired:
            ended = "stopped"
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    text = (folder / "stderr.txt").read_bytes().decode(errors="replace")
    return ended, text.replace(str(folder), ".").replace(prefix + "/", "/usr/")[:KEPT]


def main(command):
    ask = "import sys; print(sys.version.split()[0], sys.base_prefix)"
    told = subprocess.run([*command, "-c", ask], capture_output=True, text=True, check=True).stdout
    version, prefix = told.split()
    out = [f"Python {version}\n"]
    for script in sorted(FIXTURES.glob("*.py")):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder).resolve()
            (folder / "script_v1.py").write_text(script.read_text())
            ended, text = run([*command, "script_v1.py"], folder, prefix)
        out.append(f"=== {script.stem}, {ended}\n{text}")
        if text and not text.endswith("\n"):
            out.append("\n")
    (FIXTURES / (".".join(version.split(".")[:2]) + ".txt")).write_text("".join(out))


main(sys.argv[1:])
