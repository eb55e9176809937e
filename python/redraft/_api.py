"""The functions of this package: write a script for a task, and run code."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Sequence

from . import _options
from ._errors import RedraftError, of_code
from ._models import Result, RunResult
from ._options import PathLike
from ._process import Call, OnEvent, OnGate, Work, await_for, wait_for
from ._session import Session, passed_on, ran, running, working

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options


def write_script(
    task: str,
    *,
    data: Sequence[PathLike] = (),
    examples: Sequence[str] = (),
    tests: Sequence[PathLike] = (),
    name: Optional[str] = None,
    model: Optional[str] = None,
    preset: Optional[str] = None,
    sessions: Optional[PathLike] = None,
    config: Optional[PathLike] = None,
    on_gate: Optional[OnGate] = None,
    on_event: Optional[OnEvent] = None,
    auto: bool = True,
    **options: Unpack[Options],
) -> Result:
    """Writes a script for a task, and runs and checks versions until one is accepted.

    task: what the script should do, in plain words.
    data: files for the script; they are copied into the session.
    examples: expected behaviour, as `"input: 5 -> 120"` or `"arguments: 10 km -> 6.21"`.
    tests: test files that every version is checked with.
    name: the session's name. Default: made from the task.
    model, preset, options: as the flags of `redraft new`; see `Options`.
    sessions, config: the sessions folder, and an additional configuration file.
    on_gate: answers each gate with one of its answers (`approve`, `accept`, `allow`, ...); `None`
        pauses the session at the gate.
    on_event: receives each event of the journal.
    auto: without `on_gate`, rules answer the gates; they grant no permission.

    Raises `Paused` at a gate or a limit, `ModelFailed`, `UsageError`, `Locked` or `Interrupted`;
    `error.session.resume()` continues.
    """
    return wait_for(
        _write(
            task, data, examples, tests, name, model, preset,
            sessions, config, on_gate, on_event, auto, options,
        )
    )  # fmt: skip


async def awrite_script(
    task: str,
    *,
    data: Sequence[PathLike] = (),
    examples: Sequence[str] = (),
    tests: Sequence[PathLike] = (),
    name: Optional[str] = None,
    model: Optional[str] = None,
    preset: Optional[str] = None,
    sessions: Optional[PathLike] = None,
    config: Optional[PathLike] = None,
    on_gate: Optional[OnGate] = None,
    on_event: Optional[OnEvent] = None,
    auto: bool = True,
    **options: Unpack[Options],
) -> Result:
    """`write_script` for asyncio. `on_gate` may be a coroutine; a cancelled task leaves a
    session that can be resumed."""
    return await await_for(
        _write(
            task, data, examples, tests, name, model, preset,
            sessions, config, on_gate, on_event, auto, options,
        )
    )  # fmt: skip


def run_python(
    code: str,
    *,
    args: Sequence[str] = (),
    packages: Sequence[str] = (),
    install: bool = False,
    allow: Sequence[str] = (),
    sandbox: Optional[str] = None,
    python: Optional[str] = None,
    output: Optional[PathLike] = None,
    timeout: Optional[int] = None,
    config: Optional[PathLike] = None,
) -> RunResult:
    """Runs code in the same sandbox as scripts of a session.

    args: the script's arguments.
    packages: required packages besides the imported ones, as `"requests>=2"`.
    install: whether packages may be installed, in a separate environment.
    allow: permissions: `"network=HOST"`, `"read=PATH"`, `"env=NAME"`.
    sandbox: `strict`, `network` or `off`.
    output: a new folder for the files that the code writes.
    timeout: seconds until the run is stopped.

    A failure of the code is part of the result; an exception means that it could not be run.
    """
    return wait_for(
        _run(code, args, packages, install, allow, sandbox, python, output, timeout, config)
    )


async def arun_python(
    code: str,
    *,
    args: Sequence[str] = (),
    packages: Sequence[str] = (),
    install: bool = False,
    allow: Sequence[str] = (),
    sandbox: Optional[str] = None,
    python: Optional[str] = None,
    output: Optional[PathLike] = None,
    timeout: Optional[int] = None,
    config: Optional[PathLike] = None,
) -> RunResult:
    """`run_python` for asyncio."""
    return await await_for(
        _run(code, args, packages, install, allow, sandbox, python, output, timeout, config)
    )


def _write(
    task: str,
    data: Sequence[PathLike],
    examples: Sequence[str],
    tests: Sequence[PathLike],
    name: Optional[str],
    model: Optional[str],
    preset: Optional[str],
    sessions: Optional[PathLike],
    config: Optional[PathLike],
    on_gate: Optional[OnGate],
    on_event: Optional[OnEvent],
    auto: bool,
    options: Options,
) -> Work[Result]:
    flags = [*_options.place(sessions, config), "new"]
    flags += working(model, examples, on_gate, auto, options)
    flags += _options.several("--data", data) + _options.several("--tests", tests)
    flags += [f"--{flag}={value}" for flag, value in (("name", name), ("preset", preset)) if value]
    done = yield Call([*flags, "--", task], on_event, on_gate)
    session = done.session and Session(done.session, sessions=sessions, config=config)
    if done.code != 0:
        raise of_code(done.code, done.stderr, session or None)
    if not session:
        raise RedraftError("redraft ended without a session", code=0, stderr=done.stderr)
    return (yield from session._accepted())


def _run(
    code: str,
    args: Sequence[str],
    packages: Sequence[str],
    install: bool,
    allow: Sequence[str],
    sandbox: Optional[str],
    python: Optional[str],
    output: Optional[PathLike],
    timeout: Optional[int],
    config: Optional[PathLike],
) -> Work[RunResult]:
    flags = [*_options.place(None, config), "run", *running(timeout, install, output)]
    flags += _options.several("--allow", allow)
    flags += [
        f"--{flag}={value}" for flag, value in (("sandbox", sandbox), ("python", python)) if value
    ]
    with tempfile.TemporaryDirectory(prefix="redraft-") as folder:
        script = Path(folder) / "script.py"
        script.write_text(with_packages(code, packages), encoding="utf-8")
        done = yield Call([*flags, str(script), *passed_on(args)])
        return ran(done)


def with_packages(code: str, packages: Sequence[str]) -> str:
    """The code under a PEP 723 block that declares these packages."""
    if not packages:
        return code
    if isinstance(packages, str):
        raise TypeError("`packages` takes a list, not a text")
    # A list of JSON strings is one of TOML too.
    return f"# /// script\n# dependencies = {json.dumps(list(packages))}\n# ///\n\n{code}"
