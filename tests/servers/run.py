"""Tests redraft with real servers: see ../servers.sh."""

import json
import os
import pathlib
import sys

from proxies import proxies
from rig import BIN, HERE, KEY, SUM, Redraft, end, free_port, get, pip, row, start, stop

NODE = pathlib.Path(os.environ["NODE_MODULES"])

# The path after the server's address that precedes each format's own path.
DIALECTS = {"openai": "/v1", "responses": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama": ""}


def npm(package):
    return json.loads((NODE / package / "package.json").read_text())["version"]


def provider(address, kind, **more):
    return {"kind": kind, "base_url": address + DIALECTS[kind], **more}


def scripted(server, address, kind, model, upstream):
    """Checks a server that returns the answers of answers.json, or gets them from `upstream`."""
    one = provider(address, kind)
    of = f"{kind}, {model}"

    made = Redraft(one, model, "new", SUM, "--auto", structured=False)
    row(server, f"{of}: a session to an accepted script", made.code == 0 and "accepted v1" in made.said, made.said)
    counts = [(1101, 11), (1202, 22), (1303, 33)]
    if kind == "ollama":
        # aimock reports zero tokens in this format.
        row(server, f"{of}: tokens that nobody counts are marked as estimated", all(
            one["usage"]["estimated"] for one in made.of("model_call_finished")), made.said)
    else:
        row(server, f"{of}: the tokens that are told are the server's", made.tokens() == counts,
            f"{made.tokens()}\n{made.said}")
    script = pathlib.Path("sessions", made.name, "script_v1.py")
    text = script.read_text() if script.exists() else ""
    row(server, f"{of}: characters beyond ASCII come as they are", "é, 日本 and 😀" in text, text)

    made = Redraft(one, model, "new", SUM, "--auto", structured=True)
    asked = made.of("model_call_finished")[-1:]
    right = made.code == 0 and asked and asked[0]["answer"].startswith("{")
    row(server, f"{of}: a review that is held to a JSON schema", right, made.said)
    asked = get(f"{upstream}/__aimock/journal")[-1]
    if asked["path"].endswith("/chat/completions"):
        # aimock records no schema for other formats.
        schema = asked["body"].get("response_format")
        row(server, f"{of}: its schema arrives", "findings" in json.dumps(schema), schema)

    made = Redraft(one, model, "ask", "what is 6 times 7?", "--auto")
    right = made.code == 0 and "It is 42." in made.said and len(made.of("model_call_finished")) == 2
    row(server, f"{of}: a question, answered by a tool's call and its output", right, made.said)
    if kind != "ollama":
        row(server, f"{of}: and its tokens", made.tokens() == [(1404, 44), (1505, 5)], made.tokens())


def failing(server, one, rows, task=None):
    """Checks calls, one per row: name, model, exit code, a part of the output, and environment."""
    for what, model, code, words, env in rows:
        made = Redraft(one, model, "new", (task or {}).get(what, SUM), "--auto", env=env)
        right = made.code == code and words in made.said and KEY not in made.said
        row(server, f"{one['kind']}: {what}", right, f"exit {made.code}\n{made.said}")


WRONG_KEY = {"SERVERS_KEY": "sk-servers-wrong"}


def aimock(address):
    server = f"aimock {npm('@copilotkit/aimock')}"
    for kind in DIALECTS:
        scripted(server, address, kind, "gpt-4o", address)
        failing(server, provider(address, kind), [
            ("a limit that passes is waited for", f"limited-once-{kind}", 0, "accepted v1", {}),
            ("a limit that stays", "limited", 4, "429: Rate limit reached", {}),
            ("too long a prompt", "short", 4, "context of 128 tokens", {}),
            ("nothing left to pay with", "spent", 4, "no credit left", {}),
            ("a model that is not there", "missing", 4, "has no model `missing`", {}),
            ("a key that is wrong", "gpt-4o", 4, "refused the key (401)", WRONG_KEY),
        ])


def litellm(upstream):
    """LiteLLM in front of aimock, with requests in OpenAI's, Anthropic's and Gemini's format."""
    def model(name, upstream_name, path, **more):
        params = {"model": upstream_name, "api_base": upstream + path, "api_key": KEY, **more}
        return {"model_name": name, "litellm_params": params}

    models = [model("by-openai", "openai/gpt-4o", "/v1"),
              model("by-chat", "hosted_vllm/gpt-4o", "/v1"),
              model("by-anthropic", "anthropic/claude-sonnet-4-5", ""),
              model("by-gemini", "gemini/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash")]
    for name in ["limited", "short", "spent", "missing"]:
        models.append(model(name, f"openai/{name}", "/v1"))
    config = {"model_list": models, "general_settings": {"master_key": KEY},
              "litellm_settings": {"telemetry": False, "num_retries": 0}}
    pathlib.Path("litellm.yaml").write_text(json.dumps(config))
    address = f"http://127.0.0.1:{free_port()}"
    start("litellm", [BIN / "litellm", "--config", "litellm.yaml", "--host", "127.0.0.1",
                      "--port", address.rsplit(":", 1)[1]], address, LITELLM_LOCAL_MODEL_COST_MAP="True")
    server = f"LiteLLM {pip('litellm')}"
    for kind in ["openai", "responses", "anthropic", "gemini"]:
        # LiteLLM sends the system message for Gemini in a field that aimock does not know, but forwards
        # requests in Gemini's own format unchanged.
        names = ["by-openai", "by-chat", "by-anthropic"] + ["by-gemini"] * (kind == "gemini")
        for name in names:
            scripted(server, address, kind, name, upstream)
        failing(server, provider(address, kind), [
            ("a limit that stays", "limited", 4, "429", {}),
            ("too long a prompt", "short", 4, "context of 128 tokens", {}),
            # The errors have no code that tells the limits apart.
            ("nothing left to pay with", "spent", 4, "exceeded your current quota", {}),
            ("a model that is not there", "none", 4, "has no model `none`", {}),
            ("a model that its host does not have", "missing", 4, "has no model `missing`", {}),
            ("a key that is wrong", "by-openai", 4, "refused the key (400)", WRONG_KEY),
        ])


# Short answers, since a small model on a busy machine is slow.
SHORT = {"roles": {role: {"max_tokens": 60} for role in ["planner", "coder", "reviewer", "engineer"]}}

RECORDED = """
- agent: planner
  answer: "Prints 5.\\nR1: Print 5. Check: look at it."
- agent: coder
  answer: "```python\\nprint(2 + 3)\\n```"
"""


def llama(model):
    """llama.cpp's server with a real model: its answers vary, so only the protocol is checked."""
    address = start("llama", [BIN / "python", HERE / "llama.py", model, KEY, "2048"], rb"(http://\S+)")
    server = f"llama.cpp in xllamacpp {pip('xllamacpp')}"
    raw = {"kind": "completion", "base_url": f"{address}/completion", "template": "chatml",
           "fields": {"max_tokens": "n_predict", "answer": "content"}}
    for kind in ["openai", "responses", "anthropic", "completion"]:
        one = raw if kind == "completion" else provider(address, kind)
        made = Redraft(one, "m", "new", SUM, "--auto", "--no-run", "--max-versions", "1", more=SHORT)
        calls = made.of("model_call_finished")
        row(server, f"{kind}: a plan is answered for", made.code in (0, 3) and calls, made.said)
        # Let the server count the tokens of the same messages, or of the same prompt.
        asked = made.of("model_call_started")
        messages = asked[0]["messages"] if asked else []
        if kind == "completion":
            prompt = get(f"{address}/apply-template", {"messages": messages})["prompt"]
            count = len(get(f"{address}/tokenize", {"content": prompt, "add_special": True})["tokens"])
        else:
            body = {"messages": messages, "max_tokens": 1}
            count = get(f"{address}/v1/chat/completions", body)["usage"]["prompt_tokens"]
        told = made.tokens()[:1]
        row(server, f"{kind}: the prompt's tokens are the server's count", told and told[0][0] == count,
            f"{told}, the server counts {count}")
        row(server, f"{kind}: the answer's tokens are within what was asked for",
            told and 0 < told[0][1] <= 60, told)
        if kind != "completion":
            pathlib.Path("recorded.yaml").write_text(RECORDED)
            # The other endpoints accept a schema but do not enforce it: request reviews in lines.
            held = {**one, "structured": kind == "openai"}
            more = {"providers": {"it": {**held, "api_key_env": "SERVERS_KEY"},
                                  "rec": {"kind": "script", "path": "recorded.yaml"}},
                    "roles": {"planner": {"model": "rec/m"}, "coder": {"model": "rec/m"},
                              "reviewer": {"max_tokens": 60}}}
            made = Redraft(held, "m", "new", SUM, "--auto", "--max-versions", "1", more=more)
            said = [c["answer"] for c in made.of("model_call_finished") if c["agent"] == "reviewer"]
            asked = [bool(c.get("structured")) for c in made.of("model_call_started") if c["agent"] == "reviewer"]
            row(server, f"{kind}: whether reviews are asked for as JSON", asked and asked[0] == (kind == "openai"),
                f"{asked}\n{made.said}")
            if kind == "openai":
                row(server, f"{kind}: a review is held to a JSON schema",
                    said and said[0].startswith("{") and '"requirements"' in said[0], f"{said}\n{made.said}")
            else:
                row(server, f"{kind}: a review in lines is taken", said, made.said)
        made = Redraft(one, "m", "ask", "what is 6 times 7?", "--auto", "--steps", "1", more=SHORT)
        row(server, f"{kind}: a question with a tool is taken", made.code in (0, 3), made.said)
        failing(server, one, [
            ("a key that is wrong", "m", 4, "refused the key (401)", WRONG_KEY),
            ("too long a prompt", "m", 4, "context of 2048 tokens", {}),
        ], task={"too long a prompt": "add numbers " * 3000})


def llmock():
    """A server with a single answer, streamed or complete, that only accepts requests with the field `n`."""
    server = f"llmock {npm('llmock')}"
    stored = NODE / "llmock/src/data/data.json"
    stored.write_text(json.dumps([{"id": 1, "content": "```python\nprint(2 + 3)\n```"}]))
    for stream in ["false", "true"]:
        address = f"http://127.0.0.1:{free_port()}"
        start(f"llmock-{stream}", [
            "node", NODE / "llmock/bin/llmock.js", "start", "--foreground", "--host=127.0.0.1",
            f"--port={address.rsplit(':', 1)[1]}", "--responseType=stored", "--delayMin=0",
            "--delayMax=0", f"--stream={stream}", "--endpoint=v1/chat/completions"], address)
        made = Redraft(provider(address, "openai", extra={"n": 1}), "gpt-4o", "new", SUM, "--preset", "quick", "--auto")
        row(server, f"openai, streamed {stream}: a session to an accepted script",
            made.code == 0 and "accepted v1" in made.said, made.said)


def answers():
    """Writes the recorded answers, with an error that each format gets once. Returns the file's name."""
    known = json.loads((HERE / "answers.json").read_text())["fixtures"]
    limit = next(one["response"] for one in known if one["match"].get("model") == "limited")
    once = [{"match": {"model": f"limited-once-{kind}", "sequenceIndex": 0}, "response": limit}
            for kind in DIALECTS]
    pathlib.Path("answers.json").write_text(json.dumps({"fixtures": once + known}))
    return "answers.json"


def main():
    try:
        address = start(
            "aimock", [NODE / ".bin/llmock", "-p", "0", "-f", answers(), "--strict"],
            rb"listening on (\S+)", AIMOCK_API_KEYS=KEY)
        todo = sys.argv[1:]
        for name, check in [("aimock", lambda: aimock(address)), ("litellm", lambda: litellm(address)),
                            ("llama", lambda: llama(os.environ["MODEL"])), ("llmock", llmock),
                            ("proxies", lambda: proxies(address))]:
            if not todo or name in todo:
                check()
    finally:
        stop()
    end()


if __name__ == "__main__":
    main()
