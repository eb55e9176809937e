#!/usr/bin/env python3
"""Records the error output of failing scripts with one version of Python: runs each script of
tests/it/fixtures/tracebacks and rewrites VERSION.txt beside them. Not part of the tests, which read these
records.

    tests/tracebacks.py COMMAND...      a command that starts Python, such as `python3.14`

A script that does not end is stopped after some seconds, and only the beginning of its output is kept. The
script's folder is replaced by `.`, and Python's prefix by `/usr`.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

# Seconds and characters. Starting a server process takes a while.
LIMIT = 5
KEPT = 10_000
FIXTURES = pathlib.Path(__file__).parent / "it/fixtures/tracebacks"


def run(command, folder, prefix):
    env = {name: os.environ[name] for name in ("PATH", "HOME")}
    env |= {"LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    # Write errors to a file, as in a run: at a terminal, newer Pythons use colours.
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
