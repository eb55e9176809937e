import json

with open("orders.json", encoding="utf-8") as file:
    orders = json.load(file)
whole = 0
for order in orders:
    amount = sum(item["qty"] * item["price"] for item in order["items"])
    amount *= 1 - order.get("discount", 0) / 100
    whole += amount
    print(f"{order['order']} {order['customer']}: {amount:.2f}")
print(f"All orders: {whole:.2f}")
