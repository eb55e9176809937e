"""The picture has bars whose area and place follow the data, upright or lying."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def bars(run):
    """Number and middle of the pixels that belong to bars, relative to the picture."""
    picture = run.png("visitors.png")
    if picture.width < 50 or picture.height < 50 or picture.blank():
        run.wrong("the picture is too small or empty")
    step = max(1, min(picture.width, picture.height) // 120)
    spots = [(x, y) for y in range(0, picture.height, step) for x in range(0, picture.width, step)]
    colors = {spot: picture.at(*spot) for spot in spots}
    colored = [spot for spot, color in colors.items() if max(color[:3]) - min(color[:3]) > 40]
    if len(colored) < len(spots) / 200:  # gray or black bars
        colored = [spot for spot, color in colors.items() if color[3] > 127 and color[0] < 215]
    if not colored:
        run.wrong("there are no bars in the picture")
    middle = [sum(spot[axis] for spot in colored) / len(colored) for axis in (0, 1)]
    return len(colored) / len(spots), middle[0] / picture.width, middle[1] / picture.height


def check(task):
    task_run = task.run()
    share, *_ = bars(task_run)
    if share < 0.02:
        task_run.wrong("less than a fiftieth of the picture is covered by bars")
    months = ["January", "February", "March", "April"]
    seen = []
    for values in [[100, 100, 100, 100], [100, 10, 10, 10], [10, 10, 10, 100]]:
        rows = "".join(f"{month},{value}\n" for month, value in zip(months, values))
        run = task.run(files={"visitors.csv": "month,visitors\n" + rows})
        seen.append(bars(run))
    (even, *_), (first, x1, y1), (last, x2, y2) = seen
    for share in [first, last]:
        if not 0.2 < share / even < 0.5:
            run.wrong(
                f"the bars of 100, 10, 10, 10 cover {share / even:.2f} of those of four times 100"
            )
    if max(abs(x1 - x2), abs(y1 - y2)) < 0.15:
        run.wrong("the largest bar is at one place, whether it is the first or the last")


if __name__ == "__main__":
    main(check)
