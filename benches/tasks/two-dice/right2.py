import argparse
from collections import Counter
from random import Random

parser = argparse.ArgumentParser()
parser.add_argument("rolls", type=int, nargs="?", default=1000)
parser.add_argument("seed", type=int, nargs="?", default=1)
args = parser.parse_args()
dice = Random(args.seed)
sums = Counter(sum(dice.choices(range(1, 7), k=2)) for _ in range(args.rolls))
print(f"Sums of {args.rolls} rolls with seed {args.seed}")
print("Sum | Count | Percent")
for total in range(2, 13):
    print(f"{total:3} | {sums[total]:5} | {100 * sums[total] / args.rolls:.1f}%")
