//! The progress of a model's answer. Pure: the caller passes the time.

use crate::domain::text::count;
use crate::llm::Phase;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Estimated bytes per token, as in [`crate::domain::chat::Usage::estimate`].
const BYTES_A_TOKEN: f64 = 4.0;
/// Time after which the speed that was measured replaces the model's usual speed.
const MEASURED: Duration = Duration::from_secs(1);
/// Minimum time between two reports with the same number of lines.
const BETWEEN: Duration = Duration::from_millis(250);

/// The progress of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Progress {
    /// The model is being loaded into memory.
    Loading,
    /// The model reads the prompt (prefill), as reported by the engine or the server.
    Reading {
        /// The share of the prompt that is read, from 0 to 100.
        percent: u8,
    },
    /// The model writes its answer. The prefilled start of the answer does not count.
    Writing {
        /// Lines so far, including the incomplete last one.
        lines: usize,
        /// Estimated tokens per second, if known.
        tokens_per_second: Option<f64>,
        /// Estimated seconds left, or `None` if the length of the answer is unknown.
        seconds_left: Option<u64>,
    },
}

impl Progress {
    /// The progress after reading `read` of `of` tokens of the prompt.
    #[must_use]
    pub fn reading(read: u64, of: u64) -> Self {
        let percent = read.min(of).saturating_mul(100) / of.max(1);
        Self::Reading { percent: u8::try_from(percent).unwrap_or(100) }
    }

    /// The progress in a few words: `writing, 12 lines, 8.1 tokens/s, about 5 s left`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Loading => "loading the model".to_owned(),
            Self::Reading { percent } => format!("reading the prompt, {percent}%"),
            Self::Writing { lines, tokens_per_second, seconds_left } => {
                format!("writing, {}", written(lines, tokens_per_second, seconds_left))
            }
        }
    }
}

/// How far an answer is: `12 lines, 8.1 tokens/s, about 5 s left`.
fn written(lines: usize, tokens_per_second: Option<f64>, seconds_left: Option<u64>) -> String {
    let speed = tokens_per_second.map(|speed| {
        let digits = usize::from(speed < 10.0);
        format!("{speed:.digits$} tokens/s")
    });
    let left = seconds_left.map(|left| match left {
        0..100 => format!("about {left} s left"),
        _ => format!("about {} min left", left.div_ceil(60)),
    });
    [count(lines, "line")].into_iter().chain(speed).chain(left).collect::<Vec<_>>().join(", ")
}

/// Progress of candidates as text: `1 of 3 candidates done, 12 lines, 8.1 tokens/s`.
#[must_use]
pub fn candidates(done: usize, of: usize, others: Option<Progress>) -> String {
    let done = format!("{done} of {} done", count(of, "candidate"));
    match others {
        None => done,
        // The number of lines says that they are being written.
        Some(Progress::Writing { lines, tokens_per_second, seconds_left }) => {
            format!("{done}, {}", written(lines, tokens_per_second, seconds_left))
        }
        Some(before) => format!("{done}, {}", before.words()),
    }
}

/// Measures the progress of one answer, or of several that are written side by side.
#[derive(Debug, Default)]
pub struct Meter {
    answers: Vec<Answer>,
    /// Expected length of each answer, in bytes.
    expected: Option<usize>,
    /// The model's usual speed for one answer, in tokens per second.
    usual: Option<f64>,
    /// Time of the first chunk of any answer.
    first: Option<Instant>,
    /// Bytes received after the first chunk.
    since: usize,
    /// Time and line count of the last report.
    told: Option<(Instant, usize)>,
}

/// Progress of one answer.
#[derive(Debug, Default)]
struct Answer {
    /// What the model does before the first words.
    before: Option<Phase>,
    bytes: usize,
    /// Complete lines.
    lines: usize,
    /// Whether the last line has text.
    begun: bool,
    done: bool,
}

impl Meter {
    /// A meter for this number of answers, each of this expected length in bytes, from a model of this usual speed in
    /// tokens per second.
    #[must_use]
    pub fn new(answers: usize, expected: Option<usize>, usual: Option<f64>) -> Self {
        let answers = std::iter::repeat_with(Answer::default).take(answers).collect();
        Self { answers, expected, usual, ..Self::default() }
    }

    /// Starts one answer over, as for a retried call.
    pub fn restart(&mut self, answer: usize) {
        self.answers[answer] = Answer::default();
        if self.answers.iter().all(|answer| answer.bytes == 0) {
            (self.first, self.since, self.told) = (None, 0, None);
        }
    }

    /// Marks an answer as complete.
    pub fn ended(&mut self, answer: usize) {
        self.answers[answer].done = true;
    }

    /// Sets what the model does before the first words of an answer; returns a report unless another answer is being
    /// written.
    pub fn before(&mut self, answer: usize, phase: Phase) -> Option<Progress> {
        self.answers[answer].before = Some(phase);
        let open = || self.answers.iter().filter(|answer| !answer.done);
        if open().any(|answer| answer.bytes > 0) {
            return None;
        }
        let read = open().filter_map(|answer| match answer.before {
            Some(Phase::Reading { read, of }) => Some((read.min(of), of)),
            _ => None,
        });
        let sum = read.reduce(|(a, b), (c, d)| (a.saturating_add(c), b.saturating_add(d)));
        Some(sum.map_or(Progress::Loading, |(read, of)| Progress::reading(read, of)))
    }

    /// Adds a chunk of an answer; returns a report if it has something new.
    pub fn wrote(&mut self, answer: usize, text: &str, now: Instant) -> Option<Progress> {
        let one = &mut self.answers[answer];
        let text = if one.bytes == 0 { text.trim_start() } else { text };
        if text.is_empty() {
            return None;
        }
        one.bytes += text.len();
        one.lines += text.matches('\n').count();
        let line = text.rsplit('\n').next().unwrap_or_default();
        one.begun = !line.trim().is_empty() || (one.begun && !text.contains('\n'));
        let since = *self.first.get_or_insert(now);
        let took = now.saturating_duration_since(since);
        if !took.is_zero() {
            self.since += text.len();
        }
        let lines = self.answers.iter().map(|a| a.lines + usize::from(a.begun)).sum();
        let is_new = self
            .told
            .is_none_or(|(at, told)| told != lines || now.saturating_duration_since(at) >= BETWEEN);
        if !is_new {
            return None;
        }
        self.told = Some((now, lines));
        let measured = (took >= MEASURED).then(|| tokens(self.since) / took.as_secs_f64());
        let speed = measured.or(self.usual).filter(|speed| *speed > 0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor, where it is told, long"
        )]
        let seconds_left = speed
            .zip(self.left().filter(|left| *left > 0))
            .map(|(speed, left)| (tokens(left) / speed).ceil() as u64);
        Some(Progress::Writing { lines, tokens_per_second: speed, seconds_left })
    }

    /// Expected bytes that are missing; none if unknown, as when an answer is longer than expected.
    fn left(&self) -> Option<usize> {
        let open = self.answers.iter().filter(|answer| !answer.done);
        open.map(|answer| self.expected?.checked_sub(answer.bytes)).sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "an answer has at most a mebibyte")]
fn tokens(bytes: usize) -> f64 {
    bytes as f64 / BYTES_A_TOKEN
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reports after chunks at these times, in milliseconds.
    fn said(expected: Option<usize>, usual: Option<f64>, pieces: &[(u64, &str)]) -> Vec<String> {
        let begin = Instant::now();
        let mut meter = Meter::new(1, expected, usual);
        let at = |time: u64| begin + Duration::from_millis(time);
        let said = pieces.iter().filter_map(|(time, text)| meter.wrote(0, text, at(*time)));
        said.map(Progress::words).collect()
    }

    #[test]
    fn progress_shows_lines_speed_and_time_left() {
        let long = "x".repeat(400);
        for (expected, usual, pieces, wanted) in [
            // White space is not reported, and not every chunk gives a report.
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
            // Until a speed is measured, the usual speed of the model counts.
            (
                Some(100),
                Some(8.0),
                vec![(0, "12345678\n12345678901")],
                vec!["writing, 2 lines, 8.0 tokens/s, about 3 s left"],
            ),
            // Then the measured speed counts: 400 bytes in two seconds.
            (
                Some(1200),
                Some(8.0),
                vec![(0, "a\n"), (2000, &long[..])],
                vec![
                    "writing, 1 line, 8.0 tokens/s, about 38 s left",
                    "writing, 2 lines, 50 tokens/s, about 4 s left",
                ],
            ),
            // For an answer longer than expected, the time left is unknown.
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
    fn a_restarted_answer_is_measured_from_zero() {
        let now = Instant::now();
        let mut meter = Meter::new(1, None, None);
        for _ in 0..2 {
            let progress = meter.wrote(0, "a\nb\n", now).map(Progress::words);
            assert_eq!(progress.as_deref(), Some("writing, 2 lines"));
            meter.restart(0);
        }
    }

    #[test]
    fn candidates_are_measured_together() {
        let begin = Instant::now();
        let at = |time: u64| begin + Duration::from_millis(time);
        let long = "x".repeat(400);
        let mut meter = Meter::new(3, Some(800), Some(8.0));
        let mut said = Vec::new();
        let mut say = |done, progress: Option<Progress>| {
            said.extend(progress.map(|progress| candidates(done, 3, Some(progress))));
        };
        say(0, meter.before(0, Phase::Loading));
        say(0, meter.before(0, Phase::Reading { read: 10, of: 100 }));
        say(0, meter.before(1, Phase::Reading { read: 60, of: 100 }));
        // Each begins a line of its own, and the last one that is not read yet is not told of.
        say(0, meter.wrote(0, "a", at(0)));
        say(0, meter.wrote(1, "\nb", at(10)));
        say(0, meter.before(2, Phase::Reading { read: 1, of: 100 }));
        say(0, meter.wrote(0, &long, at(2000)));
        say(0, meter.wrote(2, "c", at(2000)));
        say(0, meter.wrote(1, &long, at(2000)));
        meter.ended(1);
        say(1, meter.wrote(0, "\n", at(2500)));
        // One that begins anew takes its lines with it.
        meter.restart(2);
        say(1, meter.wrote(0, "d", at(3000)));
        assert_eq!(
            said,
            [
                "0 of 3 candidates done, loading the model",
                "0 of 3 candidates done, reading the prompt, 10%",
                "0 of 3 candidates done, reading the prompt, 35%",
                "0 of 3 candidates done, 1 line, 8.0 tokens/s, about 75 s left",
                "0 of 3 candidates done, 2 lines, 8.0 tokens/s, about 75 s left",
                "0 of 3 candidates done, 2 lines, 50 tokens/s, about 10 s left",
                "0 of 3 candidates done, 3 lines, 50 tokens/s, about 10 s left",
                "1 of 3 candidates done, 3 lines, 80 tokens/s, about 4 s left",
                "1 of 3 candidates done, 3 lines, 67 tokens/s, about 5 s left",
            ]
        );
        assert_eq!(candidates(1, 1, None), "1 of 1 candidate done");
    }

    #[test]
    fn prompt_reading_progress_is_a_percentage() {
        for (read, of, percent) in
            [(0, 10, 0), (5, 10, 50), (10, 10, 100), (11, 10, 100), (1, 0, 0), (u64::MAX, 3, 100)]
        {
            assert_eq!(Progress::reading(read, of), Progress::Reading { percent }, "{read} {of}");
        }
    }
}
