"""The next three birthdays with days and ages, over the end of the year."""

import sys
from datetime import date

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    given = task.data_text("cumples.csv")
    other = (
        "nombre,nacimiento\nIker,1970-02-01\nNora,1999-12-31\nPablo,2010-01-01\n"
        "Alba,1966-12-30\nCesar,1987-06-11\n"
    )
    for text, today in [
        (given, "2026-11-30"),
        (given, "2026-12-24"),
        (other, "2027-12-31"),
        (other, "2026-03-05"),
    ]:
        now, coming = date.fromisoformat(today), []
        for line in text.splitlines()[1:]:
            name, born = line.split(",")
            born = date.fromisoformat(born)
            day = born.replace(year=now.year)
            if day < now:
                day = born.replace(year=now.year + 1)
            coming.append(((day - now).days, day.year - born.year, name))
        coming.sort()
        run = task.run(files={"cumples.csv": text}, args=[today])
        run.order([name for _, _, name in coming[:3]])
        run.pairs({name: [days, years] for days, years, name in coming[:3]})
        run.lacks_words(*[name for _, _, name in coming[3:]])


if __name__ == "__main__":
    main(check)
