paid = {}
for line in open("data/lunch.csv").read().split("\n")[1:]:
    if line:
        day, name, amount = line.split(",")
        paid[name] = round(paid.get(name, 0) + float(amount), 2)
print(dict(sorted(paid.items(), key=lambda pair: pair[1], reverse=True)))
