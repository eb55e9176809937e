//! A spinner, with the last lines of a model's text below it. Both are removed when the wait ends;
//! the result is printed after that.

use super::{Terminal, flow, harmless, hush, restore};
use console::{Term, truncate_str};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Maximum number of lines of a model's text shown at a time.
const SHOWN: usize = 8;
/// Columns of the spinner and the spaces around it.
const MARGIN: usize = 4;
/// Columns of the elapsed time with a space before it.
const TIME: usize = 5;

/// A part of the screen that is redrawn, and removed when this value is dropped.
pub(super) struct Window {
    terminal: Terminal,
    bar: ProgressBar,
    /// The last lines of the text; the last one is incomplete.
    tail: Vec<String>,
}

impl Window {
    /// Shows the spinner with a label.
    pub(super) fn open(terminal: Terminal, words: &str) -> Self {
        hush();
        let bar = ProgressBar::new_spinner().with_prefix(fitted(words));
        style(&bar, "  {spinner} {prefix} {elapsed:.dim}");
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { terminal, bar, tail: vec![String::new()] }
    }

    /// Changes the label.
    pub(super) fn name(&self, words: &str) {
        self.bar.set_prefix(fitted(words));
    }

    /// Adds a part of the model's text.
    pub(super) fn write(&mut self, text: &str) {
        let (rows, columns) = Term::stderr().size();
        let shown = usize::from(rows / 3).clamp(1, SHOWN);
        let mut parts = text.split('\n');
        if let (Some(line), Some(part)) = (self.tail.last_mut(), parts.next()) {
            line.push_str(part);
        }
        for part in parts {
            self.tail.push(part.to_owned());
        }
        // The incomplete line is shown once it has text.
        let begun = usize::from(self.tail.last().is_some_and(|line| !line.trim().is_empty()));
        self.tail.drain(..self.tail.len().saturating_sub(shown + 1));
        let complete = self.tail.len() - 1;
        let all = &self.tail[..complete + begun];
        let width = usize::from(columns).max(20) - 5;
        let text: Vec<String> = all[all.len().saturating_sub(shown)..]
            .iter()
            .map(|line| {
                let line = line.replace('\t', "    ");
                harmless(&self.terminal.dim(&format!("  │ {}", truncate_str(&line, width, "…"))))
            })
            .collect();
        if text.is_empty() {
            return;
        }
        style(&self.bar, "  {spinner} {prefix} {elapsed:.dim}\n{msg}");
        self.bar.set_message(text.join("\n"));
    }
}

/// A label, wrapped between words if it is too wide for one line with the elapsed time.
fn fitted(words: &str) -> String {
    let columns = usize::from(Term::stderr().size().1).max(20);
    let lines = flow::within("", &harmless(words), columns - MARGIN - TIME);
    lines.trim_end().replace('\n', &format!("\n{}", " ".repeat(MARGIN)))
}

impl Drop for Window {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        restore();
    }
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}
