//! Sections of a plan with a fixed form: the lines below a `## ` heading, up to the next heading.

/// The lines of a text, each with whether it belongs to the section, including its heading.
pub(super) fn lines<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = (&'a str, bool)> {
    let mut inside = false;
    text.lines().map(move |line| {
        if line.starts_with('#') {
            inside = line.trim_end() == heading;
        }
        (line, inside)
    })
}

/// The list items of a section, without bullets.
pub(super) fn items<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    let inside = lines(text, heading).filter(|(_, inside)| *inside);
    inside.filter_map(|(line, _)| line.trim().strip_prefix(['-', '*'])).map(str::trim)
}

/// A text without the section; every remaining line ends in a line feed.
pub(super) fn without(text: &str, heading: &str) -> String {
    let others = lines(text, heading).filter(|(_, inside)| !inside);
    others.fold(String::with_capacity(text.len()), |all, (line, _)| all + line + "\n")
}

/// Formats a section; empty if there are no items.
pub(super) fn write(heading: &str, items: impl IntoIterator<Item = String>) -> String {
    let lines = items.into_iter().fold(String::new(), |lines, item| lines + "- " + &item + "\n");
    if lines.is_empty() { lines } else { format!("\n{heading}\n\n{lines}") }
}
