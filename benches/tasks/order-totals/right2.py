import json
from decimal import Decimal

orders = json.load(open("data/orders.json"), parse_float=Decimal)
grand = Decimal(0)
for order in orders:
    net = sum((Decimal(i["qty"]) * i["price"] for i in order["items"]), Decimal(0))
    pay = net - net * Decimal(order.get("discount") or 0) / 100
    grand += pay
    print("Order number:", order["order"])
    print("  Customer:", order["customer"])
    print(f"  To pay: ${pay:,.2f}")
print("-" * 30)
print(f"Total of {len(orders)} orders: ${grand:,.2f}")
