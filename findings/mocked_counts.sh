#!/usr/bin/env bash
# What tokens LiteLLM's proxy counts for a model with a recorded answer (`mock_response`).
#
# LiteLLM 1.108.7 counts them in a chat completion that is streamed. In one that is not it says 10 and 20
# tokens, and in Anthropic's messages 2095 and 503, for whatever was asked and answered; messages come as
# one JSON object where a stream was asked for. A budget that was tried that way was tried with numbers
# of nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/proxy"
"$folder/proxy/bin/pip" install --quiet --disable-pip-version-check 'litellm[proxy]==1.108.7'
cd "$folder"
cat > config.yaml <<'END'
general_settings: { master_key: sk-for-this-folder-only }
model_list:
  - model_name: short
    litellm_params: { model: openai/any, api_key: none, mock_response: "Yes." }
  - model_name: long
    litellm_params: { model: openai/any, api_key: none, mock_response: "No, and here is why: one, two, three." }
END
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HOME=$folder LITELLM_LOCAL_MODEL_COST_MAP=True proxy/bin/litellm --config config.yaml --host 127.0.0.1 \
  --port "$port" > server.log 2>&1 &
server=$!
proxy/bin/python - "$port" <<'END'
import json, sys, time, urllib.request

base = f"http://127.0.0.1:{sys.argv[1]}"
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def post(path, body):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {
        "Content-Type": "application/json", "Authorization": "Bearer sk-for-this-folder-only"})
    with direct.open(request, timeout=60) as answer:
        return answer.headers["content-type"], answer.read().decode()

for _ in range(240):
    try:
        direct.open(base + "/health/liveliness", timeout=5)
        break
    except OSError:
        time.sleep(0.5)
else:
    raise SystemExit(open("server.log").read())

counts = {"streamed": set(), "whole": set(), "messages": set()}
for model, words in [("short", "hi"), ("long", "a longer question " * 40)]:
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": words}]}
    usage = json.loads(post("/v1/chat/completions", body)[1])["usage"]
    counts["whole"].add((usage["prompt_tokens"], usage["completion_tokens"]))
    usage = json.loads(post("/v1/messages", body)[1])["usage"]
    counts["messages"].add((usage["input_tokens"], usage["output_tokens"]))
    stream = {**body, "stream": True, "stream_options": {"include_usage": True}}
    events = [line for line in post("/v1/chat/completions", stream)[1].splitlines() if '"usage"' in line]
    usage = json.loads(events[-1].removeprefix("data: "))["usage"]
    counts["streamed"].add((usage["prompt_tokens"], usage["completion_tokens"]))
kind = post("/v1/messages", {**body, "stream": True})[0].split(";")[0]
for name, seen in counts.items():
    print(f"{name}:", *sorted(seen))
print("messages, streamed:", kind)
assert len(counts["streamed"]) == 2, "a streamed chat completion is not counted any more"
assert counts["whole"] == {(10, 20)}, "a whole chat completion is counted otherwise now"
assert counts["messages"] == {(2095, 503)}, "messages are counted otherwise now"
assert kind == "application/json", "messages are streamed now"
END
