import csv
from collections import defaultdict

balances = defaultdict(float)
with open("expenses.csv", newline="") as file:
    for row in csv.DictReader(file):
        amount, guests = float(row["amount"]), row["for"].split(";")
        balances[row["payer"]] += amount
        for guest in guests:
            balances[guest] -= amount / len(guests)
for name, balance in sorted(balances.items()):
    print(f"{name}: {balance:+.2f}")
