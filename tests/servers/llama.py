"""llama.cpp's server from the package xllamacpp: prints its address, and exits when standard input closes.

llama.py MODEL.gguf KEY CONTEXT [PARALLEL] (with an empty key, none is required)
"""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path, key, context, *parallel = sys.argv[1:]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = int(context)
params.n_parallel = int(parallel[0]) if parallel else 1
params.api_keys = [key] if key else []
params.use_jinja = True
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
