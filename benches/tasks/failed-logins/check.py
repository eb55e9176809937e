"""The addresses with enough failures in a window of time."""

import random
import sys
from datetime import datetime, timedelta

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main


def log(seed):
    rng, lines = random.Random(seed), []
    for at in range(6):
        moment = datetime(2026, 8, 31, 23, 20) + timedelta(seconds=rng.randint(0, 3000))
        for _ in range(5):
            word = "ok" if rng.random() < 0.2 else "failed"
            lines.append(f"{moment:%Y-%m-%d %H:%M:%S} 203.0.113.{11 * at + 3} user{at % 2} {word}")
            moment += timedelta(seconds=rng.choice([43, 97, 171, 1333, 5001]) + rng.randint(0, 9))
    return "\n".join(sorted(lines)) + "\n"


def check(task):
    given = task.data_text("auth.log")
    for text, least, within in [
        (given, 3, 10),
        (given, 2, 1),
        (log(3), 3, 6),
        (log(4), 4, 30),
        (log(5), 2, 2),
    ]:
        failures = {}
        for line in text.splitlines():
            day, clock, ip, _, word = line.split()
            moments = failures.setdefault(ip, [])
            if word == "failed":
                moments.append(datetime.fromisoformat(f"{day} {clock}"))
        wanted = [
            ip
            for ip, moments in failures.items()
            if any(
                b - a <= timedelta(minutes=within) for a, b in zip(moments, moments[least - 1 :])
            )
        ]
        run = task.run(files={"auth.log": text}, args=[str(least), str(within)])
        run.has_words(*wanted)
        run.lacks_words(*[ip for ip in failures if ip not in wanted])


if __name__ == "__main__":
    main(check)
