"""Sessions: the versions, findings and result of a task, and how to continue it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from . import _options
from ._errors import of_code
from ._models import Finding, Result, RunResult, Version
from ._options import PathLike
from ._process import Call, Done, OnEvent, OnGate, Work, await_for, wait_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

#: Exit codes of `redraft run` that are results of the script.
_RAN = (0, 1, 3, 124)


class Session:
    """One session, by its name in the sessions folder or by its path.

    This object holds no state: each method calls the program, so that several programs can work on
    a session. The methods that begin with `a` are for asyncio.
    """

    def __init__(
        self,
        name: PathLike,
        *,
        sessions: Optional[PathLike] = None,
        config: Optional[PathLike] = None,
    ) -> None:
        self.name = str(name)
        self._place = _options.place(sessions, config)

    def __repr__(self) -> str:
        return f"Session({self.name!r})"

    @classmethod
    def open(
        cls,
        name: PathLike,
        *,
        sessions: Optional[PathLike] = None,
        config: Optional[PathLike] = None,
    ) -> Session:
        """The session of this name. Raises `UsageError` if there is none."""
        session = cls(name, sessions=sessions, config=config)
        session.show()
        return session

    def show(self) -> Dict[str, Any]:
        """All data of the session, as printed by `redraft show --json`."""
        return wait_for(self._show())

    async def ashow(self) -> Dict[str, Any]:
        """`show` for asyncio."""
        return await await_for(self._show())

    def versions(self) -> List[Version]:
        """The versions, oldest first."""
        shown = self.show()
        return [Version.read(value, Path(shown["folder"])) for value in shown["versions"]]

    def findings(self) -> List[Finding]:
        """The findings, including resolved ones."""
        return [Finding.read(value) for value in self.show()["findings"]]

    def result(self) -> Optional[Result]:
        """The accepted script; `None` if no version was accepted yet."""
        return wait_for(self._result())

    def resume(
        self,
        *,
        from_version: Optional[int] = None,
        model: Optional[str] = None,
        examples: Sequence[str] = (),
        on_gate: Optional[OnGate] = None,
        on_event: Optional[OnEvent] = None,
        auto: bool = True,
        **options: Unpack[Options],
    ) -> Result:
        """Continues the session until a script is accepted; see `write_script`.

        Raises `Paused`, `ModelFailed`, `Locked`, `Interrupted` or `UsageError`.
        """
        return wait_for(
            self._resume(from_version, model, examples, on_gate, on_event, auto, options)
        )

    async def aresume(
        self,
        *,
        from_version: Optional[int] = None,
        model: Optional[str] = None,
        examples: Sequence[str] = (),
        on_gate: Optional[OnGate] = None,
        on_event: Optional[OnEvent] = None,
        auto: bool = True,
        **options: Unpack[Options],
    ) -> Result:
        """`resume` for asyncio; `on_gate` may be a coroutine."""
        return await await_for(
            self._resume(from_version, model, examples, on_gate, on_event, auto, options)
        )

    def feedback(self, text: str, *, version: Optional[int] = None) -> None:
        """Records feedback on a version; `resume` then writes the next version with it."""
        wait_for(self._feedback(text, version))

    async def afeedback(self, text: str, *, version: Optional[int] = None) -> None:
        """`feedback` for asyncio."""
        await await_for(self._feedback(text, version))

    def export(self, *, version: Optional[int] = None) -> str:
        """The script with its dependencies declared in a PEP 723 block, for `uv run`."""
        return wait_for(self._export(version))

    async def aexport(self, *, version: Optional[int] = None) -> str:
        """`export` for asyncio."""
        return await await_for(self._export(version))

    def run(
        self,
        *,
        version: Optional[int] = None,
        args: Sequence[str] = (),
        timeout: Optional[int] = None,
        install: bool = False,
        output: Optional[PathLike] = None,
    ) -> RunResult:
        """Runs a version in the session's sandbox. The arguments are those of `run_python`."""
        return wait_for(self._run(version, args, timeout, install, output))

    async def arun(
        self,
        *,
        version: Optional[int] = None,
        args: Sequence[str] = (),
        timeout: Optional[int] = None,
        install: bool = False,
        output: Optional[PathLike] = None,
    ) -> RunResult:
        """`run` for asyncio."""
        return await await_for(self._run(version, args, timeout, install, output))

    def _at(self, version: Optional[int]) -> str:
        return self.name if version is None else f"{self.name}:v{version}"

    def _call(self, command: str, *arguments: str, **listeners: Any) -> Call:
        return Call([*self._place, command, *arguments], **listeners)

    def _checked(self, done: Done) -> Done:
        if done.code != 0:
            raise of_code(done.code, done.stderr, self)
        return done

    def _show(self) -> Work[Dict[str, Any]]:
        done = yield self._call("show", "--", self.name)
        shown: Dict[str, Any] = self._checked(done).values[0]
        return shown

    def _result(self) -> Work[Optional[Result]]:
        shown = yield from self._show()
        number = shown["accepted"]
        if number is None:
            return None
        done = yield self._call("show", "--", self._at(number))
        version = self._checked(done).values[0]
        return Result(
            path=Path(shown["folder"]) / version["file"],
            script=version["script"],
            evidence=shown["evidence"],
            version=number,
            session=self,
            stdout=version["stdout"],
            reason=(version["run"] or {}).get("reason"),
        )

    def _accepted(self) -> Work[Result]:
        result = yield from self._result()
        assert result is not None, "a session that ends with exit code 0 is accepted"
        return result

    def _resume(
        self,
        from_version: Optional[int],
        model: Optional[str],
        examples: Sequence[str],
        on_gate: Optional[OnGate],
        on_event: Optional[OnEvent],
        auto: bool,
        options: Options,
    ) -> Work[Result]:
        flags = working(model, examples, on_gate, auto, options)
        if from_version is not None:
            flags.append(f"--from=v{from_version}")
        done = yield self._call(
            "resume", *flags, "--", self.name, on_gate=on_gate, on_event=on_event
        )
        self._checked(done)
        return (yield from self._accepted())

    def _feedback(self, text: str, version: Optional[int]) -> Work[None]:
        self._checked((yield self._call("feedback", "--", self._at(version), text)))

    def _export(self, version: Optional[int]) -> Work[str]:
        done = yield self._call("export", "--", self._at(version))
        script: str = self._checked(done).values[0]["script"]
        return script

    def _run(
        self,
        version: Optional[int],
        args: Sequence[str],
        timeout: Optional[int],
        install: bool,
        output: Optional[PathLike],
    ) -> Work[RunResult]:
        flags = running(timeout, install, output)
        done = yield self._call("run", *flags, self._at(version), *passed_on(args))
        return ran(done, self)


def working(
    model: Optional[str],
    examples: Sequence[str],
    on_gate: Optional[OnGate],
    auto: bool,
    options: Options,
) -> List[str]:
    """The flags that `new` and `resume` share."""
    flags = _options.work(options)
    if model is not None:
        flags.append(f"--model={model}")
    flags += _options.several("--example", examples)
    if auto and on_gate is None:
        flags.append("--auto")
    return flags


def running(timeout: Optional[int], install: bool, output: Optional[PathLike]) -> List[str]:
    """The flags of `run` that versions and files share."""
    flags: List[str] = []
    if timeout is not None:
        flags.append(f"--seconds={timeout}")
    if output is not None:
        flags += _options.several("--output", [output])
    if install:
        flags.append("--yes")
    return flags


def passed_on(args: Sequence[str]) -> List[str]:
    """A script's own arguments."""
    return ["--", *args] if args else []


def ran(done: Done, session: Optional[Session] = None) -> RunResult:
    """The result of `redraft run`. A failure of the script is a result, any other failure an error."""
    if done.code not in _RAN or not done.values:
        raise of_code(done.code, done.stderr, session)
    return RunResult.read(done.values[0])
