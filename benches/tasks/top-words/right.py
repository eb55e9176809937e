import re
from collections import Counter

words = re.findall(r"[a-z]+", open("poem.txt").read().lower())
for word, count in Counter(words).most_common(5):
    print(f"{word}: {count}")
