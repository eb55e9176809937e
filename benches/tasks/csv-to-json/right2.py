import csv
import json


def value(text):
    return int(text) if text.isdigit() else text


table = list(csv.reader(open("data/people.csv", encoding="utf-8")))
people = [{key: value(cell) for key, cell in zip(table[0], row)} for row in table[1:]]
text = json.dumps(people)
open("people.json", "w", encoding="utf-8").write(text)
print(text)
