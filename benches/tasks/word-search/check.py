"""Row and column of each word, or that it is not there."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import close, main, numbers, places

STEPS = [(0, 1), (1, 0), (1, 1)]


def find(rows, word):
    for row in range(len(rows)):
        for column in range(len(rows[0])):
            for down, right in STEPS:
                last = row + down * (len(word) - 1), column + right * (len(word) - 1)
                if last[0] < len(rows) and last[1] < len(rows[0]):
                    if all(
                        rows[row + down * k][column + right * k] == c for k, c in enumerate(word)
                    ):
                        return row + 1, column + 1
    return None


def puzzle(seed, words, size):
    """A grid of letters in which most of the words are hidden, some of them backwards."""
    rng = random.Random(seed)
    rows = [["."] * size for _ in range(size - 1)]
    for at, word in enumerate(words[:-1]):
        letters = word[::-1] if at == 2 else word
        while True:
            down, right = STEPS[at % 3]
            row = rng.randrange(len(rows) - down * (len(word) - 1))
            column = rng.randrange(size - right * (len(word) - 1))
            spots = [(row + down * k, column + right * k) for k in range(len(word))]
            if all(rows[r][c] in (".", letter) for (r, c), letter in zip(spots, letters)):
                break
        for (r, c), letter in zip(spots, letters):
            rows[r][c] = letter
    filled = ["".join(rng.choice("JQXZVW") if c == "." else c for c in row) for row in rows]
    order = rng.sample(words, len(words))
    return {"grid.txt": "\n".join(filled) + "\n", "words.txt": "\n".join(order) + "\n"}


def check(task):
    given = {name: task.data_text(name) for name in task.data}
    games = [
        given,
        puzzle(1, ["APPLE", "PEAR", "LEMON", "FIG", "CHERRY", "MANGO"], 11),
        puzzle(2, ["OSLO", "PARIS", "ROMA", "BERN", "LONDON", "MINSK", "TIRANA", "KIEL"], 12),
    ]
    for files in games:
        rows, words = files["grid.txt"].split(), files["words.txt"].split()
        run = task.run(files=files)
        lines = {word: [line for line in run.lines() if places(line, word)] for word in words}
        run.order(words)
        for word in words:
            spot, good = find(rows, word), False
            for line in lines[word]:
                values = numbers(line)
                if spot is None:
                    good = good or bool(places(line, "not found"))
                else:
                    good = good or any(
                        close(a, spot[0]) and close(b, spot[1]) for a, b in zip(values, values[1:])
                    )
            if not good:
                run.wrong(f"`{word}` does not stand with {spot or 'not found'}")


if __name__ == "__main__":
    main(check)
