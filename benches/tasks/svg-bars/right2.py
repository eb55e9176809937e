import xml.etree.ElementTree as ET

rows = [line.split(",") for line in open("data/votes.csv").read().split()[1:]]
svg = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", width="800", height="400")
ET.SubElement(svg, "rect", x="0", y="0", width="800", height="400", fill="white")
group = ET.SubElement(svg, "g", fill="steelblue")
x = 10.0
for name, votes in rows:
    ET.SubElement(group, "rect", x=f"{x}px", y=str(380.0 - int(votes)), width="22.5", height=votes)
    ET.SubElement(svg, "text", x=str(x), y="395").text = name
    x += 25
ET.ElementTree(svg).write("bars.svg")
