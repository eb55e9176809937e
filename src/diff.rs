//! Differences between two texts, by lines.

use similar::{ChangeTag, TextDiff};

/// Lines added and removed.
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

/// One row of two texts beside each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The old line, with its number from 1.
    pub old: Option<(usize, String)>,
    /// The new line, with its number from 1.
    pub new: Option<(usize, String)>,
    /// The two are the same line.
    pub same: bool,
}

/// Both texts in rows, with three lines around each change; a row of nothing between two parts.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_counted_once_each() {
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
    fn a_changed_line_stands_beside_the_old_one() {
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
}
