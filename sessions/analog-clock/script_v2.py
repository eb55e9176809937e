"""An analog clock."""
import argparse
import math
from datetime import datetime


def angles(now):
    """Degrees from twelve o'clock, clockwise: hour, minute, second."""
    return (now.hour % 12 * 30, now.minute * 6, now.second * 6)


def draw(canvas, now):
    canvas.delete("all")
    canvas.create_oval(20, 20, 280, 280, width=3)
    for angle, length in zip(angles(now), (60, 90, 110)):
        radians = math.radians(angle)
        canvas.create_line(150, 150, 150 + length * math.sin(radians), 150 - length * math.cos(radians))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", default="03:00:00")
    args = parser.parse_args()
    print(angles(datetime.strptime(args.once, "%H:%M:%S")))


if __name__ == "__main__":
    main()
