things = set()
while (line := input("> ").strip()) != "done":
    command, _, thing = line.partition(" ")
    if command == "add":
        things.add(thing)
    elif command == "remove":
        things.discard(thing)
print(len(things), "things:")
for thing in sorted(things):
    print("-", thing)
