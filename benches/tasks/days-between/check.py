"""The number of days, also over leap days and backwards."""

import sys
from datetime import date

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for first, second in [
        ("2026-02-10", "2026-03-05"),
        ("2024-03-01", "2023-12-24"),
        ("1999-12-31", "2026-07-04"),
        ("2024-02-20", "2024-03-19"),
    ]:
        days = abs((date.fromisoformat(second) - date.fromisoformat(first)).days)
        task.run(args=[first, second]).has_numbers(days)


if __name__ == "__main__":
    main(check)
