"""Rows of 1, 3, 5, ... stars around one middle, and the trunk below."""

import re
import sys
import textwrap

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for rows in [5, 1, 8, 3]:
        run = task.run(args=[str(rows)])
        drawn = [line for line in run.lines() if re.fullmatch(r"\s*(\*+|\|)", line)]
        tree = [" " * (rows - 1 - at) + "*" * (2 * at + 1) for at in range(rows)]
        tree.append(" " * (rows - 1) + "|")
        if textwrap.dedent("\n".join(drawn)) != "\n".join(tree):
            run.wrong(f"the tree of {rows} rows does not look right")


if __name__ == "__main__":
    main(check)
