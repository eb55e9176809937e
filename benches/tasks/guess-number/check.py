"""The hints in order, then the number of guesses."""

import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import has_number, main


def check(task):
    games = [
        (37, [50, 25, 37]),
        (80, [50, 75, 90, 82, 79, 80]),
        (500, [500]),
        (12, [30, 5, 5, 20, 12]),
    ]
    for secret, guesses in games:
        run = task.run(args=[str(secret)], stdin="".join(f"{guess}\n" for guess in guesses))
        hints = list(re.finditer(r"too\s+(low|high)", run.stdout, re.I))
        wanted = ["low" if guess < secret else "high" for guess in guesses[:-1]]
        # What stands before them is an introduction.
        hints = hints[len(hints) - len(wanted) :] if len(hints) > len(wanted) else hints
        if [hint.group(1).lower() for hint in hints] != wanted:
            run.wrong("the hints are not the right ones")
        if not has_number(run.stdout[hints[-1].end() if hints else 0 :], len(guesses)):
            run.wrong(f"the number of guesses, {len(guesses)}, is not at the end of the output")


if __name__ == "__main__":
    main(check)
