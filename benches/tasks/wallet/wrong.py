class Wallet:
    def __init__(self):
        self.amount = 0
        self.changes = []

    def add(self, amount):
        if amount <= 0:
            raise ValueError("Amount must be greater than zero")
        self.amount += amount
        self.changes.append(amount)

    def spend(self, amount):
        if amount > self.amount:
            raise ValueError("Not enough money")
        self.amount -= amount
        self.changes.append(-amount)

    def balance(self):
        return self.amount

    def history(self):
        return self.changes


if __name__ == "__main__":
    wallet = Wallet()
    wallet.add(100)
    wallet.spend(30)
    print(wallet.balance())
    print(wallet.history())
