# Sourced by the scripts of this folder: `$here` is the checkout, `$folder` the folder that the first argument
# names, or a new one, and `$REDRAFT` the program, which cargo builds if none is named.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(realpath "${1:-$(mktemp -d)}")
if [ -z "${REDRAFT:-}" ]; then
  cargo build --quiet --manifest-path "$here/Cargo.toml" || exit 1
  REDRAFT=${CARGO_TARGET_DIR:-$here/target}/debug/redraft
fi
export REDRAFT PYTHONDONTWRITEBYTECODE=1
