"""What the program tells, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

if TYPE_CHECKING:
    from ._session import Session


@dataclass(frozen=True)
class Gate:
    """A question that the session waits with.

    `kind` is `plan`, `version`, `safety`, `install` or `budget`; `answers` lists what it takes. At
    the plan gate any other text is said to the Planner, at the version gate it is feedback.
    """

    kind: str
    session: str
    #: The lines that are taken, with capitals where something is to be put in: `feedback: TEXT`.
    answers: Tuple[str, ...]
    #: The version that it is about.
    version: Optional[int] = None
    #: Why the session can't go on by itself.
    trouble: Optional[str] = None
    #: The plan that is to be approved.
    plan: Optional[str] = None
    #: What is to be allowed or installed, in words.
    asked: Tuple[str, ...] = ()
    #: Everything that was told.
    details: Dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, value: Dict[str, Any]) -> Gate:
        """Reads what the program prints at a gate."""
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
    """A script that was accepted."""

    #: The script's file, in the session's folder.
    path: Path
    script: str
    #: How much was seen of it: `tested`, `agreed`, `ran`; `None` if it was accepted without a run.
    evidence: Optional[str]
    version: int
    session: Session
    #: What its run printed.
    stdout: str = ""
    #: Why it was not run, or what else should be known of the run.
    reason: Optional[str] = None


@dataclass(frozen=True)
class RunResult:
    """What came of running code."""

    #: `ok`, `failed`, `timeout`, `window`, `waits`, `refused` or `skipped`.
    verdict: str
    stdout: str
    stderr: str
    exit_code: Optional[int]
    milliseconds: int
    #: The names of the files that it wrote.
    files: Tuple[str, ...]
    #: Why it was not run, or what else should be known.
    reason: Optional[str]
    #: Everything that was told.
    details: Dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it ran and did not fail."""
        return self.verdict in ("ok", "window")

    @classmethod
    def read(cls, value: Dict[str, Any]) -> RunResult:
        """Reads what `redraft run --json` prints."""
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
    """A script that parses, one of a session."""

    number: int
    #: Why it was written: `first`, `repair`, `review`, `feedback` or `manager`.
    cause: str
    path: Path
    #: How its run ended; `None` if it was not run.
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
    """One point of a review, or of what a user saw, with an id that lives until it is settled."""

    id: str
    severity: str
    #: `open` or how it was settled.
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
