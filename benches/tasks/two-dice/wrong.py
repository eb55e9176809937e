import random
import sys

rolls = int(sys.argv[1])
random.seed(int(sys.argv[2]))
counts = {total: 0 for total in range(2, 13)}
for _ in range(rolls):
    counts[random.randint(2, 12)] += 1
for total in range(2, 13):
    print(f"Sum {total}: {counts[total]} times")
