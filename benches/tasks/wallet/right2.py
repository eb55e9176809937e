class NotEnough(ValueError):
    pass


class Wallet:
    def __init__(self):
        self.money = 0.0
        self.log = []

    def _change(self, amount, sign):
        if not amount > 0:
            raise ValueError(amount)
        if sign < 0 and self.money < amount:
            raise NotEnough(amount)
        self.money += sign * amount
        self.log += [sign * amount]

    def add(self, amount):
        self._change(amount, 1)

    def spend(self, amount):
        self._change(amount, -1)

    def balance(self):
        return self.money

    def history(self):
        return self.log


if __name__ == "__main__":
    wallet = Wallet()
    wallet.add(5)
    print(wallet.balance(), wallet.history())
