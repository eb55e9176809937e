"""Length, first and last day of the longest dry time."""

import re
import sys
from datetime import date, timedelta

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def rain(start, amounts):
    day = date.fromisoformat(start)
    rows = [f"{day + timedelta(at)},{amount}" for at, amount in enumerate(amounts.split())]
    return "datum,mm\n" + "\n".join(rows) + "\n"


def longest(text):
    best, current = [], []
    for line in text.splitlines()[1:]:
        day, amount = line.split(",")
        current = [*current, day] if float(amount) == 0 else []
        best = max(best, current, key=len)
    return best


def dates(text):
    """All dates of a text, as ISO dates."""
    found = re.findall(r"\d{4}-\d{2}-\d{2}", text)
    for day, month, year in re.findall(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
        found.append(f"{year}-{int(month):02}-{int(day):02}")
    return found


def check(task):
    texts = [
        task.data_text("regen.csv"),
        rain("2026-02-20", "0 0 0 5 1.2 0.1 0 0 4 0 0 0 0.0 0 0"),
        rain("2025-12-28", "0 0 0 0 0 0 2 0 0 0 0 7.5 0 0 0 9"),
        rain("2026-04-01", "0.1 0.2 0 0 0 0 0 0 0 3 0 0.5 0 0"),
    ]
    for text in texts:
        dry = longest(text)
        run = task.run(files={"regen.csv": text})
        seen = dates(run.stdout)
        if dry[0] not in seen or dry[-1] not in seen:
            run.wrong(f"{dry[0]} and {dry[-1]} are not both in the output")
        if len(set(seen) - set(dry)) > 0:
            run.wrong("days of other times are in the output")
        run.stdout = re.sub(r"\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4}", " ", run.stdout)
        run.has_numbers(len(dry))


if __name__ == "__main__":
    main(check)
