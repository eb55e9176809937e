//! Line differences between two texts.

use similar::{ChangeTag, TextDiff};

/// Number of added and removed lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Lines that only the new text has.
    pub added: usize,
    /// Lines that only the old text has.
    pub removed: usize,
}

/// Counts the lines that differ.
#[must_use]
pub fn stat(old: &str, new: &str) -> Stat {
    let mut stat = Stat::default();
    for change in TextDiff::from_lines(old, new).iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => stat.added += 1,
            ChangeTag::Delete => stat.removed += 1,
            ChangeTag::Equal => {}
        }
    }
    stat
}

/// The unified diff, with three lines around each change; empty if the texts are the same.
#[must_use]
pub fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(3)
        .header(old_name, new_name)
        .to_string()
}

/// A row of a side-by-side diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The old line, with its number from 1.
    pub old: Option<(usize, String)>,
    /// The new line, with its number from 1.
    pub new: Option<(usize, String)>,
    /// The lines are equal.
    pub same: bool,
}

/// A side-by-side diff with three lines of context; an empty row separates hunks.
#[must_use]
pub fn rows(old: &str, new: &str) -> Vec<Row> {
    let diff = TextDiff::from_lines(old, new);
    let mut rows = Vec::new();
    for group in diff.grouped_ops(3) {
        if !rows.is_empty() {
            rows.push(Row { old: None, new: None, same: true });
        }
        for op in group {
            let mut removed = Vec::new();
            let mut added = Vec::new();
            for change in diff.iter_changes(&op) {
                let text = change.value().trim_end_matches('\n').to_owned();
                let old = change.old_index().map(|n| (n + 1, text.clone()));
                let new = change.new_index().map(|n| (n + 1, text));
                match change.tag() {
                    ChangeTag::Equal => rows.push(Row { old, new, same: true }),
                    ChangeTag::Delete => removed.push(old),
                    ChangeTag::Insert => added.push(new),
                }
            }
            for n in 0..removed.len().max(added.len()) {
                rows.push(Row {
                    old: removed.get(n).cloned().flatten(),
                    new: added.get(n).cloned().flatten(),
                    same: false,
                });
            }
        }
    }
    rows
}

/// Maximum length of a line that is compared by words, in bytes.
const LONGEST_LINE: usize = 2_000;
/// Minimum similarity of two lines that are compared by words, from 0 to 1.
const ALIKE: f64 = 0.4;

/// Parts of a line, each with whether only this side has it.
pub type Words = Vec<(bool, String)>;

/// Compares two lines word by word, and marks the parts that only one of them has. Very long lines,
/// and lines with little in common, are returned whole and unmarked.
#[must_use]
pub fn words(old: &str, new: &str) -> (Words, Words) {
    let unmarked = |line: &str| vec![(false, line.to_owned())];
    if old.len().max(new.len()) > LONGEST_LINE {
        return (unmarked(old), unmarked(new));
    }
    let diff = TextDiff::from_unicode_words(old, new);
    if f64::from(diff.ratio()) < ALIKE {
        return (unmarked(old), unmarked(new));
    }
    let mut sides = (Words::new(), Words::new());
    for change in diff.iter_all_changes() {
        let marked = change.tag() != ChangeTag::Equal;
        let of_old = change.old_index().is_some().then_some(&mut sides.0);
        let of_new = change.new_index().is_some().then_some(&mut sides.1);
        for side in of_old.into_iter().chain(of_new) {
            match side.last_mut() {
                Some((known, text)) if *known == marked => text.push_str(change.value()),
                _ => side.push((marked, change.value().to_owned())),
            }
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_removed_lines_are_counted() {
        for (old, new, added, removed) in [
            ("", "", 0, 0),
            ("a\nb\n", "a\nb\n", 0, 0),
            ("a\nb\n", "a\nc\n", 1, 1),
            ("a\n", "a\nb\nc\n", 2, 0),
            ("a\nb\n", "", 0, 2),
        ] {
            assert_eq!(stat(old, new), Stat { added, removed }, "{old:?} {new:?}");
        }
    }

    #[test]
    fn a_changed_line_is_shown_beside_the_old_one() {
        let rows = rows("a\nb\nc\n", "a\nx\ny\nc\n");
        let pair = |r: &Row| {
            let text = |side: &Option<(usize, String)>| side.as_ref().map(|(_, t)| t.clone());
            (text(&r.old), text(&r.new), r.same)
        };
        let some = |t: &str| Some(t.to_owned());
        assert_eq!(
            rows.iter().map(pair).collect::<Vec<_>>(),
            [
                (some("a"), some("a"), true),
                (some("b"), some("x"), false),
                (None, some("y"), false),
                (some("c"), some("c"), true),
            ]
        );
    }

    #[test]
    fn words_that_differ_are_marked() {
        let marked = |side: &Words| {
            let part = |(marked, text): &(bool, String)| match marked {
                true => format!("[{text}]"),
                false => text.clone(),
            };
            side.iter().map(part).collect::<String>()
        };
        let long = "x ".repeat(2000);
        for (old, new, old_marked, new_marked) in [
            ("print(one)", "print(two)", "print([one])", "print([two])"),
            ("a = 1", "a = 1", "a = 1", "a = 1"),
            ("a = 1", "a = 1 + 2", "a = 1", "a = 1[ + 2]"),
            ("import os", "while True:", "import os", "while True:"),
            ("", "a", "", "a"),
            (long.as_str(), "x", long.as_str(), "x"),
        ] {
            let (a, b) = words(old, new);
            assert_eq!((marked(&a).as_str(), marked(&b).as_str()), (old_marked, new_marked));
        }
    }
}
