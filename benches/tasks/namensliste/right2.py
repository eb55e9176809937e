datei = open("data/namen.txt").read().strip().split("\n")
liste = []
for name in datei:
    if name not in liste:
        liste.append(name)
liste.sort()
print(*liste, sep="\n")
print("Es sind", len(liste), "verschiedene Namen.")
