import csv
import sys
from datetime import date

hoy = date.fromisoformat(sys.argv[1])
proximos = []
with open("cumples.csv", newline="", encoding="utf-8") as archivo:
    for fila in csv.DictReader(archivo):
        nacido = date.fromisoformat(fila["nacimiento"])
        dia = nacido.replace(year=hoy.year)
        if dia < hoy:
            dia = nacido.replace(year=hoy.year + 1)
        proximos.append(((dia - hoy).days, fila["nombre"], dia.year - nacido.year))
for faltan, nombre, anos in sorted(proximos)[:3]:
    print(f"{nombre}: faltan {faltan} días, cumple {anos} años")
