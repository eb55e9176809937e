"""The five most frequent words with their counts, in order."""

import random
import re
import sys
from collections import Counter

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from checker import main

WORDS = "river stone lantern harbor copper meadow falcon winter ember willow".split()


def song(seed):
    """A text in which the word at place k stands 9 - k times, half of the time with a sign."""
    rng = random.Random(seed)
    names = rng.sample(WORDS, 8)
    words = [
        rng.choice([w, w.capitalize(), w.upper()])
        for k, w in enumerate(names)
        for _ in range(10 - k)
    ]
    rng.shuffle(words)
    words = [word + rng.choice(["", "", ",", "!", ".", ";", "?"]) for word in words]
    return "\n".join(" ".join(words[at : at + 6]) for at in range(0, len(words), 6)) + "\n"


def check(task):
    for text in [task.data_text("poem.txt"), song(1), song(2)]:
        top = Counter(re.findall(r"[a-z]+", text.lower())).most_common(6)
        run = task.run(files={"poem.txt": text})
        run.pairs(dict(top[:5]))
        run.order([word for word, _ in top[:5]])
        if top[5][0] in WORDS:
            run.lacks_words(top[5][0])


if __name__ == "__main__":
    main(check)
