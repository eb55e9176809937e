import json


def leaves(value, path=()):
    if isinstance(value, dict):
        return {k: v for key in value for k, v in leaves(value[key], (*path, key)).items()}
    return {".".join(path): value}


with open("old.json") as file:
    old = leaves(json.load(file))
with open("new.json") as file:
    new = leaves(json.load(file))
for path in sorted(old.keys() | new.keys()):
    if path not in old:
        print("added", path)
    elif path not in new:
        print("removed", path)
    elif old[path] != new[path]:
        print("changed", path)
