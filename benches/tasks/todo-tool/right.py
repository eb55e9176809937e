import json
import sys
from pathlib import Path

FILE = Path("todo.json")


def main(command, *rest):
    tasks = json.loads(FILE.read_text()) if FILE.exists() else []
    if command == "add":
        tasks.append({"text": " ".join(rest), "done": False})
    elif command == "done":
        number = int(rest[0])
        if 1 <= number <= len(tasks):
            tasks[number - 1]["done"] = True
        else:
            print(f"there is no task {number}")
    else:
        for number, task in enumerate(tasks, 1):
            print(number, "[x]" if task["done"] else "[ ]", task["text"])
    FILE.write_text(json.dumps(tasks))


main(*(sys.argv[1:] or ["list"]))
