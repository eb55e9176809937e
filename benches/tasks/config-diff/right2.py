import json

MISSING = object()


def compare(a, b, path):
    if isinstance(a, dict) or isinstance(b, dict):
        one, two = (x if isinstance(x, dict) else {} for x in (a, b))
        for value, word in ((a, "removed"), (b, "added")):
            if value is not MISSING and not isinstance(value, dict):
                print(f"{path}: {word}")
        for key in [*one, *[key for key in two if key not in one]]:
            name = f"{path}.{key}" if path else key
            compare(one.get(key, MISSING), two.get(key, MISSING), name)
    elif a is MISSING:
        print(f"{path}: added ({b})")
    elif b is MISSING:
        print(f"{path}: removed (it was {a})")
    elif a != b:
        print(f"{path}: changed from {a} to {b}")


compare(json.load(open("data/old.json")), json.load(open("data/new.json")), "")
