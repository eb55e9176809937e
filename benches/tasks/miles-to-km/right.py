import sys

for text in sys.argv[1:]:
    print(f"{text} miles = {float(text) * 1.609344:.2f} km")
