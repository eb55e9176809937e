matches = [line.split(",") for line in open("data/results.csv").read().split()[1:]]
both = [(h, int(x), int(y)) for h, a, x, y in matches] + [
    (a, int(y), int(x)) for h, a, x, y in matches
]
table = []
for team in {name for name, *_ in both}:
    mine = [(x, y) for name, x, y in both if name == team]
    points = sum(3 * (x > y) + (x == y) for x, y in mine)
    scored, got = sum(x for x, _ in mine), sum(y for _, y in mine)
    table.append((points, scored - got, scored, got, len(mine), team))
print("Place | Team | Games | Points | Goals | Diff")
for place, (points, diff, scored, got, games, team) in enumerate(sorted(table, reverse=True), 1):
    print(f"{place} | {team} | {games} | {points} | {scored}:{got} | {diff}")
