"""Place and width of each rectangle, 20 px a day, top to bottom."""

import sys
from datetime import date

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import attribute, main


def rects(run, count):
    found = []
    for element in run.svg("gantt.svg", "rect"):
        if "%" not in element.get("width", "") + element.get("height", ""):
            found.append(
                {name: attribute(element, name, run) for name in ("x", "y", "width", "height")}
            )
    if len(found) == count + 1:
        found.remove(max(found, key=lambda rect: rect["height"]))
    if len(found) != count:
        run.wrong(f"there are {len(found)} rectangles for {count} tasks")
    return found


def check(task):
    texts = [
        task.data_text("plan.csv"),
        "task,start,end\nDesign,2027-12-20,2028-01-05\nBuild,2028-01-06,2028-03-02\n",
        "task,start,end\nSow,2026-04-10,2026-04-12\nWater,2026-04-10,2026-05-31\n"
        "Plan,2026-03-30,2026-04-09\nHarvest,2026-06-01,2026-06-01\n",
    ]
    for text in texts:
        plan = [line.split(",") for line in text.splitlines()[1:]]
        days = [(date.fromisoformat(start), date.fromisoformat(end)) for _, start, end in plan]
        first = min(start for start, _ in days)
        run = task.run(files={"plan.csv": text})
        found = rects(run, len(plan))
        left = min(rect["x"] for rect in found)
        for (name, *_), (start, end), rect in zip(plan, days, found):
            if abs(rect["width"] - 20 * ((end - start).days + 1)) > 0.01:
                run.wrong(f"`{name}` is {rect['width']:g} wide")
            if abs(rect["x"] - left - 20 * (start - first).days) > 0.01:
                run.wrong(f"`{name}` begins at {rect['x'] - left:g}")
            if rect["height"] <= 0:
                run.wrong(f"`{name}` has no height")
            if name not in run.text("gantt.svg"):
                run.wrong(f"there is no text `{name}`")
        for above, below in zip(found, found[1:]):
            if above["y"] + above["height"] > below["y"] + 0.01:
                run.wrong("a rectangle is not below the one before")
        if len(run.svg("gantt.svg", "text")) < len(plan):
            run.wrong("not every task has a <text>")


if __name__ == "__main__":
    main(check)
