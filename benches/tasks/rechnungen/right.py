import re
from collections import defaultdict

monate, hoechste = defaultdict(float), None
with open("rechnungen.txt", encoding="utf-8") as datei:
    for zeile in datei:
        treffer = re.search(r"(R-\d+) vom \d+\.(\d+)\.(\d+): (-?[\d.,]+)", zeile)
        if treffer:
            nummer, monat, jahr, betrag = treffer.groups()
            betrag = float(betrag.replace(".", "").replace(",", "."))
            monate[jahr, monat] += betrag
            hoechste = max(hoechste or (betrag, nummer), (betrag, nummer))
for jahr, monat in sorted(monate):
    print(f"{monat}.{jahr}: {monate[jahr, monat]:.2f} €")
print(f"Summe: {sum(monate.values()):.2f} €")
print(f"Höchste Rechnung: {hoechste[1]}")
