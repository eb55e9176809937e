//! A few lines at the screen's lower end that are drawn over as things change, with lines that stay
//! above them.

use super::{Terminal, harmless, hush, restore};
use console::{Term, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// What is shown goes with this value. Where nobody watches, only the lines that stay are told.
pub struct Board {
    terminal: Terminal,
    bar: ProgressBar,
}

impl Board {
    /// Shows nothing yet.
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

    /// Whether anybody watches.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.terminal.live
    }

    /// Shows these lines in the place of those before, as far as there is room.
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

    /// A line that stays.
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
