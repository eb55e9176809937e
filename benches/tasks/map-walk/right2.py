import sys

grid = {
    complex(x, y): sign
    for y, line in enumerate(open("data/map.txt").read().splitlines(), 1)
    for x, sign in enumerate(line, 1)
}
place = next(at for at, sign in grid.items() if sign == "S")
count = 0
for line in sys.stdin:
    word = line.strip().lower()
    if word == "stop":
        break
    there = place + {"up": -1j, "down": 1j, "left": -1, "right": 1}[word]
    if grid.get(there, "#") == "#":
        print("You can't go there.")
        continue
    place = there
    count += 1
    if grid[place] == "E":
        break
print(f"You are at row {int(place.imag)} and column {int(place.real)}. Steps: {count}.")
print("Exit found!" if grid[place] == "E" else "Exit not found.")
