import csv

totals = {}
with open("lunch.csv") as file:
    for row in csv.DictReader(file):
        totals[row["name"]] = totals.get(row["name"], 0) + float(row["amount"])
print("Who paid how much:")
for name in sorted(totals, reverse=True):
    print(f"{name}: {totals[name]:.2f}")
