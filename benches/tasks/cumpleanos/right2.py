import sys
from datetime import datetime, timedelta

hoy = datetime.strptime(sys.argv[1], "%Y-%m-%d")
amigos = [linea.strip().split(",") for linea in open("data/cumples.csv").readlines()[1:]]
salida = []
for faltan in range(366):
    dia = hoy + timedelta(days=faltan)
    for nombre, nacimiento in amigos:
        if nacimiento[5:] == dia.strftime("%m-%d") and len(salida) < 3:
            salida.append([nombre, faltan, dia.year - int(nacimiento[:4])])
print("Próximos cumpleaños:")
for puesto, (nombre, faltan, edad) in enumerate(salida, 1):
    print(f"{puesto}) {nombre}")
    print(f"   días que faltan: {faltan}")
    print(f"   años que cumple: {edad}")
