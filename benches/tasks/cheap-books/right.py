import json

with open("books.json", encoding="utf-8") as file:
    books = json.load(file)
for book in sorted(books, key=lambda book: book["price"]):
    if book["price"] < 10:
        print(book["title"], book["price"])
