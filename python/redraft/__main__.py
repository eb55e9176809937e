"""`python -m redraft`: the program itself."""

from __future__ import annotations

import os
import subprocess
import sys

from ._binary import find_binary
from ._errors import BinaryNotFound


def main() -> int:
    """Replaces this process by the program, or starts it and returns its exit code."""
    try:
        binary = find_binary()
    except BinaryNotFound as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    arguments = [binary, *sys.argv[1:]]
    if os.name == "posix":
        os.execv(binary, arguments)
    return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
