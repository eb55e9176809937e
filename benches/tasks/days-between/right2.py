import argparse
from datetime import datetime

parser = argparse.ArgumentParser(description="Days between two dates")
parser.add_argument("a", nargs="?", default="2026-02-10")
parser.add_argument("b", nargs="?", default="2026-03-05")
args = parser.parse_args()
moments = sorted(datetime.strptime(text, "%Y-%m-%d").timestamp() for text in (args.a, args.b))
days = round((moments[1] - moments[0]) / 86400)
print(f"Between {args.a} and {args.b} there are {days} days.")
