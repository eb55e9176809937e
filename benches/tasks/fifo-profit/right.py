import csv
from collections import deque

lots, profit = deque(), 0.0
with open("trades.csv", newline="") as file:
    for row in csv.DictReader(file):
        qty, price = int(row["qty"]), float(row["price"])
        if row["type"] == "buy":
            lots.append([qty, price])
            continue
        while qty:
            sold = min(qty, lots[0][0])
            profit += sold * (price - lots[0][1])
            qty -= sold
            lots[0][0] -= sold
            if lots[0][0] == 0:
                lots.popleft()
print(f"profit: {profit:.2f}")
print(f"shares left: {sum(qty for qty, _ in lots)}")
print(f"their cost: {sum(qty * price for qty, price in lots):.2f}")
