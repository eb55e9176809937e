import csv

with open("votes.csv", newline="") as file:
    votes = [int(row["votes"]) for row in csv.DictReader(file)]
base = max(votes)
parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(votes) * 40}" height="{base}">']
for at, count in enumerate(votes):
    parts.append(
        f'<rect x="{at * 40}" y="{base - count}" width="30" height="{count}" fill="teal"/>'
    )
parts.append("</svg>")
with open("bars.svg", "w") as file:
    file.write("\n".join(parts))
