//! Generates valid GGUF model files whose weights are chosen so that the answer is known.
//!
//! Each token's embedding is a unit vector of its own, the single layer adds nothing, and the
//! output matrix maps each token to the one that follows it. The answer after the end of the
//! prompt, a line feed or a space, is therefore a fixed chain of tokens. If a piece of the answer
//! has two letters, a merge makes it the same token in the prompt.

use std::path::Path;

/// What the model answers, and the format of its file.
pub(crate) struct Model<'a> {
    /// The answer, one token per item; the model stops after the last one.
    pub(crate) answer: &'a [&'a str],
    /// Repeats the answer without end instead of stopping.
    pub(crate) endless: bool,
    /// The context length in tokens.
    pub(crate) context: u32,
    /// The name of the architecture.
    pub(crate) family: &'a str,
    /// Stores matrices as `Q8_0` (blocks of 8-bit numbers), with a row length that is no multiple of
    /// 256.
    pub(crate) blocks: bool,
    /// Uses a `SentencePiece` tokenizer instead of byte-level BPE.
    pub(crate) pieces: bool,
}

impl Default for Model<'_> {
    fn default() -> Self {
        Self {
            answer: &["yes", " indeed"],
            endless: false,
            context: 8192,
            family: "llama",
            blocks: false,
            pieces: false,
        }
    }
}

impl Model<'_> {
    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.bytes()).unwrap();
    }

    /// The file's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // The embedding length.
        let width = if self.blocks { 480 } else { 512 };
        let letters: Vec<char> = letters().collect();
        let spelled = |text: &str| -> String {
            if self.pieces {
                return text.replace(' ', "\u{2581}");
            }
            text.bytes().map(|b| letters[usize::from(b)]).collect()
        };
        let mut tokens: Vec<String> = if self.pieces {
            (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect()
        } else {
            letters.iter().map(char::to_string).collect()
        };
        let first = tokens.len();
        tokens.extend(self.answer.iter().map(|piece| spelled(piece)));
        let (start, end) = (tokens.len(), tokens.len() + 1);
        tokens.extend(["<|im_start|>".to_owned(), "<|im_end|>".to_owned()]);
        let kind = |id: usize| match id {
            _ if id >= start => 3,
            _ if id < first && self.pieces => 6,
            _ => 1,
        };
        let mut kinds: Vec<u32> = (0..tokens.len()).map(kind).collect();
        let merges: Vec<String> = (self.answer.iter())
            .filter(|piece| piece.len() == 2 && piece.bytes().all(|b| b.is_ascii_alphabetic()))
            .map(|piece| format!("{} {}", &piece[..1], &piece[1..]))
            .collect();
        if self.blocks {
            // Pads the vocabulary: the number of rows must be a multiple of 16.
            while !tokens.len().is_multiple_of(16) {
                tokens.push(format!("<|{}|>", tokens.len()));
                kinds.push(3);
            }
        }

        let mut follows = vec![(usize::from(b'\n'), first), (usize::from(b' '), first)];
        follows.extend((first..start).map(|id| (id, id + 1)));
        if let Some(last) = follows.last_mut() {
            last.1 = if self.endless { first } else { end };
        }
        let one = |at: usize| (0..width).map(move |n| if n == at { 1. } else { 0. });
        let embedding: Vec<f32> = (0..tokens.len()).flat_map(one).collect();
        let more = |id: usize| follows.iter().filter(move |(_, next)| *next == id);
        let output: Vec<f32> = (0..tokens.len())
            .flat_map(|id| {
                let from: Vec<usize> = more(id).map(|(from, _)| *from).collect();
                (0..width).map(move |n| if from.contains(&n) { 1. } else { 0. })
            })
            .collect();
        assert!(tokens.len() <= width);

        let mut file = File::default();
        let key = |name: &str| format!("{}.{name}", self.family);
        file.text("general.architecture", self.family);
        for (name, number) in [
            ("block_count", 1),
            ("context_length", self.context),
            ("embedding_length", u32::try_from(width).unwrap()),
            ("attention.head_count", 2),
            ("attention.head_count_kv", 1),
            ("feed_forward_length", 16),
            ("attention.key_length", 32),
            ("attention.value_length", 32),
        ] {
            file.number(&key(name), number);
        }
        file.float(&key("attention.layer_norm_rms_epsilon"), 1e-5);
        if self.pieces {
            file.text("tokenizer.ggml.model", "llama");
            let scores: Vec<f32> = (0_u16..).take(tokens.len()).map(|n| -f32::from(n)).collect();
            file.floats("tokenizer.ggml.scores", &scores);
            file.text("tokenizer.chat_template", TURNS);
        } else {
            file.text("tokenizer.ggml.model", "gpt2");
            file.text("tokenizer.ggml.pre", "smollm");
            file.texts("tokenizer.ggml.merges", &merges);
        }
        file.texts("tokenizer.ggml.tokens", &tokens);
        file.numbers("tokenizer.ggml.token_type", &kinds);
        file.number("tokenizer.ggml.bos_token_id", u32::try_from(start).unwrap());
        file.number("tokenizer.ggml.eos_token_id", u32::try_from(end).unwrap());
        let ones = vec![1.; width];
        file.matrix("token_embd.weight", [tokens.len(), width], &embedding, self.blocks);
        file.matrix("output.weight", [tokens.len(), width], &output, self.blocks);
        file.tensor("output_norm.weight", &[width], &ones);
        file.tensor("blk.0.attn_norm.weight", &[width], &ones);
        file.tensor("blk.0.ffn_norm.weight", &[width], &ones);
        for (name, rows, columns) in [
            ("attn_q", 64, width),
            ("attn_k", 32, width),
            ("attn_v", 32, width),
            ("attn_output", width, 64),
            ("ffn_gate", 16, width),
            ("ffn_up", 16, width),
            ("ffn_down", width, 16),
        ] {
            let name = format!("blk.0.{name}.weight");
            let blocks = self.blocks && columns.is_multiple_of(BLOCK);
            file.matrix(&name, [rows, columns], &vec![0.; rows * columns], blocks);
        }
        file.bytes()
    }
}

/// A chat template with a line feed before the answer, for vocabularies without other markers.
const TURNS: &str = "{% for m in messages %}<|im_start|>{{ m.content }}\n{% endfor %}";

/// Numbers per `Q8_0` block, and the number one in that format: the scale in half precision and the
/// 8-bit factor.
const BLOCK: usize = 32;
const ONE: (u16, u8) = (0x2008, 127);

/// The character of each byte in byte-level vocabularies.
fn letters() -> impl Iterator<Item = char> {
    let mut others = '\u{100}'..;
    (0..=u8::MAX).map(move |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        _ => others.next().unwrap(),
    })
}

/// A GGUF file (version 3) under construction.
#[derive(Default)]
struct File {
    metadata: Vec<u8>,
    keys: u64,
    infos: Vec<u8>,
    tensors: u64,
    data: Vec<u8>,
}

impl File {
    fn put(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.keys += 1;
        Self::put(&mut self.metadata, key);
        self.metadata.extend(kind.to_le_bytes());
    }

    fn number(&mut self, key: &str, number: u32) {
        self.key(key, 4);
        self.metadata.extend(number.to_le_bytes());
    }

    fn float(&mut self, key: &str, number: f32) {
        self.key(key, 6);
        self.metadata.extend(number.to_le_bytes());
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key, 8);
        Self::put(&mut self.metadata, text);
    }

    fn list(&mut self, key: &str, kind: u32, length: usize) {
        self.key(key, 9);
        self.metadata.extend(kind.to_le_bytes());
        self.metadata.extend((length as u64).to_le_bytes());
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        self.list(key, 8, texts.len());
        for text in texts {
            Self::put(&mut self.metadata, text);
        }
    }

    /// An array of signed 32-bit numbers, the format of token types.
    fn numbers(&mut self, key: &str, numbers: &[u32]) {
        self.list(key, 5, numbers.len());
        for number in numbers {
            self.metadata.extend(number.to_le_bytes());
        }
    }

    fn floats(&mut self, key: &str, numbers: &[f32]) {
        self.list(key, 6, numbers.len());
        self.metadata.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn tensor(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        self.info(name, shape, 0);
        self.data.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        self.data.resize(self.data.len().next_multiple_of(32), 0);
    }

    /// A matrix of zeros and ones, as `Q8_0` blocks or as 32-bit floats.
    fn matrix(&mut self, name: &str, shape: [usize; 2], numbers: &[f32], blocks: bool) {
        if !blocks {
            return self.tensor(name, &shape, numbers);
        }
        self.info(name, &shape, 8);
        for block in numbers.chunks_exact(BLOCK) {
            self.data.extend(ONE.0.to_le_bytes());
            self.data.extend(block.iter().map(|number| if *number > 0. { ONE.1 } else { 0 }));
        }
        self.data.resize(self.data.len().next_multiple_of(32), 0);
    }

    fn info(&mut self, name: &str, shape: &[usize], kind: u32) {
        self.tensors += 1;
        Self::put(&mut self.infos, name);
        self.infos.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
        for size in shape.iter().rev() {
            self.infos.extend((*size as u64).to_le_bytes());
        }
        self.infos.extend(kind.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
    }

    fn bytes(&self) -> Vec<u8> {
        let mut all = b"GGUF\x03\0\0\0".to_vec();
        all.extend(self.tensors.to_le_bytes());
        all.extend(self.keys.to_le_bytes());
        all.extend(&self.metadata);
        all.extend(&self.infos);
        all.resize(all.len().next_multiple_of(32), 0);
        all.extend(&self.data);
        all
    }
}
