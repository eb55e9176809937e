"""The averages by name, the highest first, without empty departments."""

import random
import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

NAMES = ["Kitchen", "Garden", "Transport", "Purchasing", "Archive", "Reception"]


def firm(seed):
    rng = random.Random(seed)
    ids = rng.sample(range(1, 99), len(NAMES))
    people = [
        (rng.choice(ids[:-1]), rng.randint(21, 70) * 100 + rng.randint(0, 9)) for _ in range(14)
    ]
    people += [(key, 3000 + 17 * at) for at, key in enumerate(ids[:-1])]
    lines = [f"{at},Person P{at},{key},{pay}" for at, (key, pay) in enumerate(people, 100)]
    departments = [f"{key},{name}" for key, name in zip(ids, NAMES)]
    rng.shuffle(departments)
    return {
        "employees.csv": "id,name,department_id,salary\n" + "\n".join(lines) + "\n",
        "departments.csv": "id,name\n" + "\n".join(departments) + "\n",
    }


def check(task):
    given = {name: task.data_text(name) for name in task.data}
    for files in [given, firm(1), firm(2)]:
        names = dict(line.split(",") for line in files["departments.csv"].splitlines()[1:])
        pay = {}
        for line in files["employees.csv"].splitlines()[1:]:
            _, _, key, salary = line.split(",")
            pay.setdefault(names[key], []).append(float(salary))
        means = {name: sum(values) / len(values) for name, values in pay.items()}
        run = task.run(files=files)
        run.pairs(means)
        run.order(sorted(means, key=means.get, reverse=True))
        run.lacks_words(*set(names.values()) - set(means))


if __name__ == "__main__":
    main(check)
