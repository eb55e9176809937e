//! How far a model's answer has come, for whoever waits for it. Pure: it is told what time it is.

use crate::domain::text::count;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Bytes of a token, as in [`crate::domain::chat::Usage::estimate`].
const BYTES_A_TOKEN: f64 = 4.0;
/// How long a model writes before its own speed says more than what is known of it.
const MEASURED: Duration = Duration::from_secs(1);
/// The shortest time between two reports that say nothing new of the lines.
const BETWEEN: Duration = Duration::from_millis(250);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Progress {
    /// The model is brought into memory.
    Loading,
    /// It reads the prompt, as its engine or its server says.
    Reading {
        /// How much of it is read, from 0 to 100.
        percent: u8,
    },
    /// It writes its answer. What the answer was begun with is not counted.
    Writing {
        /// Lines so far, the one that is being written included.
        lines: usize,
        /// Tokens a second, about; none before that is known.
        tokens_per_second: Option<f64>,
        /// Seconds that it still takes, about; none where nobody knows how long the answer gets.
        seconds_left: Option<u64>,
    },
}

impl Progress {
    /// So many tokens of a prompt are read.
    #[must_use]
    pub fn reading(read: u64, of: u64) -> Self {
        let percent = read.min(of).saturating_mul(100) / of.max(1);
        Self::Reading { percent: u8::try_from(percent).unwrap_or(100) }
    }

    /// In a few words: `writing, 12 lines, 8.1 tokens/s, about 5 s left`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Loading => "loading the model".to_owned(),
            Self::Reading { percent } => format!("reading the prompt, {percent}%"),
            Self::Writing { lines, tokens_per_second, seconds_left } => {
                let speed = tokens_per_second.map(|speed| {
                    let digits = usize::from(speed < 10.0);
                    format!("{speed:.digits$} tokens/s")
                });
                let left = seconds_left.map(|left| match left {
                    0..100 => format!("about {left} s left"),
                    _ => format!("about {} min left", left.div_ceil(60)),
                });
                let parts = ["writing".to_owned(), count(lines, "line")].into_iter();
                parts.chain(speed).chain(left).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// Measures one answer while it is written.
#[derive(Debug, Default)]
pub struct Meter {
    /// The length that the answer is expected to get, in bytes.
    expected: Option<usize>,
    /// Tokens a second that are known of the model.
    usual: Option<f64>,
    /// When its first words came, and their bytes.
    first: Option<(Instant, usize)>,
    bytes: usize,
    lines: usize,
    /// The line that is being written has something.
    begun: bool,
    /// When the last report was made, with how many lines.
    told: Option<(Instant, usize)>,
}

impl Meter {
    /// Nothing is written yet of an answer that is expected to get so long, in bytes, by a model of
    /// which this speed is known, in tokens a second.
    #[must_use]
    pub fn new(expected: Option<usize>, usual: Option<f64>) -> Self {
        Self { expected, usual, ..Self::default() }
    }

    /// The answer begins anew.
    pub fn restart(&mut self) {
        *self = Self::new(self.expected, self.usual);
    }

    /// Takes up a piece of the answer; gives a report where there is something new to say.
    pub fn wrote(&mut self, text: &str, now: Instant) -> Option<Progress> {
        let text = if self.first.is_none() { text.trim_start() } else { text };
        if text.is_empty() {
            return None;
        }
        let (since, at_once) = *self.first.get_or_insert((now, text.len()));
        self.bytes += text.len();
        self.lines += text.matches('\n').count();
        let line = text.rsplit('\n').next().unwrap_or_default();
        self.begun = !line.trim().is_empty() || (self.begun && !text.contains('\n'));
        let lines = self.lines + usize::from(self.begun);
        let is_new = self
            .told
            .is_none_or(|(at, told)| told != lines || now.saturating_duration_since(at) >= BETWEEN);
        if !is_new {
            return None;
        }
        self.told = Some((now, lines));
        let took = now.saturating_duration_since(since);
        #[expect(clippy::cast_precision_loss, reason = "an answer has at most a mebibyte")]
        let tokens = |bytes: usize| bytes as f64 / BYTES_A_TOKEN;
        let measured =
            (took >= MEASURED).then(|| tokens(self.bytes - at_once) / took.as_secs_f64());
        let speed = measured.or(self.usual).filter(|speed| *speed > 0.0);
        let left = self.expected.and_then(|expected| expected.checked_sub(self.bytes));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor, where it is told, long"
        )]
        let seconds_left = speed
            .zip(left.filter(|left| *left > 0))
            .map(|(speed, left)| (tokens(left) / speed).ceil() as u64);
        Some(Progress::Writing { lines, tokens_per_second: speed, seconds_left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after pieces at these milliseconds.
    fn said(expected: Option<usize>, usual: Option<f64>, pieces: &[(u64, &str)]) -> Vec<String> {
        let begin = Instant::now();
        let mut meter = Meter::new(expected, usual);
        let at = |time: u64| begin + Duration::from_millis(time);
        let said = pieces.iter().filter_map(|(time, text)| meter.wrote(text, at(*time)));
        said.map(Progress::words).collect()
    }

    #[test]
    fn who_waits_is_told_lines_speed_and_what_is_left() {
        let long = "x".repeat(400);
        for (expected, usual, pieces, wanted) in [
            // Nothing is said of what says nothing, and not each piece is told.
            (
                None,
                None,
                vec![(0, "\n \n"), (0, "a"), (10, "b"), (20, "c\n")],
                vec!["writing, 1 line"],
            ),
            (
                None,
                None,
                vec![(0, "a\n"), (5, "b"), (300, "c")],
                vec!["writing, 1 line", "writing, 2 lines", "writing, 2 lines"],
            ),
            // Before a model is measured, its profile says how fast it is.
            (
                Some(100),
                Some(8.0),
                vec![(0, "12345678\n12345678901")],
                vec!["writing, 2 lines, 8.0 tokens/s, about 3 s left"],
            ),
            // Then its own speed counts: 400 bytes in two seconds.
            (
                Some(1200),
                Some(8.0),
                vec![(0, "a\n"), (2000, &long[..])],
                vec![
                    "writing, 1 line, 8.0 tokens/s, about 38 s left",
                    "writing, 2 lines, 50 tokens/s, about 4 s left",
                ],
            ),
            // An answer that gets longer than expected has no end that anybody knows.
            (Some(10), Some(8.0), vec![(0, &long[..])], vec!["writing, 1 line, 8.0 tokens/s"]),
            (
                Some(400_000),
                Some(10.0),
                vec![(0, "a")],
                vec!["writing, 1 line, 10 tokens/s, about 167 min left"],
            ),
            (Some(400), Some(0.0), vec![(0, "a")], vec!["writing, 1 line"]),
        ] {
            assert_eq!(said(expected, usual, &pieces), wanted, "{pieces:?}");
        }
    }

    #[test]
    fn an_answer_that_begins_anew_is_measured_anew() {
        let now = Instant::now();
        let mut meter = Meter::new(None, None);
        for _ in 0..2 {
            let progress = meter.wrote("a\nb\n", now).map(Progress::words);
            assert_eq!(progress.as_deref(), Some("writing, 2 lines"));
            meter.restart();
        }
    }

    #[test]
    fn the_part_of_a_prompt_that_is_read_is_a_percentage() {
        for (read, of, percent) in
            [(0, 10, 0), (5, 10, 50), (10, 10, 100), (11, 10, 100), (1, 0, 0), (u64::MAX, 3, 100)]
        {
            assert_eq!(Progress::reading(read, of), Progress::Reading { percent }, "{read} {of}");
        }
    }
}
