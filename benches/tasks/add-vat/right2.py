from decimal import ROUND_HALF_UP, Decimal


def add_vat(net: float, rate: float = 19) -> float:
    gross = Decimal(str(net)) * (100 + Decimal(str(rate))) / 100
    return float(gross.quantize(Decimal("0.01"), ROUND_HALF_UP))


print(add_vat(19.95))
