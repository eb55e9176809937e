"""One row for each temperature, the end included."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for start, end, step in [(0, 40, 8), (15, 30, 5), (-20, 20, 10), (3, 24, 7), (17, 21, 1)]:
        run = task.run(args=[str(start), str(end), str(step)])
        run.rows([[c, c * 9 / 5 + 32] for c in range(start, end + 1, step)])
        run.lacks_numbers((end + step) * 9 / 5 + 32)


if __name__ == "__main__":
    main(check)
