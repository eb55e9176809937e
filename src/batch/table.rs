//! Formats results: the progress line, the final table, and comparisons of repetitions and with an
//! older batch.

use super::results::{Outcome, Row, Rows};
use crate::domain::report::Evidence;
use crate::domain::text::{count, one_line};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// With more tasks than this, only those that were not accepted are listed.
const ALL: usize = 50;
/// Maximum number of characters in a reason in a line.
const REASON: usize = 100;

/// Progress counts of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Number of tasks.
    pub tasks: usize,
    /// Accepted tasks by evidence: tested, agreed, ran, not run.
    pub accepted: [usize; 4],
    /// Tasks that wait at a gate or a limit.
    pub paused: usize,
    /// Interrupted tasks.
    pub interrupted: usize,
    /// Failed tasks.
    pub failed: usize,
    /// Failed tasks whose model's provider failed.
    pub provider_failed: usize,
    /// Total tokens.
    pub tokens: u64,
    /// Total cost in US dollars of the tasks with known prices.
    pub usd: Option<f64>,
}

impl Totals {
    /// The counts for this number of tasks, before any has ended.
    #[must_use]
    pub fn of(tasks: usize) -> Self {
        Self { tasks, ..Self::default() }
    }

    /// Adds a result. `provider_failed` is the exit code for a failed provider.
    pub fn add(&mut self, row: &Row, provider_failed: u8) {
        match (row.outcome, row.evidence) {
            (Outcome::Accepted, level) => {
                let which = match level {
                    Some(Evidence::Tested) => 0,
                    Some(Evidence::Agreed) => 1,
                    Some(Evidence::Ran) => 2,
                    None => 3,
                };
                self.accepted[which] += 1;
            }
            (Outcome::Paused, _) => self.paused += 1,
            (Outcome::Interrupted, _) => self.interrupted += 1,
            (Outcome::Failed, _) => {
                self.failed += 1;
                self.provider_failed += usize::from(row.exit == provider_failed);
            }
        }
        self.tokens += row.tokens;
        if let Some(usd) = row.usd {
            *self.usd.get_or_insert(0.0) += usd;
        }
    }

    /// Number of accepted tasks.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.iter().sum()
    }

    /// Number of tasks that have ended.
    #[must_use]
    pub fn done(&self) -> usize {
        self.accepted() + self.paused + self.interrupted + self.failed
    }

    /// One line: `5 of 9 done: 3 accepted (2 tested, 1 ran), 1 failed, 1 paused; 1200 tokens`.
    #[must_use]
    pub fn words(&self) -> String {
        let names = ["tested", "agreed", "ran", "not run"];
        let levels = self.accepted.iter().zip(names).filter(|(n, _)| **n > 0);
        let levels: Vec<String> = levels.map(|(n, name)| format!("{n} {name}")).collect();
        let levels =
            if levels.is_empty() { String::new() } else { format!(" ({})", levels.join(", ")) };
        let mut words =
            format!("{} of {} done: {} accepted{levels}", self.done(), self.tasks, self.accepted());
        let others =
            [(self.failed, "failed"), (self.paused, "paused"), (self.interrupted, "interrupted")];
        for (n, name) in others.into_iter().filter(|(n, _)| *n > 0) {
            let _ = write!(words, ", {n} {name}");
        }
        let _ = write!(words, "; {} tokens", self.tokens);
        if let Some(usd) = self.usd {
            let _ = write!(words, ", ${usd:.2}");
        }
        words
    }
}

/// Estimates the remaining time for `left` tasks, given that `done` tasks took the time `took`.
#[must_use]
pub fn time_left(took: Duration, done: usize, left: usize) -> Option<String> {
    let each = took.checked_div(u32::try_from(done).ok()?)?;
    let left = each.saturating_mul(u32::try_from(left).ok()?);
    let seconds = left.as_secs();
    Some(match seconds {
        0..120 => format!("{seconds} s left"),
        120..7200 => format!("{} min left", seconds.div_ceil(60)),
        _ => format!("{} h left", seconds.div_ceil(3600)),
    })
}

/// A result in one line.
#[must_use]
pub fn line(row: &Row) -> String {
    let again = if row.repeat > 1 { format!(" #{}", row.repeat) } else { String::new() };
    let id = format!("{}{again}", one_line(&row.id, 30));
    let usd = row.usd.map_or_else(String::new, |usd| format!("  ${usd:.4}"));
    let said = row
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!("  {}", one_line(reason, REASON)));
    format!(
        "{id:<24}  {:<11}  {:>2} v  {:>7} tokens  {:>6.1} s{usd}{said}",
        row.words(),
        row.versions,
        row.tokens,
        row.seconds
    )
}

/// The lines of the table: all results, or, if there are many, only those that were not accepted.
#[must_use]
pub fn lines(rows: &[Row]) -> Vec<String> {
    let shown = |row: &&Row| rows.len() <= ALL || row.outcome != Outcome::Accepted;
    rows.iter().filter(shown).map(line).collect()
}

/// Compares the repetitions of a batch: means and standard deviations.
#[must_use]
pub fn repeats(rows: &[Row]) -> Vec<String> {
    let mut by_repeat: BTreeMap<u32, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_repeat.entry(row.repeat).or_default().push(row);
    }
    if by_repeat.len() < 2 {
        return Vec::new();
    }
    let each = |of: &dyn Fn(&Row) -> f64| -> Vec<f64> {
        let mean = |rows: &Vec<&Row>| mean(&rows.iter().map(|row| of(row)).collect::<Vec<_>>());
        by_repeat.values().map(mean).collect()
    };
    let accepted = each(&|row| f64::from(u8::from(row.outcome == Outcome::Accepted)) * 100.0);
    #[expect(clippy::cast_precision_loss, reason = "no count of tokens reaches 2^52")]
    let tokens = each(&|row| row.tokens as f64);
    let seconds = each(&|row| row.seconds);
    let mut lines =
        vec![format!("{} times, mean and standard deviation of them:", by_repeat.len())];
    for (what, values, unit) in [
        ("accepted", accepted, " %"),
        ("tokens a task", tokens, ""),
        ("time a task", seconds, " s"),
    ] {
        let (mean, spread) = (mean(&values), spread(&values));
        lines.push(format!("  {what:<14} {mean:.1}{unit}, ± {spread:.1}{unit}"));
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "no count of tasks reaches 2^52")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The sample standard deviation.
#[expect(clippy::cast_precision_loss, reason = "no count of tasks reaches 2^52")]
fn spread(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / values.len().saturating_sub(1).max(1) as f64).sqrt()
}

/// Compares this batch with an older one: each task with a different outcome, and the totals.
#[must_use]
pub fn compare(rows: &[Row], old: &Rows) -> Vec<String> {
    let (mut lines, mut same) = (Vec::new(), 0);
    let (mut was, mut is) = (Totals::of(0), Totals::of(0));
    for row in rows {
        let id = one_line(&row.id, 30);
        let Some(before) = old.get(&row.key()) else {
            lines.push(format!("{id:<30}  {:<11} -> {}", "-", row.words()));
            continue;
        };
        was.add(before, 0);
        is.add(row, 0);
        if before.words() == row.words() {
            same += 1;
        } else {
            lines.push(format!("{id:<30}  {:<11} -> {}", before.words(), row.words()));
        }
    }
    let gone = old.keys().filter(|key| !rows.iter().any(|row| row.key() == **key)).count();
    lines.insert(0, format!("{} changed, {same} as before:", count(lines.len(), "task")));
    if gone > 0 {
        lines.push(format!("{} of the older batch not in this one", count(gone, "task")));
    }
    for (what, a, b) in [
        ("accepted", was.accepted() as u64, is.accepted() as u64),
        ("tested", was.accepted[0] as u64, is.accepted[0] as u64),
        ("tokens", was.tokens, is.tokens),
    ] {
        lines.push(format!("{what:<30}  {a:<11} -> {b}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::row;
    use super::*;

    #[test]
    fn totals_say_how_much_was_seen_of_what_was_accepted() {
        let mut totals = Totals::of(5);
        assert_eq!(totals.words(), "0 of 5 done: 0 accepted; 0 tokens");
        let failed = Row { exit: 4, usd: Some(0.5), ..row("d", Outcome::Failed, None) };
        for row in [
            row("a", Outcome::Accepted, Some(Evidence::Tested)),
            row("b", Outcome::Accepted, None),
            row("c", Outcome::Paused, None),
            failed,
        ] {
            totals.add(&row, 4);
        }
        assert_eq!(
            totals.words(),
            "4 of 5 done: 2 accepted (1 tested, 1 not run), 1 failed, 1 paused; 400 tokens, $0.50"
        );
        assert_eq!((totals.done(), totals.provider_failed), (4, 1));
    }

    #[test]
    fn the_time_that_is_left_follows_from_the_time_that_it_took() {
        for (seconds, done, left, words) in [
            (10, 5, 10, Some("20 s left")),
            (10, 0, 10, None),
            (600, 10, 10, Some("10 min left")),
            (36000, 10, 10, Some("10 h left")),
        ] {
            let said = time_left(Duration::from_secs(seconds), done, left);
            assert_eq!(said.as_deref(), words);
        }
    }

    #[test]
    fn repeats_have_a_mean_and_a_spread() {
        assert!(repeats(&[row("a", Outcome::Paused, None)]).is_empty());
        let again = |mut row: Row, repeat| {
            row.repeat = repeat;
            row
        };
        let accepted = || row("a", Outcome::Accepted, Some(Evidence::Ran));
        let lines = repeats(&[
            accepted(),
            row("b", Outcome::Paused, None),
            again(accepted(), 2),
            again(accepted(), 2),
        ]);
        assert_eq!(lines[1], "  accepted       75.0 %, ± 35.4 %");
        assert_eq!(lines[2], "  tokens a task  100.0, ± 0.0");
    }

    #[test]
    fn an_older_batch_shows_what_changed() {
        let old = [
            row("a", Outcome::Paused, None),
            row("b", Outcome::Failed, None),
            row("gone", Outcome::Failed, None),
        ];
        let old = old.into_iter().map(|row| (row.key(), row)).collect();
        let new = [
            row("a", Outcome::Accepted, Some(Evidence::Tested)),
            row("b", Outcome::Failed, None),
            row("c", Outcome::Paused, None),
        ];
        let lines = compare(&new, &old);
        assert_eq!(lines[0], "2 tasks changed, 1 as before:");
        let shows = |words: [&str; 3]| {
            lines.iter().any(|line| line.split_whitespace().eq(words.join(" ").split(' ')))
        };
        assert!(shows(["a", "paused ->", "tested"]), "{lines:?}");
        assert!(shows(["c", "- ->", "paused"]), "{lines:?}");
        assert!(shows(["accepted", "0 ->", "1"]), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("1 task of the older")), "{lines:?}");
    }
}
