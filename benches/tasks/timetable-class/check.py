"""Entries, what is refused, free times, the order and the sum."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

DAYS = [
    (
        ["'a', '09:00', '10:00'", "'b', '10:00', '10:45'", "'c', '08:15', '09:00'"],
        [
            "'x', '09:30', '09:40'",
            "'x', '10:30', '11:30'",
            "'x', '07:00', '12:00'",
            "'x', '13:00', '13:00'",
        ],
        [("07:00", "08:15", True), ("10:45", "23:00", True), ("08:00", "11:00", False)],
    ),
    (
        ["'swim', '18:30', '20:00'", "'work', '08:00', '12:30'", "'nap', '12:30', '12:50'"],
        [
            "'x', '08:00', '12:30'",
            "'x', '17:00', '18:31'",
            "'x', '15:00', '14:00'",
            "'x', '12:49', '13:00'",
        ],
        [("12:50", "18:30", True), ("12:40", "12:45", False), ("19:59", "21:00", False)],
    ),
    (
        ["'late', '22:05', '23:55'"],
        ["'x', '21:00', '23:59'", "'x', '22:04', '22:06'"],
        [("00:00", "22:05", True), ("23:55", "23:59", True), ("22:00", "23:56", False)],
    ),
]


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def check(task):
    for good, bad, spans in DAYS:
        lines = ["t = script.Timetable()"]
        lines += [f"t.add({entry})" for entry in good]
        lines += [f'out.append(raises("t.add({entry})"))' for entry in bad]
        lines += [f"out.append(t.free({a!r}, {b!r}))" for a, b, _ in spans]
        lines += ["out.append(list(t.entries()))", "out.append(t.total())"]
        run, results = task.execute("\n".join(lines))
        for entry, raised in zip(bad, results):
            if "ValueError" not in raised:
                run.wrong(f"add({entry}) raises no ValueError after {good}")
        for (start, end, wanted), got in zip(spans, results[len(bad) :]):
            if got is not wanted:
                run.wrong(f"free({start}, {end}) is {got} after {good}")
        parts = [entry.replace("'", "").split(", ") for entry in good]
        names = [name for name, *_ in sorted(parts, key=lambda part: part[1])]
        if results[-2] != names:
            run.wrong(f"the entries are {results[-2]} instead of {names}")
        if results[-1] != sum(minutes(end) - minutes(start) for _, start, end in parts):
            run.wrong(f"the total is {results[-1]} after {good}")


if __name__ == "__main__":
    main(check)
