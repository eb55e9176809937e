import json

with open("orders.json") as file:
    orders = json.load(file)
grand_total = 0
for order in orders:
    total = sum(item["qty"] * item["price"] for item in order["items"])
    total -= order.get("discount", 0)
    grand_total += total
    print(f"Order {order['order']} ({order['customer']}): {total:.2f}")
print(f"Total: {grand_total:.2f}")
