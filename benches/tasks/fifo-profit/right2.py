shares, gained = [], []
for line in open("data/trades.csv"):
    kind, qty, price = line.strip().split(",")
    if kind == "buy":
        shares.extend([float(price)] * int(qty))
    elif kind == "sell":
        for _ in range(int(qty)):
            gained.append(float(price) - shares.pop(0))
print("Left:", len(shares), "shares bought for", f"{sum(shares):,.2f}")
print("Realised profit:", f"{sum(gained):,.2f}")
