"""Checks that each file and folder named in backticks in the developer documents exists.

python3 tests/documents.py [DOCUMENT ...]    by default ARCHITECTURE.md and CONTRIBUTING.md

Prints DOCUMENT:LINE: NAME for each missing one, and exits 1. A name may omit `src/` and leading folders:
`llm/call.rs` is `crates/llm/src/call.rs`.
"""

import pathlib
import re
import subprocess
import sys

ENDS = r"\.(rs|py|md|yaml|html|css|js|toml|sh|txt|json|ipynb)$|/$"


def known():
    """Files and folders of the repository, with and without `src/`, each with a leading slash."""
    files = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
    names = {f"/{name}" for file in files for name in [file, *map(str, pathlib.Path(file).parents)]}
    return names | {name.replace("/src/", "/") for name in names}


def missing(document, names):
    for number, line in enumerate(pathlib.Path(document).read_text().splitlines(), 1):
        for name in re.findall(r"`([^`\s]+)`", line):
            if re.search(ENDS, name) and not any(n.endswith("/" + name.rstrip("/")) for n in names):
                yield f"{document}:{number}: {name}"


def main():
    names = known()
    documents = sys.argv[1:] or ["ARCHITECTURE.md", "CONTRIBUTING.md"]
    found = [line for document in documents for line in missing(document, names)]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


main()
