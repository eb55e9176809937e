"""The lines in the opposite order; the last line of the file has no line end."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    texts = [
        task.data_text("notes.txt"),
        "one\ntwo\nthree\nfour",
        "  indented\nAlpha\nalpha\n42\nlast one, no line end",
    ]
    for text in texts:
        run = task.run(files={"notes.txt": text})
        written = run.text("notes_reversed.txt").splitlines()
        while written and not written[-1]:
            written.pop()
        if [line.rstrip() for line in written] != text.splitlines()[::-1]:
            run.wrong(f"the file begins with {written[:2]}")


if __name__ == "__main__":
    main(check)
