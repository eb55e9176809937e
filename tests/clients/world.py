"""Shared code of the clients: recorded answers, and how to start the server."""

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
# The same with a script that needs the network.
ASKING = ANSWERS.replace('    print("two")\n', '    import socket\n    socket.socket()\n    print("two")\n')


def folder(answers: str = ANSWERS) -> pathlib.Path:
    """Creates a working folder with recorded answers instead of a model."""
    here = pathlib.Path(tempfile.mkdtemp())
    (here / "answers.yaml").write_text(answers)
    config = {"model": "recorded/m", "providers": {"recorded": {"kind": "script", "path": str(here / "answers.yaml")}}}
    (here / "config.yaml").write_text(json.dumps(config))
    return here


def arguments(here: pathlib.Path) -> list[str]:
    return ["mcp", "--config", str(here / "config.yaml"), "--sessions", str(here / "sessions")]


def environment() -> dict[str, str]:
    """The variables to pass as `env`: adapters inherit only a few by default."""
    return {name: os.environ[name] for name in ("HOME", "PATH", "PIP_NO_INDEX") if name in os.environ}


def saw(client: str, words: str) -> None:
    print(f"{client:<32} {words}", flush=True)
