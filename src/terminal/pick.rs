//! A menu: the user chooses with the arrow keys and Enter, or with a choice's letter.

use super::{Terminal, flow, harmless, hush, keys, restore};
use crate::domain::text::{one_line, visible};
use crate::workflow::manager::Interrupted;
use console::{Key, Term};
use dialoguer::theme::{ColorfulTheme, Theme};
use std::io;

/// Rows of the terminal that are reserved for the question and the cursor.
const OTHER_ROWS: usize = 2;

/// Maximum length of the question, in characters.
const LONGEST: usize = 300;

/// The character of Ctrl-D when keys are read one by one.
const END_OF_INPUT: char = '\u{4}';

/// A choice of a menu.
pub struct Choice<'a> {
    /// The answer.
    pub word: &'a str,
    /// What it does, as text.
    pub what: &'a str,
}

/// The result of a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picked {
    /// The choice at this index.
    Choice(usize),
    /// Escape.
    Back,
    /// Ctrl-D.
    Left,
}

/// Why a menu within a gate returns no choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D: the user leaves the gate, at any step in it.
    Quit,
}

impl From<Interrupted> for Leave {
    fn from(Interrupted: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// Shows a menu and returns the index of the choice; `None` for Escape or Ctrl-D. The terminal is
/// restored in any case.
pub fn select(
    terminal: &Terminal,
    question: &str,
    choices: &[Choice<'_>],
    preferred: usize,
) -> Result<Option<usize>, Interrupted> {
    Ok(match pick(terminal, question, choices, preferred)? {
        Picked::Choice(place) => Some(place),
        Picked::Back | Picked::Left => None,
    })
}

/// The same within a gate; `None` if the user goes one step back with Escape.
pub(super) fn within(
    terminal: &Terminal,
    question: &str,
    choices: &[Choice<'_>],
    preferred: usize,
) -> Result<Option<usize>, Leave> {
    match pick(terminal, question, choices, preferred)? {
        Picked::Choice(place) => Ok(Some(place)),
        Picked::Back => Ok(None),
        Picked::Left => Err(Leave::Quit),
    }
}

fn pick(
    terminal: &Terminal,
    question: &str,
    choices: &[Choice<'_>],
    preferred: usize,
) -> Result<Picked, Interrupted> {
    let (height, columns) = Term::stderr().size();
    // Each row starts with a mark of the theme, and the question ends with one.
    let width = usize::from(columns).max(30) - 5;
    let keys = letters(choices);
    let named = keys.iter().any(Option::is_some);
    let widest = choices.iter().map(|choice| console::measure_text_width(choice.word)).max();
    let widest = widest.unwrap_or_default().max(9);
    let label = |choice: &Choice<'_>, key: Option<char>| {
        let key = key.unwrap_or(' ').to_string();
        let key = if named { format!("{} ", terminal.bold(&key)) } else { String::new() };
        format!("{key}{:<widest$} ", choice.word)
    };
    let asked = one_line(question, LONGEST);
    let rows = |whole: bool| -> Vec<String> {
        let rows = choices.iter().zip(&keys);
        rows.map(|(choice, key)| {
            let (label, what) = (label(choice, *key), terminal.dim(choice.what));
            if whole {
                return hung(&label, &what, width);
            }
            harmless(&console::truncate_str(&format!("{label}{what}"), width, "…"))
        })
        .collect()
    };
    let question = hung("", &asked, width);
    let whole = rows(true);
    let lines = |text: &String| text.lines().count();
    let all = lines(&question) + whole.iter().map(lines).sum::<usize>();
    // Rows are cut if not everything fits, so that all choices stay visible.
    let fits = all < usize::from(height);
    let rows = if fits { whole } else { rows(false) };
    let question = if fits { question } else { one_line(question.as_str(), width) };
    let menu = Menu { question, rows, keys };
    // Keys that are typed between two reads would be echoed into the menu.
    hush();
    terminal.warn("");
    let chosen = menu.pick(preferred);
    restore();
    let chosen = chosen.map_err(|_| Interrupted)?;
    if let Picked::Choice(place) = chosen
        && let Some(choice) = choices.get(place)
    {
        terminal.warn(&format!("{asked} {}", terminal.bold(choice.word)));
    }
    Ok(chosen)
}

/// A label and a text, wrapped between words behind a mark of two columns.
fn hung(label: &str, text: &str, width: usize) -> String {
    let lines = flow::within(label, text, width);
    let lines = lines.trim_end().lines().map(|line| console::truncate_str(line, width, "…"));
    harmless(&lines.collect::<Vec<_>>().join("\n  "))
}

/// Asks whether to open an unusable text in the editor again (`true`) or to drop it (`false`);
/// `None` if the user goes back and the text is to be kept.
pub fn edit_again(terminal: &Terminal, problem: &str) -> Result<Option<bool>, Leave> {
    terminal.say(&terminal.warm(&format!("  {}", visible(problem))));
    let choices = [
        Choice { word: "again", what: "open your text in the editor again" },
        Choice { word: "drop", what: "discard your changes" },
    ];
    Ok(within(terminal, "Edit it again?", &choices, 0)?.map(|place| place == 0))
}

/// The key of each choice: the first letter of its word that no earlier choice has, or the digit of
/// a numbered answer as `mean 1`. Other words, as the name of a version, get none.
fn letters(choices: &[Choice<'_>]) -> Vec<Option<char>> {
    let mut taken = Vec::new();
    let own = |choice: &Choice<'_>| {
        let plain = choice.word.chars().all(|c| c.is_ascii_lowercase());
        let number = choice.word.split_once(' ').and_then(|(_, number)| number.parse().ok());
        let number = number.filter(char::is_ascii_digit);
        let key = number.or_else(|| choice.word.chars().find(|c| plain && !taken.contains(c)));
        taken.extend(key);
        key
    };
    choices.iter().map(own).collect()
}

struct Menu {
    question: String,
    rows: Vec<String>,
    keys: Vec<Option<char>>,
}

impl Menu {
    fn pick(&self, preferred: usize) -> io::Result<Picked> {
        let term = Term::stderr();
        let (mut at, mut top) = (preferred, 0);
        let last = self.rows.len().saturating_sub(1);
        term.hide_cursor()?;
        loop {
            let height = usize::from(term.size().0).saturating_sub(OTHER_ROWS).max(1);
            top = top.clamp((at + 1).saturating_sub(height), at);
            let drawn = self.draw(&term, at, top, height)?;
            let key = keys::next(&term);
            term.clear_last_lines(drawn)?;
            match key? {
                Key::ArrowDown | Key::Tab => at = if at == last { 0 } else { at + 1 },
                Key::ArrowUp | Key::BackTab => at = at.checked_sub(1).unwrap_or(last),
                Key::Home => at = 0,
                Key::End => at = last,
                Key::Enter => return Ok(Picked::Choice(at)),
                Key::Escape => return Ok(Picked::Back),
                Key::Char(END_OF_INPUT) => return Ok(Picked::Left),
                Key::Char(letter) => {
                    let own = |key: &Option<char>| *key == Some(letter);
                    if let Some(chosen) = self.keys.iter().position(own) {
                        return Ok(Picked::Choice(chosen));
                    }
                }
                _ => {}
            }
        }
    }

    /// Draws the rows that fit from `top` on, and returns the number of lines.
    fn draw(&self, term: &Term, at: usize, top: usize, height: usize) -> io::Result<usize> {
        let theme = ColorfulTheme::default();
        let mut text = String::new();
        theme.format_select_prompt(&mut text, &self.question).map_err(io::Error::other)?;
        let rows = self.rows.iter().enumerate().skip(top).take(height);
        for (number, row) in rows {
            text.push('\n');
            theme
                .format_select_prompt_item(&mut text, row, number == at)
                .map_err(io::Error::other)?;
        }
        term.write_line(&text)?;
        Ok(text.lines().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_gets_a_free_letter_of_its_word_or_its_digit() {
        for (words, expected) in [
            (vec!["approve", "say", "edit", "quit"], "aseq"),
            (
                vec![
                    "accept", "iterate", "feedback", "run", "edit", "plan", "rewind", "look",
                    "quit",
                ],
                "aifrepwlq",
            ),
            (vec!["allow", "deny", "quit"], "adq"),
            (vec!["v12", "v1", "F3", "F3 F4"], "    "),
            (vec!["mean 1", "mean 2", "menu"], "12m"),
            (vec!["aa", "aaa", "ab"], "a b"),
        ] {
            let choices: Vec<Choice<'_>> =
                words.iter().map(|word| Choice { word, what: "" }).collect();
            let letters: String =
                letters(&choices).into_iter().map(|letter| letter.unwrap_or(' ')).collect();
            assert_eq!(letters, expected);
        }
    }
}
