from collections import Counter

with open("app.log") as file:
    counts = Counter(line.split()[2] for line in file if line.strip())
for level, count in counts.items():
    print(level, count)
