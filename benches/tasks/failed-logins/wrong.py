import sys
from datetime import datetime

n = int(sys.argv[1])
m = int(sys.argv[2])
failures = {}
with open("auth.log") as file:
    for line in file:
        date, time, ip, user, status = line.split()
        if status == "failed":
            failures.setdefault(ip, []).append(
                datetime.strptime(f"{date} {time}", "%Y-%m-%d %H:%M:%S")
            )
for ip, times in failures.items():
    first = times[0]
    count = sum(1 for t in times if (t - first).seconds <= m * 60)
    if count >= n:
        print(ip)
