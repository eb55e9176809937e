import csv

shares = 0
cost = 0.0
profit = 0.0
with open("trades.csv") as file:
    for row in csv.DictReader(file):
        qty = int(row["qty"])
        price = float(row["price"])
        if row["type"] == "buy":
            shares += qty
            cost += qty * price
        else:
            average = cost / shares
            profit += qty * (price - average)
            shares -= qty
            cost -= qty * average
print(f"Profit: {profit:.2f}")
print(f"Shares left: {shares}")
print(f"Cost of the remaining shares: {cost:.2f}")
