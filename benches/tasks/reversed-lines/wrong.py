with open("notes.txt") as source:
    lines = source.readlines()
with open("notes_reversed.txt", "w") as target:
    target.writelines(lines[::-1])
print("Done.")
