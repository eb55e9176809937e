//! Scores each parser of answers on the answers in `tests/corpus/`: see the README there. `cargo
//! test --test it agents::corpus -- --nocapture` prints the scores.

use super::{parses, samples};
use redraft::agents::{edits, engineer, extract, planner, reviewer};
use redraft::domain::chat::{Outcome, Usage};
use redraft::domain::dialogue::Reply;
use redraft::domain::review::{Status, Verdict};
use std::fs;
use std::ops::AddAssign;

/// Parses an answer and compares the result with the entry's annotation.
type Reader = fn(&Entry) -> Score;

/// The parsers, each with its minimum of precision and recall on either half.
const READERS: [(&str, f64, Reader); 5] = [
    ("code", 1.0, of_code),
    ("plan", 1.0, of_plan),
    ("review", 1.0, of_review),
    ("calls", 1.0, of_calls),
    ("edits", 1.0, of_edits),
];

/// An answer with its annotation, which a person wrote.
struct Entry {
    name: String,
    outcome: Outcome,
    want: String,
    answer: String,
}

impl Entry {
    /// The annotated lines of the answer, such as `2-9,12`; empty for `none`.
    fn wanted_lines(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.answer.lines().collect();
        let mut wanted = Vec::new();
        for range in self.want.split(',').filter(|range| *range != "none") {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let [from, to] = [from, to].map(|n| n.parse::<usize>().unwrap());
            wanted.extend_from_slice(&lines[from - 1..to]);
        }
        wanted
    }

    /// Whether the entry is in the half that rules may be developed with; the other half only
    /// measures how good the rules are.
    fn is_seen(&self) -> bool {
        // FNV-1a, so that the halves never change.
        let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        self.name.bytes().fold(0x811c_9dc5, hash) >> 16 & 1 == 0
    }
}

/// The number of items parsed, of correct ones among them, and of expected ones.
#[derive(Clone, Copy, Default)]
struct Score {
    right: usize,
    read: usize,
    wanted: usize,
}

impl Score {
    /// The score for a single optional item.
    #[expect(clippy::needless_pass_by_value, reason = "as the readers give it")]
    fn of_one<T: PartialEq>(read: Option<T>, wanted: Option<T>) -> Self {
        let right = usize::from(read.is_some() && read == wanted);
        Self { right, read: usize::from(read.is_some()), wanted: usize::from(wanted.is_some()) }
    }

    fn is_full(self) -> bool {
        self.right == self.read && self.right == self.wanted
    }

    fn precision(self) -> f64 {
        share(self.right, self.read)
    }

    fn recall(self) -> f64 {
        share(self.right, self.wanted)
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.read += other.read;
        self.wanted += other.wanted;
    }
}

fn share(part: usize, all: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap());
    if all == 0 { 1.0 } else { number(part) / number(all) }
}

fn corpus(reader: &str) -> Vec<Entry> {
    let read = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let text = format!("\n{}", read(&format!("tests/corpus/{reader}.txt")));
    let entry = |part: &str| {
        let (head, body) = part.split_once('\n').unwrap();
        let [name, ended, want] = head.splitn(3, " | ").collect::<Vec<_>>()[..] else {
            panic!("{head}")
        };
        // An answer stored in a file of its own.
        let answer =
            body.strip_prefix('@').map_or_else(|| body.to_owned(), |path| read(path.trim()));
        let outcome = if ended == "cut" { Outcome::Cut } else { Outcome::Whole };
        Entry { name: name.to_owned(), outcome, want: want.to_owned(), answer }
    };
    text.split("\n=== ").skip(1).map(entry).collect()
}

/// The text without blank lines and trailing spaces.
fn trimmed(text: &str) -> String {
    let lines = text.trim().lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The score for a script.
fn of_code(entry: &Entry) -> Score {
    let wanted = match entry.want.strip_prefix("text ") {
        Some(json) => Some(serde_json::from_str::<String>(json).unwrap()),
        None => Some(entry.wanted_lines().join("\n")).filter(|text| !text.is_empty()),
    };
    let read = extract::script(&entry.answer, entry.outcome, &parses).ok();
    let read = read.map(|extracted| trimmed(&extracted.script));
    Score::of_one(read, wanted.map(|text| trimmed(&text)))
}

/// The score for a plan: one item per requirement, a line of the answer without its number, with
/// the lines that belong to it.
fn of_plan(entry: &Entry) -> Score {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let unmarked = |line: &str| {
        let text = line.trim_start().trim_start_matches('-').trim_start();
        let number = text.trim_start_matches('R').trim_start_matches(|c: char| c.is_ascii_digit());
        let marked = number.len() < text.len() && number.starts_with([':', '.']);
        plain(if marked { number } else { text })
    };
    let mut left: Vec<String> = entry.wanted_lines().into_iter().map(unmarked).collect();
    let wanted = left.len();
    let proposal = planner::parse(&entry.answer, entry.outcome);
    let read = proposal.map(|proposal| proposal.requirements).unwrap_or_default();
    for requirement in &read {
        let text = plain(&requirement.text);
        if let Some(at) = left.iter().position(|wanted| text.starts_with(wanted.as_str())) {
            left.remove(at);
        }
    }
    Score { right: wanted - left.len(), read: read.len(), wanted }
}

/// The score for a review: requirements that are met, findings, and the verdict.
fn of_review(entry: &Entry) -> Score {
    let number = |word: &str| {
        let after = entry.want.split(word).nth(1).unwrap_or(" 0");
        after.trim().split(',').next().unwrap().parse::<usize>().unwrap()
    };
    let accepts = entry.want.ends_with("verdict accept");
    let folder = entry.name.replace("qwen/", "qwen2.5-coder-1.5b/");
    let name = format!("{}.txt", folder.replace("smollm/", "smollm2-135m/"));
    let Ok(review) = reviewer::parse(&entry.answer, &samples::plan_of(&name)) else {
        return Score { wanted: usize::from(entry.want != "none"), ..Score::default() };
    };
    let met = review.judgements.iter().filter(|judged| judged.status == Status::Met).count();
    let mut score = Score::of_one(review.verdict, accepts.then_some(Verdict::Accept));
    for (read, wanted) in [(met, number("met")), (review.findings.len(), number("findings"))] {
        score += Score { right: read.min(wanted), read, wanted };
    }
    score
}

/// The score for the code to run.
fn of_calls(entry: &Entry) -> Score {
    let wanted = (entry.want != "none").then(|| serde_json::from_str(&entry.want).unwrap());
    let read = match engineer::parse(&entry.answer, &[], entry.outcome, false, &parses) {
        Reply::Code { pieces, .. } => {
            let code: Vec<String> = pieces.iter().map(|piece| trimmed(&piece.code)).collect();
            Some(code.join("\n"))
        }
        Reply::Words(_) | Reply::Unusable { .. } => None,
    };
    Score::of_one(read, wanted)
}

/// The base script, the answer with the edits, and the expected script.
fn edit(entry: &Entry) -> [&str; 3] {
    let (base, rest) = entry.answer.split_once("\n--- answer\n").unwrap();
    let (answer, script) = rest.split_once("\n--- script\n").unwrap();
    [base.strip_prefix("--- base\n").unwrap(), answer, script]
}

fn of_edits(entry: &Entry) -> Score {
    let [base, answer, script] = edit(entry);
    let base = format!("{base}\n");
    let read = match edits::read(answer, entry.outcome, &base, &parses) {
        Some(Ok(edits::Found::Edits(found))) => edits::apply(&base, &found).ok(),
        _ => None,
    };
    let read = read.filter(|edited| edited.added.is_empty()).map(|edited| trimmed(&edited.script));
    Score::of_one(read, Some(trimmed(script)))
}

#[test]
#[expect(clippy::print_stdout, reason = "the scores are for whoever asks for them")]
fn every_reader_reaches_its_minimum_score_on_the_corpus() {
    let mut low = String::new();
    println!("reader  half      answers  precision  recall");
    for (reader, least, score) in READERS {
        let entries = corpus(reader);
        for (half, seen) in [("seen", true), ("held out", false)] {
            let mut all = Score::default();
            let mut count = 0;
            for entry in entries.iter().filter(|entry| entry.is_seen() == seen) {
                let one = score(entry);
                if !one.is_full() {
                    println!(
                        "  {}: {} of {} read, {} there",
                        entry.name, one.right, one.read, one.wanted
                    );
                }
                all += one;
                count += 1;
            }
            let (precision, recall) = (all.precision(), all.recall());
            println!("{reader:7} {half:9} {count:7}  {precision:9.3}  {recall:6.3}");
            if precision < least || recall < least {
                low += &format!("{reader}, {half}: {precision:.3}, {recall:.3}, and not {least}\n");
            }
        }
    }
    assert!(low.is_empty(), "{low}");
}

#[test]
#[expect(clippy::print_stdout, reason = "the ratio is for whoever asks for it")]
fn edits_take_at_most_half_the_tokens_of_whole_scripts() {
    let tokens = |answer: &str| Usage::estimate(&[], answer).answer;
    let (mut edits, mut whole) = (0, 0);
    let entries = corpus("edits");
    assert_eq!(entries.len(), 10);
    for entry in &entries {
        let [_, answer, script] = edit(entry);
        edits += tokens(answer);
        whole += tokens(&format!("```python\n{script}\n```\n"));
    }
    println!("edits: {edits} tokens, whole scripts: {whole}");
    assert!(2 * edits <= whole, "{edits} against {whole}");
}
