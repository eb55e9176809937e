rows = [line.split(",") for line in open("data/expenses.csv").read().splitlines()[1:]]
people = {name for row in rows for name in [row[0], *row[2].split(";")]}
for name in sorted(people, reverse=True):
    paid = sum(float(amount) for payer, amount, _ in rows if payer == name)
    shares = [float(a) / len(who.split(";")) for _, a, who in rows if name in who.split(";")]
    print(
        name.ljust(12),
        f"paid {paid:.2f}",
        f"share {sum(shares):.2f}",
        f"balance {paid - sum(shares):.2f}",
    )
