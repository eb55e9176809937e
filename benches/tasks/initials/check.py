"""The first letters in capitals, with or without points."""

import re
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    for name in ["anna maria berg", "Li Wei", "jean paul guy marie dupont", "kofi mensah"]:
        run = task.run(args=name.split())
        wanted = "".join(word[0] for word in name.upper().split())
        found = re.findall(r"(?<!\w)(?:[A-Z][.\s-]*)+(?!\w)", run.stdout)
        if wanted not in [re.sub(r"\W", "", text) for text in found]:
            run.wrong(f"`{wanted}` is not in the output")


if __name__ == "__main__":
    main(check)
