import sys

shopping = []
for line in sys.stdin:
    words = line.split(maxsplit=1)
    if words[0] == "done":
        break
    name = words[1].strip()
    if words[0] == "add" and name not in shopping:
        shopping.append(name)
        print(f"{name} added")
    if words[0] == "remove" and name in shopping:
        shopping.remove(name)
        print(f"{name} removed")
print(f"Your list has {len(shopping)} items: {', '.join(sorted(shopping))}")
