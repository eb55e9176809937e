with open("map.txt") as file:
    rows = file.read().split()
row = next(at for at, line in enumerate(rows) if "S" in line)
column = rows[row].index("S")
steps, found = 0, False
moves = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
while not found:
    word = input("Move: ").strip()
    if word == "stop":
        break
    if word not in moves:
        continue
    r, c = row + moves[word][0], column + moves[word][1]
    if 0 <= r < len(rows) and 0 <= c < len(rows[r]) and rows[r][c] != "#":
        row, column, steps = r, c, steps + 1
        found = rows[r][c] == "E"
print("exit found" if found else "exit not found")
print(f"row {row + 1}, column {column + 1}, {steps} steps")
