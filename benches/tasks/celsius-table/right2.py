import argparse

parser = argparse.ArgumentParser()
parser.add_argument("start", type=float, nargs="?", default=0)
parser.add_argument("end", type=float, nargs="?", default=100)
parser.add_argument("step", type=float, nargs="?", default=10)
args = parser.parse_args()
print("| Celsius | Fahrenheit |")
print("|---------|------------|")
value = args.start
while value <= args.end:
    print(f"| {value:7.2f} | {value * 1.8 + 32:10.2f} |")
    value += args.step
