def add_vat(net, rate=19):
    """The price with tax; `rate` is in percent."""
    return round(net * (1 + rate / 100), 2)


if __name__ == "__main__":
    print(add_vat(100))
