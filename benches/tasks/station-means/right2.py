rows = [line.split(",") for line in open("data/temps.csv").read().splitlines()[1:]]
stations = sorted({row[0] for row in rows})
print("Mean temperatures")
for station in stations:
    good = [float(t) for s, _, t in rows if s == station and t.strip() and t != "n/a"]
    print(f"  {station:<10}{sum(good) / len(good):8.2f}")
print("Missing values")
for station in stations:
    print(f"  {station:<10}{sum(s == station and t in ('', 'n/a') for s, _, t in rows):8}")
