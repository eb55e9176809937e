//! List items as models and people write them.

/// The mark before an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// `R1:`, `**R1**.`, `- R1 -`, `Requirement 1:`
    Labelled,
    /// `1.`, `1)`
    Numbered,
    /// `-`, `*`, `•`
    Bullet,
}

/// A line that starts an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) shape: Shape,
    /// The number in the label, 0 for bullets.
    pub(super) number: u32,
    /// There is a bullet, possibly before a label.
    pub(super) bullet: bool,
    /// Number of blanks before it.
    pub(super) indent: usize,
    /// The text after the mark; Markdown inside is kept.
    pub(super) text: &'a str,
}

/// The item that starts on a line, if any.
pub(super) fn item(line: &str) -> Option<Item<'_>> {
    let start = line.trim_start();
    let indent = line.chars().count() - start.chars().count();
    let start = start.trim_start_matches(['#', '>']).trim_start();
    let (bullet, rest) = match without_bullet(start) {
        Some(rest) => (true, rest),
        None => (false, start),
    };
    if let Some((number, text)) = label(rest) {
        return Some(Item { shape: Shape::Labelled, number, bullet, indent, text });
    }
    if let Some((number, text)) = numbered(rest) {
        // `1. R3: ...` is labelled.
        if let Some((number, text)) = label(text) {
            return Some(Item { shape: Shape::Labelled, number, bullet, indent, text });
        }
        return Some(Item { shape: Shape::Numbered, number, bullet, indent, text });
    }
    bullet.then_some(Item { shape: Shape::Bullet, number: 0, bullet, indent, text: rest })
}

/// The line after `- `, `* `, `• `, and after a task's checkbox `[ ]`.
fn without_bullet(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(['-', '*', '+', '•', '‣', '◦', '–'])?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let unboxed = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark));
    Some(unboxed.map_or(rest, str::trim_start))
}

/// The number and the rest of `R1: ...`.
pub(super) fn label(text: &str) -> Option<(u32, &str)> {
    let ticked = text.starts_with('`');
    let text = text.trim_start_matches(['*', '_', '[', '(', '`']);
    let names = ["Requirement ", "requirement ", "REQ-", "REQ", "Req ", "FR-", "FR", "R", "r"];
    let rest = names.iter().find_map(|name| text.strip_prefix(name))?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest.get(..digits.min(4))?.parse().ok()?;
    let rest = &rest[digits..];
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = if ticked { rest.strip_prefix('`').unwrap_or(rest) } else { rest };
    Some((number, after_label(rest)))
}

fn after_label(rest: &str) -> &str {
    rest.trim_start_matches([
        '*', '_', ']', ')', ':', '：', '.', '-', '–', '—', ' ', '\t', '|', '=',
    ])
}

/// The text without anything at its start that could be read as the mark of an item.
pub(super) fn without_marks(mut text: &str) -> &str {
    loop {
        let less =
            after_label(text).trim_start_matches(['+', '•', '‣', '◦', '#', '>']).trim_start();
        if less == text {
            return text;
        }
        text = less;
    }
}

/// The number and the rest of `1. ...` or `**1)** ...`.
fn numbered(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start_matches(['*', '_', '(']);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text.get(..digits.min(3))?.parse().ok()?;
    let rest = text[digits..].strip_prefix(['.', ')', ':'])?;
    let rest = rest.strip_prefix("**").unwrap_or(rest);
    (rest.is_empty() || rest.starts_with([' ', '\t', '*'])).then(|| (number, rest.trim_start()))
}

/// The heading on a line (`## Questions`, `**Questions**`, `Questions:`), in lower case.
pub(super) fn heading(line: &str) -> Option<String> {
    let line = line.trim();
    let bold =
        line.len() > 4 && line.starts_with("**") && line.trim_end_matches(':').ends_with("**");
    let bold = bold && line.matches("**").count() == 2;
    let marked = line.starts_with('#') || bold;
    let colon = line.trim_end_matches('*').ends_with(':')
        && line.split_whitespace().count() <= 6
        && !line.starts_with(['-', '*', '•'])
        || bold;
    (marked || colon).then(|| line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
}
