import random
import sys

rolls, seed = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)
counts = dict.fromkeys(range(2, 13), 0)
for _ in range(rolls):
    counts[random.randint(1, 6) + random.randint(1, 6)] += 1
for total, count in counts.items():
    print(f"{total}: {count}")
