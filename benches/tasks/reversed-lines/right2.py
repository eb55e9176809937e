stack = []
with open("data/notes.txt") as notes:
    for line in notes:
        stack.append(line.rstrip("\n"))
with open("notes_reversed.txt", "w") as result:
    while stack:
        print(stack.pop(), file=result)
