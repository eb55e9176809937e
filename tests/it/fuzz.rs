//! Fuzzing of the parsers (`fuzz/`): the recorded corpus, and each case that was found.

#[path = "../../fuzz/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is a library of its own, of targets that are not all for here"
)]
mod readers;

use fastrand::Rng;
use readers::READERS;
use std::io::Write;
use std::time::{Duration, Instant};

/// The number of seconds to fuzz each parser with a random seed. If unset, each gets 20 inputs from
/// a fixed seed.
const SECONDS: &str = "REDRAFT_FUZZ_SECONDS";

/// Inputs that a parser once failed on.
const FOUND: &[(&str, &[u8])] = &[
    // The end of a thought in a review that contains nothing but markup.
    ("review", b"<|channel|><|message|>- <channel|>e"),
    ("inspection", b"- [] it leaves out </think>\n"),
    // A NUL byte, which no argument can contain.
    ("words", b"arguments:\x00->2"),
    ("plan", b"\0- R1: a\n## Examples\n\n- E1: arguments `\0` prints `2`\n"),
    // Values that an installer refuses, together with the whole script.
    ("pep723", b"#///SCRIPT\n#dependencies='a['a"),
    ("pep723", b"#///SCRIPT\n#dependencies=m\x0c:"),
    ("pep723", b"#///script\n#requires-python=\xc2\x9b"),
    ("pep723", b"#///script\n#dependencies=\x10"),
    ("plan", b"\0R1: It prints.\nTry with arguments: \x0c-city"),
];

#[test]
fn each_case_that_was_found_is_read() {
    for (name, input) in FOUND {
        let (_, read) = READERS.iter().find(|(reader, _)| reader == name).unwrap();
        read(input);
    }
}

/// The inputs of a corpus. Each line is a JSON string with one character per byte.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/fuzz/corpus/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(&path).expect(&path);
    let input = |line: &str| -> Vec<u8> {
        let text: String = serde_json::from_str(line).expect(line);
        text.chars().map(|c| u8::try_from(c).unwrap()).collect()
    };
    lines.lines().map(input).collect()
}

#[test]
fn what_was_kept_of_made_up_input_is_read() {
    std::thread::scope(|scope| {
        for (name, read) in READERS {
            scope.spawn(move || {
                let inputs = corpus(name);
                assert!(!inputs.is_empty(), "{name}");
                for input in &inputs {
                    read(input);
                }
            });
        }
    });
}

/// The parsers' keywords, in the form of libFuzzer's dictionaries.
fn words() -> Vec<Vec<u8>> {
    let lines = include_str!("../../fuzz/words.dict").lines();
    let word = |line: &str| -> Option<Vec<u8>> {
        let mut rest = line.strip_prefix('"')?.strip_suffix('"')?;
        let mut word = Vec::new();
        while let Some(c) = rest.chars().next() {
            let length = match rest.strip_prefix('\\') {
                Some(hex) if hex.starts_with('x') => {
                    word.push(u8::from_str_radix(&hex[1..3], 16).unwrap());
                    4
                }
                Some(escaped) => {
                    word.extend(escaped.bytes().next());
                    2
                }
                None => {
                    word.extend(c.to_string().bytes());
                    c.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        Some(word)
    };
    lines.filter_map(word).collect()
}

/// One of the inputs with a few random changes.
fn changed(rng: &mut Rng, inputs: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let mut input = rng.choice(inputs).unwrap().clone();
    for _ in 0..rng.usize(1..8) {
        let at = rng.usize(..=input.len());
        let end = (at + rng.usize(..40)).min(input.len());
        match rng.usize(..7) {
            0..3 => drop(input.splice(at..at, rng.choice(words).unwrap().iter().copied())),
            3 => drop(input.drain(at..end)),
            4 => {
                let again = input[at..end].repeat(rng.usize(1..20));
                input.splice(at..at, again);
            }
            5 => {
                let other = rng.choice(inputs).unwrap();
                let from = rng.usize(..=other.len());
                let part = other[from..(from + 200).min(other.len())].to_vec();
                input.splice(at..at, part);
            }
            _ if at < input.len() => input[at] = rng.u8(..),
            _ => {}
        }
        input.truncate(8 << 10);
    }
    input
}

/// The smallest part of the input that still fails.
fn smallest(mut input: Vec<u8>, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut step = input.len().div_ceil(2);
    while step > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..(at + step).min(input.len()));
            if fails(&less) { input = less } else { at += step }
        }
        step /= 2;
    }
    input
}

#[test]
fn changed_inputs_are_read() {
    let seconds: Option<u64> =
        std::env::var(SECONDS).ok().map(|text| text.parse().expect("seconds"));
    let words = words();
    let mut rng = seconds.map_or_else(|| Rng::with_seed(20_261_130), |_| Rng::new());
    let mut found = Vec::new();
    for (name, read) in READERS {
        let inputs = corpus(name);
        let fails = |input: &[u8]| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(input))).is_err()
        };
        let (begun, mut runs) = (Instant::now(), 0);
        let goes_on = |runs| match seconds {
            Some(seconds) => begun.elapsed() < Duration::from_secs(seconds),
            None => runs < 20,
        };
        while goes_on(runs) {
            runs += 1;
            let input = changed(&mut rng, &inputs, &words);
            if fails(&input) {
                let input = smallest(input, fails);
                found.push(format!("(\"{name}\", b\"{}\"),", input.escape_ascii()));
                break;
            }
        }
        if seconds.is_some() {
            let _ = writeln!(std::io::stdout(), "{name}: {runs} runs in {:?}", begun.elapsed());
        }
    }
    assert!(found.is_empty(), "rows for the table of what was found:\n{}", found.join("\n"));
}
