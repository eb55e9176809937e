"""Number, length and text of the longest line."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    texts = [
        task.data_text("speech.txt"),
        "a very long first line which wins the game without any doubt at all\nshort\nmedium line\n",
        "x\nyy\n\nzzzz zzzz\nhere comes another line, the last and longest line of all of them",
        "\n".join("word " * (n % 17) + "end" for n in range(3, 40)) + "\nagain\n",
    ]
    for text in texts:
        lines = text.splitlines()
        longest = max(lines, key=len)
        run = task.run(files={"speech.txt": text})
        if longest not in run.stdout:
            run.wrong("the longest line is not in the output")
        run.stdout = run.stdout.replace(longest, "")
        run.has_numbers(lines.index(longest) + 1, len(longest))


if __name__ == "__main__":
    main(check)
