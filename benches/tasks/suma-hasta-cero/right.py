numeros = []
while (numero := int(input("Número: "))) != 0:
    numeros.append(numero)
print("Suma:", sum(numeros))
if numeros:
    print("Media:", sum(numeros) / len(numeros))
