"""The balance of each person, with its sign."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def trip(seed, names):
    rng, lines = random.Random(seed), ["payer,amount,for"]
    for payer in names[:-1] * 3:
        guests = rng.sample(names, rng.randint(1, len(names)))
        lines.append(f"{payer},{rng.randint(300, 15000) / 100:.2f},{';'.join(guests)}")
    lines.append(f"{names[0]},90.00,{';'.join(names[1:])}")
    return "\n".join(lines) + "\n"


def check(task):
    texts = [
        task.data_text("expenses.csv"),
        trip(2, ["Ana", "Bruno", "Chloe"]),
        trip(5, ["Ivo", "Jana", "Kofi", "Lars", "Mia"]),
    ]
    for text in texts:
        balance = {}
        for line in text.splitlines()[1:]:
            payer, amount, guests = line.split(",")
            balance[payer] = balance.get(payer, 0) + float(amount)
            for guest in guests.split(";"):
                balance[guest] = balance.get(guest, 0) - float(amount) / len(guests.split(";"))
        run = task.run(files={"expenses.csv": text})
        run.pairs(balance)


if __name__ == "__main__":
    main(check)
