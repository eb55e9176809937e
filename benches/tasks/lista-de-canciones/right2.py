import csv
from datetime import timedelta


def lee(texto):
    minutos, _, segundos = texto.partition(":")
    return timedelta(minutes=int(minutos), seconds=int(segundos))


canciones = {
    fila["titulo"]: lee(fila["duracion"]) for fila in csv.DictReader(open("data/canciones.csv"))
}
larga = max(canciones, key=canciones.get)
minutos, segundos = divmod(canciones[larga].seconds, 60)
print(f'La canción más larga es "{larga}" con {minutos:02}:{segundos:02} minutos.')
print("La lista dura", sum(canciones.values(), timedelta()), "en total.")
