import csv

with open("bookings.csv") as file:
    rows = list(csv.DictReader(file))
rows.sort(key=lambda row: (row["room"], row["start"]))
found = False
for first, second in zip(rows, rows[1:]):
    if first["room"] == second["room"] and second["start"] < first["end"]:
        print(f"{first['title']} overlaps with {second['title']}")
        found = True
if not found:
    print("no clashes")
