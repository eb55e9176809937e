"""Writes docs/data-readers.md to its standard output: see ../readers.sh."""

import json
import os
import pathlib
import subprocess
import textwrap
import warnings

import duckdb
import openpyxl
import pandas
import polars
from files import FILES, write

warnings.simplefilter("ignore")


def shown(value):
    """A value as its reader returned it: text in quotes, other values as Python prints them."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 44 else text[:43] + "…"


class Table(str):
    """A file as a reader parsed it, in one line, with the facts for comparison."""


def columns(all, rows):
    """A table of columns with their types and first values."""
    all = list(all)
    parts = []
    for name, kind, values in all:
        first = ", ".join(shown(value) for value in values[:2])
        parts.append(f"{shown(name) if name == '' else name} ({kind}): {first}")
    table = Table("; ".join(parts))
    table.facts = {"names": [str(name) for name, _, _ in all], "rows": rows,
                   "types": [sort(kind) for _, kind, _ in all]}
    return table


def sort(kind):
    """The common name of a type that the libraries name differently."""
    kind = str(kind).lower()
    for word, name in [("list", "list"), ("[]", "list"), ("struct", "object"), ("int", "integer"), ("float", "number"),
                       ("double", "number"), ("decimal", "number"), ("date", "time"), ("time", "time"),
                       ("duration", "time"), ("interval", "time"), ("bool", "truth")]:
        if word in kind:
            return name
    return "text"


def disagreements(read):
    """The facts in which the readers' tables differ, and the readers that failed."""
    tables = [one.facts for one in read.values() if isinstance(one, Table)]
    differ = [fact for fact in ("names", "rows", "types") if len({str(one[fact]) for one in tables}) > 1]
    return differ, [who for who, one in read.items() if isinstance(one, Failure)]


class Failure(str):
    """The error of a reader that could not read a file."""


def of_pandas(frame):
    index = ""
    if not isinstance(frame.index, pandas.RangeIndex):
        index = f"index {', '.join(map(shown, list(frame.index)[:2]))}; "
    names = list(frame.columns)
    table = columns(((name, frame.dtypes.iloc[n], list(frame.iloc[:, n])) for n, name in enumerate(names)), len(frame))
    facts = table.facts
    table = Table(index + table)
    table.facts = facts
    return table


def of_polars(frame):
    return columns(((one.name, one.dtype, one.to_list()) for one in frame), frame.height)


def of_duckdb(query):
    relation = duckdb.sql(query)
    rows = relation.limit(2).fetchall()
    return columns(((name, kind, [row[n] for row in rows])
                    for n, (name, kind) in enumerate(zip(relation.columns, relation.types))), relation.shape[0])


def of_openpyxl(name):
    sheet = openpyxl.load_workbook(name).active
    return " / ".join("; ".join(map(shown, row)) for row in list(sheet.values)[:4])


def of_json(text):
    rows = json.loads(text)
    return shown(rows[:2] if isinstance(rows, list) else rows)


def of_json_lines(name):
    rows = [json.loads(line) for line in pathlib.Path(name).read_text().splitlines()]
    return f"{shown(rows[0])}; the last is {shown(rows[-1])}"


# The readers for each kind of file, with default settings.
READERS = {
    "csv": [("pandas", lambda name: of_pandas(pandas.read_csv(name))),
            ("polars", lambda name: of_polars(polars.read_csv(name))),
            ("DuckDB", lambda name: of_duckdb(f"FROM '{name}'"))],
    "json": [("pandas", lambda name: of_pandas(pandas.read_json(name))),
             ("polars", lambda name: of_polars(polars.read_json(name))),
             ("DuckDB", lambda name: of_duckdb(f"FROM '{name}'")),
             ("Python", lambda name: of_json(pathlib.Path(name).read_text()))],
    "jsonl": [("pandas", lambda name: of_pandas(pandas.read_json(name, lines=True))),
              ("polars", lambda name: of_polars(polars.read_ndjson(name))),
              ("DuckDB", lambda name: of_duckdb(f"FROM '{name}'")),
              ("Python", of_json_lines)],
    "xlsx": [("pandas", lambda name: of_pandas(pandas.read_excel(name))),
             ("polars", lambda name: of_polars(polars.read_excel(name))),
             ("openpyxl", of_openpyxl)],
    "parquet": [("pandas", lambda name: of_pandas(pandas.read_parquet(name))),
                ("polars", lambda name: of_polars(polars.read_parquet(name))),
                ("DuckDB", lambda name: of_duckdb(f"FROM '{name}'"))],
}


def read(reader, name):
    try:
        return reader(name)
    except Exception as error:
        said = " ".join(str(error).split())
        return Failure(f"{type(error).__name__}: {said if len(said) <= 90 else said[:89] + '…'}")


def described():
    """redraft's description of each file, from the first event of a session."""
    pathlib.Path("recorded.yaml").write_text("- agent: planner\n  answer: 'x\n\n    R1: y'\n")
    config = {"model": "rec/m", "providers": {"rec": {"kind": "script", "path": "recorded.yaml"}}}
    pathlib.Path("config.yaml").write_text(json.dumps(config))
    described = {}
    for number, (name, _, _) in enumerate(FILES):
        subprocess.run(
            [os.environ["REDRAFT"], "--config", "config.yaml", "--sessions", "sessions", "new", "x",
             "--name", f"s{number}", "--data", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": os.getcwd()})
        first = pathlib.Path(f"sessions/s{number}/journal.jsonl").read_text().splitlines()[0]
        one = json.loads(first)["data"][0]["described"]
        told = one["text"].split(" First rows:")[0].split("\n")[0]
        described[name] = f"{one['summary']}. {told}"
    return described


def content(name):
    """The first lines of a text file."""
    data = pathlib.Path(name).read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("windows-1252")
    all = text.splitlines()
    return all if len(all) <= 6 else [all[0], "…", all[-1]]


def cell(text):
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def main():
    for name, _, made in FILES:
        write(name, made)
    told = described()
    intro = (
        f"`tests/readers.sh` wrote this page: {len(FILES)} small files, redraft's description of each for the models, "
        f"and the result of pandas {pandas.__version__}, polars {polars.__version__}, DuckDB {duckdb.__version__} and "
        f"openpyxl {openpyxl.__version__} with default settings: each column's name, type and first values, or "
        "the error. [data.md](data.md) explains the descriptions.")
    print("# How readers read data files\n")
    print(textwrap.fill(intro, 104, break_on_hyphens=False))
    made = {name: {who: read(function, name) for who, function in READERS[name.rsplit(".", 1)[1]]}
            for name, _, _ in FILES}
    apart = {name: disagreements(by) for name, by in made.items()}
    apart = {name: found for name, found in apart.items() if any(found)}
    print("\n## Where they disagree\n")
    print(textwrap.fill(
        f"{len(apart)} of the {len(FILES)} files are not the same table to pandas, polars and DuckDB: different column names, "
        "numbers of rows or types (a float and a decimal are one type), or no table at all. redraft's description of "
        "a file is meant to settle it.", 104, break_on_hyphens=False))
    print("\n| file | differ | fail |\n| --- | --- | --- |")
    for name, (differ, failed) in apart.items():
        print(f"| `{name}` | {', '.join(differ)} | {', '.join(failed)} |")
    for name, what, _ in FILES:
        kind = name.rsplit(".", 1)[1]
        print(f"\n## `{name}`: {what}\n")
        if kind not in ("xlsx", "parquet"):
            print("```", *content(name), "```\n", sep="\n")
        print("| who | says |\n| --- | --- |")
        print(f"| redraft | {cell(told[name])} |")
        for reader, said in made[name].items():
            print(f"| {reader} | {cell(said)} |")


main()
