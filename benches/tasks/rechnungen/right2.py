def lies(text):
    return int(text.replace(".", "").replace(",", ""))


def zeige(cent):
    return f"{cent / 100:,.2f}".translate(str.maketrans(",.", ".,")) + " €"


alle = []
for zeile in open("data/rechnungen.txt", encoding="utf8").read().splitlines():
    kopf, betrag = zeile.replace(" €", "").split(": ")
    alle.append((kopf.split()[1], kopf[-10:].split("."), lies(betrag)))
summen = {}
for _, (tag, monat, jahr), cent in alle:
    summen[jahr + monat] = summen.get(jahr + monat, 0) + cent
print("Monat      Summe")
for schluessel in sorted(summen):
    print(f"{schluessel[4:]}.{schluessel[:4]}  {zeige(summen[schluessel]):>14}")
print("Gesamt", zeige(sum(summen.values())))
print("Am höchsten:", max(alle, key=lambda eine: eine[2])[0])
