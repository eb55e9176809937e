"""Mean and number of missing values of each station."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def temps(seed, stations):
    rng, lines = random.Random(seed), ["station,day,temp"]
    for at, station in enumerate(stations):
        values = [f"{rng.randint(-80, 320) / 10}" for _ in range(12)]
        for gap in rng.sample(range(12), at + 1):
            values[gap] = rng.choice(["", "n/a"])
        lines += [f"{station},2026-06-{day:02},{value}" for day, value in enumerate(values, 1)]
    return "\n".join(lines) + "\n"


def check(task):
    texts = [
        task.data_text("temps.csv"),
        temps(3, ["North", "South", "East"]),
        temps(8, ["Lake", "Forest", "Bridge", "Tower"]),
    ]
    for text in texts:
        found = {}
        for line in text.splitlines()[1:]:
            station, _, value = line.split(",")
            found.setdefault(station, []).append(value)
        known = {
            name: [float(v) for v in values if v not in ("", "n/a")]
            for name, values in found.items()
        }
        run = task.run(files={"temps.csv": text})
        # Means and gaps may stand in one table or in two.
        run.pairs({name: sum(values) / len(values) for name, values in known.items()})
        run.pairs({name: len(values) - len(known[name]) for name, values in found.items()})


if __name__ == "__main__":
    main(check)
