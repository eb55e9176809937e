"""Minutes of each user, over midnight, without open sessions."""

import random
import sys
from datetime import datetime, timedelta

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def log(seed, users):
    rng, events = random.Random(seed), []
    for at, user in enumerate(users):
        moment = datetime(2026, 2, 27, 19, rng.randint(0, 59)) + timedelta(minutes=7 * at)
        for turn in range(6 + at % 2 if at else 6):
            events.append((moment, "logout" if turn % 2 else "login", user))
            moment += timedelta(minutes=rng.choice([37, 95, 411, 733, 1803]) + rng.randint(0, 20))
    return "".join(
        f"{moment:%Y-%m-%d %H:%M} {what} {user}\n" for moment, what, user in sorted(events)
    )


def check(task):
    texts = [
        task.data_text("sessions.log"),
        log(1, ["ole", "pia", "quentin"]),
        log(2, ["ute", "viktor"]),
    ]
    for text in texts:
        since, minutes = {}, {}
        for line in text.splitlines():
            day, clock, what, user = line.split()
            moment = datetime.fromisoformat(f"{day} {clock}")
            if what == "login":
                since[user] = moment
            else:
                minutes[user] = (
                    minutes.get(user, 0) + (moment - since.pop(user)).total_seconds() / 60
                )
        run = task.run(files={"sessions.log": text})
        run.pairs(minutes)


if __name__ == "__main__":
    main(check)
