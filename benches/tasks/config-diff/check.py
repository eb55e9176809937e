"""The paths of what was added, removed or changed, and no others."""

import json
import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

CASES = [
    (
        {"a": 1, "b": {"c": {"d": 2, "e": 3}}},
        {"a": "1", "b": {"c": {"d": 2}}, "f": {"g": {"h": True}}},
    ),
    (
        {
            "window": {"width": 800, "title": "x"},
            "theme": {"dark": True, "font": {"size": 11}},
            "old": {"k": 0},
        },
        {
            "window": {"width": 640, "title": "x"},
            "theme": {"dark": False, "font": {"size": 11, "face": "Mono"}},
        },
    ),
    ({"p": {"q": None, "list": [1, {"z": 1}]}}, {"p": {"list": [1, {"z": 2}], "r": 5}}),
]


def leaves(value, path=""):
    if not isinstance(value, dict):
        return {path: json.dumps(value)}
    found = {}
    for key, inner in value.items():
        found |= leaves(inner, f"{path}.{key}" if path else key)
    return found


def check(task):
    given = tuple(json.loads(task.data_text(name)) for name in ("old.json", "new.json"))
    for old, new in [given, *CASES]:
        before, after = leaves(old), leaves(new)
        wanted = {(path, "added") for path in after.keys() - before.keys()}
        wanted |= {(path, "removed") for path in before.keys() - after.keys()}
        wanted |= {
            (path, "changed")
            for path in before.keys() & after.keys()
            if before[path] != after[path]
        }
        run = task.run(files={"old.json": json.dumps(old), "new.json": json.dumps(new)})
        parts = {p.rsplit(".", at)[0] for p in [*before, *after] for at in range(p.count(".") + 1)}
        found = set()
        for line in run.lines():
            words = re.findall(r"[\w.]*\w", line)
            kinds = [
                word.lower() for word in words if word.lower() in ("added", "removed", "changed")
            ]
            # The path is the first word that can be one; values may follow it.
            names = [word for word in words if word in parts or "." in word]
            if kinds and names:
                found.add((names[0], kinds[0]))
        if found != wanted:
            missing, extra = sorted(wanted - found), sorted(found - wanted)
            run.wrong(f"missing: {missing[:2]}, not wanted: {extra[:2]}")


if __name__ == "__main__":
    main(check)
