import re

monate = {}
hoechste = 0
nummer = ""
with open("rechnungen.txt", encoding="utf-8") as datei:
    for zeile in datei:
        m = re.search(r"Rechnung (\S+) vom \d\d\.(\d\d\.\d{4}): (-?[\d.,]+)", zeile)
        betrag = float(m.group(3).replace(".", "").replace(",", "."))
        monate[m.group(2)] = monate.get(m.group(2), 0) + betrag
        if betrag > hoechste:
            hoechste, nummer = betrag, m.group(1)
for monat in sorted(monate):
    print(f"{monat}: {monate[monat]:.2f} €")
print(f"Gesamtsumme: {sum(monate.values()):.2f} €")
print(f"Höchste Rechnung: {nummer}")
