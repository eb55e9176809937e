from pathlib import Path

here = Path(".")
me = Path(__file__).name
for path in list(here.iterdir()):
    if path.is_file() and path.suffix and path.name != me:
        folder = here / path.suffix[1:].lower()
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
