import csv


def normalize(number):
    for char in " -/":
        number = number.replace(char, "")
    if number.startswith("+49"):
        number = "0" + number[3:]
    return number


with open("old.csv") as file:
    old = {normalize(row["phone"]) for row in csv.DictReader(file)}
with open("new.csv") as file:
    for row in csv.DictReader(file):
        if normalize(row["phone"]) not in old:
            print(row["name"])
