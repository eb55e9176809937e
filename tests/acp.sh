#!/usr/bin/env bash
# Tests `redraft acp` with the Python and the Rust client of the Agent Client Protocol and recorded answers
# instead of models: a plan, a permission, a diff, a session that is loaded. Not part of the tests: it
# installs the clients from their indexes.
#
#   tests/acp.sh [FOLDER]
#
# Prints what each client saw. Exit code 1 if a check fails.
set -euo pipefail
. "$(dirname "$0")/program.sh"
[ -x "$folder/acp/bin/python" ] || python3 -m venv "$folder/acp"
"$folder/acp/bin/pip" --quiet --disable-pip-version-check install agent-client-protocol==0.12.1
cd "$folder"
timeout 120 "$folder/acp/bin/python" -W error "$here/tests/clients/acp_client.py"

# The Rust client is a package of its own, so that its dependencies are not redraft's.
CARGO_TARGET_DIR="$folder/target" cargo build --quiet --locked --manifest-path "$here/tests/clients/acp_rust/Cargo.toml"
asking=$(PYTHONPATH="$here/tests/clients" python3 -c 'import world; print(world.folder(world.ASKING))')
timeout 120 "$folder/target/debug/acp_client" "$REDRAFT" "$asking"
