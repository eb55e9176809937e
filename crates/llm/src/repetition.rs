//! Detects an answer that repeats itself: weak models do so until they reach the length limit.

/// Number of characters at the end of the text that are examined.
const TAIL: usize = 6000;
/// Maximum length of a repeated part that is detected, in characters.
const LONGEST: usize = 800;
/// Minimum number of new bytes between two checks.
const STEP: usize = 256;

/// Number of characters on one line after which a short repeated part is an error, if it looks like
/// code.
const ONE_LINE: usize = 600;
/// Maximum length of such a part.
const SHORT: usize = 16;

/// Thresholds of a repetition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Number of repeats, after the first occurrence.
    times: usize,
    /// Minimum length of all repeats together, in characters.
    characters: usize,
    /// Minimum length of the repeated part, in characters. Shorter ones are horizontal rules and
    /// tables, or come from a server that ignores the limit of tokens.
    shortest: usize,
    /// Whether digits count. If not, a list whose items differ only in their numbers is a
    /// repetition.
    numbers: bool,
}

/// Thresholds for prose and lists.
pub(super) const PROSE: Patience =
    Patience { times: 3, characters: 400, shortest: 4, numbers: false };
/// Thresholds for code, where tables can repeat for a good reason.
pub(super) const CODE: Patience =
    Patience { times: 8, characters: 3000, shortest: 17, numbers: true };

/// The state of one text as it arrives.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    looked_at: usize,
}

impl Repetition {
    /// Whether the text has begun to repeat itself. Called after each chunk; usually it only
    /// compares the length.
    pub(super) fn is_in(&mut self, text: &str, patience: Patience) -> bool {
        if text.len() < self.looked_at + STEP {
            return false;
        }
        self.looked_at = text.len();
        let counts = |c: &char| patience.numbers || !c.is_ascii_digit();
        let tail: Vec<char> = text.chars().rev().filter(counts).take(TAIL).collect();
        let comes_again = |period: &usize| {
            let needed = (patience.times * period).max(patience.characters);
            tail.len() >= needed + period
                && tail.iter().zip(&tail[*period..]).take(needed).all(|(a, b)| a == b)
        };
        (1..=LONGEST).find(comes_again).is_some_and(|period| period >= patience.shortest)
            || drones_on(text)
    }
}

/// Whether the last line is an endless number, or an endless list or run of brackets. Rules of
/// other characters are ignored.
fn drones_on(text: &str) -> bool {
    let tail: Vec<char> = text.chars().rev().take(ONE_LINE).collect();
    let counts = |c: &char| c.is_ascii_digit() || "()[]{},".contains(*c);
    tail.len() == ONE_LINE
        && tail[..SHORT].iter().any(counts)
        && !tail.contains(&'\n')
        && (1..=SHORT).any(|period| tail.iter().zip(&tail[period..]).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of bytes before the repetition is detected, in chunks of seven characters.
    fn noticed(text: &str, patience: Patience) -> Option<usize> {
        let (mut repetition, mut heard) = (Repetition::default(), String::new());
        for piece in text.chars().collect::<Vec<_>>().chunks(7) {
            heard.extend(piece);
            if repetition.is_in(&heard, patience) {
                return Some(heard.len());
            }
        }
        None
    }

    #[test]
    fn endless_repetition_is_noticed_early() {
        let list: String = ["Set the font to Arial.", "Set its size.", "Set the color to black."]
            .iter()
            .cycle()
            .enumerate()
            .map(|(n, what)| ["R", &n.to_string(), ": ", what, "\n"].concat())
            .take(200)
            .collect();
        let words = "and so on and so forth ".repeat(300);
        let met = "Met\n".repeat(300);
        let code = "    def draw(self):\n        self.canvas.delete('all')\n".repeat(200);
        let number = format!("MILE = 0.{}", "0".repeat(3000));
        let brackets = format!("    assert split('{}", "()".repeat(2000));
        for (text, patience, most) in [
            (&list, PROSE, 800),
            (&words, PROSE, 800),
            (&met, PROSE, 800),
            (&code, CODE, 3400),
            (&number, CODE, 900),
            (&number, PROSE, 900),
            (&brackets, CODE, 900),
        ] {
            let at = noticed(text, patience);
            assert!(at.is_some_and(|at| at <= most), "{at:?} {}", &text[..40]);
        }
    }

    #[test]
    #[allow(clippy::format_collect, reason = "a test may take its time")]
    fn legitimate_repetition_is_not_cut() {
        let review: String = (1..=20).map(|n| format!("R{n}: met\n")).collect();
        let findings: String = ('a'..='z')
            .map(|c| format!("- [should] R1 \"x = {c}\" the value {c} is never used\n"))
            .collect();
        let grid = "    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],\n".repeat(60);
        let table: String = (0..400).map(|n| format!("    ({n}, {}),\n", n * n)).collect();
        let rule = format!("# {}\n", "= ".repeat(4000));
        for (text, patience) in
            [(&review, PROSE), (&findings, PROSE), (&grid, CODE), (&table, CODE), (&rule, CODE)]
        {
            assert_eq!(noticed(text, patience), None, "{}", &text[..60]);
        }
    }
}
