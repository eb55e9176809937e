import csv
from collections import defaultdict

with open("departments.csv", newline="") as file:
    names = {row["id"]: row["name"] for row in csv.DictReader(file)}
pay = defaultdict(list)
with open("employees.csv", newline="") as file:
    for row in csv.DictReader(file):
        pay[names[row["department_id"]]].append(float(row["salary"]))
means = {name: sum(values) / len(values) for name, values in pay.items()}
for name in sorted(means, key=means.get, reverse=True):
    print(f"{name}: {means[name]:.2f}")
