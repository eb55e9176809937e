"""What the clients share: how the server is started, and what has to come of it."""

import json
import os
import pathlib
import tempfile

REDRAFT = os.environ["REDRAFT"]
ANSWERS = """\
- agent: planner
  answer: |
    A script that counts.
    R1: It prints one. Check: read the output.
    R2: It prints two. Check: read the output.
- agent: coder
  answer: |
    ```python
    print("one")
    print("two")
    ```
- agent: reviewer
  answer: |
    R1: met
    R2: met
    VERDICT: ACCEPT
"""
# A script that asks for the network.
ASKING = ANSWERS.replace('    print("two")\n', '    import socket\n    socket.socket()\n    print("two")\n')


def folder(answers: str = ANSWERS) -> pathlib.Path:
    """A working folder with recorded answers in the place of a model."""
    here = pathlib.Path(tempfile.mkdtemp())
    (here / "answers.yaml").write_text(answers)
    config = {"model": "recorded/m", "providers": {"recorded": {"kind": "script", "path": str(here / "answers.yaml")}}}
    (here / "config.yaml").write_text(json.dumps(config))
    return here


def arguments(here: pathlib.Path) -> list[str]:
    return ["mcp", "--config", str(here / "config.yaml"), "--sessions", str(here / "sessions")]


def environment() -> dict[str, str]:
    """Adapters pass little of the environment on: `env` is how the rest is given."""
    return {name: os.environ[name] for name in ("HOME", "PATH", "PIP_NO_INDEX") if name in os.environ}


def saw(client: str, words: str) -> None:
    print(f"{client:<32} {words}", flush=True)
