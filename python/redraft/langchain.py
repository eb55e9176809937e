"""Tools for LangChain agents: a whole task at once, or single steps for an agent that codes.

    from redraft.langchain import RedraftTool, RedraftToolkit

Whatever an agent says is data: it names no file that is read and opens nothing. What scripts may be
given and may reach is set where the tools are made, by you.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Type, Union

try:
    from langchain_core.tools import BaseTool, BaseToolkit
    from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
except ImportError as error:
    raise ImportError(
        "`redraft.langchain` needs LangChain: pip install 'redraft[langchain]'"
    ) from error

from ._api import arun_python, awrite_script, run_python, with_packages, write_script
from ._errors import RedraftError
from ._models import Result, RunResult

__all__ = ["RedraftTool", "RedraftToolkit"]

#: Maximum length of an output for an agent, in characters; the beginning is cut off.
SHOWN = 8000


class _Task(BaseModel):
    task: str = Field(description="What the script should do, in plain words, with all details")


class RedraftTool(BaseTool):
    """Does a whole task: writes, checks and runs a script, and returns its output."""

    name: str = "write_and_run_script"
    description: str = (
        "Does a task by a Python script that is written, checked and run for you. Returns its "
        "output. Say the whole task in one call: what to read, what to work out, what to print."
    )
    args_schema: Type[BaseModel] = _Task
    #: Data files for every script.
    data: Sequence[str] = ()
    #: Permissions of scripts: `network=HOST`, `read=PATH`, ...
    allow: Sequence[str] = ()
    model: Optional[str] = None
    preset: Optional[str] = "quick"
    sessions: Optional[str] = None
    config: Optional[str] = None
    #: Further settings: those of `redraft.write_script`.
    options: Dict[str, Any] = Field(default_factory=dict)

    def _arguments(self) -> Dict[str, Any]:
        names = ("data", "allow", "model", "preset", "sessions", "config")
        return {**{name: getattr(self, name) for name in names}, **self.options}

    def _run(self, task: str, **_: Any) -> str:
        try:
            return _of_result(write_script(task, **self._arguments()))
        except RedraftError as error:
            return _of_error(error)

    async def _arun(self, task: str, **_: Any) -> str:
        try:
            return _of_result(await awrite_script(task, **self._arguments()))
        except RedraftError as error:
            return _of_error(error)


class _Code:
    """An agent's script, and the packages that it requested."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.packages: List[str] = []

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def numbered(self) -> str:
        return (
            "\n".join(f"{n:>4} {line}" for n, line in enumerate(self.lines, 1)) or "(no code yet)"
        )


class RedraftToolkit(BaseToolkit):
    """The single steps of an agent that writes a script itself: add, change, delete and show lines,
    run the script in the sandbox, install a package. The tools of one toolkit share one script."""

    #: Permissions of the script.
    allow: Sequence[str] = ()
    #: Packages that may be installed: none, all but suspicious ones, or those of a list.
    install: Union[bool, Sequence[str]] = False
    #: Seconds until a run is stopped.
    timeout: Optional[int] = None
    config: Optional[str] = None
    _code: _Code = PrivateAttr(default_factory=_Code)

    def get_tools(self) -> List[BaseTool]:
        """The tools, each with a name and a description for the agent."""
        kinds = (_AddCode, _ChangeLine, _DeleteLines, _ShowCode, _RunCode, _InstallPackage)
        return [kind(kit=self) for kind in kinds]

    def script(self) -> str:
        """The current script."""
        return with_packages(self._code.text(), self._code.packages)

    def may_install(self, package: str) -> bool:
        """Whether an agent may install this package."""
        if isinstance(self.install, bool):
            return self.install
        return _name_of(package) in {_name_of(allowed) for allowed in self.install}

    def _arguments(self) -> Dict[str, Any]:
        return {
            "packages": self._code.packages,
            # Packages of a list are already installed by then, and no others are allowed.
            "install": self.install is True,
            "allow": self.allow,
            "timeout": self.timeout,
            "config": self.config,
        }


class _Lines(BaseModel):
    code: str = Field(description="Lines of Python")


class _Line(BaseModel):
    line: int = Field(description="The line's number, from 1")
    code: str = Field(description="What stands there instead; may be several lines")


class _Numbers(BaseModel):
    lines: List[int] = Field(description="The lines' numbers, from 1")


class _Nothing(BaseModel):
    pass


class _Package(BaseModel):
    package: str = Field(description="The package's name, and a version if need be: requests>=2")


class _Step(BaseTool):
    """A tool of the toolkit."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    kit: RedraftToolkit


class _AddCode(_Step):
    name: str = "add_code"
    description: str = (
        "Adds lines at the end of the script. Returns the whole script with line numbers."
    )
    args_schema: Type[BaseModel] = _Lines

    def _run(self, code: str, **_: Any) -> str:
        self.kit._code.lines += code.splitlines()
        return self.kit._code.numbered()


class _ChangeLine(_Step):
    name: str = "change_line"
    description: str = (
        "Puts other code in the place of one line. Returns the script with line numbers."
    )
    args_schema: Type[BaseModel] = _Line

    def _run(self, line: int, code: str, **_: Any) -> str:
        lines = self.kit._code.lines
        if not 1 <= line <= len(lines):
            return f"There is no line {line}: the script has {len(lines)}."
        lines[line - 1 : line] = code.splitlines()
        return self.kit._code.numbered()


class _DeleteLines(_Step):
    name: str = "delete_lines"
    description: str = (
        "Takes lines out of the script. Returns the script with its new line numbers."
    )
    args_schema: Type[BaseModel] = _Numbers

    def _run(self, lines: List[int], **_: Any) -> str:
        gone = set(lines)
        code = self.kit._code
        code.lines = [line for n, line in enumerate(code.lines, 1) if n not in gone]
        return code.numbered()


class _ShowCode(_Step):
    name: str = "show_code"
    description: str = "Shows the script with line numbers."
    args_schema: Type[BaseModel] = _Nothing

    def _run(self, **_: Any) -> str:
        return self.kit._code.numbered()


class _RunCode(_Step):
    name: str = "run_code"
    description: str = "Runs the script in a sandbox. Returns how it ended and what it printed."
    args_schema: Type[BaseModel] = _Nothing

    def _run(self, **_: Any) -> str:
        try:
            return _of_run(run_python(self.kit._code.text(), **self.kit._arguments()))
        except RedraftError as error:
            return _of_error(error)

    async def _arun(self, **_: Any) -> str:
        try:
            return _of_run(await arun_python(self.kit._code.text(), **self.kit._arguments()))
        except RedraftError as error:
            return _of_error(error)


class _InstallPackage(_Step):
    name: str = "install_package"
    description: str = (
        "Installs a package from the index for the script. Returns whether that worked."
    )
    args_schema: Type[BaseModel] = _Package

    def _run(self, package: str, **_: Any) -> str:
        package = package.strip()
        if not self.kit.may_install(package):
            return f"Not allowed: {package}. Write the script without it."
        code = self.kit._code
        wanted = [known for known in code.packages if _name_of(known) != _name_of(package)] + [
            package
        ]
        try:
            ran = run_python(
                "pass",
                packages=wanted,
                install=True,
                timeout=self.kit.timeout,
                config=self.kit.config,
            )
        except RedraftError as error:
            return _of_error(error)
        if not ran.ok:
            return _of_run(ran)
        code.packages = wanted
        return f"Installed: {package}"


def _name_of(requirement: str) -> str:
    """The name in a requirement, as the index compares names."""
    name = ""
    for character in requirement.strip():
        if not (character.isalnum() or character in "._-"):
            break
        name += character
    return name.lower().replace("_", "-").replace(".", "-")


def _of_result(result: Result) -> str:
    if result.evidence is None:
        return f"The script was written and was not run: {result.reason}"
    return _shown(result.stdout) or "(it printed nothing)"


def _of_run(ran: RunResult) -> str:
    parts = [f"{ran.verdict}" + (f": {ran.reason}" if ran.reason else "")]
    said = (("stdout", ran.stdout), ("stderr", ran.stderr))
    parts += [f"{name}:\n{_shown(text)}" for name, text in said if text]
    if ran.files:
        parts.append("files: " + ", ".join(ran.files))
    return "\n".join(parts)


def _of_error(error: RedraftError) -> str:
    return f"It could not be done: {error}"


def _shown(text: str) -> str:
    text = text.strip()
    return text if len(text) <= SHOWN else "..." + text[-SHOWN:]
