"""A list of objects; numbers may be texts or numbers."""

import csv
import io
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def plain(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def check(task):
    texts = [
        task.data_text("people.csv"),
        'id,first,last,town\n1,Bo,"Li, jr.",Oslo\n2,"Eva ""Evi""",Roth,Graz\n3,Sam,Poe,York\n',
        'title,year\n"Here, there",1999\nNowhere,2011\n',
    ]
    for text in texts:
        rows = [{k: plain(v) for k, v in row.items()} for row in csv.DictReader(io.StringIO(text))]
        run = task.run(files={"people.csv": text})
        got = run.json("people.json")
        if not isinstance(got, list) or not all(isinstance(row, dict) for row in got):
            run.wrong("the file is not a list of objects")
        if [{k: plain(v) for k, v in row.items()} for row in got] != rows:
            run.wrong(f"the first object is {str(got[:1])[:80]}")


if __name__ == "__main__":
    main(check)
