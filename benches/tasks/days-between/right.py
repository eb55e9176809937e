import sys
from datetime import date

first, second = (date.fromisoformat(text) for text in sys.argv[1:3])
print(abs((second - first).days))
