"""Tests the tasks themselves: `python3 benches/tasks/selftest.py [NAME ...]`.

For each task, `right.py` (and `right2.py`) must pass its check, and must be refused: `wrong.py`, a
script that prints nothing, and one that repeats what `right.py` printed and wrote for the task's
own data. Prints a line for each failure and a table, and ends with 1 if anything failed.
"""

import importlib.util
import os
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from checker import RIGHT, WRONG, Task, half, judge, load

HERE = Path(__file__).resolve().parent
LEVELS = ["easy", "medium", "hard"]
FIELDS = {"level", "request", "data", "args", "stdin"}


def description(home):
    """What is wrong with `task.yaml` and the files of a task."""
    fields, faults = load(home / "task.yaml"), []
    if fields.get("level") not in LEVELS or not fields.get("request", "").strip():
        faults.append("no level or no request")
    if unknown := fields.keys() - FIELDS:
        faults.append(f"unknown fields {sorted(unknown)}")
    names = sorted(path.name for path in home.glob("data/*"))
    if names != sorted(fields.get("data", [])):
        faults.append(f"`data` names other files than the folder has: {names}")
    # A user who gives arguments or input says so.
    for value in [*fields.get("args", []), *fields.get("stdin", "").split("\n")]:
        if value not in fields["request"]:
            faults.append(f"the request does not say `{value}`")
    return faults


def parrot(home, work):
    """A script that knows only what `right.py` did with the task's own data."""
    task = Task(home, home / "right.py", sys.executable, work)
    run = task.run()
    files = run.tree(run.folder)
    return f"""\
import pathlib
for path in pathlib.Path(".").iterdir():
    if path.is_file() and path.name != "script.py":
        path.unlink()
for name, data in {files!r}.items():
    pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(name).write_bytes(data)
print({run.stdout!r}, end="")
"""


def check_of(home):
    """The function `check` of a task."""
    place = importlib.util.spec_from_file_location(f"check_{home.name}", home / "check.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module.check


def fault(job):
    """What is wrong, if a script is not judged as it should be."""
    home, script, wanted, work = job
    code, line = judge(check_of(home), home, script, sys.executable, work)
    return None if code == wanted else f"{home.name}: {script.name} is {line}"


def main():
    homes = sorted(path.parent for path in HERE.glob("*/task.yaml"))
    if sys.argv[1:]:
        homes = [home for home in homes if home.name in sys.argv[1:]]
    faults, jobs = [], []
    work = tempfile.mkdtemp(prefix="selftest-")
    try:
        for home in homes:
            faults += [f"{home.name}: {line}" for line in description(home)]
            jobs += [(home, home / "right.py", RIGHT, work), (home, home / "wrong.py", WRONG, work)]
            if (home / "right2.py").exists():
                jobs.append((home, home / "right2.py", RIGHT, work))
            for name, text in [("silent", "pass\n"), ("parrot", parrot(home, work))]:
                script = Path(work, f"{home.name}-{name}.py")
                script.write_text(text, encoding="utf-8")
                jobs.append((home, script, WRONG, work))
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            faults += [line for line in pool.map(fault, jobs) if line]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for line in faults:
        print(line)
    for level in LEVELS:
        ours = [home.name for home in homes if load(home / "task.yaml")["level"] == level]
        look = sum(half(name) == "look" for name in ours)
        print(f"{level:8} {len(ours):3} tasks: {look} look, {len(ours) - look} held")
    print(f"{len(jobs)} scripts were checked, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
