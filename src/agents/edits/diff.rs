//! Diffs as models write them: with and without headers, line numbers and marks.

use super::super::fences::Block;
use super::{Edit, Line};

/// Tags of a fence that contains a diff.
const TAGS: [&str; 3] = ["diff", "patch", "udiff"];

/// Whether the text may contain a diff.
pub(super) fn may_be(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with(['+', '@']))
        || text.contains("```diff")
        || text.contains("```patch")
}

/// Whether a block is a diff, by its tag or because all of its lines are diff lines.
pub(super) fn is_diff(block: &Block) -> bool {
    let lines = || block.text.lines().filter(|line| !line.trim().is_empty());
    let starts = |mark: char| lines().any(|line| line.starts_with(mark));
    let changes = starts('+') || starts('-');
    if TAGS.contains(&block.tag.as_str()) {
        return changes;
    }
    let marked = |line: &str| line.starts_with(['+', '-', ' ', '@', '\\']) || is_header(line);
    // A block with only added lines is a whole script written as a diff.
    let has_place = lines().any(|line| line.starts_with("@@")) || starts(' ') || starts('-');
    changes && has_place && starts('+') && lines().all(marked)
}

/// The diff in a text without fences, if there is one, from its first header on.
pub(super) fn bare(text: &str) -> Option<String> {
    let begins = |line: &str| line.starts_with("@@") || is_header(line) && line.starts_with("--- ");
    let lines: Vec<&str> = text.lines().skip_while(|line| !begins(line)).collect();
    let fits = |line: &&&str| {
        line.trim().is_empty() || line.starts_with(['+', '-', ' ', '@', '\\']) || is_header(line)
    };
    let lines: Vec<&str> = lines.iter().take_while(fits).copied().collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn is_header(line: &str) -> bool {
    ["diff --git ", "index ", "--- ", "+++ ", "new file mode ", "\\ "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// The edits in a diff, one for each contiguous part.
pub(super) fn edits(text: &str) -> Vec<Edit> {
    let lines: Vec<&str> = text.lines().collect();
    let headed = lines.iter().any(|line| line.starts_with("@@"));
    let mut edits = Vec::new();
    let mut hunk = Hunk { inside: !headed, ..Hunk::default() };
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let next = lines.get(at).copied().unwrap_or_default();
        if line.starts_with("@@") {
            hunk.close(&mut edits);
            hunk.inside = true;
            hunk.at = number(line);
        } else if line.starts_with("--- ") && next.starts_with("+++ ") {
            hunk.close(&mut edits);
            hunk.inside = !headed;
            at += 1;
        } else if line.starts_with("diff --git ") {
            hunk.close(&mut edits);
            hunk.inside = false;
        } else if line.trim() == "..." {
            // Lines were left out here; the next part is elsewhere.
            hunk.close(&mut edits);
        } else if hunk.inside && !line.starts_with("\\ ") {
            hunk.take(line);
        }
    }
    hunk.close(&mut edits);
    edits
}

/// The line number of the old text in `@@ -12,3 +12,4 @@`.
fn number(header: &str) -> Option<usize> {
    let old = header.split('-').nth(1)?;
    let digits = old.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|line| *line > 0)
}

#[derive(Default)]
struct Hunk {
    lines: Vec<Line>,
    unmarked: Vec<Line>,
    at: Option<usize>,
    inside: bool,
}

impl Hunk {
    fn take(&mut self, line: &str) {
        let (lines, unmarked) = match (line.chars().next(), line.get(1..)) {
            (Some('+'), Some(rest)) => (Line::Add(rest.to_owned()), Line::Add(rest.to_owned())),
            (Some('-'), Some(rest)) => {
                (Line::Remove(rest.to_owned()), Line::Remove(rest.to_owned()))
            }
            (Some(' '), Some(rest)) => (Line::Keep(rest.to_owned()), Line::Keep(line.to_owned())),
            _ => (Line::Keep(line.to_owned()), Line::Keep(line.to_owned())),
        };
        self.lines.push(lines);
        self.unmarked.push(unmarked);
    }

    fn close(&mut self, edits: &mut Vec<Edit>) {
        let lines = std::mem::take(&mut self.lines);
        let unmarked = std::mem::take(&mut self.unmarked);
        let unmarked = (lines != unmarked).then_some(unmarked);
        let edit = Edit { lines, unmarked, at: self.at.take() };
        if edit.changes() {
            edits.push(edit);
        }
    }
}
