def minutes(text):
    hours, rest = text.split(":")
    return 60 * int(hours) + int(rest)


rooms = {}
for line in open("data/bookings.csv").read().splitlines()[1:]:
    title, room, start, end = line.split(",")
    rooms.setdefault(room, []).append((minutes(start), minutes(end), title))
found = 0
for room in sorted(rooms):
    day = sorted(rooms[room])
    for at, (_, end, title) in enumerate(day):
        for start, _, other in day[at + 1 :]:
            if start < end:
                found += 1
                print(f"Clash {found} in room {room}: {other} starts while {title} goes on")
print("No clashes." if not found else "")
