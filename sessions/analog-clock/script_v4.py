"""An analog clock."""
import argparse
import math
from datetime import datetime


def angles(now):
    """Degrees from twelve o'clock, clockwise: hour, minute, second."""
    minute = now.minute + now.second / 60
    return (now.hour % 12 * 30 + minute / 2, minute * 6, now.second * 6)


def point(angle, length):
    """The end of a hand or a mark, from the middle of the face."""
    radians = math.radians(angle)
    return 150 + length * math.sin(radians), 150 - length * math.cos(radians)


def draw(canvas, now):
    canvas.delete("all")
    canvas.create_oval(20, 20, 280, 280, width=3)
    for hour in range(12):
        canvas.create_line(*point(hour * 30, 118), *point(hour * 30, 128), width=2)
    for angle, (length, width) in zip(angles(now), ((60, 6), (90, 4), (110, 1))):
        canvas.create_line(150, 150, *point(angle, length), width=width)


def show():
    import tkinter

    root = tkinter.Tk()
    root.title("Clock")
    canvas = tkinter.Canvas(root, width=300, height=300, background="white")
    canvas.pack()

    def tick():
        draw(canvas, datetime.now())
        root.after(200, tick)

    tick()
    root.mainloop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", help="print the angles for HH:MM:SS")
    args = parser.parse_args()
    if args.once:
        print(angles(datetime.strptime(args.once, "%H:%M:%S")))
    else:
        show()


if __name__ == "__main__":
    main()
