"""The overlapping pairs and no others."""

import itertools
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main, places

CASES = [
    "Delta,1,10:00,10:30\nAlpha,1,08:00,09:00\nBeta,1,09:00,10:00\nGamma,2,08:00,12:00\n",
    "Yoga,Hall,17:00,18:30\nChess,Hall,18:00,20:00\nChoir,Attic,17:00,21:00\nDance,Hall,16:00,22:00\n"
    "Drums,Attic,21:00,22:00\nPoetry,Attic,19:10,19:20\n",
    "Late,B,13:00,14:00\nEarly,B,07:30,08:15\nLong,A,07:00,18:00\nTwin,B,13:00,14:00\n",
]


def check(task):
    for text in [
        task.data_text("bookings.csv"),
        *["title,room,start,end\n" + case for case in CASES],
    ]:
        meetings = [line.split(",") for line in text.splitlines()[1:]]
        run = task.run(files={"bookings.csv": text})
        lines, some = run.lines(), False
        for (first, room, start, end), (second, other, start2, end2) in itertools.combinations(
            meetings, 2
        ):
            clash = room == other and start < end2 and start2 < end
            printed = sum(bool(places(line, first) and places(line, second)) for line in lines)
            some = some or clash
            if printed > 1:
                run.wrong(f"`{first}` and `{second}` are printed {printed} times")
            if clash != bool(printed):
                run.wrong(f"`{first}` and `{second}` {'are missing' if clash else 'do not clash'}")
        if bool(places(run.stdout, "no clashes")) == some:
            run.wrong(f"`no clashes` is {'in' if some else 'not in'} the output")


if __name__ == "__main__":
    main(check)
