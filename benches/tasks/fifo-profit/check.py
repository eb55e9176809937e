"""Profit, shares that are left, and their cost."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def trades(seed):
    rng, lines, have = random.Random(seed), ["type,qty,price"], 0
    for _ in range(12):
        if have > 60 and rng.random() < 0.5:
            qty = rng.randint(20, have - 11)
            have -= qty
            lines.append(f"sell,{qty},{rng.randint(800, 2600) / 100:.2f}")
        else:
            qty = rng.randint(15, 90)
            have += qty
            lines.append(f"buy,{qty},{rng.randint(900, 2400) / 100:.2f}")
    lines.append(f"sell,{have - 13},20.40")
    return "\n".join(lines) + "\n"


def check(task):
    for text in [task.data_text("trades.csv"), trades(1), trades(2), trades(3)]:
        stock, profit = [], 0
        for line in text.splitlines()[1:]:
            kind, qty, price = line.split(",")
            if kind == "buy":
                stock += [float(price)] * int(qty)
            else:
                profit += sum(float(price) - paid for paid in stock[: int(qty)])
                del stock[: int(qty)]
        run = task.run(files={"trades.csv": text})
        run.has_numbers(round(profit, 2), round(sum(stock), 2), tol=0.0101)
        run.has_numbers(len(stock))


if __name__ == "__main__":
    main(check)
