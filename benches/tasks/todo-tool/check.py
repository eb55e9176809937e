"""Tasks are kept from run to run and marked as done."""

import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

DAYS = [
    [["add", "buy milk"], ["list"]],
    [["add", "call Ann"], ["add", "fix the door"], ["done", "2"], ["add", "write to Bo"], ["list"]],
    [
        ["list"],
        ["add", "one thing"],
        ["done", "7"],
        ["add", "one"],
        ["done", "0"],
        ["done", "1"],
        ["list"],
    ],
]


def check(task):
    for day in DAYS:
        folder, tasks = None, []
        for args in day:
            run = task.run(args=args, folder=folder)
            folder = str(run.folder)
            if args[0] == "add":
                tasks.append([args[1], " "])
            elif args[0] == "done":
                if 1 <= int(args[1]) <= len(tasks):
                    tasks[int(args[1]) - 1][1] = "x"
            elif tasks:
                run.file("todo.json")
                found = re.findall(r"^\D*(\d+)\W*?\[([ xX]?)\]\W*(.*?)\s*$", run.stdout, re.M)
                shown = [(int(n), mark.lower().strip(), text) for n, mark, text in found]
                wanted = [(at, mark.strip(), text) for at, (text, mark) in enumerate(tasks, 1)]
                if shown != wanted:
                    run.wrong(f"after {day} the list is {str(shown)[:80]}")


if __name__ == "__main__":
    main(check)
