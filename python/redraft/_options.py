"""Options of sessions and runs, as arguments of the program."""

from __future__ import annotations

import os
import shlex
from typing import Any, Iterable, List, Mapping, Optional, Sequence, TypedDict, Union

PathLike = Union[str, "os.PathLike[str]"]


class Options(TypedDict, total=False):
    """Settings of a session. Defaults come from the preset and the configuration."""

    #: The models of single roles, as `PROVIDER/MODEL`.
    planner: str
    coder: str
    reviewer: str
    #: Number of candidates that are written side by side.
    candidates: int
    #: Maximum number of successive repairs before you are asked.
    repairs: int
    #: Maximum number of versions.
    max_versions: int
    #: Maximum number of tokens, and cost in US dollars.
    budget_tokens: int
    budget_usd: float
    #: `strict`, `network` or `off`.
    sandbox: str
    #: Permissions of scripts: `network=HOST`, `read=PATH`, `env=NAME`, `processes`.
    allow: Sequence[str]
    #: Whether versions are run.
    run: bool
    #: The Python to use.
    python: str
    #: A file with a JSON schema for the script's output.
    schema: PathLike
    #: Arguments and standard input of each run.
    args: Sequence[str]
    stdin: str


def place(sessions: Optional[PathLike], config: Optional[PathLike]) -> List[str]:
    """The flags for the sessions folder and the configuration file."""
    flags: List[str] = []
    if sessions is not None:
        flags.append(f"--sessions={os.fspath(sessions)}")
    if config is not None:
        flags.append(f"--config={os.fspath(config)}")
    return flags


def several(flag: str, values: Iterable[PathLike]) -> List[str]:
    """A flag, repeated for each value."""
    if isinstance(values, str):
        raise TypeError(f"`{flag}` takes a list, not a text")
    return [f"{flag}={os.fspath(value)}" for value in values]


def work(options: Mapping[str, Any]) -> List[str]:
    """The flags of `Options`.

    Raises `TypeError` for an unknown name.
    """
    unknown = sorted(set(options) - set(Options.__annotations__))
    if unknown:
        raise TypeError(
            f"unknown option `{unknown[0]}`; there are: {', '.join(Options.__annotations__)}"
        )
    flags: List[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is None or (name == "run" and value):
            continue
        if name == "run":
            flags.append("--no-run")
        elif name == "allow":
            flags += several(flag, value)
        elif name == "args":
            flags.append(f"{flag}={shlex.join(value)}")
        elif name == "stdin":
            # An `@` at the beginning would name a file.
            if str(value).startswith("@"):
                raise ValueError("`stdin` can't begin with `@`")
            flags.append(f"{flag}={value}")
        elif name == "schema":
            flags += several(flag, [value])
        else:
            flags.append(f"{flag}={value}")
    return flags
