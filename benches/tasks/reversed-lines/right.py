with open("notes.txt") as file:
    lines = file.read().splitlines()
with open("notes_reversed.txt", "w") as file:
    file.write("\n".join(reversed(lines)) + "\n")
