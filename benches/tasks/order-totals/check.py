"""The amount of each order and of all orders."""

import json
import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def orders(seed):
    rng, made = random.Random(seed), []
    for number, customer in enumerate(
        ["Ek", "Fontaine", "Gupta", "Hale"][: 2 + seed % 3], 8100 + seed
    ):
        items = [
            {
                "product": f"part {chr(97 + at)}",
                "qty": rng.randint(1, 9),
                "price": rng.randint(100, 9900) / 100,
            }
            for at in range(rng.randint(1, 4))
        ]
        order = {"order": number, "customer": customer, "items": items}
        made.append(order | ({"discount": rng.choice([5, 20, 50])} if number % 2 else {}))
    return json.dumps(made)


def check(task):
    for text in [task.data_text("orders.json"), orders(1), orders(2), orders(3)]:
        totals = {}
        for order in json.loads(text):
            amount = sum(item["qty"] * item["price"] for item in order["items"])
            totals[order["customer"]] = amount * (100 - order.get("discount", 0)) / 100
        run = task.run(files={"orders.json": text})
        run.has_words(*[str(order["order"]) for order in json.loads(text)])
        run.pairs(totals)
        run.has_numbers(sum(totals.values()), tol=0.021)


if __name__ == "__main__":
    main(check)
