"""Finds the program."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Iterator

from ._errors import BinaryNotFound


def find_binary() -> str:
    """The path of the program: `$REDRAFT_BIN`, else the one installed with this package, else the
    first on the `PATH`.

    Raises `BinaryNotFound` if there is none, or if `$REDRAFT_BIN` is not a file.
    """
    named = os.environ.get("REDRAFT_BIN")
    if named:
        if Path(named).is_file():
            return named
        raise BinaryNotFound(f"$REDRAFT_BIN names `{named}`, which is no file")
    name = "redraft" + (sysconfig.get_config_var("EXE") or "")
    for folder in _folders():
        if (folder / name).is_file():
            return str(folder / name)
    found = shutil.which("redraft")
    if found:
        return found
    raise BinaryNotFound(
        "the program `redraft` is not there; install it with `pip install redraft`, "
        "or name it in $REDRAFT_BIN"
    )


def _folders() -> Iterator[Path]:
    """The folders where installers put programs: of this environment, of this user, of `--target`."""
    yield Path(sysconfig.get_path("scripts"))
    user = sysconfig.get_preferred_scheme("user") if sys.version_info >= (3, 10) else None
    if user:
        yield Path(sysconfig.get_path("scripts", scheme=user))
    yield Path(__file__).resolve().parent.parent / "bin"
