import csv

beste, jetzt = [], []
with open("regen.csv", newline="") as datei:
    for zeile in csv.DictReader(datei):
        if float(zeile["mm"]) == 0:
            jetzt.append(zeile["datum"])
            if len(jetzt) > len(beste):
                beste = list(jetzt)
        else:
            jetzt = []
print(f"{len(beste)} Tage, vom {beste[0]} bis zum {beste[-1]}")
