//! Sections of a plan that have a form of their own: the lines below a `## ` heading, up to the next heading.

/// The lines of a text, and whether each belongs to the section (its heading too).
pub(super) fn lines<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = (&'a str, bool)> {
    let mut inside = false;
    text.lines().map(move |line| {
        if line.starts_with('#') {
            inside = line.trim_end() == heading;
        }
        (line, inside)
    })
}

/// The list items of a section, without their marks.
pub(super) fn items<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    let inside = lines(text, heading).filter(|(_, inside)| *inside);
    inside.filter_map(|(line, _)| line.trim().strip_prefix(['-', '*'])).map(str::trim)
}

/// A text without the section; every line that stays ends in a line feed.
pub(super) fn without(text: &str, heading: &str) -> String {
    let others = lines(text, heading).filter(|(_, inside)| !inside);
    others.fold(String::with_capacity(text.len()), |all, (line, _)| all + line + "\n")
}

/// A section; empty without items.
pub(super) fn write(heading: &str, items: impl IntoIterator<Item = String>) -> String {
    let lines = items.into_iter().fold(String::new(), |lines, item| lines + "- " + &item + "\n");
    if lines.is_empty() { lines } else { format!("\n{heading}\n\n{lines}") }
}
