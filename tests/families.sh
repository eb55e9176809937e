#!/usr/bin/env bash
# Compares the embedded model with llama.cpp on small models of every family with random weights: the scores
# after each of 64 tokens, computed in one batch, one by one, a few at a time, after a cached prefix, and in
# parallel with other conversations. Prints the largest difference.
# Not part of the tests, which compare with recorded scores: it installs llama.cpp.
#
#   tests/families.sh [--record]        --record: rewrites the records of the tests
#
# FAMILIES_FOLDER names a folder for the installed packages, which are reused.
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
