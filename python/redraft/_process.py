"""Runs the program, for blocking callers and for asyncio.

Each operation is written once, as a generator that yields every `Call` of the program and receives
its `Done`. `wait_for` and `await_for` are the two ways to run it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from typing import IO, Any, Awaitable, Callable, Dict, Generator, List, Optional, TypeVar, Union

from ._binary import find_binary
from ._models import Gate

T = TypeVar("T")
Event = Dict[str, Any]
#: Receives each event of the session's journal as it happens.
OnEvent = Callable[[Event], Any]
#: Answers a gate with one of its answers; `None` pauses the session at the gate.
OnGate = Callable[[Gate], Union[Optional[str], Awaitable[Optional[str]]]]

#: Seconds until an interrupted program is killed.
PATIENCE = 10.0
#: Bytes per read.
CHUNK = 1 << 16


@dataclass
class Call:
    """One run of the program, with its arguments after `redraft`."""

    arguments: List[str]
    on_event: Optional[OnEvent] = None
    on_gate: Optional[OnGate] = None


@dataclass
class Done:
    """The result of a call: exit code, text on standard error, values on standard output."""

    code: int
    stderr: str
    values: List[Any]
    session: Optional[str]


Work = Generator[Call, Done, T]


@dataclass
class _Talk:
    """Collects the program's output, line by line."""

    call: Call
    values: List[Any] = field(default_factory=list)
    session: Optional[str] = None

    def hear(self, line: str) -> Optional[Gate]:
        """Takes one line. Returns the gate that it opens, if any."""
        try:
            value = json.loads(line)
        except ValueError:
            return None
        if not isinstance(value, dict):
            self.values.append(value)
        elif "question" in value:
            return Gate.read(value["question"])
        elif "event" in value:
            if value["event"] == "session_created":
                self.session = value.get("name")
            if self.call.on_event:
                self.call.on_event(value)
        else:
            self.values.append(value)
        return None

    def done(self, code: int, stderr: bytes) -> Done:
        return Done(code, stderr.decode("utf-8", "replace"), self.values, self.session)


def _command(call: Call) -> List[str]:
    return [find_binary(), "--json", *call.arguments]


def _streams(call: Call) -> Dict[str, Any]:
    """Arguments that start the program in its own process group: Ctrl-C reaches only this process,
    which passes it on once."""
    return {
        "stdin": subprocess.PIPE if call.on_gate else subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "start_new_session": os.name == "posix",
    }


def _answer(said: Optional[str]) -> bytes:
    """A line of input for the program: JSON, so that an answer may have several lines."""
    return (json.dumps("quit" if said is None else said) + "\n").encode()


def _interrupt(process: Any) -> None:
    """Asks the program to pause: it ends by itself, and the session can be resumed."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            process.send_signal(signal.SIGINT)
        else:
            process.terminate()


def wait_for(work: Work[T]) -> T:
    """Runs an operation, blocking until it is done."""
    try:
        call = next(work)
        while True:
            call = work.send(_run(call))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def await_for(work: Work[T]) -> T:
    """Runs an operation without blocking the event loop."""
    try:
        call = next(work)
        while True:
            call = work.send(await _arun(call))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _run(call: Call) -> Done:
    talk = _Talk(call)
    process = subprocess.Popen(_command(call), **_streams(call))
    assert process.stdout is not None and process.stderr is not None
    said: List[bytes] = []
    listener = threading.Thread(
        target=lambda pipe: said.append(pipe.read()), args=(process.stderr,)
    )
    listener.start()
    try:
        for line in process.stdout:
            gate = talk.hear(line.decode("utf-8", "replace"))
            if gate and call.on_gate:
                answer = call.on_gate(gate)
                if inspect.isawaitable(answer):
                    if inspect.iscoroutine(answer):
                        answer.close()
                    raise TypeError("`on_gate` is a coroutine: use the function's asyncio twin")
                _tell(process.stdin, _answer(answer))
        code = process.wait()
    except BaseException:
        _interrupt(process)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        listener.join()
        process.stderr.close()
    return talk.done(code, b"".join(said))


def _tell(stdin: Optional[IO[bytes]], line: bytes) -> None:
    # A program that ended meanwhile says why by its exit code.
    with contextlib.suppress(BrokenPipeError):
        if stdin:
            stdin.write(line)
            stdin.flush()


async def _arun(call: Call) -> Done:
    talk = _Talk(call)
    process = await asyncio.create_subprocess_exec(*_command(call), **_streams(call))
    assert process.stdout is not None and process.stderr is not None
    listener = asyncio.ensure_future(process.stderr.read())
    try:
        async for line in _lines(process.stdout):
            gate = talk.hear(line.decode("utf-8", "replace"))
            if gate and call.on_gate:
                answer = call.on_gate(gate)
                if inspect.isawaitable(answer):
                    answer = await answer
                if process.stdin:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        process.stdin.write(_answer(answer))
                        await process.stdin.drain()
        code = await process.wait()
        stderr = await listener
    except BaseException:
        _interrupt(process)
        await asyncio.shield(_end(process))
        listener.cancel()
        raise
    return talk.done(code, stderr)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Waits for an interrupted program, and discards its remaining output."""
    assert process.stdout is not None
    try:
        await asyncio.wait_for(asyncio.gather(process.stdout.read(), process.wait()), PATIENCE)
    except asyncio.TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _lines(stream: asyncio.StreamReader) -> Any:
    """The lines of a stream, of any length: an event holds a whole prompt."""
    rest = b""
    while True:
        chunk = await stream.read(CHUNK)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if not chunk:
            if rest:
                yield rest
            return
