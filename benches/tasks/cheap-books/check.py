"""The cheap books with their prices in order, and no others."""

import json
import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

TITLES = [
    "Blue Tram",
    "Cold Harbour",
    "Dust",
    "Emberfall",
    "Five Wells",
    "Grey Hill",
    "Iron Lark",
    "Juniper",
]


def shelf(seed):
    rng = random.Random(seed)
    prices = rng.sample([2.5, 3.99, 5, 6.75, 8.2, 9.95, 10, 11, 14.3, 30], len(TITLES) - 1)
    books = [{"title": t, "author": "N. N.", "price": p} for t, p in zip(TITLES, prices)]
    return json.dumps(books + [{"title": TITLES[-1], "author": "B. C.", "price": 10.0}])


def check(task):
    for text in [task.data_text("books.json"), shelf(1), shelf(2)]:
        books = json.loads(text)
        cheap = sorted((b["price"], b["title"]) for b in books if b["price"] < 10)
        run = task.run(files={"books.json": text})
        run.pairs({title: price for price, title in cheap})
        run.order([title for _, title in cheap])
        run.lacks_words(*[b["title"] for b in books if b["price"] >= 10])


if __name__ == "__main__":
    main(check)
