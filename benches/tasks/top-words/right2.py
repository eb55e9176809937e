import string

counts = {}
with open("data/poem.txt") as file:
    for word in file.read().lower().split():
        word = word.strip(string.punctuation)
        if word:
            counts[word] = counts.get(word, 0) + 1
best = sorted(counts, key=counts.get, reverse=True)[:5]
print("Here are the most frequent words:")
for place, word in enumerate(best, 1):
    print(f"{place}. {counts[word]:>4} x {word.upper()}")
