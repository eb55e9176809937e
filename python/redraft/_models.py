"""The program's output as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

if TYPE_CHECKING:
    from ._session import Session


@dataclass(frozen=True)
class Gate:
    """A decision that the session waits for.

    `kind` is `plan`, `version`, `safety`, `install` or `budget`; `answers` lists the possible
    answers. Any other text goes to the Planner at the plan gate, and is feedback at the version gate.
    """

    kind: str
    session: str
    #: The possible answers. Capitals stand for your own text: `feedback: TEXT`.
    answers: Tuple[str, ...]
    #: The number of the version in question.
    version: Optional[int] = None
    #: Why the session can't continue without a decision.
    trouble: Optional[str] = None
    #: The plan to approve.
    plan: Optional[str] = None
    #: The permissions or packages in question, in words.
    asked: Tuple[str, ...] = ()
    #: The program's whole output as JSON.
    details: Dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, value: Dict[str, Any]) -> Gate:
        """Reads the program's output at a gate."""
        return cls(
            kind=value["gate"],
            session=value["session"],
            answers=tuple(choice["line"] for choice in value["choices"]),
            version=(value["version"] or {}).get("version"),
            trouble=value["trouble"],
            plan=(value["plan"] or {}).get("text"),
            asked=tuple(asked["what"] for asked in value["asked"]),
            details=value,
        )


@dataclass(frozen=True)
class Result:
    """An accepted script."""

    #: The script's file, in the session's folder.
    path: Path
    script: str
    #: The evidence that it is right: `tested`, `agreed`, `ran`; `None` if it was accepted unrun.
    evidence: Optional[str]
    version: int
    session: Session
    #: Standard output of its run.
    stdout: str = ""
    #: Why it was not run, or a remark on the run.
    reason: Optional[str] = None


@dataclass(frozen=True)
class RunResult:
    """The result of running code."""

    #: `ok`, `failed`, `timeout`, `window`, `waits`, `refused` or `skipped`.
    verdict: str
    stdout: str
    stderr: str
    exit_code: Optional[int]
    milliseconds: int
    #: Names of the files that it wrote.
    files: Tuple[str, ...]
    #: Why it was not run, or a remark on the run.
    reason: Optional[str]
    #: The program's whole output as JSON.
    details: Dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it ran without a failure."""
        return self.verdict in ("ok", "window")

    @classmethod
    def read(cls, value: Dict[str, Any]) -> RunResult:
        """Reads the output of `redraft run --json`."""
        run = value["run"]
        return cls(
            verdict=run["verdict"],
            stdout=value["stdout"],
            stderr=value["stderr"],
            exit_code=run.get("exit_code"),
            milliseconds=run.get("milliseconds", 0),
            files=tuple(run.get("files", ())),
            reason=run.get("reason"),
            details=run,
        )


@dataclass(frozen=True)
class Version:
    """A version of a session's script."""

    number: int
    #: Why it was written: `first`, `repair`, `review`, `feedback` or `manager`.
    cause: str
    path: Path
    #: The verdict of its run; `None` if it was not run.
    verdict: Optional[str]
    evidence: Optional[str]
    details: Dict[str, Any]

    @property
    def script(self) -> str:
        """The script."""
        return self.path.read_text(encoding="utf-8")

    @classmethod
    def read(cls, value: Dict[str, Any], folder: Path) -> Version:
        """Reads a version of `redraft show --json`."""
        return cls(
            number=value["version"],
            cause=value["cause"],
            path=folder / value["file"],
            verdict=(value.get("run") or {}).get("verdict"),
            evidence=value.get("evidence"),
            details=value,
        )


@dataclass(frozen=True)
class Finding:
    """A problem that a check, a test, a review or a user found. It keeps its id until it is resolved."""

    id: str
    severity: str
    #: `open`, or how it was resolved.
    state: str
    text: str
    requirement: Optional[str]
    details: Dict[str, Any]

    @classmethod
    def read(cls, value: Dict[str, Any]) -> Finding:
        """Reads a finding of `redraft show --json`."""
        return cls(
            id=value["id"],
            severity=value["severity"],
            state=value["state"],
            text=value["text"],
            requirement=value.get("requirement"),
            details=value,
        )
