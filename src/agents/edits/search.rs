//! Search and replace blocks, inside or outside of fences.

use super::{Edit, Line};

/// Minimum length of the row of signs in a mark.
const MARK: usize = 5;

/// The kind of mark on a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Search,
    Middle,
    Replace,
}

/// Parses `<<<<<<< SEARCH`, `=======` and `>>>>>>> REPLACE`, with any word or none; or `-------
/// SEARCH` and `+++++++ REPLACE`, which need a word.
fn mark(line: &str) -> Option<Mark> {
    let line = line.trim();
    let sign = line.chars().next()?;
    let rest = line.trim_start_matches(sign);
    if line.len() - rest.len() < MARK {
        return None;
    }
    let word = rest.strip_prefix(' ').map(str::trim);
    let word = word.filter(|word| !word.is_empty() && !word.contains(' '));
    match sign {
        '<' if rest.is_empty() || word.is_some() => Some(Mark::Search),
        '-' if word.is_some() => Some(Mark::Search),
        '=' if rest.is_empty() => Some(Mark::Middle),
        '>' if rest.is_empty() || word.is_some() => Some(Mark::Replace),
        '+' if word.is_some() => Some(Mark::Replace),
        _ => None,
    }
}

/// Whether the text has the first two marks of a block in order.
pub(super) fn has_marks(text: &str) -> bool {
    let mut marks = text.lines().filter_map(mark);
    marks.any(|mark| mark == Mark::Search) && marks.any(|mark| mark == Mark::Middle)
}

/// All blocks in the text; `None` if one of them is incomplete.
pub(super) fn edits(text: &str) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| mark(line) == Some(Mark::Search)) {
        let search = up_to(&mut lines, |line| mark(line) == Some(Mark::Middle))?;
        // The last mark may be missing before the closing fence.
        let ends = |line: &str| mark(line) == Some(Mark::Replace) || line.trim() == "```";
        let replace = up_to(&mut lines, ends)?;
        edits.push(edit(&search, &replace));
    }
    (!edits.is_empty()).then_some(edits)
}

fn up_to<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    ends: impl Fn(&str) -> bool,
) -> Option<Vec<&'a str>> {
    let mut found = Vec::new();
    loop {
        let line = lines.next()?;
        if ends(line) {
            return Some(found);
        }
        if mark(line) == Some(Mark::Search) {
            return None;
        }
        found.push(line);
    }
}

/// Builds an edit. Lines at the start and the end of the search text that the replacement repeats
/// are kept.
fn edit(search: &[&str], replace: &[&str]) -> Edit {
    let same = |(a, b): (&&str, &&str)| a.trim_end() == b.trim_end();
    let head = search.iter().zip(replace).take_while(|pair| same((pair.0, pair.1))).count();
    let (old, new) = (&search[head..], &replace[head..]);
    let tail =
        old.iter().rev().zip(new.iter().rev()).take_while(|pair| same((pair.0, pair.1))).count();
    let keep = |line: &&str| Line::Keep((*line).to_owned());
    let removed = old[..old.len() - tail].iter().map(|line| Line::Remove((*line).to_owned()));
    let added = new[..new.len() - tail].iter().map(|line| Line::Add((*line).to_owned()));
    let lines = search[..head].iter().map(keep).chain(removed).chain(added);
    let lines = lines.chain(old[old.len() - tail..].iter().map(keep)).collect();
    Edit { lines, unmarked: None, at: None }
}
