"""Each value in kilometers, in order."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for values in [["1", "5", "26.2"], ["100"], ["0.5", "13.1", "62", "350"], ["3", "1000"]]:
        run = task.run(args=values)
        run.numbers_in_order([float(value) * 1.609344 for value in values], tol=0.0051)


if __name__ == "__main__":
    main(check)
