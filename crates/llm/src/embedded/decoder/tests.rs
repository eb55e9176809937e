//! Small models of every family, with random weights, compared with the scores of llama.cpp for the
//! same files (`tests/families.sh` records them again).

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and writes its fixtures itself"
)]

use super::*;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;

/// Log probabilities by llama.cpp after each token, by the next token's number, for each model.
/// Only some of them are recorded, as all would be many.
type Recorded = HashMap<String, Vec<HashMap<u32, f32>>>;

/// Maximum difference between two ways of computing the same score.
const NEAR: f32 = 1e-2;

/// Size of the vocabulary, and number of processed tokens: more than a window, a step of few
/// tokens, or the contents of the other conversations.
const TOKENS: usize = 440;
const LONG: usize = 64;

/// Embedding length, number of heads, of heads of keys, and numbers per head.
const WIDTH: usize = 64;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 16;

/// A small model of a family.
#[derive(Clone, Copy)]
struct Tiny {
    name: &'static str,
    family: &'static str,
    layers: usize,
    /// Metadata of its file besides that of all files.
    numbers: &'static [(&'static str, u32)],
    floats: &'static [(&'static str, f32)],
    texts: &'static [(&'static str, &'static str)],
    /// Whether queries, keys and values have a bias.
    biased: bool,
    /// Norms of a layer besides those that all models have, with their lengths.
    norms: &'static [(&'static str, usize)],
    /// Number of experts, and the type of their weights.
    experts: Option<(usize, GgmlDType)>,
}

const PLAIN: Tiny = Tiny {
    name: "",
    family: "",
    layers: 2,
    numbers: &[],
    floats: &[],
    texts: &[],
    biased: false,
    norms: &[],
    experts: None,
};

const OF_HEADS: &[(&str, usize)] = &[("attn_q_norm", HEAD), ("attn_k_norm", HEAD)];

const GEMMA3: Tiny = Tiny {
    name: "gemma3",
    family: "gemma3",
    layers: 7,
    numbers: &[("attention.sliding_window", 20)],
    floats: &[("rope.freq_base", 1e6)],
    norms: &[
        ("attn_q_norm", HEAD),
        ("attn_k_norm", HEAD),
        ("post_attention_norm", WIDTH),
        ("post_ffw_norm", WIDTH),
    ],
    ..PLAIN
};

const GRANITE: Tiny = Tiny {
    name: "granite",
    family: "granite",
    floats: &[
        ("embedding_scale", 3.),
        ("residual_scale", 0.4),
        ("logit_scale", 2.5),
        ("attention.scale", 0.05),
    ],
    ..PLAIN
};

const QWEN3: Tiny = Tiny { name: "qwen3", family: "qwen3", norms: OF_HEADS, ..PLAIN };

const SOME: Option<(usize, GgmlDType)> = Some((8, GgmlDType::F32));

const MODELS: [Tiny; 13] = [
    Tiny { name: "llama", family: "llama", ..PLAIN },
    Tiny {
        name: "llama, slower",
        family: "llama",
        floats: &[("rope.scaling.factor", 4.)],
        texts: &[("rope.scaling.type", "linear")],
        ..PLAIN
    },
    Tiny {
        name: "llama, experts",
        family: "llama",
        numbers: &[("expert_count", 8), ("expert_used_count", 2)],
        experts: SOME,
        ..PLAIN
    },
    Tiny { name: "qwen2", family: "qwen2", biased: true, ..PLAIN },
    Tiny {
        name: "qwen2, stretched",
        family: "qwen2",
        biased: true,
        numbers: &[("rope.scaling.original_context_length", 32)],
        floats: &[("rope.scaling.factor", 4.), ("rope.freq_base", 1000.)],
        texts: &[("rope.scaling.type", "yarn")],
        ..PLAIN
    },
    QWEN3,
    Tiny {
        name: "qwen3moe",
        family: "qwen3moe",
        numbers: &[
            ("expert_count", 8),
            ("expert_used_count", 3),
            ("expert_feed_forward_length", 96),
        ],
        experts: SOME,
        ..QWEN3
    },
    Tiny {
        name: "qwen3moe, blocks",
        family: "qwen3moe",
        numbers: &[
            ("expert_count", 8),
            ("expert_used_count", 3),
            ("expert_feed_forward_length", 96),
        ],
        experts: Some((8, GgmlDType::F16)),
        ..QWEN3
    },
    // The last but one layer has no position embedding.
    Tiny { name: "smollm3", family: "smollm3", layers: 5, ..PLAIN },
    GRANITE,
    Tiny {
        name: "granitemoe",
        family: "granitemoe",
        numbers: &[("expert_count", 8), ("expert_used_count", 3)],
        experts: SOME,
        ..GRANITE
    },
    GEMMA3,
    Tiny {
        name: "gemma3, slower",
        floats: &[
            ("rope.freq_base", 1e6),
            ("rope.scaling.factor", 8.),
            ("rope.freq_base_swa", 500.),
        ],
        texts: &[("rope.scaling.type", "linear")],
        ..GEMMA3
    },
];

/// Reproducible pseudo-random numbers (splitmix64), seeded by a name.
struct Drawn(u64);

impl Drawn {
    fn of(name: &str) -> Self {
        let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// In the range from -1 to 1.
    fn next(&mut self) -> f32 {
        f32::from(u16::try_from(self.bits() >> 48).unwrap()) / 32_768. - 1.
    }
}

/// The tokens to process.
fn tokens() -> Vec<u32> {
    let mut drawn = Drawn::of("tokens");
    (0..LONG).map(|_| u32::try_from(drawn.bits() % 256).unwrap()).collect()
}

impl Tiny {
    /// Name of its file.
    fn file(&self) -> String {
        format!("{}.gguf", self.name.replace(", ", "-"))
    }

    fn write(&self, path: &Path) {
        let key = |name: &str| format!("{}.{name}", self.family);
        let number = |number: usize| Value::U32(u32::try_from(number).unwrap());
        let mut metadata = vec![
            ("general.architecture".to_owned(), Value::String(self.family.to_owned())),
            (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
        ];
        for (name, size) in [
            ("block_count", self.layers),
            ("context_length", 128),
            ("embedding_length", WIDTH),
            ("feed_forward_length", 96),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", KV_HEADS),
            ("attention.key_length", HEAD),
            ("attention.value_length", HEAD),
            ("rope.dimension_count", HEAD),
        ] {
            metadata.push((key(name), number(size)));
        }
        metadata.extend(self.numbers.iter().map(|(name, n)| (key(name), Value::U32(*n))));
        metadata.extend(self.floats.iter().map(|(name, n)| (key(name), Value::F32(*n))));
        let texts = self.texts.iter().map(|(name, text)| (key(name), text));
        metadata.extend(texts.map(|(name, text)| (name, Value::String((*text).to_owned()))));
        metadata.extend(vocabulary(self.family == "gemma3"));

        let mut tensors = Vec::new();
        let mut put = |name: String, shape: &[usize], kind: GgmlDType, middle: f32, wide: f32| {
            let mut drawn = Drawn::of(&name);
            let numbers: Vec<f32> =
                (0..shape.iter().product()).map(|_| middle + wide * drawn.next()).collect();
            let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
            tensors.push((name, QTensor::quantize(&tensor, kind).unwrap()));
        };
        let f32 = GgmlDType::F32;
        put("token_embd.weight".to_owned(), &[TOKENS, WIDTH], f32, 0., 1.);
        put("output.weight".to_owned(), &[TOKENS, WIDTH], f32, 0., 0.5);
        put("output_norm.weight".to_owned(), &[WIDTH], f32, 1., 0.5);
        for layer in 0..self.layers {
            let name = |part: &str| format!("blk.{layer}.{part}");
            for (part, rows, columns) in [
                ("attn_q", HEADS * HEAD, WIDTH),
                ("attn_k", KV_HEADS * HEAD, WIDTH),
                ("attn_v", KV_HEADS * HEAD, WIDTH),
                ("attn_output", WIDTH, HEADS * HEAD),
            ] {
                put(name(&format!("{part}.weight")), &[rows, columns], f32, 0., 0.3);
                if self.biased && part != "attn_output" {
                    put(name(&format!("{part}.bias")), &[rows], f32, 0., 0.5);
                }
            }
            let norms = [("attn_norm", WIDTH), ("ffn_norm", WIDTH)];
            for (part, length) in norms.iter().chain(self.norms) {
                put(name(&format!("{part}.weight")), &[*length], f32, 1., 0.5);
            }
            let parts = [("gate", 96, WIDTH), ("up", 96, WIDTH), ("down", WIDTH, 96)];
            for (part, rows, columns) in parts {
                if let Some((experts, kind)) = self.experts {
                    let name = name(&format!("ffn_{part}_exps.weight"));
                    put(name, &[experts, rows, columns], kind, 0., 0.3);
                } else {
                    put(name(&format!("ffn_{part}.weight")), &[rows, columns], f32, 0., 0.3);
                }
            }
            if let Some((experts, _)) = self.experts {
                put(name("ffn_gate_inp.weight"), &[experts, WIDTH], f32, 0., 0.3);
            }
        }
        let metadata: Vec<_> =
            metadata.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let tensors: Vec<_> =
            tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }
}

/// A vocabulary that the tokenizer is tested with. The models' tokens are passed by number.
fn vocabulary(gemma: bool) -> Vec<(String, Value)> {
    let recorded: serde_json::Value = serde_json::from_str(if gemma {
        include_str!("../../../../../tests/it/fixtures/tokens-gemma.json")
    } else {
        include_str!("../../../../../tests/it/fixtures/tokens-smollm.json")
    })
    .unwrap();
    let mut tokens: Vec<(String, i32, f32)> =
        (0..TOKENS).map(|token| (format!("<unused {token}>"), 3, 0.)).collect();
    for (list, kind) in [("controls", 3), ("named", 4), ("bytes", 6), ("tokens", 1)] {
        for (token, id) in recorded[list].as_object().into_iter().flatten() {
            let id = usize::try_from(id.as_u64().unwrap()).unwrap();
            let score = recorded["scores"][token].as_f64().unwrap_or_default();
            if let Some(place) = tokens.get_mut(id) {
                *place = (token.clone(), kind, format!("{score}").parse().unwrap());
            }
        }
    }
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let text = |text: &str| Value::String(text.to_owned());
    let list = |of: fn(&(String, i32, f32)) -> Value| Value::Array(tokens.iter().map(of).collect());
    let mut metadata = vec![
        (key("model"), text(if gemma { "llama" } else { "gpt2" })),
        (key("pre"), text(if gemma { "default" } else { "smollm" })),
        (key("tokens"), list(|(token, ..)| Value::String(token.clone()))),
        (key("token_type"), list(|(_, kind, _)| Value::I32(*kind))),
        (key("bos_token_id"), Value::U32(2)),
        (key("eos_token_id"), Value::U32(1)),
        (key("add_space_prefix"), Value::Bool(false)),
    ];
    metadata.push(if gemma {
        (key("scores"), list(|(.., score)| Value::F32(*score)))
    } else {
        (key("merges"), Value::Array(vec![text("a b")]))
    });
    metadata
}

/// Processes tokens in steps of `at_once`, and returns the scores after each.
fn taken(model: &Decoder, cache: &mut Cache, tokens: &[u32], at_once: usize) -> Vec<Vec<f32>> {
    let step = |tokens: &[u32]| {
        let step = Step { tokens, wanted: tokens.len(), cache: &mut *cache };
        model.forward(&mut [step], &|| true).unwrap().unwrap()
    };
    tokens.chunks(at_once).flat_map(step).collect()
}

/// Maximum difference between scores and the recorded ones.
fn apart(scores: &[Vec<f32>], recorded: &[HashMap<u32, f32>]) -> f32 {
    assert_eq!((scores.len(), recorded.len()), (LONG, LONG));
    let mut most = 0_f32;
    for (scores, recorded) in scores.iter().zip(recorded) {
        assert!(recorded.len() >= 4);
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum = scores.iter().map(|score| (score - highest).exp()).sum::<f32>().ln() + highest;
        for (token, expected) in recorded {
            most = most.max((scores[*token as usize] - sum - expected).abs());
        }
    }
    most
}

/// Scores of the same conversation in every way of computing it; in one, the tokens from
/// `alone_from` on are processed one by one.
fn ways(model: &Decoder, alone_from: usize) -> [(&'static str, Vec<Vec<f32>>); 5] {
    let tokens = tokens();
    let at_once = taken(model, &mut Cache::default(), &tokens, LONG);
    let mut alone = Cache::default();
    let mut one_by_one = taken(model, &mut alone, &tokens[..alone_from], LONG);
    one_by_one.extend(taken(model, &mut alone, &tokens[alone_from..], 1));
    let by_some = taken(model, &mut Cache::default(), &tokens, 7);
    // The cache of a prefix is copied to another conversation, and then cut.
    let mut first = Cache::default();
    let mut kept = taken(model, &mut first, &tokens[..40], 24);
    let mut other = first.copy(30).unwrap();
    taken(model, &mut other, &tokens[..20], 20);
    other.cut(25);
    kept.truncate(25);
    kept.extend(taken(model, &mut other, &tokens[25..26], 1));
    kept.extend(taken(model, &mut other, &tokens[26..], 30));
    // Longer and shorter conversations run beside it, in prefill and in generation.
    let mut caches: [Cache; 3] = Default::default();
    taken(model, &mut caches[0], &tokens[5..47], 42);
    taken(model, &mut caches[2], &tokens[9..12], 3);
    let mut beside = Vec::new();
    let [left, own, right] = &mut caches;
    for part in tokens.chunks(20) {
        let mut steps = [
            Step { tokens: &tokens[..1], wanted: 1, cache: left },
            Step { tokens: part, wanted: part.len(), cache: own },
            Step { tokens: &tokens[..18], wanted: 2, cache: right },
        ];
        let scores = model.forward(&mut steps, &|| true).unwrap().unwrap();
        beside.extend(scores.into_iter().skip(1).take(part.len()));
    }
    [
        ("at once", at_once),
        ("one by one", one_by_one),
        ("some at a time", by_some),
        ("kept", kept),
        ("side by side", beside),
    ]
}

/// With `REDRAFT_FAMILIES` set to a folder, the models are written there, and compared with
/// llama.cpp's scores in it if there are any.
#[test]
fn each_model_family_gives_the_scores_of_llama_cpp() {
    let asked = std::env::var_os("REDRAFT_FAMILIES");
    let own = tempfile::tempdir().unwrap();
    let folder = asked.as_ref().map_or(own.path(), Path::new);
    let scores = folder.join("scores.json");
    let recorded = include_str!("../../../../../tests/it/fixtures/families.json");
    let recorded = std::fs::read_to_string(&scores).unwrap_or(recorded.to_owned());
    let recorded: Recorded = serde_json::from_str(&recorded).unwrap();
    if asked.is_some() {
        let tokens = serde_json::to_string(&tokens()).unwrap();
        std::fs::write(folder.join("tokens.json"), tokens).unwrap();
    }
    let mut lines = String::new();
    for tiny in MODELS {
        let path = folder.join(tiny.file());
        tiny.write(&path);
        let model = Decoder::load(&path, Gguf::open(&path).unwrap()).unwrap();
        if asked.is_some() && !scores.exists() {
            continue;
        }
        let mut line = format!("{:18}", tiny.name);
        let mut most = 0_f32;
        for (way, scores) in ways(&model, if asked.is_some() { 0 } else { 40 }) {
            let apart = apart(&scores, &recorded[tiny.name]);
            write!(line, "  {way} {apart:.5}").unwrap();
            most = most.max(apart);
        }
        assert!(most < NEAR || asked.is_some(), "{line}");
        lines += &line;
        lines.push('\n');
    }
    if asked.is_some() {
        std::fs::write(folder.join("apart.txt"), lines).unwrap();
    }
}
