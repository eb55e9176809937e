levels = {"INFO": 0, "WARNING": 0, "ERROR": 0, "DEBUG": 0}
with open("app.log") as file:
    for line in file:
        for level in levels:
            if level in line:
                levels[level] += 1
for level, count in levels.items():
    print(f"{level}: {count}")
