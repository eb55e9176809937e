"""Takes HumanEval apart: `problems.py HumanEval.jsonl[.gz] FOLDER` makes, for each problem, a folder
with what a user has (`task.md`, and `test_examples.py` of the docstring's own examples where it has
some) and, apart from it, `hidden.py`, which only scores; and `tasks.jsonl`, all of them for
`redraft batch`."""

import ast
import gzip
import json
import pathlib
import re
import sys

SAME = """
def same(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return abs(a - b) < 1e-6
    return a == b

"""


def parses(text):
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def is_value(text):
    """Whether a text is a value by itself, without names."""
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def calls(text, name):
    node = parses(text)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def examples(prompt, name):
    """The (call, value) pairs of a docstring: `>>> f(1)` with the value under it, and lines as
    `f(1) == 2`, `f(1) ➞ 2`, `f(1) returns 2`."""
    lines = [line.strip() for line in prompt.splitlines()]
    found = []
    for at, line in enumerate(lines):
        if line.startswith(">>>"):
            value = lines[at + 1] if at + 1 < len(lines) else ""
            value = value.strip().strip('"' * 3) if value.endswith('"""') else value
            found.append((line[3:].strip(), value.strip()))
            continue
        for match in re.finditer(re.escape(name) + r"\(", line):
            rest = line[match.start():]
            for sign in ["==", "➞", "=>", "->", "→", "# returns", "# =>", "returns", "should return",
                         "should be", "will return", "=", "#"]:
                call, found_sign, value = rest.partition(sign)
                value = re.split(r"\s+(?:#|because|since|\()", value.strip())[0].rstrip(".,;: ")
                if found_sign and calls(call.strip(), name) and is_value(value):
                    # A `#` before the sign is no part of the call.
                    found.append((call.rstrip("# "), value))
                    break
    unique = []
    for call, value in found:
        if calls(call, name) and is_value(value) and (call, value) not in unique:
            unique.append((call, value))
    return unique


def main(source, folder):
    opened = gzip.open(source, "rt") if source.endswith(".gz") else open(source)
    with opened as file:
        problems = [json.loads(line) for line in file]
    folder = pathlib.Path(folder)
    with_examples = 0
    for number, problem in enumerate(problems):
        place = folder / f"{number:03}"
        place.mkdir(parents=True)
        name, prompt = problem["entry_point"], problem["prompt"]
        (place / "task.md").write_text(
            f"Complete this Python function. The script defines it and nothing else.\n\n"
            f"```python\n{prompt.strip()}\n```\n"
        )
        (place / "hidden.py").write_text(
            f"\n\n{problem['test']}\n\ncheck({name})\nprint('every hidden test passed')\n"
        )
        pairs = examples(prompt, name)
        if pairs:
            with_examples += 1
            tests = "".join(
                f"\ndef test_example_{n}():\n    assert same({call}, {value})\n"
                for n, (call, value) in enumerate(pairs, 1)
            )
            text = f"from script import {name}\n{SAME}{tests}"
            (place / "test_examples.py").write_text(text)
    with (folder / "tasks.jsonl").open("w") as tasks:
        for place in sorted(path for path in folder.iterdir() if path.is_dir()):
            task = {"id": place.name, "task": (place / "task.md").read_text()}
            if (place / "test_examples.py").exists():
                task["tests"] = f"{place.name}/test_examples.py"
            print(json.dumps(task), file=tasks)
    print(len(problems), with_examples)


if __name__ == "__main__":
    main(*sys.argv[1:])
