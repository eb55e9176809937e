import csv
import sys
from datetime import datetime

hoy = datetime.strptime(sys.argv[1], "%Y-%m-%d")
lista = []
with open("cumples.csv", encoding="utf-8") as archivo:
    for fila in csv.DictReader(archivo):
        nacimiento = datetime.strptime(fila["nacimiento"], "%Y-%m-%d")
        proximo = nacimiento.replace(year=hoy.year)
        if proximo < hoy:
            proximo = nacimiento.replace(year=hoy.year + 1)
        edad = hoy.year - nacimiento.year
        lista.append((fila["nombre"], (proximo - hoy).days, edad))
lista.sort(key=lambda x: x[1])
for nombre, dias, edad in lista[:3]:
    print(f"{nombre}: faltan {dias} días, cumple {edad} años")
