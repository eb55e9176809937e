"""Which of some requirements this Python meets: one letter each, in their order.

Asked as `python -I -c ... JSON`. No module is imported but those of Python itself and the one that
reads requirements.
"""
import json
import sys
from importlib import metadata, util


def reader():
    for where in ("packaging", "pip._vendor.packaging", "setuptools._vendor.packaging"):
        try:
            return __import__(where + ".requirements", fromlist=["Requirement"]).Requirement
        except ImportError:
            pass
    return None


def importable(module):
    try:
        found = util.find_spec(module)
    except (ImportError, ValueError):
        return False
    # A leftover folder of that name has no origin.
    return found is not None and found.origin is not None


def meets(text, name, bare, modules):
    if bare and modules and all(map(importable, modules)):
        return True
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    if bare:
        return version is not None
    read = reader()
    if read is None:
        return False
    wanted = read(text)
    if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
        return True
    return version is not None and not wanted.extras and wanted.specifier.contains(version, True)


def answer(one):
    try:
        return "y" if meets(*one) else "n"
    except Exception:
        return "n"


print("".join(map(answer, json.loads(sys.argv[1]))))
