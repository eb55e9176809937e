with open("namen.txt", encoding="utf-8") as datei:
    namen = sorted({zeile.strip() for zeile in datei if zeile.strip()})
for name in namen:
    print(name)
print(len(namen))
