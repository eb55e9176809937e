with open("prices.csv") as source, open("prices.md", "w") as target:
    for number, line in enumerate(source):
        cells = line.strip().split(",")
        target.write("| " + " | ".join(cells) + " |\n")
        if number == 0:
            target.write("|" + "---|" * len(cells) + "\n")
