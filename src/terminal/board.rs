//! Status lines at the bottom of the screen that are redrawn, below lines that stay.

use super::{Terminal, harmless, hush, restore};
use console::{Term, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Status lines, which are removed when this value is dropped. Without a terminal, only the lines
/// that stay are printed.
pub struct Board {
    terminal: Terminal,
    bar: ProgressBar,
}

impl Board {
    /// Shows no lines yet.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !terminal.live {
            return Self { terminal, bar };
        }
        hush();
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { terminal, bar }
    }

    /// Whether the status lines are shown on a terminal.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.terminal.live
    }

    /// Replaces the status lines. They get at most half of the screen; the rest is left out.
    pub fn show(&self, lines: &[String]) {
        if !self.terminal.live {
            return;
        }
        let (rows, columns) = Term::stderr().size();
        let width = usize::from(columns).max(20) - 4;
        let shown = lines.iter().take(usize::from(rows / 2).max(1));
        let shown = shown.map(|line| harmless(&truncate_str(line, width, "…")));
        self.bar.set_message(shown.collect::<Vec<_>>().join("\n  "));
    }

    /// Prints a line that stays.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| self.terminal.note(line));
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if self.terminal.live {
            self.bar.finish_and_clear();
            restore();
        }
    }
}
