#!/usr/bin/env bash
# Compares redraft's descriptions of small data files with the results of pandas, polars, DuckDB, openpyxl
# and Python's own modules with default settings: rewrites docs/data-readers.md. Not part of the tests: it
# installs the readers.
#
#   tests/readers.sh [--check]        --check: exit code 1 if the page is out of date
#
# READERS_FOLDER names a folder for the installed readers, which are reused; REDRAFT the program.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${REDRAFT:-}" ]; then
  cargo build --quiet --manifest-path "$here/Cargo.toml"
  REDRAFT=${CARGO_TARGET_DIR:-$here/target}/debug/redraft
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
readers=$(realpath -m "${READERS_FOLDER:-$folder/readers}")
[ -x "$readers/bin/python" ] || python3 -m venv "$readers"
"$readers/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 polars==2.1.0 duckdb==2.0.1 \
  openpyxl==3.1.5 pyarrow==26.0.1 fastexcel==0.21.0
export REDRAFT TZ=UTC
mkdir "$folder/work" && cd "$folder/work"
"$readers/bin/python" -B "$here/tests/readers/page.py" > page.md
if [ "${1:-}" = --check ]; then
  diff "$here/docs/data-readers.md" page.md
else
  cp page.md "$here/docs/data-readers.md"
fi
