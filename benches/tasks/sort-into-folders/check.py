"""Each file is in the folder of its ending, unchanged."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def check(task):
    cases = [
        {name: data.decode() for name, data in task.data.items()},
        {"a.Jpg": "1", "b.jpg": "2", "c.JPG": "3", "Makefile": "4", "x.csv": "5"},
        {"song.mp3": "6", "Song two.MP3": "7", "list.old.CSV": "8", "todo": "9", "pic.png": "10"},
    ]
    for files in cases:
        run = task.run(files=files, only=True)
        wanted = {}
        for name, text in files.items():
            ending = name.rpartition(".")[2].lower() if "." in name else ""
            wanted[f"{ending}/{name}" if ending else name] = text.encode()
        found = [run.tree(root) for root in run.roots()]
        if not (run.folder / "script.py").exists():
            run.wrong("the script itself was moved")
        if wanted not in found:
            run.wrong(f"the folder has {sorted(found[0])}")


if __name__ == "__main__":
    main(check)
