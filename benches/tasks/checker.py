"""Helpers for the checks of `benches/tasks/`.

A check runs a script several times, each time in a new folder with the data files in it, and
compares the output with values that the check computes itself. Layout does not matter: numbers,
names and their order are looked for anywhere in the output.

The scripts were written by a model. Here they get a new folder, a minimal environment, resource
limits and a time limit, but no sandbox. The program that calls a check gives the folder to work in
(`--work`, by default the temporary folder) and confines the check as a whole if that is wanted.
"""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

WALL_SECONDS = 60
CPU_SECONDS = 20
MEMORY_BYTES = 2 << 30
FILE_BYTES = 64 << 20
OUTPUT_BYTES = 1 << 20
SCRIPT = "script.py"
DRIVER = "_driver.py"
RESULTS = "_results.json"

RIGHT, WRONG, NOT_JUDGED = 0, 1, 2


class Wrong(Exception):
    """The script is wrong; the text says why in one line."""


class NotJudged(Exception):
    """The script could not be judged, for example because a package is not installed."""


# --- task.yaml ---


def load(path):
    """Reads a `task.yaml`: lines `key: value`, and `key: |` before an indented text.

    A value is a word, or JSON (a list, or a text in double quotes). This is a part of YAML, so any
    YAML parser reads the same.
    """
    fields, lines = {}, Path(path).read_text(encoding="utf-8").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.strip() or line.startswith("#"):
            continue
        key, colon, value = line.partition(":")
        if not colon or line[0].isspace():
            raise ValueError(f"{path}: cannot read the line `{line}`")
        value = value.strip()
        if value == "|":
            block = []
            while at < len(lines) and (not lines[at].strip() or lines[at].startswith("  ")):
                block.append(lines[at][2:])
                at += 1
            fields[key] = "\n".join(block).strip("\n") + "\n"
        else:
            fields[key] = json.loads(value) if value[:1] in ("[", '"') else value
    return fields


def half(name):
    """`look`: a task to be looked at during development; `held`: only for the final figure."""
    first = hashlib.sha256(name.encode()).hexdigest()[0]
    return "held" if int(first, 16) % 2 else "look"


# --- numbers and words in a text ---

_NUMBER = re.compile(
    r"(?:(?<![\w.,)])[-+\u2212](?=[$€£]?[\d.]))?[$€£]?"
    r"(?<!\d)(?P<digits>\d[\d.,'_]*\d|\d|\.\d+)(?:[eE](?P<exp>[-+]?\d+))?"
)
_ENGLISH = re.compile(r"\d{1,3}(?:[,'_]\d{3})+(?:\.\d+)?")
_GERMAN = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")


def _readings(digits):
    """The values that a group of digits can stand for."""
    found = []
    if re.fullmatch(r"\d+(\.\d+)?|\.\d+", digits):
        found.append(float(digits))
    if _ENGLISH.fullmatch(digits):
        found.append(float(re.sub(r"[,'_]", "", digits)))
    if _GERMAN.fullmatch(digits):
        found.append(float(digits.replace(".", "").replace(",", ".")))
    if re.fullmatch(r"\d+,\d+", digits):
        found.append(float(digits.replace(",", ".")))
    if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", digits):
        found += [float(part) for part in re.findall(r"\d+(?:\.\d+)?", digits)]
    return found


def numbers(text):
    """The numbers in a text, in order.

    A group of digits that can be read in several ways (`1.234,50`, `3,5`) gives all of them.
    """
    values = []
    for match in _NUMBER.finditer(text):
        sign = -1 if match.group(0)[0] in "-\u2212" else 1
        power = 10 ** max(-300, min(300, int(match.group("exp") or 0)))
        values += [sign * value * power for value in _readings(match.group("digits"))]
    return values


def close(value, wanted, tol=None):
    """Whether two numbers are equal; a fraction may be rounded to two places."""
    if tol is None:
        tol = 1e-6 if float(wanted).is_integer() else 0.0101
    return abs(value - wanted) <= tol + 1e-9 * abs(wanted)


def has_number(text, wanted, tol=None):
    return any(close(value, wanted, tol) for value in numbers(text))


def places(text, word):
    """Where a word (or several) stands in a text as a whole word, without regard to case."""
    body = r"\s+".join(re.escape(part) for part in str(word).split())
    before = r"(?<!\w)" if re.match(r"\w", word) else ""
    after = r"(?!\w)" if re.search(r"\w$", word) else ""
    return [match.start() for match in re.finditer(before + body + after, text, re.IGNORECASE)]


def sequence(text, words):
    """The given words in the order in which they stand in a text; repetitions are merged."""
    found = sorted((at, -len(word), word) for word in words for at in places(text, word))
    order, end = [], -1
    for at, length, word in found:
        if at < end:
            continue  # a part of a longer name
        end = at - length
        if not order or order[-1] != word:
            order.append(word)
    return order


# --- one run of a script ---


class Run:
    """What a script printed and wrote."""

    def __init__(self, folder, stdout, stderr, code, timed_out, label):
        self.folder, self.stdout, self.stderr = Path(folder), stdout, stderr
        self.code, self.timed_out, self.label = code, timed_out, label

    def wrong(self, why):
        raise Wrong(f"{self.label}: {why}")

    def must_not_fail(self, end_of_input_allowed):
        """Fails on a time limit, a signal or a traceback. Any exit code is accepted."""
        if self.timed_out:
            self.wrong("it met the time limit")
        if self.code < 0:
            self.wrong(f"it was ended by signal {-self.code}")
        if "Traceback (most recent call last)" in self.stderr:
            last = self.stderr.strip().splitlines()[-1]
            missing = re.match(r"ModuleNotFoundError: No module named '(\w+)", last)
            if missing:
                raise NotJudged(f"the package `{missing.group(1)}` is not installed")
            # A script that asks once more than it has to ("Play again?") is not wrong for that.
            if not (end_of_input_allowed and last.startswith("EOFError")):
                self.wrong(f"it failed with {last[:120]}")

    # What it printed.

    def has_numbers(self, *wanted, tol=None):
        for value in wanted:
            if not has_number(self.stdout, value, tol):
                self.wrong(f"the number {value:g} is not in the output")

    def lacks_numbers(self, *unwanted, tol=None):
        for value in unwanted:
            if has_number(self.stdout, value, tol):
                self.wrong(f"the number {value:g} is in the output")

    def numbers_in_order(self, wanted, tol=None):
        """The numbers stand in the output in this order, with others between them if need be."""
        found = iter(numbers(self.stdout))
        for value in wanted:
            if not any(close(number, value, tol) for number in found):
                self.wrong(f"the number {value:g} is not in the output at its place")

    def has_words(self, *words):
        for word in words:
            if not places(self.stdout, word):
                self.wrong(f"`{word}` is not in the output")

    def lacks_words(self, *words):
        for word in words:
            if places(self.stdout, word):
                self.wrong(f"`{word}` is in the output")

    def one_of(self, *words):
        """Any of several wordings stands in the output."""
        if not any(places(self.stdout, word) for word in words):
            self.wrong(f"`{words[0]}` is not in the output")

    def order(self, words):
        """The words stand in the output in this order, at least once without another between."""
        found, words = sequence(self.stdout, words), list(words)
        if not any(found[at : at + len(words)] == words for at in range(len(found))):
            self.wrong(f"the order is {found[:8]} instead of {words[:8]}")

    def pairs(self, wanted, tol=None):
        """Each name stands with its number (or numbers): in its line, or before the next name."""
        text, names = self.stdout, list(wanted)
        marks = sorted((at, name) for name in names for at in places(text, name))
        for name, values in wanted.items():
            values = values if isinstance(values, (list, tuple)) else [values]
            pieces = []
            for line in text.splitlines():
                inside = [other for other in names if places(line, other)]
                if places(line, name) and all(
                    other == name or places(name, other) for other in inside
                ):
                    pieces.append(line)
            for at, mark in marks:
                if mark == name:
                    end = at + len(name)
                    later = [other for other, _ in marks if other >= end]
                    pieces.append(text[at : min(later, default=len(text))])
            if not pieces:
                self.wrong(f"`{name}` is not in the output")
            for piece in pieces:
                rest = re.sub(r"\s+".join(map(re.escape, name.split())), " ", piece, flags=re.I)
                if all(has_number(rest, value, tol) for value in values):
                    break
            else:
                shown = ", ".join(f"{value:g}" for value in values)
                self.wrong(f"`{name}` does not stand with {shown}")

    def rows(self, wanted, tol=None):
        """The numbers of each row stand in one line; the rows follow each other."""
        lines = iter(self.stdout.splitlines())
        for row in wanted:
            if not any(all(has_number(line, value, tol) for value in row) for line in lines):
                shown = ", ".join(f"{value:g}" for value in row)
                self.wrong(f"no line at its place has {shown}")

    def lines(self):
        """The printed lines, without white space at their ends and without empty ones."""
        return [line.rstrip() for line in self.stdout.splitlines() if line.strip()]

    # What it wrote. Data files are in the folder and in `data/` below it, so both are looked at.

    def roots(self):
        return [self.folder, self.folder / "data"]

    def file(self, name):
        """The bytes of a file that the script wrote."""
        for root in self.roots():
            if (root / name).is_file():
                return (root / name).read_bytes()[:FILE_BYTES]
        self.wrong(f"there is no file `{name}`")

    def text(self, name):
        try:
            return self.file(name).decode("utf-8-sig")
        except UnicodeDecodeError:
            self.wrong(f"`{name}` is not a text in UTF-8")

    def json(self, name):
        try:
            return json.loads(self.text(name))
        except ValueError:
            self.wrong(f"`{name}` is not JSON")

    def svg(self, name, tag):
        """The attributes of each element of an SVG file with this tag."""
        try:
            root = ElementTree.fromstring(self.text(name))
        except ElementTree.ParseError as error:
            self.wrong(f"`{name}` is not XML: {error}")
        return [dict(e.attrib) for e in root.iter() if str(e.tag).rpartition("}")[2] == tag]

    def png(self, name):
        try:
            return Picture(self.file(name))
        except (ValueError, IndexError, KeyError, struct.error, zlib.error) as error:
            self.wrong(f"`{name}` is not a PNG that can be read: {error}")

    def tree(self, root):
        """The files below a folder: relative path to bytes, without the script and its caches."""
        files = {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not path.is_symlink() and "__pycache__" not in name:
                files[name] = path.read_bytes()
        for own in [SCRIPT, DRIVER, RESULTS]:
            files.pop(own, None)
        if root == self.folder:
            files = {k: v for k, v in files.items() if not k.startswith("data/")}
        return files


def attribute(element, name, run):
    """A number of an SVG element; `0` if it is not there."""
    match = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?:px)?\s*", element.get(name, "0"))
    if not match:
        run.wrong(f"an attribute `{name}` is not a number")
    return float(match.group(1))


class Picture:
    """A PNG picture: `width`, `height`, and `at(x, y)` as (red, green, blue, alpha)."""

    def __init__(self, data):
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("it does not begin as a PNG")
        packed, self.palette, self.clear, at = b"", [], b"", 8
        while at + 8 <= len(data):
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            body = data[at + 8 : at + 8 + length]
            if zlib.crc32(kind + body) != int.from_bytes(
                data[at + 8 + length : at + 12 + length], "big"
            ):
                raise ValueError("a checksum is wrong")
            at += length + 12
            if kind == b"IHDR":
                self.width, self.height, self.depth, self.color, *methods = struct.unpack(
                    ">IIBBBBB", body
                )
                if methods != [0, 0, 0] or self.depth not in (1, 2, 4, 8, 16):
                    raise ValueError("interlaced, or of an unknown kind")
                if self.width * self.height > 40_000_000:
                    raise ValueError("too large")
            elif kind == b"PLTE":
                self.palette = [tuple(body[i : i + 3]) for i in range(0, len(body), 3)]
            elif kind == b"tRNS":
                self.clear = body
            elif kind == b"IDAT":
                packed += body
        self.channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[self.color]
        self.stride = (self.width * self.channels * self.depth + 7) // 8
        raw = zlib.decompressobj().decompress(packed, (self.stride + 1) * self.height)
        self.rows = self._unfilter(raw)

    def _unfilter(self, raw):
        step = max(1, self.channels * self.depth // 8)
        rows, above = [], bytearray(self.stride)
        for y in range(self.height):
            start = y * (self.stride + 1)
            kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + self.stride])
            if len(row) < self.stride:
                raise ValueError("it breaks off")
            if kind == 2:
                row = bytearray((a + b) & 255 for a, b in zip(row, above))
            elif kind in (1, 3, 4):
                for x in range(self.stride):
                    left = row[x - step] if x >= step else 0
                    up = above[x]
                    if kind == 1:
                        guess = left
                    elif kind == 3:
                        guess = (left + up) // 2
                    else:
                        corner = above[x - step] if x >= step else 0
                        p = left + up - corner
                        near = [(abs(p - left), 0, left), (abs(p - up), 1, up)]
                        guess = min(near + [(abs(p - corner), 2, corner)])[2]
                    row[x] = (row[x] + guess) & 255
            rows.append(row)
            above = row
        return rows

    def _sample(self, x, y, channel):
        index = x * self.channels + channel
        if self.depth == 8:
            return self.rows[y][index]
        if self.depth == 16:
            return self.rows[y][2 * index]
        bit = index * self.depth
        value = self.rows[y][bit // 8] >> (8 - self.depth - bit % 8) & ((1 << self.depth) - 1)
        return value if self.color == 3 else value * 255 // ((1 << self.depth) - 1)

    def at(self, x, y):
        values = [self._sample(x, y, channel) for channel in range(self.channels)]
        if self.color == 3:
            index = values[0]
            if index >= len(self.palette):
                return (0, 0, 0, 0)
            return (*self.palette[index], self.clear[index] if index < len(self.clear) else 255)
        if self.color in (0, 4):
            return (values[0],) * 3 + (values[1] if self.color == 4 else 255,)
        return tuple(values) if self.color == 6 else (*values, 255)

    def counts(self, step=1):
        """How many pixels have each color (of every `step`th in both directions)."""
        found = {}
        for y in range(0, self.height, step):
            for x in range(0, self.width, step):
                color = self.at(x, y)
                found[color] = found.get(color, 0) + 1
        return found

    def blank(self):
        """Whether there is one color only, or everything is transparent."""
        colors = self.counts(max(1, min(self.width, self.height) // 200))
        return len(colors) < 2 or all(color[3] == 0 for color in colors)


# --- a task ---


class Task:
    def __init__(self, folder, script, python, work):
        self.home, self.script = Path(folder), Path(script).read_bytes()
        self.python, self.work, self.runs = python, work, 0
        fields = load(self.home / "task.yaml")
        self.args, self.stdin = fields.get("args", []), fields.get("stdin", "")
        self.data = {n: (self.home / "data" / n).read_bytes() for n in fields.get("data", [])}

    def data_text(self, name):
        return self.data[name].decode("utf-8")

    def folder(self, files):
        """A new folder with the script and its data, as redraft lays them out."""
        folder = tempfile.mkdtemp(prefix="run", dir=self.work)
        for root in [Path(folder), Path(folder) / "data"]:
            root.mkdir(exist_ok=True)
            for name, content in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                content = content if isinstance(content, bytes) else content.encode()
                (root / name).write_bytes(content)
        if not files:
            (Path(folder) / "data").rmdir()
        Path(folder, SCRIPT).write_bytes(self.script)
        return folder

    def run(self, files=None, args=None, stdin=None, folder=None, only=False):
        """One run. What is not given is as `task.yaml` and `data/` have it.

        `files` replaces data files by name (with `only`, there are no others); `folder` runs the
        script again in the folder of an earlier run.
        """
        self.runs += 1
        label = "with the task's own data" if self.runs == 1 else f"in run {self.runs}"
        files = dict(files or {}) if only else {**self.data, **(files or {})}
        folder = folder or self.folder(files)
        args = self.args if args is None else args
        stdin = self.stdin if stdin is None else stdin
        run = self._start([SCRIPT, *args], folder, stdin, label)
        run.must_not_fail(end_of_input_allowed=bool(stdin))
        return run

    def execute(self, code):
        """Imports the script as the module `script` and runs code of the check after that.

        The code has the functions `value(expression)` and `raises(expression)`, with a text each,
        and appends what it learns to the list `out`, which is returned.
        """
        self.runs += 1
        label = f"imported, trial {self.runs}"
        folder = self.folder(self.data)
        Path(folder, DRIVER).write_text(_DRIVER.replace("CODE", code), encoding="utf-8")
        run = self._start([DRIVER], folder, "", label)
        run.must_not_fail(end_of_input_allowed=False)
        try:
            return run, json.loads(Path(folder, RESULTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            run.wrong("it ended the program while it was imported or called")

    def _start(self, command, folder, stdin, label):
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": folder,
            "TMPDIR": folder,
            "LANG": "C.UTF-8",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": os.path.join(self.work, "matplotlib"),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        given, out, err = (
            tempfile.TemporaryFile(),
            tempfile.TemporaryFile(),
            tempfile.TemporaryFile(),
        )
        with given, out, err:
            given.write(stdin.encode())
            given.seek(0)
            process = subprocess.Popen(
                [self.python, *command],
                cwd=folder,
                env=environment,
                stdin=given,
                stdout=out,
                stderr=err,
                preexec_fn=_limit,
                start_new_session=True,
            )
            timed_out = False
            try:
                process.wait(WALL_SECONDS)
            except subprocess.TimeoutExpired:
                timed_out = True
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            texts = []
            for stream in [out, err]:
                stream.seek(0)
                texts.append(stream.read(OUTPUT_BYTES).decode("utf-8", "replace"))
        timed_out = timed_out or process.returncode == -signal.SIGXCPU
        return Run(folder, *texts, process.returncode, timed_out, label)


_DRIVER = """\
import json, sys
sys.path.insert(0, ".")
sys.argv = ["script.py"]
import script
out = []


def value(expression):
    return eval(expression, globals())


def raises(expression):
    try:
        value(expression)
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []


CODE


def plain(result):
    if hasattr(result, "__float__"):
        return float(result)
    return list(result) if hasattr(result, "__iter__") else repr(result)


with open("_results.json", "w", encoding="utf-8") as results:
    json.dump(out, results, default=plain)
"""


def _limit():
    for what, most in [
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(what, (most, most))


def judge(check, home, script, python, work):
    """Exit code and line of a check, which gets a folder of its own in `work`."""
    folder = tempfile.mkdtemp(prefix=f"{home.name}-", dir=work)
    try:
        task = Task(home, script, python, folder)
        check(task)
        if task.runs < 3:
            raise NotJudged("the check has fewer than three runs")
        code, line = RIGHT, f"right in {task.runs} runs"
    except Wrong as why:
        code, line = WRONG, f"wrong {why}"
    except NotJudged as why:
        code, line = NOT_JUDGED, f"not judged: {why}"
    except Exception as error:
        code, line = NOT_JUDGED, f"not judged: the check failed with {error!r}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return code, " ".join(line.split())


def main(check):
    """The command line of each `check.py`: `check.py SCRIPT [--python PYTHON] [--work FOLDER]`.

    Prints one line. Exit code 0: right, 1: wrong, 2: not judged.
    """
    args, options = sys.argv[1:], {"--python": sys.executable, "--work": tempfile.gettempdir()}
    for name in options:
        if name in args:
            at = args.index(name)
            options[name] = args[at + 1]
            del args[at : at + 2]
    if len(args) != 1:
        print("usage: check.py SCRIPT [--python PYTHON] [--work FOLDER]")
        sys.exit(NOT_JUDGED)
    home = Path(sys.argv[0]).resolve().parent
    code, line = judge(check, home, args[0], options["--python"], options["--work"])
    print(line)
    sys.exit(code)
