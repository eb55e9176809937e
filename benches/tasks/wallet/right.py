class Wallet:
    def __init__(self):
        self._changes = []

    def add(self, amount):
        if amount <= 0:
            raise ValueError("the amount must be greater than zero")
        self._changes.append(amount)

    def spend(self, amount):
        if amount <= 0:
            raise ValueError("the amount must be greater than zero")
        if amount > self.balance():
            raise ValueError("there is not enough in the wallet")
        self._changes.append(-amount)

    def balance(self):
        return sum(self._changes)

    def history(self):
        return list(self._changes)
