import re

text = open("data/app.log").read()
print(
    {
        k: len(re.findall(rf"^\S+ \S+ {k}\b", text, re.M))
        for k in ("DEBUG", "INFO", "WARNING", "ERROR")
    }
)
