from datetime import date
from itertools import groupby

zeilen = [zeile.split(",") for zeile in open("data/regen.csv").read().split()[1:]]
zeiten = [list(g) for trocken, g in groupby(zeilen, lambda z: float(z[1]) == 0) if trocken]
zeit = max(zeiten, key=len)
tage = [date.fromisoformat(zeit[ende][0]).strftime("%d.%m.%Y") for ende in (0, -1)]
print("Erster Tag: ", tage[0])
print("Letzter Tag:", tage[1])
print("Anzahl:", len(zeit))
