"""The names whose number is not in the old list."""

import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

OLD = (
    "name,phone\nA. Kern,0151 / 40 40 40\nBea Roth,+49-228-112233\n"
    "C. Vogt,0049 89 4711\nDora Ebel,0699 123\n"
)
NEW = (
    "name,phone\nKern Alma,+49 151 404040\nRoth B.,0228 112234\nVogt Carl,089/47 11\n"
    "Ebel Dora,0049 699 123\nFinn Noll,0228-11223\nGita Rao,+43 89 4711\n"
)
OLD2 = "name,phone\nHeike Thon,030 49 49 49\nIngo Ruf,+49 40 900 100\nJo Beck,0049 49 111\n"
NEW2 = (
    "name,phone\nThon Heike,+4930494949\nRuf I.,040-900-100\nKai Wulf,040 900 101\n"
    "Beck Johanna,049/111\nLea Zorn,+4949 112\nMax Opitz,0049 30 494 948\n"
)


def plain(number):
    digits = re.sub(r"[^\d+]", "", number)
    return re.sub(r"^(\+49|0049)", "0", digits)


def check(task):
    given = {name: task.data_text(name) for name in task.data}
    for files in [given, {"old.csv": OLD, "new.csv": NEW}, {"old.csv": OLD2, "new.csv": NEW2}]:
        lists = [
            [line.split(",") for line in files[n].splitlines()[1:]] for n in ("old.csv", "new.csv")
        ]
        known = {plain(number) for _, number in lists[0]}
        run = task.run(files=files)
        run.has_words(*[name for name, number in lists[1] if plain(number) not in known])
        run.lacks_words(*[name for name, number in lists[1] if plain(number) in known])


if __name__ == "__main__":
    main(check)
