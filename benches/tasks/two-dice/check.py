"""The counts add up, look like two dice, and depend on the seed only."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main, numbers


def counts(run, rolls):
    """The counts of the sums 2 to 12, which stand in the output at equal distances."""
    found = numbers(run.stdout)
    for stride in range(2, 6):
        for at in range(len(found) - stride * 10 - 1):
            if found[at : at + stride * 10 + 1 : stride] == list(range(2, 13)):
                counted = found[at + 1 : at + stride * 10 + 2 : stride]
                if sum(counted) == rolls:
                    return counted
    run.wrong(f"there are no counts of the sums 2 to 12 that add up to {rolls}")


def check(task):
    seen = []
    for rolls, seed in [(2000, 42), (2000, 42), (2000, 43), (36000, 7)]:
        run = task.run(args=[str(rolls), str(seed)])
        seen.append(counts(run, rolls))
        for total, count in zip(range(2, 13), seen[-1]):
            share = (6 - abs(total - 7)) / 36
            if abs(count - rolls * share) > 6 * (rolls * share * (1 - share)) ** 0.5:
                run.wrong(f"a count of {count:g} for the sum {total} is not that of two dice")
    if seen[0] != seen[1]:
        run.wrong("the same seed gives other numbers")
    if seen[0] == seen[2]:
        run.wrong("another seed gives the same numbers")


if __name__ == "__main__":
    main(check)
