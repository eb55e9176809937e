"""llama.cpp's server, as xllamacpp carries it: prints its address, and ends with its standard input.

llama.py MODEL.gguf KEY CONTEXT [PARALLEL] (an empty key: none is asked for)
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
