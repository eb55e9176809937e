import argparse

parser = argparse.ArgumentParser(description="Miles to kilometers")
parser.add_argument("miles", nargs="*", type=float, default=[1])
for miles in parser.parse_args().miles:
    kilometers = miles * 1.609344
    print(f"{kilometers:,.2f}")
