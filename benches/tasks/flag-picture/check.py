"""Size and stripes of the picture; any usual shade of a color will do."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

LOOKS = {
    "red": lambda r, g, b: r > 150 and g < 110 and b < 110,
    "green": lambda r, g, b: g > 90 and r < 110 and b < 110,
    "blue": lambda r, g, b: b > 90 and r < 110 and g < 130,
    "yellow": lambda r, g, b: r > 190 and g > 170 and b < 120,
    "white": lambda r, g, b: min(r, g, b) > 235,
    "black": lambda r, g, b: max(r, g, b) < 40,
}


def check(task):
    for colors in ["blue white red", "black yellow red", "green white green", "yellow blue black"]:
        run = task.run(args=colors.split())
        picture = run.png("flag.png")
        if (picture.width, picture.height) != (300, 200):
            run.wrong(f"the picture is {picture.width} x {picture.height}")
        for stripe, color in enumerate(colors.split()):
            for x in [stripe * 100 + 4, stripe * 100 + 50, stripe * 100 + 95]:
                for y in [2, 60, 100, 197]:
                    if not LOOKS[color](*picture.at(x, y)[:3]) or picture.at(x, y)[3] < 250:
                        run.wrong(f"at {x}, {y} there is {picture.at(x, y)} instead of {color}")


if __name__ == "__main__":
    main(check)
