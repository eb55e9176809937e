"""The sums of the months in order, the whole sum, and the largest bill."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def bills(seed):
    rng, lines = random.Random(seed), []
    for number in range(300 * seed, 300 * seed + 9 + seed):
        cents = rng.choice(
            [rng.randint(500, 99999), rng.randint(100000, 3000000), -rng.randint(900, 250000)]
        )
        euro = f"{cents / 100:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        day = f"{rng.randint(1, 28):02}.{rng.choice(['12.2024', '01.2025', '09.2025', '10.2025'])}"
        lines.append(f"Rechnung R-{number} vom {day}: {euro} €")
    return "\n".join(lines) + "\n"


def check(task):
    for text in [task.data_text("rechnungen.txt"), bills(1), bills(2)]:
        sums, amounts = {}, {}
        for line in text.splitlines():
            _, number, _, day, euro, _ = line.split()
            amounts[number] = float(euro.replace(".", "").replace(",", "."))
            month = day[3:].rstrip(":")
            sums[month] = sums.get(month, 0) + amounts[number]
        run = task.run(files={"rechnungen.txt": text})
        run.pairs(sums)
        run.order(sorted(sums, key=lambda month: month[3:] + month[:2]))
        run.has_numbers(sum(amounts.values()))
        best = max(amounts, key=amounts.get)
        run.one_of(best, best[2:])
        run.lacks_words(*[number for number in amounts if number != best])


if __name__ == "__main__":
    main(check)
