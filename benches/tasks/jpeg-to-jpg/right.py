from pathlib import Path

for path in Path(".").glob("*.jpeg"):
    path.rename(path.with_suffix(".jpg"))
