from collections import defaultdict
from datetime import datetime

started, minutes = {}, defaultdict(float)
with open("sessions.log") as file:
    for line in file:
        day, clock, what, user = line.split()
        moment = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M")
        if what == "login":
            started[user] = moment
        elif user in started:
            minutes[user] += (moment - started.pop(user)).total_seconds() / 60
for user in sorted(minutes):
    print(f"{user}: {minutes[user]:.0f} minutes")
