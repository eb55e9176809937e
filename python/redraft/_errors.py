"""Exceptions, one for each exit code of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ._session import Session


class RedraftError(Exception):
    """The program failed.

    `code` is its exit code, `stderr` its messages, and `session` the session that can be resumed,
    if there is one.
    """

    code: Optional[int] = None

    def __init__(
        self,
        message: str,
        *,
        code: Optional[int] = None,
        stderr: str = "",
        session: Optional[Session] = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.stderr = stderr
        self.session = session


class BinaryNotFound(RedraftError):
    """The program is not installed."""


class UsageError(RedraftError):
    """An argument or the configuration is wrong."""

    code = 2


class Paused(RedraftError):
    """The session waits at a gate or a limit: the message says why. `session.resume()` continues."""

    code = 3


class ModelFailed(RedraftError):
    """The model's provider failed. `session.resume()` tries again; answers received so far are kept."""

    code = 4


class Locked(RedraftError):
    """Another process works on the session, or it is damaged or of a newer format."""

    code = 5


class Interrupted(RedraftError):
    """The work was interrupted. `session.resume()` continues."""

    code = 130


_BY_CODE = {kind.code: kind for kind in (UsageError, Paused, ModelFailed, Locked, Interrupted)}


def of_code(code: int, stderr: str, session: Optional[Session] = None) -> RedraftError:
    """The exception for an exit code, with the program's error line as its message."""
    kind = _BY_CODE.get(code, RedraftError)
    return kind(_reason(stderr, code), code=code, stderr=stderr, session=session)


def _reason(stderr: str, code: int) -> str:
    for line in reversed(stderr.splitlines()):
        for start in ("error: ", "paused: "):
            if line.startswith(start):
                return line[len(start) :]
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"redraft ended with exit code {code}"
