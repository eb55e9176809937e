"""Records the next-token scores and the tokenization of llama.cpp, from the package xllamacpp.

ask.py FOLDER FIXTURES [--record]

FOLDER contains models (*.gguf) and tokens.json, a list of token numbers. Writes scores.json there: for each
model, by its file name with `-` replaced by `, `, and for each position the log probabilities of the next
token, by token number. Every prefix is a request of its own, without a cache. With --record, a few of the
scores are written to families.json in FIXTURES, and the tokens of the texts in tokens-gemma.json to that
file; without it, the tokens are compared with the recorded ones.
"""

import json
import pathlib
import sys
import urllib.request

import xllamacpp

FOLLOWS = 440

# A token of complete characters in both vocabularies.
LETTERS = 300


def serve(path):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 128
    params.n_parallel = 1
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    # The faster settings compute in half precision.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return xllamacpp.Server(params)


def expected(server, tokens):
    scores = []
    for end in range(1, len(tokens) + 1):
        answer = server.handle_completions({
            "prompt": tokens[:end],
            "max_tokens": 1,
            "logprobs": FOLLOWS,
            "cache_prompt": False,
            # Sample complete characters: no scores are returned for a part of one. The bias does not
            # change the scores.
            "logit_bias": [[LETTERS, 1000.0]],
        })
        follows = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        scores.append({str(one["id"]): round(one["logprob"], 4) for one in follows})
        assert len(scores[-1]) == FOLLOWS
    return scores


def few(scores):
    """The scores of the two most likely tokens and of two others."""
    likely = sorted(scores, key=scores.get, reverse=True)
    return {token: scores[token] for token in (*likely[:2], likely[len(likely) // 2], likely[-1])}


def tokens_of(server, case):
    asked = {"content": case["text"], "add_special": False, "parse_special": case["frame"]}
    request = urllib.request.Request(
        server.listening_address + "/tokenize", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["tokens"]


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    folder, fixtures = map(pathlib.Path, sys.argv[1:3])
    record = "--record" in sys.argv
    tokens = json.loads((folder / "tokens.json").read_text())
    texts = fixtures / "tokens-gemma.json"
    recorded = json.loads(texts.read_text())
    scores = {}
    for path in sorted(folder.glob("*.gguf")):
        server = serve(path)
        scores[path.stem.replace("-", ", ")] = expected(server, tokens)
        if path.stem == "gemma3":
            cases = [case | {"tokens": tokens_of(server, case)} for case in recorded["cases"]]
            assert record or cases == recorded["cases"], "llama.cpp makes other tokens of the recorded texts"
    (folder / "scores.json").write_text(json.dumps(scores))
    if record:
        texts.write_text(compact(recorded | {"cases": cases}) + "\n")
        models = (f'"{name}":{compact([few(one) for one in all_of_it])}' for name, all_of_it in scores.items())
        (fixtures / "families.json").write_text("{" + ",\n".join(models) + "}\n")


if __name__ == "__main__":
    main()
