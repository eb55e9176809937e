//! The lines that the Planner is asked for.

/// The number of `R12`.
pub(in crate::agents) fn requirement_number(id: &str) -> Option<u16> {
    id.strip_prefix('R').filter(|number| !number.starts_with('0'))?.parse().ok()
}

/// The number and the text of a requirement in the form that the Planner is asked for, `R1: ...`.
pub(in crate::agents) fn requirement(line: &str) -> Option<(u32, &str)> {
    let start = line.trim_start();
    let start = ["- ", "* "].iter().find_map(|mark| start.strip_prefix(mark)).unwrap_or(start);
    let (id, text) = start.split_once(": ")?;
    let text = text.trim();
    Some((requirement_number(id)?.into(), text)).filter(|_| !text.is_empty())
}
