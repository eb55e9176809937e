import csv
import json

with open("people.csv", newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
with open("people.json", "w", encoding="utf-8") as file:
    json.dump(rows, file, indent=2, ensure_ascii=False)
