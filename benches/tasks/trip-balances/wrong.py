import csv

paid = {}
people = set()
total = 0
with open("expenses.csv") as file:
    for row in csv.DictReader(file):
        amount = float(row["amount"])
        paid[row["payer"]] = paid.get(row["payer"], 0) + amount
        people.add(row["payer"])
        people.update(row["for"].split(";"))
        total += amount
share = total / len(people)
for person in sorted(people):
    print(f"{person}: {paid.get(person, 0) - share:.2f}")
