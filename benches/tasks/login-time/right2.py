import time

events = []
for line in open("data/sessions.log").read().strip().split("\n"):
    when = time.strptime(line[:16], "%Y-%m-%d %H:%M")
    events.append((line.split()[3], line.split()[2], time.mktime(when)))
for user in dict.fromkeys(name for name, *_ in events):
    times = [moment for name, _, moment in events if name == user]
    spans = [out - into for into, out in zip(times[::2], times[1::2])]
    if spans:
        print(f"{sum(spans) / 60:10,.1f} min  {user}")
