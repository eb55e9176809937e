text = open("data/grid.txt").read().splitlines()
width = len(text[0])
flat = "".join(line + "#" for line in text)
steps = {"across": 1, "down": width + 1, "diagonal": width + 2}
for word in open("data/words.txt").read().splitlines():
    found = None
    for name, step in steps.items():
        for start in range(len(flat)):
            if flat[start::step][: len(word)] == word:
                found = found or (start // (width + 1) + 1, start % (width + 1) + 1, name)
    print(f"{word:<12}", found if found else "not found")
