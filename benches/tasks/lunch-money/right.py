import csv
from collections import defaultdict

sums = defaultdict(float)
with open("lunch.csv", newline="") as file:
    for row in csv.DictReader(file):
        sums[row["name"]] += float(row["amount"])
for name, total in sorted(sums.items(), key=lambda item: -item[1]):
    print(f"{name}: {total:.2f}")
