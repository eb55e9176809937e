"""Where a walk ends, and after how many steps."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import close, main, numbers, places

OTHER = "....\n.#S.\n.##.\n....\nE...\n"
THIRD = "#######\n#S#..E#\n#.#.#.#\n#...#.#\n#######\n"
MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def walk(text, moves):
    """What is typed until the game ends, and its end: found or not, row, column, steps."""
    rows = text.split()
    row = next(at for at, line in enumerate(rows) if "S" in line)
    column, steps = rows[row].index("S"), 0
    for at, move in enumerate(moves):
        new_row, new_column = row + MOVES[move][0], column + MOVES[move][1]
        if not (0 <= new_row < len(rows) and 0 <= new_column < len(rows[0])):
            continue
        if rows[new_row][new_column] == "#":
            continue
        row, column, steps = new_row, new_column, steps + 1
        if rows[row][column] == "E":
            return moves[: at + 1], (True, row + 1, column + 1, steps)
    return [*moves, "stop"], (False, row + 1, column + 1, steps)


def check(task):
    given = task.data_text("map.txt")
    games = [
        (given, task.stdin.split()[:-1]),
        (
            given,
            "up left down down down right right right up right right right right down left".split(),
        ),
        (OTHER, "left right up left left left left down down down down down left left".split()),
        (OTHER, "up up right down down down down down down right left left".split()),
        (THIRD, "right down down right right up up right right right down down left".split()),
    ]
    for text, moves in games:
        typed, (found, row, column, steps) = walk(text, moves)
        run = task.run(files={"map.txt": text}, stdin="".join(f"{move}\n" for move in typed))
        at = max([0, *places(run.stdout, "exit found"), *places(run.stdout, "exit not found")])
        yes, no = (
            bool(places(run.stdout[at:], words)) for words in ("exit found", "exit not found")
        )
        if (yes, no) != (found, not found):
            run.wrong(
                f"the exit is {'found' if found else 'not found'}, and that is not in the output"
            )
        # The numbers may stand before or after these words.
        run.stdout = "\n".join(run.lines()[-5:])
        values = numbers(run.stdout)
        pairs = zip(values, values[1:])
        if not any(close(a, row) and close(b, column) for a, b in pairs) or steps not in values:
            run.wrong(
                f"row {row}, column {column} and {steps} steps are not at the end of the output"
            )


if __name__ == "__main__":
    main(check)
