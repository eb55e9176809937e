"""A test case with a folder of its own and a model with recorded answers."""

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PLAN = "A script that counts.\nR1: It prints one. Check: read the output.\n"
ACCEPT = "R1: met\nVERDICT: ACCEPT\n"


def fenced(script):
    """An answer of a model with this script in a fenced block."""
    return f"Here it is:\n```python\n{script}\n```\n"


class World(unittest.TestCase):
    """A test case with a home and a folder of its own, and without package indexes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        (self.folder / "home").mkdir()
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        os.environ.pop("REDRAFT_SESSIONS", None)
        os.environ.update(
            HOME=str(self.folder / "home"),
            XDG_CONFIG_HOME="",
            XDG_STATE_HOME="",
            PIP_NO_INDEX="1",
            UV_NO_INDEX="1",
        )

    def model(self, *scripts, plan=PLAN, review=ACCEPT):
        """Writes a configuration whose model returns these scripts in order. Returns its path."""
        answers = [{"agent": "planner", "answer": plan}]
        answers += [{"agent": "coder", "answer": fenced(script)} for script in scripts]
        answers += [{"agent": "reviewer", "answer": review} for _ in scripts]
        # JSON is valid YAML.
        (self.folder / "answers.yaml").write_text(json.dumps(answers))
        config = self.folder / "config.yaml"
        settings = {
            "model": "recorded/m",
            "providers": {
                "recorded": {"kind": "script", "path": str(self.folder / "answers.yaml")}
            },
            "candidates": 1,
        }
        config.write_text(json.dumps(settings))
        return str(config)
