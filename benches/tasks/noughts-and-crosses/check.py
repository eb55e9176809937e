"""Who wins, with taken fields and diagonals."""

import random
import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

LINES = ["123", "456", "789", "147", "258", "369", "159", "357"]


def play(moves):
    """What is typed until the game is over, how it ends, and the line that decides it."""
    fields, player = {}, "X"
    for at, move in enumerate(moves, 1):
        if move in fields:
            continue
        fields[move] = player
        for line in LINES:
            if all(fields.get(int(field)) == player for field in line):
                return moves[:at], f"{player} wins", line
        if len(fields) == 9:
            return moves[:at], "draw", None
        player = "O" if player == "X" else "X"
    raise ValueError(moves)


def games():
    """A game for each line, and four draws."""
    rng, found, draws = random.Random(9), {}, []
    while len(found) < len(LINES) or len(draws) < 4:
        moves = rng.sample(range(1, 10), 9)
        at = rng.randint(1, 4)
        moves.insert(at, moves[rng.randrange(at)])  # a taken field
        typed, end, line = play(moves)
        if line:
            found.setdefault(line, (typed, end))
        elif len(draws) < 4:
            draws.append((typed, end))
    return [*found.values(), *draws]


def check(task):
    given = [int(line) for line in task.stdin.split()]
    for moves, wanted in [play(given)[:2], *games()]:
        run = task.run(stdin="".join(f"{move}\n" for move in moves))
        verdicts = re.findall(r"\b[XO] wins\b|\bdraw\b", run.stdout, re.I)
        if not verdicts or verdicts[-1].lower() != wanted.lower():
            run.wrong(f"the end is {verdicts[-1:]} instead of `{wanted}` after {moves}")


if __name__ == "__main__":
    main(check)
