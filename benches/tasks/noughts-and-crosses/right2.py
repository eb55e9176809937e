import sys

# The numbers of a magic square: three in a row are those that add up to 15.
MAGIC = dict(zip(range(1, 10), [2, 7, 6, 9, 5, 1, 4, 3, 8]))
taken = {"X": [], "O": []}
turn = 0
for text in sys.stdin:
    field = MAGIC[int(text)]
    if field in taken["X"] + taken["O"]:
        print("taken, try again")
        continue
    name = "XO"[turn % 2]
    mine = taken[name]
    mine.append(field)
    turn += 1
    if any(a + b + field == 15 for a in mine for b in mine if len({a, b, field}) == 3):
        print("Three in a row:", name, "wins!")
        break
    if turn == 9:
        print("It is a DRAW.")
        break
