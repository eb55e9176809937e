from collections import Counter

with open("poem.txt") as file:
    words = file.read().lower().split()
for word, count in Counter(words).most_common(5):
    print(f"{word}: {count}")
