lines = [line.split(",") for line in open("data/customers.csv").read().split()[1:]]
lines.sort(key=lambda line: float(line[1]))
clock = 0.0
waits = {}
for name, arrives, needs in lines:
    if clock < float(arrives):
        clock = float(arrives)
    waits[name] = clock - float(arrives)
    clock += float(needs)
print(waits)
print("Average waiting time:", round(sum(waits.values()) / len(waits), 2), "min")
print("Closing minute:", clock)
