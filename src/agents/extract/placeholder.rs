//! Places where a script leaves code out: `# ... rest of the code unchanged`.

use super::python::{self, Line};

/// The first line (from 1) that stands for code left out, with its text.
pub(super) fn find(script: &str) -> Option<(usize, &str)> {
    let lines = python::lines(script);
    lines
        .iter()
        .enumerate()
        .find(|(n, line)| !line.in_string && stands_for_code(&lines, *n))
        .map(|(n, line)| (n + 1, line.text.trim()))
}

fn stands_for_code(lines: &[Line<'_>], n: usize) -> bool {
    let text = lines[n].text.trim();
    if matches!(text, "..." | "…") {
        return is_elision(lines, n);
    }
    if let Some(comment) = text.strip_prefix('#') {
        return comment_leaves_out(comment)
            || (comment_points_back(comment) && nothing_follows(lines, n));
    }
    // `def main(): # ... unchanged`
    text.split_once(" #").is_some_and(|(code, comment)| {
        let code = code.trim_end();
        (code.ends_with(':') || code.ends_with("pass") || code.ends_with("..."))
            && (comment_leaves_out(comment) || comment_points_back(comment))
    })
}

/// Whether `...` stands among other statements rather than as the body of a stub.
fn is_elision(lines: &[Line<'_>], n: usize) -> bool {
    if !lines[n].text.starts_with([' ', '\t']) {
        return true;
    }
    let before = lines[..n].iter().rev().map(|l| l.text.trim()).find(|l| !l.is_empty());
    before.is_some_and(|line| !line.ends_with([':', ',', '(', '[', '{', '"', '\'', '\\']))
}

/// Phrases that say so by themselves.
fn comment_leaves_out(comment: &str) -> bool {
    let dots = comment.contains("...") || comment.contains('…');
    let said = comment.to_lowercase();
    let said = said.trim_matches(|c: char| !c.is_alphanumeric());
    if said.is_empty() {
        return dots;
    }
    let has = |words: &[&str]| words.iter().any(|w| said.contains(w));
    let code = [
        "code",
        "script",
        "program",
        "function",
        "method",
        "implementation",
        "class",
        "logic",
        "import",
        "definition",
        "as before",
        "as above",
    ];
    let kept = [
        "unchanged",
        "same",
        "here",
        "as before",
        "remain",
        "omitted",
        "as is",
        "not changed",
        "stays",
        "goes",
        "above",
        "no change",
        "previous",
    ];
    if has(&["rest of", "remaining ", "remainder of", "the rest"]) && has(&code) {
        let words = said.split_whitespace().count();
        return dots || (has(&kept[..]) && words <= 12) || words <= 4;
    }
    if said.starts_with("existing ") && has(&code) {
        let words = said.split_whitespace().count();
        return dots || words <= 2 || (has(&kept) && words <= 6);
    }
    if dots && has(&["existing", "unchanged", "same as", "as before", "omitted", "other code"]) {
        return true;
    }
    let asks = [
        "your code here",
        "your code goes here",
        "code goes here",
        "add code here",
        "code here",
        "implementation goes here",
        "implementation here",
        "your logic here",
        "logic goes here",
        "implement your",
        "code omitted",
        "omitted for brevity",
        "code unchanged",
        "same code as",
        "no changes here",
        "keep the rest",
        "other functions here",
        "other methods here",
        "unchanged code",
        "previous code",
        "code remains the same",
        "remains unchanged",
    ];
    has(&asks) && said.split_whitespace().count() <= 10
}

/// Phrases that only mean it if no code stands there.
fn comment_points_back(comment: &str) -> bool {
    let said = comment.to_lowercase();
    let said = said.trim_matches(|c: char| !c.is_alphanumeric());
    let back = [
        "same as before",
        "same as above",
        "same as previous",
        "same as in",
        "as before",
        "as above",
        "unchanged",
        "no changes",
        "no change",
        "same",
        "not changed",
        "keep as is",
        "implementation unchanged",
        "same implementation",
    ];
    back.iter().any(|b| said == *b || (said.starts_with(b) && b.len() > 8))
        && said.split_whitespace().count() <= 7
}

/// Whether the comment stands where code should: before a blank line, a definition, `pass`, `...`,
/// a line further left, or the end.
fn nothing_follows(lines: &[Line<'_>], n: usize) -> bool {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let Some(next) = lines.get(n + 1) else { return true };
    let code = next.text.trim();
    code.is_empty()
        || matches!(code, "pass" | "..." | "…")
        || code.starts_with("def ")
        || code.starts_with("class ")
        || indent(next.text) < indent(lines[n].text)
}
