"""The function returns the price with tax, rounded."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import close, main

CALLS = [
    ("100", 119.0),
    ("49.99, 7", 53.49),
    ("0", 0.0),
    ("19.95", 23.74),
    ("8.4, rate=20", 10.08),
    ("3.33, 5.5", 3.51),
]


def check(task):
    for at in range(0, len(CALLS), 2):
        pair = CALLS[at : at + 2]
        code = "\n".join(f"out.append(value('script.add_vat({args})'))" for args, _ in pair)
        run, values = task.execute(code)
        for (args, wanted), got in zip(pair, values):
            if (
                isinstance(got, bool)
                or not isinstance(got, (int, float))
                or not close(got, wanted, 1e-6)
            ):
                run.wrong(f"add_vat({args}) returns {got!r} instead of {wanted}")


if __name__ == "__main__":
    main(check)
