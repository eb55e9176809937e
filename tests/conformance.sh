#!/usr/bin/env bash
# Runs the Model Context Protocol's conformance suite and inspector on `redraft mcp`. Not part of the tests:
# it installs both, and Node.js 22, which the suite needs, from npm.
#
#   tests/conformance.sh [FOLDER]
#
# Runs the scenarios of the suite that hold for every server; the others call tools, prompts and resources
# of a server made for the suite. Exit code 1 if a check fails.
set -euo pipefail
. "$(dirname "$0")/program.sh"
cd "$folder"
npm install --silent --no-save --prefix "$folder" \
  node@22.23.3 @modelcontextprotocol/conformance@0.1.16 @modelcontextprotocol/inspector@2.12.0
PATH="$folder/node_modules/.bin:$PATH" timeout 300 python3 -W error "$here/tests/clients/conformance.py"
