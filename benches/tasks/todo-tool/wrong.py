import json
import os
import sys

tasks = []
if os.path.exists("todo.json"):
    with open("todo.json") as f:
        tasks = json.load(f)


def save():
    with open("todo.json", "w") as f:
        json.dump(tasks, f)


command = sys.argv[1] if len(sys.argv) > 1 else "list"
if command == "add":
    tasks.append({"task": sys.argv[2], "done": False})
    save()
    print(f"Added task: {sys.argv[2]}")
elif command == "done":
    index = int(sys.argv[2]) - 1
    try:
        tasks[index]["done"] = True
        save()
    except IndexError:
        print("No such task")
elif command == "list":
    for i, task in enumerate(tasks, start=1):
        mark = "x" if task["done"] else " "
        print(f"{i}. [{mark}] {task['task']}")
