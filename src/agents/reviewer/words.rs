//! What the words of a review mean.

use super::super::text;
use crate::domain::plan::Requirement;
use crate::domain::review::{Severity, Status, Verdict};
use std::collections::BTreeSet;

/// The severity that a word names.
pub(super) fn severity(word: &str) -> Option<Severity> {
    match word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().as_str() {
        "blocker" | "blocking" | "critical" | "major" | "high" | "severe" => {
            Some(Severity::Blocker)
        }
        "should" | "medium" | "moderate" | "warning" => Some(Severity::Should),
        "nit" | "minor" | "suggestion" | "low" | "trivial" | "cosmetic" | "nitpick"
        | "optional" => Some(Severity::Nit),
        _ => None,
    }
}

/// Phrases for a status. Those marked `true` count also when words follow at once.
const STATUSES: [(&str, Status, bool); 27] = [
    ("not fully met", Status::Partly, true),
    ("not yet met", Status::NotMet, true),
    ("not met", Status::NotMet, true),
    ("not_met", Status::NotMet, true),
    ("notmet", Status::NotMet, true),
    ("not satisfied", Status::NotMet, true),
    ("not fulfilled", Status::NotMet, true),
    ("not implemented", Status::NotMet, false),
    ("unmet", Status::NotMet, true),
    ("failed", Status::NotMet, false),
    ("fail", Status::NotMet, false),
    ("missing", Status::NotMet, false),
    ("no", Status::NotMet, false),
    ("partially met", Status::Partly, true),
    ("partly met", Status::Partly, true),
    ("mostly met", Status::Partly, true),
    ("partially", Status::Partly, false),
    ("partly", Status::Partly, true),
    ("partial", Status::Partly, false),
    ("fully met", Status::Met, true),
    ("met", Status::Met, true),
    ("satisfied", Status::Met, true),
    ("fulfilled", Status::Met, true),
    ("implemented", Status::Met, false),
    ("passed", Status::Met, false),
    ("pass", Status::Met, false),
    ("yes", Status::Met, false),
];

/// The status that the text begins with, and what follows it.
pub(super) fn leading_status(text: &str) -> Option<(Status, &str)> {
    let text = text.trim_start_matches(['*', '_', '[', '(', '`', '"', ' ', ':', '=', '→']);
    if let Some((status, rest)) = icon(text) {
        // "✅ Met": the word says it again.
        return Some(worded_status(rest).unwrap_or((status, rest)));
    }
    worded_status(text)
}

fn worded_status(text: &str) -> Option<(Status, &str)> {
    let text = text.trim_start_matches(['*', '_', '[', '(', '`', ' ']);
    let text = if text::starts_with(text, "is ") { &text[3..] } else { text };
    let text = if text::starts_with(text, "are ") { &text[4..] } else { text };
    STATUSES.iter().find_map(|(phrase, status, strong)| {
        if !text::starts_with(text, phrase) {
            return None;
        }
        let rest = &text[phrase.len()..];
        let next = rest.trim_start().chars().next();
        let ends = next.is_none_or(|c| !c.is_alphanumeric() && c != '\'' && c != '"' && c != '`');
        let fits = ends || (*strong && rest.starts_with(' '));
        fits.then_some((*status, rest))
    })
}

/// The status that an icon at the start stands for.
pub(super) fn icon(text: &str) -> Option<(Status, &str)> {
    const MET: [char; 6] = ['✅', '✔', '☑', '✓', '🟢', '👍'];
    const NOT: [char; 6] = ['❌', '✗', '✘', '✖', '🔴', '❎'];
    const PARTLY: [char; 5] = ['⚠', '🟡', '🟠', '◐', '➖'];
    let first = text.chars().next()?;
    let status = if MET.contains(&first) {
        Status::Met
    } else if NOT.contains(&first) {
        Status::NotMet
    } else if PARTLY.contains(&first) {
        Status::Partly
    } else {
        return None;
    };
    Some((status, text[first.len_utf8()..].trim_start_matches(['\u{fe0f}', ' '])))
}

/// The verdict that a line gives: `VERDICT: ACCEPT`, `**Decision** - iterate`, `APPROVED`.
pub(super) fn verdict_line(line: &str) -> Option<Verdict> {
    let said = strip_marks(line);
    match after_verdict_label(&said) {
        Some(rest) => verdict_of(rest),
        None if said.split_whitespace().count() <= 2 && !said.contains('?') => {
            let alone = text::key(&said);
            let known = [
                "accept",
                "accepted",
                "iterate",
                "approved",
                "approve",
                "rejected",
                "reject",
                "needs work",
                "not approved",
                "not accepted",
                "lgtm",
            ];
            if known.contains(&alone.as_str()) { verdict_of(&said) } else { None }
        }
        None => None,
    }
}

/// Whether a line is `Verdict:` with the word still to come.
pub(super) fn is_verdict_label(line: &str) -> bool {
    after_verdict_label(&strip_marks(line)).is_some_and(|rest| text::key(rest).is_empty())
}

fn strip_marks(line: &str) -> String {
    let line = line.replace(['*', '_', '`', '"'], "");
    line.trim_matches(|c: char| c.is_whitespace() || "#>-•".contains(c)).to_owned()
}

fn after_verdict_label(line: &str) -> Option<&str> {
    let labels = [
        "final verdict",
        "overall verdict",
        "my verdict",
        "the verdict",
        "verdict",
        "final decision",
        "decision",
        "recommendation",
    ];
    let label = labels.iter().find(|label| text::starts_with(line, label))?;
    let rest = line[label.len()..].trim_start();
    let rest = rest.strip_prefix("is ").unwrap_or(rest);
    (rest.is_empty()
        || !rest.starts_with(char::is_alphanumeric)
        || rest.len() < line.len() - label.len())
    .then_some(rest)
}

/// The verdict that a word or a short phrase names; `None` for a choice between both.
pub(super) fn verdict_of(said: &str) -> Option<Verdict> {
    let mut denied = false;
    let words: Vec<String> = text::words(said).take(12).collect();
    for (n, word) in words.iter().enumerate() {
        let verdict = match word.as_str() {
            "not" | "don't" | "cannot" | "can't" | "never" | "no" => {
                denied = true;
                continue;
            }
            "accept" | "accepted" | "acceptable" | "approve" | "approved" | "pass" | "passed"
            | "lgtm" => {
                if denied {
                    Verdict::Iterate
                } else {
                    Verdict::Accept
                }
            }
            "iterate" | "iteration" | "reject" | "rejected" | "revise" | "fail" | "failed"
            | "rework" | "needs" | "changes" => {
                if denied {
                    Verdict::Accept
                } else {
                    Verdict::Iterate
                }
            }
            _ => continue,
        };
        let other = words.get(n + 1).is_some_and(|next| {
            matches!(next.as_str(), "or" | "iterate" | "accept" | "rejected" | "reject")
        });
        return (!other).then_some(verdict);
    }
    None
}

/// What stands behind a finding's own number, as `F2: `, which the prompt gave it.
pub(super) fn without_number(said: &str) -> &str {
    let behind = said.strip_prefix('F').map(|rest| rest.trim_start_matches(char::is_numeric));
    behind.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(said)
}

/// Whether the text is the prompt's own description of the form.
pub(super) fn is_echo(text: &str) -> bool {
    let key = text::key(text);
    let words: BTreeSet<&str> = key.split(' ').collect();
    let all = |set: &[&str]| set.iter().all(|w| words.contains(w));
    all(&["blocker", "should", "nit"])
        || (all(&["accept", "iterate"]) && words.len() <= 8)
        || (all(&["met", "partly", "not"]) && words.len() <= 6)
        // "... is not used in the script": the form itself is reviewed.
        || key.starts_with("the line copied from the script ")
        || [
            "quoted line",
            "the quoted line",
            "what is wrong",
            "the line copied from the script",
            "what goes wrong and when",
            "line copied from the script",
            "quote",
            "quoted line what is wrong",
            // What is left of it where an answer was cut.
            "the line copied from",
            "the line copied from the",
            "the line copied",
            "what goes wrong",
            "what goes wrong and",
        ]
        .contains(&key.as_str())
}

/// Whether the text is no statement: a heading, a lone word, "no issues found".
pub(super) fn says_nothing(said: &str) -> bool {
    let key = text::key(said);
    let letters = said.chars().filter(|c| c.is_alphabetic()).count();
    let short = letters < 6 || (!key.contains(' ') && said.is_ascii());
    let nothing = [
        "none",
        "no issues",
        "no issue",
        "no findings",
        "no problems",
        "no problem",
        "n a",
        "nothing",
        "no blockers",
        "no blocker",
        "not applicable",
        "no nits",
        "no further",
        "no real problems",
        "no real issues",
        "no other",
        "there are no",
        "no significant",
        "no major",
        "no critical",
        "no errors",
        "no additional",
    ];
    let nothing = nothing
        .iter()
        .any(|n| key == *n || key.strip_prefix(n).is_some_and(|rest| rest.starts_with(' ')));
    let other = key.contains(" but ") || key.contains(" however ") || key.contains(" except ");
    short
        || (said.trim_end().ends_with(':'))
        || (nothing && !other && key.split(' ').count() <= 12 && reports_absence(&key))
}

/// Whether "there are no ..." is about problems and not about something that is missing.
fn reports_absence(key: &str) -> bool {
    let about = [
        "issue",
        "finding",
        "problem",
        "blocker",
        "nit",
        "error",
        "concern",
        "further",
        "additional",
        "none",
        "nothing",
        "n a",
        "applicable",
        "bug",
    ];
    about.iter().any(|w| key.contains(w))
        && !["handling", "check", "message", "handled"].iter().any(|w| key.contains(w))
}

/// Words that tell that something is wrong.
const PROBLEM: [&str; 57] = [
    "not",
    "no",
    "never",
    "nothing",
    "missing",
    "lacks",
    "lack",
    "lacking",
    "without",
    "wrong",
    "wrongly",
    "incorrect",
    "incorrectly",
    "fails",
    "fail",
    "failed",
    "failing",
    "error",
    "errors",
    "crash",
    "crashes",
    "bug",
    "instead",
    "but",
    "however",
    "only",
    "unused",
    "undefined",
    "unhandled",
    "hardcoded",
    "hard",
    "invalid",
    "raises",
    "exception",
    "ignores",
    "ignored",
    "too",
    "slow",
    "unclear",
    "inconsistent",
    "duplicate",
    "unnecessary",
    "typo",
    "cannot",
    "should",
    "must",
    "could",
    "would",
    "needs",
    "need",
    "broken",
    "breaks",
    "unless",
    "rather",
    "redundant",
    "inefficient",
    "always",
];

fn is_problem_word(word: &str) -> bool {
    PROBLEM.contains(&word) || word.ends_with("n't")
}

/// Whether the text says that something is good, and nothing that is wrong.
pub(super) fn is_praise(said: &str) -> bool {
    const GOOD: [&str; 23] = [
        "correctly",
        "properly",
        "successfully",
        "good",
        "great",
        "well",
        "clean",
        "works",
        "clear",
        "excellent",
        "nice",
        "nicely",
        "fine",
        "accurately",
        "readable",
        "appropriately",
        "correct",
        "meets",
        "met",
        "fulfills",
        "satisfies",
        "perfectly",
        "looks",
    ];
    let words: Vec<String> = text::words(said).collect();
    let good = words.iter().any(|w| GOOD.contains(&w.as_str()))
        || words.windows(2).any(|pair| pair == ["as", "expected"]);
    good && !words.iter().any(|w| is_problem_word(w))
}

/// What a script does when it does what it should.
const WORKING: &str = " displays display shows show prints print draws draw allows allow handles \
    handle supports support provides provide includes include accepts accept returns return updates \
    update calculates calculate computes compute reads read writes write contains contain ensures \
    ensure validates validate uses use implements implement creates create opens open generates \
    generate outputs output produces produce takes take loads load saves save runs run counts count \
    lists list sorts sort asks ask lets let gives give has have can able displayed shown drawn \
    printed handled supported provided included updated calculated computed implemented created \
    generated used ";

fn is_working(word: &str) -> bool {
    WORKING.contains(&format!(" {word} "))
}

/// Whether the text tells what the script does, and nothing that is wrong with it.
pub(super) fn describes(said: &str) -> bool {
    let words: Vec<String> = text::words(said).collect();
    words.iter().any(|word| is_working(word)) && !words.iter().any(|word| is_problem_word(word))
}

/// The words of the plan, to tell its requirements said again from findings.
pub(super) struct Vocabulary {
    each: Vec<(String, BTreeSet<String>)>,
    all: BTreeSet<String>,
}

impl Vocabulary {
    pub(super) fn new(requirements: &[Requirement]) -> Self {
        let each: Vec<(String, BTreeSet<String>)> =
            requirements.iter().map(|r| (r.id.clone(), content(&r.text))).collect();
        let all = each.iter().flat_map(|(_, words)| words.iter().cloned()).collect();
        Self { each, all }
    }

    /// Whether the text says no more than the requirement (or, without an id, any of them).
    pub(super) fn restates(&self, id: Option<&str>, said: &str) -> bool {
        if self.each.is_empty() {
            return false;
        }
        let problem = text::words(said).any(|w| {
            is_problem_word(&w)
                && !matches!(w.as_str(), "should" | "must" | "needs" | "need")
                && !self.all.contains(&stem(&w))
        });
        if problem {
            return false;
        }
        let words = content(said);
        let of = |plan: &BTreeSet<String>| words.intersection(plan).count() * 5 >= words.len() * 4;
        words.is_subset(&self.all)
            || self.each.iter().any(|(own, plan)| id.is_none_or(|id| id == own) && of(plan))
    }
}

impl Vocabulary {
    /// Whether the text says of what the plan asks for that the script does it, in whatever words.
    pub(super) fn retells(&self, said: &str) -> bool {
        let told = text::words(said).filter(|word| is_working(word)).map(|word| stem(&word));
        let told: BTreeSet<String> = told.collect();
        let rest: BTreeSet<String> = content(said).difference(&told).cloned().collect();
        describes(said) && !rest.is_empty() && rest.is_subset(&self.all)
    }
}

/// The words that carry meaning, without endings.
fn content(said: &str) -> BTreeSet<String> {
    const EMPTY: [&str; 52] = [
        "the",
        "a",
        "an",
        "is",
        "are",
        "be",
        "been",
        "being",
        "should",
        "must",
        "shall",
        "will",
        "can",
        "able",
        "to",
        "of",
        "and",
        "or",
        "in",
        "on",
        "at",
        "it",
        "its",
        "with",
        "for",
        "that",
        "this",
        "as",
        "by",
        "script",
        "program",
        "app",
        "code",
        "has",
        "have",
        "does",
        "do",
        "correctly",
        "properly",
        "successfully",
        "check",
        "user",
        "which",
        "when",
        "from",
        "there",
        "they",
        "each",
        "was",
        "were",
        "needs",
        "need",
    ];
    text::words(said).filter(|w| !EMPTY.contains(&w.as_str())).map(|w| stem(&w)).collect()
}

fn stem(word: &str) -> String {
    let ending = ["ies", "es", "s", "ing", "ed"]
        .iter()
        .find(|e| word.len() > e.len() + 2 && word.ends_with(**e) && !word.ends_with("ss"));
    let stem = ending.map_or(word, |e| &word[..word.len() - e.len()]);
    stem.trim_end_matches(['e', 'y']).to_owned()
}
