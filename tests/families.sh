#!/usr/bin/env bash
# The model inside the program beside llama.cpp, on small models of every family with numbers drawn at
# random: what is expected behind each of 64 tokens, computed at once, one by one, a few at a time, behind
# a kept beginning, and side by side with other conversations. Prints how far the two are apart at most.
# Not part of the tests, which compare with what was recorded: it installs llama.cpp.
#
#   tests/families.sh [--record]        --record: writes the records of the tests anew
#
# FAMILIES_FOLDER names a folder for the installed packages, which are used again.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=$(realpath -m "${FAMILIES_FOLDER:-$folder/packages}")
[ -x "$packages/bin/python" ] || python3 -m venv "$packages"
"$packages/bin/pip" install --quiet --disable-pip-version-check xllamacpp==2026.10.11549
export REDRAFT_FAMILIES=$folder/models
mkdir "$REDRAFT_FAMILIES"
families() {
  cargo test --quiet --manifest-path "$here/Cargo.toml" -p redraft-llm --lib each_model_family_gives
}
families > /dev/null
"$packages/bin/python" -B "$here/tests/families/ask.py" "$REDRAFT_FAMILIES" "$here/tests/it/fixtures" "$@" \
  2> "$folder/said" || { tail -20 "$folder/said"; exit 1; }
families > /dev/null
cat "$REDRAFT_FAMILIES/apart.txt"
