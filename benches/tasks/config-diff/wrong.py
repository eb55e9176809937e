import json


def compare(old, new, path=""):
    for key in old:
        full = f"{path}.{key}" if path else key
        if key not in new:
            print(f"removed {full}")
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            compare(old[key], new[key], full)
        elif old[key] != new[key]:
            print(f"changed {full}")
    for key in new:
        if key not in old:
            print(f"added {path}.{key}" if path else f"added {key}")


with open("old.json") as f:
    old = json.load(f)
with open("new.json") as f:
    new = json.load(f)
compare(old, new)
