"""Who wins, with taken fields and diagonals."""

import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

GAMES = [
    [1, 4, 2, 4, 5, 3],
    [1, 1, 5, 2, 5, 3, 9, 7],
    [9, 1, 9, 5, 1, 3, 4, 6, 2, 8, 7],
    [2, 3, 1, 5, 4, 5, 7],
    [1, 2, 5, 2, 3, 9],
    [1, 2, 3, 5, 8, 4, 6, 9, 7],
]
LINES = ["123", "456", "789", "147", "258", "369", "159", "357"]


def result(moves):
    fields, player = {}, "X"
    for move in moves:
        if move in fields:
            continue
        fields[move] = player
        if any(all(fields.get(int(field)) == player for field in line) for line in LINES):
            return f"{player} wins"
        player = "O" if player == "X" else "X"
    return "draw"


def check(task):
    for moves in GAMES:
        wanted = result(moves)
        run = task.run(stdin="".join(f"{move}\n" for move in moves))
        verdicts = re.findall(r"\b[XO] wins\b|\bdraw\b", run.stdout, re.I)
        if not verdicts or verdicts[-1].lower() != wanted.lower():
            run.wrong(f"the end is {verdicts[-1:]} instead of `{wanted}` after {moves}")


if __name__ == "__main__":
    main(check)
