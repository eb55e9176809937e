import csv

with open("customers.csv") as file:
    customers = list(csv.DictReader(file))
customers.sort(key=lambda c: int(c["arrives"]))
current_time = 0
total = 0
for customer in customers:
    arrives = int(customer["arrives"])
    wait = max(0, current_time - arrives)
    total += wait
    current_time += int(customer["needs"])
    print(f"{customer['name']} waits {wait} minutes")
print(f"Average waiting time: {total / len(customers):.2f}")
print(f"Last customer finished at minute {current_time}")
