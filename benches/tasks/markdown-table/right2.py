import csv

table = list(csv.reader(open("data/prices.csv")))
widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
lines = ["|".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in table]
lines.insert(1, "|".join(":" + "-" * (width + 1) for width in widths))
text = "# Prices\n\n" + "\n".join(lines) + "\n"
open("prices.md", "w").write(text)
print(text)
