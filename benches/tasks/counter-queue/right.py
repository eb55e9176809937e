import csv

with open("customers.csv", newline="") as file:
    customers = [(int(r["arrives"]), int(r["needs"]), r["name"]) for r in csv.DictReader(file)]
free, waits = 0, []
for arrives, needs, name in sorted(customers):
    start = max(free, arrives)
    free = start + needs
    waits.append(start - arrives)
    print(f"{name} waits {start - arrives} minutes")
print(f"average: {sum(waits) / len(waits):.2f}")
print(f"the last customer is finished at minute {free}")
