import csv

departments = {}
with open("departments.csv") as file:
    for row in csv.DictReader(file):
        departments[row["id"]] = row["name"]
totals = {}
with open("employees.csv") as file:
    for row in csv.DictReader(file):
        name = departments[row["department_id"]]
        totals[name] = totals.get(name, 0) + float(row["salary"])
averages = {name: total / len(totals) for name, total in totals.items()}
for name, average in sorted(averages.items(), key=lambda item: item[1], reverse=True):
    print(f"{name}: {average:.2f}")
