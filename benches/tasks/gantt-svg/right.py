import csv
from datetime import date
from html import escape

with open("plan.csv", newline="", encoding="utf-8") as file:
    plan = [
        (row["task"], date.fromisoformat(row["start"]), date.fromisoformat(row["end"]))
        for row in csv.DictReader(file)
    ]
first, last = min(start for _, start, _ in plan), max(end for *_, end in plan)
width, height = 20 * ((last - first).days + 1), 30 * len(plan)
parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">']
for at, (name, start, end) in enumerate(plan):
    x, length = 20 * (start - first).days, 20 * ((end - start).days + 1)
    parts.append(f'<rect x="{x}" y="{30 * at}" width="{length}" height="24" fill="skyblue"/>')
    parts.append(f'<text x="{x + 4}" y="{30 * at + 17}" font-size="12">{escape(name)}</text>')
with open("gantt.svg", "w", encoding="utf-8") as file:
    file.write("\n".join([*parts, "</svg>"]))
