//! Search and replace blocks, in fences or not.

use super::{Edit, Line};

/// The shortest row of signs that is a mark.
const MARK: usize = 5;

/// Which mark a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Search,
    Middle,
    Replace,
}

/// `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE`, whatever word stands there; or `------- SEARCH` and
/// `+++++++ REPLACE`, which need one.
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

/// Whether the text has a block's first two marks in their order.
pub(super) fn has_marks(text: &str) -> bool {
    let mut marks = text.lines().filter_map(mark);
    marks.any(|mark| mark == Mark::Search) && marks.any(|mark| mark == Mark::Middle)
}

/// All blocks of the text; `None` if one of them is not whole.
pub(super) fn edits(text: &str) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| mark(line) == Some(Mark::Search)) {
        let search = up_to(&mut lines, |line| mark(line) == Some(Mark::Middle))?;
        // The last mark may be forgotten before the fence.
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

/// Of what is searched for, the lines that stay are those at its beginning and its end that the
/// replacement has too.
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
