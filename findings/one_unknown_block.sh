#!/usr/bin/env bash
# What candle makes of a GGUF file in which one tensor is of a block kind that it does not know.
#
# candle-core 0.11.1 reads a file's index whole or not at all: one tensor in MXFP4 blocks, as gpt-oss has
# them, and `gguf_file::Content::read` fails for the file, with its metadata and all tensors that could be
# read. Who only wants to say which model it is, and that it can't be run, has to read the format anew. The
# gguf package of Python (0.19.0) reads the same file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check gguf==0.19.0 numpy==2.4.6
python/bin/python - <<'END'
import gguf
import numpy as np

for name, odd in [("plain.gguf", False), ("mixed.gguf", True)]:
    file = gguf.GGUFWriter(name, "llama")
    file.add_block_count(1)
    file.add_tensor("output_norm.weight", np.ones(32, dtype=np.float32))
    if odd:
        # One block of 32 numbers: a scale and 16 bytes.
        block = np.zeros((1, 17), dtype=np.uint8)
        file.add_tensor("blk.0.ffn_up.weight", block, raw_dtype=gguf.GGMLQuantizationType.MXFP4)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    read = gguf.GGUFReader(name)
    print("gguf reads", name, [(tensor.name, tensor.tensor_type.name) for tensor in read.tensors])
END
mkdir src
cat > Cargo.toml <<'END'
[package]
name = "index"
version = "0.1.0"
edition = "2024"
[dependencies]
candle-core = "=0.11.1"
END
cat > src/main.rs <<'END'
use candle_core::quantized::gguf_file::Content;
fn main() {
    for name in ["plain.gguf", "mixed.gguf"] {
        let read = Content::read(&mut std::fs::File::open(name).unwrap());
        println!("{name}: {}", read.map_or_else(|e| e.to_string(), |c| format!("{} tensors", c.tensor_infos.len())));
    }
}
END
said=$(RUST_BACKTRACE=0 cargo run --quiet)
printf 'candle:\n%s\n' "$said"
grep -q '^plain.gguf: 1 tensors' <<< "$said" || { echo "candle does not read the plain file"; exit 1; }
grep -q '^mixed.gguf: unknown dtype' <<< "$said" || { echo "candle reads a file with such a tensor now"; exit 1; }
