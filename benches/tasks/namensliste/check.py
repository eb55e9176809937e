"""Different names in order, and how many there are."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    texts = [
        task.data_text("namen.txt"),
        "Zora\nBenno\nZora\nZora\nKlara\nAlois\nBenno\nEmil\nKlara\nFritz\nGerd\nIda\nJan\n",
        "Wanda\nVera\nUwe\nTheo\nUwe\nVera\nWanda\nUwe\n",
    ]
    for text in texts:
        names = sorted(set(text.split()))
        run = task.run(files={"namen.txt": text})
        run.order(names)
        run.has_numbers(len(names))
        for name in names:
            if sum(name in line for line in run.lines()) > 1:
                run.wrong(f"`{name}` stands in several lines")


if __name__ == "__main__":
    main(check)
