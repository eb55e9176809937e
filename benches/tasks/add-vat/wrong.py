def add_vat(net, rate=19):
    return round(net * rate / 100, 2)


if __name__ == "__main__":
    print("Price with tax:", add_vat(100))
