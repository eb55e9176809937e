"""Hours and minutes, in this order."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for minutes in [135, 61, 1501, 359]:
        run = task.run(stdin=f"{minutes}\n")
        run.numbers_in_order(divmod(minutes, 60))


if __name__ == "__main__":
    main(check)
