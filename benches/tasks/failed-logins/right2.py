import argparse
import time

parser = argparse.ArgumentParser()
parser.add_argument("n", type=int, nargs="?", default=3)
parser.add_argument("m", type=float, nargs="?", default=10)
args = parser.parse_args()
rows = [line.split() for line in open("data/auth.log")]
events = [
    (time.mktime(time.strptime(d + c, "%Y-%m-%d%H:%M:%S")), ip)
    for d, c, ip, _, w in rows
    if w != "ok"
]
found = set()
for end, ip in events:
    if sum(other == ip and end - 60 * args.m <= at <= end for at, other in events) >= args.n:
        found.add(ip)
print("Suspicious addresses:", ", ".join(sorted(found)))
