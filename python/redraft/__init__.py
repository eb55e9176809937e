"""Turns a sentence into one Python script that works.

This package drives the program `redraft`, which comes with it::

    import redraft

    result = redraft.write_script("print the first ten prime numbers", preset="quick")
    print(result.evidence, result.path)
    print(redraft.run_python(result.script).stdout)

Each function has an asyncio twin whose name begins with `a`: `awrite_script`, `arun_python`.
"""

from ._api import arun_python, awrite_script, run_python, write_script
from ._binary import find_binary
from ._errors import (
    BinaryNotFound,
    Interrupted,
    Locked,
    ModelFailed,
    Paused,
    RedraftError,
    UsageError,
)
from ._models import Finding, Gate, Result, RunResult, Version
from ._session import Session

__all__ = [
    "BinaryNotFound",
    "Finding",
    "Gate",
    "Interrupted",
    "Locked",
    "ModelFailed",
    "Paused",
    "RedraftError",
    "Result",
    "RunResult",
    "Session",
    "UsageError",
    "Version",
    "arun_python",
    "awrite_script",
    "find_binary",
    "run_python",
    "write_script",
]
