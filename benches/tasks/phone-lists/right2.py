def number(text):
    text = "".join(c for c in text if c in "+0123456789")
    for prefix in ("+49", "0049"):
        if text.startswith(prefix):
            text = "0" + text[len(prefix) :]
    return text


def table(path):
    return [line.rsplit(",", 1) for line in open(path).read().splitlines()[1:]]


old = [number(phone) for _, phone in table("data/old.csv")]
new = [name for name, phone in table("data/new.csv") if number(phone) not in old]
print(f"{len(new)} new people:", new)
