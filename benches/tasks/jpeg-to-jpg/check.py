"""Files that end in .jpeg have the new ending, all others are as they were."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    cases = [
        {name: data.decode() for name, data in task.data.items()},
        {"a.jpeg": "1", "b.jpeg": "2", "my.jpeg.list.csv": "3", "c.png": "4", "x.y.jpeg": "5"},
        {"jpeg": "no ending", "the jpeg files.jpeg": "6", "readme.md": "7", "z.jpeg.jpeg": "8"},
    ]
    for files in cases:
        run = task.run(files=files, only=True)
        wanted = {
            (name[:-5] + ".jpg" if name.endswith(".jpeg") else name): text.encode()
            for name, text in files.items()
        }
        if wanted not in [run.tree(root) for root in run.roots()]:
            run.wrong(f"the folder has {sorted(run.tree(run.folder))}")


if __name__ == "__main__":
    main(check)
