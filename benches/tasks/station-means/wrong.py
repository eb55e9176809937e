import csv

data = {}
missing = {}
with open("temps.csv") as file:
    for row in csv.DictReader(file):
        station = row["station"]
        data.setdefault(station, [])
        missing.setdefault(station, 0)
        try:
            data[station].append(float(row["temp"]))
        except ValueError:
            data[station].append(0)
            missing[station] += 1
for station in data:
    mean = sum(data[station]) / len(data[station])
    print(f"{station}: mean {mean:.2f}, missing {missing[station]}")
