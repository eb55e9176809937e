import json

cheap = {}
for entry in json.load(open("data/books.json")):
    if float(entry["price"]) < 10:
        cheap[entry["title"]] = entry["price"]
print("Books under 10 euros")
print("====================")
while cheap:
    title = min(cheap, key=cheap.get)
    print(f"{cheap.pop(title):>8.2f} €   {title}")
