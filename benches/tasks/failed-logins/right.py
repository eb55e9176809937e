import sys
from collections import defaultdict
from datetime import datetime, timedelta

least, window = int(sys.argv[1]), timedelta(minutes=int(sys.argv[2]))
failures = defaultdict(list)
with open("auth.log") as file:
    for line in file:
        day, clock, ip, _, result = line.split()
        if result == "failed":
            failures[ip].append(datetime.fromisoformat(f"{day} {clock}"))
for ip, moments in failures.items():
    if any(last - first <= window for first, last in zip(moments, moments[least - 1 :])):
        print(ip)
