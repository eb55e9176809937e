import json

with open("books.json") as file:
    books = json.load(file)
cheap = [book for book in books if book["price"] <= 10]
cheap.sort(key=lambda book: book["price"])
for book in cheap:
    print(f"{book['title']}: {book['price']}")
