import xml.etree.ElementTree as ET
from datetime import datetime

rows = [line.split(",") for line in open("data/plan.csv").read().splitlines()[1:]]
day = lambda text: datetime.strptime(text, "%Y-%m-%d").toordinal()
origin = min(day(row[1]) for row in rows)
svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "width": "4000", "height": "900"})
ET.SubElement(svg, "rect", width="100%", height="100%", fill="#fafafa")
y = 40
for name, start, end in rows:
    ET.SubElement(svg, "text", x="5", y=str(y + 15)).text = name
    ET.SubElement(
        svg,
        "rect",
        x=str(150 + (day(start) - origin) * 20.0),
        y=str(y),
        width=str((day(end) + 1 - day(start)) * 20),
        height="20",
        style="fill:orange",
    )
    y += 25
ET.SubElement(svg, "text", x="5", y="20").text = "Gantt chart"
ET.ElementTree(svg).write("gantt.svg", encoding="utf-8", xml_declaration=True)
