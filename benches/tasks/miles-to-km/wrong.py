import sys

for text in sys.argv[1:]:
    print(f"{text} miles = {float(text) * 1.6:.2f} km")
