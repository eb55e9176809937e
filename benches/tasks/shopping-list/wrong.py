items = []
while True:
    command = input("Command: ")
    if command == "done":
        break
    action, item = command.split(" ", 1)
    if action == "add":
        items.append(item)
    elif action == "remove" and item in items:
        items.remove(item)
items.sort()
print(f"There are {len(items)} items on the list:")
for item in items:
    print(item)
