//! Applies edits to a script: at the exact lines, else at lines that differ only in indentation,
//! else at the most similar lines, if that place is unique.

use super::super::{Refusal, RefusalKind};
use super::{Edit, Line};
use crate::domain::text::{count, one_line, quoted};

/// Minimum average similarity between the lines of an edit and of the script.
const ALIKE: f64 = 0.9;
/// Minimum similarity of each line.
const EACH_ALIKE: f64 = 0.6;
/// Minimum lead of the most similar place over the next one.
const AHEAD: f64 = 0.05;
/// Maximum number of line pairs that are compared for an edit.
const MOST_PAIRS: usize = 100_000;

/// A script with edits applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The script.
    pub script: String,
    /// Code that the edits add without a position.
    pub added: Vec<String>,
    /// What was changed, as notes for the user.
    pub notes: Vec<String>,
}

/// Applies the edits to `base`, one after the other.
///
/// # Errors
/// If an edit fits nowhere or at several places; the text is for the model.
pub fn apply(base: &str, edits: &[Edit]) -> Result<Edited, Refusal> {
    let mut lines: Vec<String> = base.lines().map(str::to_owned).collect();
    let mut added = Vec::new();
    let (mut made, mut nearly) = (0, 0);
    let mut grown = 0_isize;
    for (n, edit) in edits.iter().enumerate() {
        if !edit.changes() {
            continue;
        }
        if edit.is_addition() {
            added.push(edit.lines.iter().fold(String::new(), |text, line| match line {
                Line::Add(line) | Line::Keep(line) => text + line + "\n",
                Line::Remove(_) => text,
            }));
            continue;
        }
        let place =
            find(&lines, edit, grown).map_err(|miss| refusal(&miss, n, edits.len(), edit))?;
        let changed = place.made(&lines);
        grown += signed(changed.len()) - signed(lines.len());
        lines = changed;
        made += 1;
        nearly += usize::from(place.nearly);
    }
    let mut notes = Vec::new();
    if made > 0 {
        let near = if nearly > 0 {
            format!(", {nearly} where the nearest lines are")
        } else {
            String::new()
        };
        notes.push(format!("made {} in the script before{near}", count(made, "edit")));
    }
    Ok(Edited { script: format!("{}\n", lines.join("\n").trim_end()), added, notes })
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}

/// Why an edit cannot be applied.
enum Miss {
    /// No place is similar. Holds a line that the script does not have, if known.
    Nowhere(Option<String>),
    /// This many places match.
    Several(usize),
}

fn refusal(miss: &Miss, n: usize, of: usize, edit: &Edit) -> Refusal {
    let which = format!("Edit {} of {of}", n + 1);
    let first = edit.old().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let show = |line: &str| quoted(&one_line(line, 120));
    let reason = match miss {
        Miss::Nowhere(Some(line)) => format!(
            "{which} could not be made: the script has no line {}. Copy the lines that are to be changed \
             exactly as they stand there, or write the whole script in one ```python block.",
            show(line)
        ),
        Miss::Nowhere(None) => format!(
            "{which} could not be made: its lines from {} on do not stand together in the script. Copy \
             them exactly as they stand there, or write the whole script in one ```python block.",
            show(first)
        ),
        Miss::Several(places) => format!(
            "{which} could not be made: its lines from {} on stand at {places} places of the script. Give \
             more of the lines around the right one, or write the whole script in one ```python block.",
            show(first)
        ),
    };
    Refusal::new(RefusalKind::Edit, reason)
}

/// The difference in indentation between the script and an edit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Shift {
    #[default]
    None,
    In(String),
    Out(String),
}

impl Shift {
    /// The difference between two lines that are equal except for their indentation; otherwise
    /// `None`.
    fn between(script: &str, edit: &str) -> Option<Self> {
        if script.trim() != edit.trim() {
            return None;
        }
        let blanks = |line: &str| line[..line.len() - line.trim_start().len()].to_owned();
        let (script, edit) = (blanks(script), blanks(edit));
        if script == edit {
            Some(Self::None)
        } else if let Some(more) = script.strip_suffix(edit.as_str()) {
            Some(Self::In(more.to_owned()))
        } else {
            edit.strip_suffix(script.as_str()).map(|less| Self::Out(less.to_owned()))
        }
    }

    fn apply(&self, line: &str) -> String {
        match self {
            _ if line.trim().is_empty() => String::new(),
            Self::None => line.to_owned(),
            Self::In(more) => format!("{more}{line}"),
            Self::Out(less) => {
                line.strip_prefix(less.as_str()).unwrap_or(line.trim_start()).to_owned()
            }
        }
    }
}

/// The place of an edit in the script.
struct Place<'e> {
    edit: &'e [Line],
    /// For each non-empty line that the edit searches for, the line of the script.
    rows: Vec<usize>,
    nearly: bool,
}

/// The non-empty lines that an edit searches for.
fn wanted(edit: &[Line]) -> Vec<&str> {
    let old = edit.iter().filter_map(|line| match line {
        Line::Keep(text) | Line::Remove(text) => Some(text.trim_end()),
        Line::Add(_) => None,
    });
    old.filter(|line| !line.is_empty()).collect()
}

fn find<'e>(lines: &[String], edit: &'e Edit, grown: isize) -> Result<Place<'e>, Miss> {
    let filled: Vec<usize> = (0..lines.len()).filter(|n| !lines[*n].trim().is_empty()).collect();
    let ways = std::iter::once(&edit.lines).chain(&edit.unmarked);
    for edit_lines in ways {
        let old = wanted(edit_lines);
        for exact in [true, false] {
            let fits: Vec<usize> = windows(&filled, old.len())
                .filter(|at| fit(lines, &filled[*at..], &old, exact))
                .collect();
            let chosen = match &fits[..] {
                [] => continue,
                [one] => Some(*one),
                several => {
                    // Of several places, the one at the line number in the diff.
                    let empty = edit.old().take_while(|line| line.trim().is_empty()).count();
                    let said = edit.at.map(|at| signed(at + empty) - 1 + grown);
                    several.iter().copied().find(|at| Some(signed(filled[*at])) == said)
                }
            };
            let Some(at) = chosen else { return Err(Miss::Several(fits.len())) };
            let rows = filled[at..at + old.len()].to_vec();
            return Ok(Place { edit: edit_lines, rows, nearly: false });
        }
    }
    nearest(lines, &filled, edit)
}

fn windows(filled: &[usize], length: usize) -> std::ops::Range<usize> {
    0..(filled.len() + 1).saturating_sub(length.max(1))
}

/// Whether the lines of an edit match at a place: exactly, or all with the same difference in
/// indentation.
fn fit(lines: &[String], rows: &[usize], old: &[&str], exact: bool) -> bool {
    let mut shift = None;
    rows.iter().zip(old).all(|(row, old)| {
        let line = lines[*row].trim_end();
        if exact {
            return line == *old;
        }
        let Some(of_line) = Shift::between(line, old) else { return false };
        *shift.get_or_insert_with(|| of_line.clone()) == of_line
    })
}

/// The unique place with similar lines, at least half of which match exactly.
fn nearest<'e>(lines: &[String], filled: &[usize], edit: &'e Edit) -> Result<Place<'e>, Miss> {
    let old = wanted(&edit.lines);
    let nowhere = || {
        let known = |old: &&&str| lines.iter().any(|line| line.trim() == old.trim());
        Miss::Nowhere(old.iter().find(|old| !known(old)).map(|old| (*old).to_owned()))
    };
    if old.len() * filled.len() > MOST_PAIRS {
        return Err(nowhere());
    }
    let score = |at: usize| -> Option<f64> {
        let pairs =
            || filled[at..].iter().zip(&old).map(|(row, old)| (lines[*row].trim(), old.trim()));
        let same = pairs().filter(|(line, old)| line == old).count();
        if same * 2 < old.len() {
            return None;
        }
        let mut sum = 0.0;
        for (line, old) in pairs() {
            let alike = if line == old { 1.0 } else { strsim::normalized_levenshtein(line, old) };
            if alike < EACH_ALIKE {
                return None;
            }
            sum += alike;
        }
        let mean = sum / f64::from(u32::try_from(old.len()).ok()?);
        (mean >= ALIKE).then_some(mean)
    };
    let mut scores: Vec<(usize, f64)> =
        windows(filled, old.len()).filter_map(|at| Some((at, score(at)?))).collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    let at = match &scores[..] {
        [] => return Err(nowhere()),
        [first, second, ..] if first.1 - second.1 < AHEAD => {
            return Err(Miss::Several(scores.len()));
        }
        [first, ..] => first.0,
    };
    let rows = filled[at..at + old.len()].to_vec();
    Ok(Place { edit: &edit.lines, rows, nearly: true })
}

impl Place<'_> {
    /// The script with the edit applied. Kept lines and the empty lines between them stay as they
    /// are in the script.
    fn made(&self, lines: &[String]) -> Vec<String> {
        let mut out: Vec<String> = Vec::with_capacity(lines.len() + self.edit.len());
        let mut rows = self.rows.iter().copied();
        let mut at = self.begin(lines);
        out.extend_from_slice(&lines[..at]);
        let mut removing = false;
        // Added lines are shifted by the indentation difference of the line before them.
        let mut shift = self.first_shift(lines);
        for line in self.edit {
            match line {
                Line::Add(text) => out.push(shift.apply(text)),
                Line::Keep(text) | Line::Remove(text) => {
                    let keep = matches!(line, Line::Keep(_));
                    let row = if text.trim().is_empty() {
                        if lines.get(at).is_none_or(|line| !line.trim().is_empty()) {
                            continue;
                        }
                        at
                    } else {
                        let Some(row) = rows.next() else { continue };
                        if !removing || keep {
                            out.extend_from_slice(&lines[at..row]);
                        }
                        shift = Shift::between(&lines[row], text).unwrap_or(shift);
                        row
                    };
                    if keep {
                        out.push(lines[row].clone());
                    }
                    removing = !keep;
                    at = row + 1;
                }
            }
        }
        out.extend_from_slice(&lines[at..]);
        out
    }

    fn first_shift(&self, lines: &[String]) -> Shift {
        let old = wanted(self.edit);
        let rows = self.rows.iter().zip(&old);
        let mut shifts = rows.filter_map(|(row, old)| Shift::between(&lines[*row], old));
        shifts.next().unwrap_or_default()
    }

    /// The line where the edit starts, including as many empty lines before the first match as the
    /// edit has.
    fn begin(&self, lines: &[String]) -> usize {
        let first = self.rows.first().copied().unwrap_or_default();
        let old = self.edit.iter().filter(|line| !matches!(line, Line::Add(_)));
        let is_empty = |line: &&Line| matches!(line, Line::Keep(text) | Line::Remove(text) if text.trim().is_empty());
        let empty = old.take_while(is_empty).count();
        let there = lines[..first].iter().rev().take_while(|line| line.trim().is_empty()).count();
        first - empty.min(there)
    }
}
