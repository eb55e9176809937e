#!/usr/bin/env bash
# What readers of inline script metadata (PEP 723) make of a script block that stands directly under
# another block.
#
# uv 0.13.9 reads the script block and resolves its dependencies. pip 26.3 (--requirements-from-script)
# says that the file has no script metadata: as the standard's regular expression does, it takes all
# lines from the first opening line to the last closing line as the content of the first block. One
# empty line between the two blocks, and both read the same. A program that writes such a block beside
# those of others has to leave a line free.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/readers"
"$folder/readers/bin/pip" install --quiet --disable-pip-version-check pip==26.3 uv==0.13.9
cd "$folder"
other='# /// build-notes\n# kind = "draft"\n# ///\n'
script='# /// script\n# dependencies = ["idna==3.10"]\n# ///\nprint("ran")\n'
printf "$other$script" > adjacent.py
printf "$other\n$script" > apart.py
failed=0
expect() { # WHAT EXPECTED SEEN
    echo "$1: $3"
    if [ "$2" != "$3" ]; then
        echo "  it was: $2"
        failed=1
    fi
}
uv() { readers/bin/uv tree --quiet --script "$1" 2> /dev/null | tr -d '\n' || echo "no metadata"; }
pip() {
    if readers/bin/pip install --quiet --disable-pip-version-check --dry-run --ignore-installed \
        --requirements-from-script "$1" > said 2>&1; then
        echo "read"
    else
        grep -o "does not contain 'script' metadata" said || cat said
    fi
}
expect "uv, directly below another block" "idna v3.10" "$(uv adjacent.py)"
expect "pip, directly below another block" "does not contain 'script' metadata" "$(pip adjacent.py)"
expect "uv, an empty line between" "idna v3.10" "$(uv apart.py)"
expect "pip, an empty line between" "read" "$(pip apart.py)"
exit "$failed"
