import csv

canciones = []
with open("canciones.csv", newline="", encoding="utf-8") as archivo:
    for fila in csv.DictReader(archivo):
        minutos, segundos = fila["duracion"].split(":")
        canciones.append((int(minutos) * 60 + int(segundos), fila["titulo"], fila["duracion"]))
total = sum(cancion[0] for cancion in canciones)
print(f"Total: {total // 3600}:{total // 60 % 60:02}:{total % 60:02}")
_, titulo, duracion = max(canciones)
print(f"Más larga: {titulo} ({duracion})")
