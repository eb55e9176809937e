//! Progress of a long operation: a bar that is redrawn, or a few lines without a terminal.

use super::{Terminal, hush, restore};
use crate::domain::text::{one_line, size};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Number of progress lines without a bar.
const LINES: u64 = 5;

/// Progress in bytes. The bar is removed when this value is dropped.
pub struct Progress {
    terminal: Terminal,
    bar: ProgressBar,
    words: String,
    total: u64,
    /// Number of progress lines printed so far.
    told: u64,
}

impl Progress {
    /// Progress of an operation with this total in bytes; shows nothing yet.
    #[must_use]
    pub fn new(terminal: Terminal, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        Self { terminal, bar, words: String::new(), total, told: 0 }
    }

    /// Starts a step with a label, with this many bytes done.
    pub fn begin(&mut self, words: &str, done: u64) {
        words.clone_into(&mut self.words);
        self.told = self.line_of(done);
        if !self.terminal.live {
            return;
        }
        self.clear();
        hush();
        self.bar =
            ProgressBar::new(self.total).with_prefix(one_line(words, 30)).with_position(done);
        let template = "  {spinner} {prefix} {bar:20} {percent:>3}% of {decimal_total_bytes}, \
                        {decimal_bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━━ "));
        }
        self.bar.reset_eta();
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// Updates the number of bytes done.
    pub fn at(&mut self, done: u64) {
        self.bar.set_position(done);
        let line = self.line_of(done);
        if line > self.told && !self.terminal.live {
            self.told = line;
            let (done, total) = (size(done), size(self.total));
            self.terminal.warn(&format!("  {}: {done} of {total}", self.words));
        }
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| self.terminal.warn(line));
    }

    fn line_of(&self, done: u64) -> u64 {
        done.saturating_mul(LINES) / self.total.max(1)
    }

    fn clear(&self) {
        if !self.bar.is_hidden() {
            self.bar.finish_and_clear();
            restore();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
