import csv

laengste = 0
aktuelle = 0
start = ende = beginn = None
with open("regen.csv") as datei:
    for zeile in csv.DictReader(datei):
        if float(zeile["mm"]) == 0:
            if aktuelle == 0:
                beginn = zeile["datum"]
            aktuelle += 1
            letzter = zeile["datum"]
        else:
            if aktuelle > laengste:
                laengste, start, ende = aktuelle, beginn, letzter
            aktuelle = 0
print(f"Längste Trockenzeit: {laengste} Tage")
print(f"Von {start} bis {ende}")
