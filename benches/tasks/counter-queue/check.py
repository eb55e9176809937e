"""Each waiting time, the average, and the end."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def day(seed, names):
    rng, minute, lines = random.Random(seed), rng_start(seed), []
    for name in names:
        lines.append(f"{name},{minute},{rng.randint(2, 15)}")
        minute += rng.choice([1, 2, 4, 7, 30])
    rng.shuffle(lines)
    return "name,arrives,needs\n" + "\n".join(lines) + "\n"


def rng_start(seed):
    return 5 * seed


def check(task):
    texts = [
        task.data_text("customers.csv"),
        day(1, ["Fay", "Gus", "Hana", "Ilse", "Jon", "Kim"]),
        day(2, ["Lou", "Max", "Nia", "Oda", "Per", "Qi", "Rosa", "Sol"]),
        "name,arrives,needs\nZed,100,5\nYann,9,7\nXia,8,20\n",
    ]
    for text in texts:
        rows = [line.split(",") for line in text.splitlines()[1:]]
        free, waits = 0, {}
        for name, arrives, needs in sorted(rows, key=lambda row: int(row[1])):
            start = max(free, int(arrives))
            waits[name], free = start - int(arrives), start + int(needs)
        run = task.run(files={"customers.csv": text})
        run.pairs(waits)
        run.has_numbers(sum(waits.values()) / len(waits), free)


if __name__ == "__main__":
    main(check)
