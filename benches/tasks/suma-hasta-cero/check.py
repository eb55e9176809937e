"""Sum and mean of what was typed before the zero."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for values in [[4, 8, 13], [17], [-5, 30, 12, 8], [101, 202, 303, 7, 9, 1, 55]]:
        run = task.run(stdin="".join(f"{value}\n" for value in [*values, 0]))
        run.has_numbers(sum(values), sum(values) / len(values))


if __name__ == "__main__":
    main(check)
