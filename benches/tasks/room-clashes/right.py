import csv
from itertools import combinations

with open("bookings.csv", newline="") as file:
    meetings = list(csv.DictReader(file))
clashes = [
    (a["title"], b["title"])
    for a, b in combinations(meetings, 2)
    if a["room"] == b["room"] and a["start"] < b["end"] and b["start"] < a["end"]
]
for pair in clashes:
    print(" - ".join(pair))
if not clashes:
    print("no clashes")
