numeros = []
while True:
    numero = int(input("Escribe un número (0 para terminar): "))
    numeros.append(numero)
    if numero == 0:
        break
print(f"La suma es {sum(numeros)}")
print(f"La media es {sum(numeros) / len(numeros):.2f}")
