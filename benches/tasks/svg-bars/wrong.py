import csv

with open("votes.csv") as file:
    rows = list(csv.DictReader(file))
width = 50
svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(rows) * (width + 10)}" height="300">\n'
for i, row in enumerate(rows):
    svg += f'<rect x="{i * (width + 10)}" y="0" width="{width}" height="{row["votes"]}" fill="blue" />\n'
svg += "</svg>"
with open("bars.svg", "w") as file:
    file.write(svg)
print("bars.svg has been created.")
