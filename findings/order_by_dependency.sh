#!/usr/bin/env bash
# Whether a crate that only masks tokens changes the JSON that the rest of a program writes.
#
# serde_json 1.0.154 keeps the members of `serde_json::Value` sorted by name. llguidance 1.9.1 asks for its
# feature `preserve_order`, and features add up over a whole build: a program that depends on both writes the
# same value in the order of insertion, without a line of its own changed. Whatever compares, hashes or signs
# such text differs from the day on which the dependency came in.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > src/main.rs <<'END'
fn main() {
    println!("{}", serde_json::json!({"verdict": 1, "findings": 2}));
}
END
manifest() {
  printf '%s\n' '[package]' 'name = "order"' 'version = "0.1.0"' 'edition = "2024"' '[dependencies]' \
    'serde_json = "=1.0.154"' "$@" > Cargo.toml
}
manifest
alone=$(cargo run --quiet)
manifest 'llguidance = { version = "=1.9.1", default-features = false }'
beside=$(cargo run --quiet)
echo "serde_json alone:  $alone"
echo "beside llguidance: $beside"
[ "$alone" = '{"findings":2,"verdict":1}' ] || { echo "serde_json alone does not sort any more"; exit 1; }
[ "$beside" = '{"verdict":1,"findings":2}' ] || { echo "llguidance does not change the order any more"; exit 1; }
