with open("map.txt") as file:
    maze = [line.strip() for line in file]
for i, line in enumerate(maze):
    if "S" in line:
        x, y = line.index("S"), i
steps = 0
found = False
while True:
    move = input("Enter a move: ")
    if move == "stop":
        break
    nx, ny = x, y
    if move == "up":
        ny -= 1
    elif move == "down":
        ny += 1
    elif move == "left":
        nx -= 1
    elif move == "right":
        nx += 1
    steps += 1
    if 0 <= ny < len(maze) and 0 <= nx < len(maze[0]) and maze[ny][nx] != "#":
        x, y = nx, ny
    if maze[y][x] == "E":
        found = True
        break
print("exit found" if found else "exit not found")
print(f"Row: {y + 1}, column: {x + 1}")
print(f"Steps: {steps}")
