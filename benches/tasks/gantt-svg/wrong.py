import csv
from datetime import datetime

tasks = []
with open("plan.csv") as file:
    for row in csv.DictReader(file):
        start = datetime.strptime(row["start"], "%Y-%m-%d")
        end = datetime.strptime(row["end"], "%Y-%m-%d")
        tasks.append((row["task"], start, end))
first_day = min(task[1] for task in tasks)
svg = '<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="400">\n'
y = 10
for name, start, end in tasks:
    x = (start - first_day).days * 20
    width = (end - start).days * 20
    svg += f'<rect x="{x}" y="{y}" width="{width}" height="30" fill="blue" />\n'
    svg += f'<text x="{x + 5}" y="{y + 20}" fill="white">{name}</text>\n'
    y += 40
svg += "</svg>"
with open("gantt.svg", "w") as file:
    file.write(svg)
print("gantt.svg created")
