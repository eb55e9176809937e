"""One rectangle a row: height, order, base line, no overlap."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import attribute, main


def bars(run, votes):
    """The rectangles of the bars, left to right; one more may be the background."""
    rects = []
    for element in run.svg("bars.svg", "rect"):
        if "%" not in element.get("width", "") + element.get("height", ""):
            rects.append(
                {name: attribute(element, name, run) for name in ("x", "y", "width", "height")}
            )
    if len(rects) == len(votes) + 1:
        rects.remove(max(rects, key=lambda rect: rect["width"]))
    if len(rects) != len(votes):
        run.wrong(f"there are {len(rects)} rectangles for {len(votes)} rows")
    return sorted(rects, key=lambda rect: rect["x"])


def check(task):
    texts = [
        task.data_text("votes.csv"),
        "name,votes\nred,15\ngreen,40\n",
        "name,votes\n" + "".join(f"p{at},{(at * 37) % 90 + 11}\n" for at in range(9)),
    ]
    for text in texts:
        votes = [int(line.split(",")[1]) for line in text.splitlines()[1:]]
        run = task.run(files={"votes.csv": text})
        rects = bars(run, votes)
        if [rect["height"] for rect in rects] != votes:
            run.wrong(f"the heights are {[rect['height'] for rect in rects]} instead of {votes}")
        # With a mirrored y axis the upper edges are the base line.
        mirrored = "-1)" in run.text("bars.svg").replace(" ", "")
        bases = [rect["y"] + (0 if mirrored else rect["height"]) for rect in rects]
        if max(bases) - min(bases) > 0.01:
            run.wrong("the bars do not stand on one base line")
        text = run.text("bars.svg")
        if (
            min(rect["y"] for rect in rects) < 0
            and "viewBox" not in text
            and "transform" not in text
        ):
            run.wrong("a bar begins above the picture")
        for left, right in zip(rects, rects[1:]):
            if left["width"] <= 0 or left["x"] + left["width"] > right["x"] + 0.01:
                run.wrong("two bars overlap")


if __name__ == "__main__":
    main(check)
