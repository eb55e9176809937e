with open("speech.txt", encoding="utf-8") as file:
    lines = file.read().splitlines()
number, line = max(enumerate(lines, 1), key=lambda pair: len(pair[1]))
print(f"Line {number} ({len(line)} characters): {line}")
