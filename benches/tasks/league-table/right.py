import csv
from collections import defaultdict

teams = defaultdict(lambda: [0, 0, 0, 0])
with open("results.csv", newline="") as file:
    for row in csv.DictReader(file):
        a, b = int(row["home_goals"]), int(row["away_goals"])
        for team, scored, got in [(row["home"], a, b), (row["away"], b, a)]:
            teams[team][0] += 1
            teams[team][1] += 3 if scored > got else 1 if scored == got else 0
            teams[team][2] += scored
            teams[team][3] += got
order = sorted(teams, key=lambda t: (-teams[t][1], teams[t][3] - teams[t][2], -teams[t][2]))
for place, team in enumerate(order, 1):
    games, points, scored, got = teams[team]
    print(f"{place}. {team:12} {games} {points} {scored}:{got} {scored - got:+d}")
