import json

with open("people.csv") as file:
    lines = file.read().splitlines()
header = lines[0].split(",")
rows = [dict(zip(header, line.split(","))) for line in lines[1:]]
with open("people.json", "w") as file:
    json.dump(rows, file, indent=4)
print("people.json was written")
