import sys

cuenta = suma = 0
for linea in sys.stdin:
    if int(linea) == 0:
        break
    cuenta, suma = cuenta + 1, suma + int(linea)
print(f"Has escrito {cuenta} números.")
print(f"Su media es {suma / cuenta:.2f} y su suma es {suma}.")
