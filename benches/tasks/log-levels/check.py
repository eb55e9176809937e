"""The number of lines of each level, whatever the message says."""

import random
import sys
from collections import Counter

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

LEVELS = ["INFO", "WARNING", "ERROR", "DEBUG"]


def log(seed):
    rng, lines = random.Random(seed), []
    for at, level in enumerate(LEVELS * 2 + rng.choices(LEVELS, [9, 3, 5, 2], k=60)):
        message = rng.choice(
            ["done", "disk is full", f"no {rng.choice(LEVELS)} found", "user left"]
        )
        lines.append(f"2026-10-02 10:{at % 60:02}:{at % 7:02} {level} {message}")
    return "\n".join(lines) + "\n"


def check(task):
    for text in [task.data_text("app.log"), log(5), log(6)]:
        run = task.run(files={"app.log": text})
        run.pairs(Counter(line.split()[2] for line in text.splitlines()))


if __name__ == "__main__":
    main(check)
