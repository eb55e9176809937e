import csv

with open("prices.csv", newline="", encoding="utf-8") as file:
    header, *rows = csv.reader(file)
with open("prices.md", "w", encoding="utf-8") as file:
    for row in [header, ["---"] * len(header), *rows]:
        file.write("| " + " | ".join(row) + " |\n")
