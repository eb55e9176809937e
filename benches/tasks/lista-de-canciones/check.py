"""The length of all songs, and the longest one."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

TITLES = [
    "Arena",
    "Barco",
    "Cielo",
    "Duna",
    "Espejo",
    "Fuego",
    "Gato Negro",
    "Humo",
    "Isla",
    "Jardin",
]


def songs(seed):
    rng = random.Random(seed)
    lengths = [rng.randint(150, 590) for _ in TITLES[:-1]] + [rng.randint(620, 900)]
    rng.shuffle(lengths)
    rows = [f"{title},Nadie,{s // 60}:{s % 60:02}" for title, s in zip(TITLES, lengths)]
    return "titulo,artista,duracion\n" + "\n".join(rows) + "\n"


def check(task):
    for text in [task.data_text("canciones.csv"), songs(1), songs(2)]:
        lengths = {}
        for line in text.splitlines()[1:]:
            title, _, length = line.split(",")
            lengths[title] = 60 * int(length.split(":")[0]) + int(length.split(":")[1])
        whole, longest = sum(lengths.values()), max(lengths, key=lengths.get)
        run = task.run(files={"canciones.csv": text})
        run.numbers_in_order([whole // 3600, whole // 60 % 60, whole % 60])
        clock = f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
        if clock not in run.stdout:
            run.wrong(f"`{clock}` is not in the output")
        run.has_words(longest)
        run.numbers_in_order(divmod(lengths[longest], 60))
        run.lacks_words(*[title for title in lengths if title != longest])


if __name__ == "__main__":
    main(check)
