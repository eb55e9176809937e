"""Order of the teams, with games, points, goals and difference."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def season(seed, teams):
    rng = random.Random(seed)
    lines = [
        f"{home},{away},{rng.randint(0, 3)},{rng.randint(0, 3)}"
        for home in teams
        for away in teams
        if home != away and (home < away or rng.random() < 0.7)
    ]
    rng.shuffle(lines)
    return "home,away,home_goals,away_goals\n" + "\n".join(lines) + "\n"


# Three teams with the same points, the one with most goals in the middle; then two teams with the
# same difference, too.
TIED = """home,away,home_goals,away_goals
Comets,Bears,6,5
Aces,Bears,3,0
Dukes,Bears,1,4
"""
GOALS = """home,away,home_goals,away_goals
Moor,Nord,0,0
Nord,Ost,4,1
Ost,Moor,0,3
Ost,Pax,1,1
Pax,Ost,2,0
"""


def table(text):
    teams = {}
    for line in text.splitlines()[1:]:
        home, away, a, b = line.split(",")
        for team, scored, got in [(home, int(a), int(b)), (away, int(b), int(a))]:
            row = teams.setdefault(team, [0, 0, 0, 0])
            row[0] += 1
            row[1] += 3 if scored > got else scored == got
            row[2] += scored
            row[3] += got
    key = lambda item: (item[1][1], item[1][2] - item[1][3], item[1][2])
    return sorted(teams.items(), key=key, reverse=True)


def check(task):
    texts = [
        task.data_text("results.csv"),
        TIED,
        GOALS,
        season(4, ["Ajo", "Brenn", "Cadi", "Dorn", "Elk"]),
    ]
    for text in texts:
        rows = table(text)
        run = task.run(files={"results.csv": text})
        run.order([team for team, _ in rows])
        run.pairs({team: [at, *row, row[2] - row[3]] for at, (team, row) in enumerate(rows, 1)})


if __name__ == "__main__":
    main(check)
