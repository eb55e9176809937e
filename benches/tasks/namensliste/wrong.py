with open("namen.txt", encoding="utf-8") as datei:
    namen = datei.read().splitlines()
sortiert = sorted(set(namen))
for name in sortiert:
    print(name)
print(f"Anzahl der Namen: {len(namen)}")
