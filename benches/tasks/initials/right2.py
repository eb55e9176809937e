import argparse

parser = argparse.ArgumentParser()
parser.add_argument("name", nargs="*", default=["anna", "maria", "berg"])
words = " ".join(parser.parse_args().name).split()
print("Initials of", " ".join(words).title() + ":", ". ".join(w[:1].upper() for w in words) + ".")
