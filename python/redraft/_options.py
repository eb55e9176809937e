"""What sessions and runs work with, as arguments of the program."""

from __future__ import annotations

import os
import shlex
from typing import Any, Iterable, List, Mapping, Optional, Sequence, TypedDict, Union

PathLike = Union[str, "os.PathLike[str]"]


class Options(TypedDict, total=False):
    """Settings of a session. What is left out is as the preset and the configuration say."""

    #: The models of single roles, as `PROVIDER/MODEL`.
    planner: str
    coder: str
    reviewer: str
    #: Scripts that are written side by side, to choose from.
    candidates: int
    #: Repairs in a row before anybody is asked.
    repairs: int
    #: Versions in all.
    max_versions: int
    #: Tokens and US dollars in all.
    budget_tokens: int
    budget_usd: float
    #: `strict`, `network` or `off`.
    sandbox: str
    #: What scripts may reach: `network=HOST`, `read=PATH`, `env=NAME`, `processes`.
    allow: Sequence[str]
    #: Whether versions are run.
    run: bool
    #: The Python to use.
    python: str
    #: The file of a JSON schema that what is printed has to fit.
    schema: PathLike
    #: What every version is run with.
    args: Sequence[str]
    stdin: str


def place(sessions: Optional[PathLike], config: Optional[PathLike]) -> List[str]:
    """The flags that say where sessions and configuration are."""
    flags: List[str] = []
    if sessions is not None:
        flags.append(f"--sessions={os.fspath(sessions)}")
    if config is not None:
        flags.append(f"--config={os.fspath(config)}")
    return flags


def several(flag: str, values: Iterable[PathLike]) -> List[str]:
    """A flag that can be given more than once."""
    if isinstance(values, str):
        raise TypeError(f"`{flag}` takes a list, not a text")
    return [f"{flag}={os.fspath(value)}" for value in values]


def work(options: Mapping[str, Any]) -> List[str]:
    """The flags of `Options`.

    Raises `TypeError` for a name that is none of them.
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
