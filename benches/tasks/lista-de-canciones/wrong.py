import csv

total = 0
larga = None
with open("canciones.csv", encoding="utf-8") as archivo:
    for fila in csv.DictReader(archivo):
        minutos, segundos = map(int, fila["duracion"].split(":"))
        total += minutos * 60 + segundos
        if larga is None or fila["duracion"] > larga["duracion"]:
            larga = fila
print(f"Duración total: {total // 3600}:{total % 3600 // 60:02d}:{total % 60:02d}")
print(f"Canción más larga: {larga['titulo']} ({larga['duracion']})")
