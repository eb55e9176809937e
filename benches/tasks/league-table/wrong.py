import csv

table = {}
with open("results.csv") as file:
    for row in csv.DictReader(file):
        home, away = row["home"], row["away"]
        hg, ag = int(row["home_goals"]), int(row["away_goals"])
        for team in (home, away):
            table.setdefault(team, {"games": 0, "points": 0, "for": 0, "against": 0})
            table[team]["games"] += 1
        table[home]["for"] += hg
        table[home]["against"] += ag
        table[away]["for"] += ag
        table[away]["against"] += hg
        if hg > ag:
            table[home]["points"] += 3
        elif hg < ag:
            table[away]["points"] += 3
        else:
            table[home]["points"] += 1
            table[away]["points"] += 1
ranking = sorted(table.items(), key=lambda item: (item[1]["points"], item[1]["for"]), reverse=True)
for place, (team, t) in enumerate(ranking, 1):
    print(
        f"{place}. {team} {t['games']} {t['points']} {t['for']}:{t['against']} {t['for'] - t['against']}"
    )
