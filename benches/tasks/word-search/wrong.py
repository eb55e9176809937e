with open("grid.txt") as f:
    grid = [line.strip() for line in f]
with open("words.txt") as f:
    words = [line.strip() for line in f]

for word in words:
    position = None
    for r, row in enumerate(grid):
        c = row.find(word)
        if c != -1:
            position = (r + 1, c + 1)
    for c in range(len(grid[0])):
        column = "".join(row[c] for row in grid)
        r = column.find(word)
        if r != -1:
            position = (r + 1, c + 1)
    if position:
        print(f"{word}: row {position[0]}, column {position[1]}")
    else:
        print(f"{word}: not found")
