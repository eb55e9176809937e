import argparse
import json
import os

parser = argparse.ArgumentParser(description="A todo list")
commands = parser.add_subparsers(dest="command")
commands.add_parser("add").add_argument("text")
commands.add_parser("done").add_argument("number", type=int)
commands.add_parser("list")
args = parser.parse_args()

tasks = {}
if os.path.exists("todo.json"):
    with open("todo.json") as file:
        tasks = json.load(file)
if args.command == "add":
    tasks[str(len(tasks) + 1)] = [args.text, " "]
    print("Added:", args.text)
elif args.command == "done":
    if str(args.number) not in tasks:
        parser.exit(1, "No such task.\n")
    tasks[str(args.number)][1] = "x"
elif args.command == "list":
    print("Your tasks:")
    for key, (text, mark) in tasks.items():
        print(f"  {key}. [{mark}] {text}")
with open("todo.json", "w") as file:
    json.dump(tasks, file)
