"""A Markdown table with all cells in order."""

import csv
import io
import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def cells(line):
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def check(task):
    texts = [
        task.data_text("prices.csv"),
        'dish,price\n"soup, small",4.50\n"soup, large",6.00\n',
        "code,name,colour,stock\n1,chair,red,4\n"
        '2,"table, round",blue,0\n3,shelf,"white, matt",12\n',
    ]
    for text in texts:
        wanted = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text))]
        run = task.run(files={"prices.csv": text})
        lines = [line for line in run.text("prices.md").splitlines() if "|" in line]
        if len(lines) < 2 or not all(re.fullmatch(r":?-+:?", cell) for cell in cells(lines[1])):
            run.wrong("there is no line of dashes below the header")
        if len(cells(lines[1])) != len(wanted[0]):
            run.wrong("the line of dashes has another number of columns")
        rows = [cells(line) for line in lines[:1] + lines[2:]]
        if rows != wanted:
            run.wrong(f"the rows are {str(rows)[:90]}")


if __name__ == "__main__":
    main(check)
