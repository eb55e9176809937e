"""After `done` the list is printed, and how many things it has."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main, sequence

GAMES = [
    "add milk,add bread,add eggs,remove bread,add milk,done",
    "add soap,add rice,add tea,add olive oil,remove tea,add rice,add jam,remove honey,done",
    "add pears,remove pears,add pears,add nuts,add kiwis,remove kiwis,add leek,add beans,done",
    "remove corn,add plums,add grapes,add mint,remove mint,add apricots,remove mint,add peas,done",
]


def check(task):
    for game in GAMES:
        things, named = set(), set()
        for line in game.split(",")[:-1]:
            command, _, thing = line.partition(" ")
            named.add(thing)
            (things.add if command == "add" else things.discard)(thing)
        run = task.run(stdin=game.replace(",", "\n") + "\n")
        # What stands before the list may repeat what was typed.
        tail = sequence(run.stdout, named)[-len(things) :]
        if tail != sorted(things):
            run.wrong(f"at the end there is {tail} instead of {sorted(things)}")
        run.has_numbers(len(things))


if __name__ == "__main__":
    main(check)
