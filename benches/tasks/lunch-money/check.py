"""The sum of each person, the largest first."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def lunches(seed, names):
    rng = random.Random(seed)
    rows = [(rng.choice(names), rng.randint(400, 4999) / 100) for _ in range(25)]
    rows += [(name, 5 + at / 4) for at, name in enumerate(names)]
    lines = [
        f"2026-10-{at % 28 + 1:02},{name},{amount:.2f}" for at, (name, amount) in enumerate(rows)
    ]
    return "date,name,amount\n" + "\n".join(lines) + "\n"


def check(task):
    texts = [
        task.data_text("lunch.csv"),
        lunches(3, ["Ines", "Bo", "Karl", "Mehmet", "Zoe"]),
        lunches(4, ["Ruth", "Ahmed", "Li"]),
    ]
    for text in texts:
        sums = {}
        for line in text.splitlines()[1:]:
            _, name, amount = line.split(",")
            sums[name] = sums.get(name, 0) + float(amount)
        run = task.run(files={"lunch.csv": text})
        run.pairs(sums)
        run.order(sorted(sums, key=sums.get, reverse=True))


if __name__ == "__main__":
    main(check)
