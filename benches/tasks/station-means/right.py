import csv
from collections import defaultdict

values, missing = defaultdict(list), defaultdict(int)
with open("temps.csv", newline="") as file:
    for row in csv.DictReader(file):
        if row["temp"] in ("", "n/a"):
            missing[row["station"]] += 1
        else:
            values[row["station"]].append(float(row["temp"]))
for station, known in values.items():
    print(f"{station}: mean {sum(known) / len(known):.2f}, missing {missing[station]}")
