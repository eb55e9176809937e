import csv
import re


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [(row["name"], normal(row["phone"])) for row in csv.DictReader(file)]


def normal(phone):
    return re.sub(r"^(\+49|0049)", "0", re.sub(r"[\s/-]", "", phone))


known = {phone for _, phone in read("old.csv")}
for name, phone in read("new.csv"):
    if phone not in known:
        print(name)
