//! Guesses the next tokens of an answer from earlier text of the conversation (prompt lookup
//! decoding).
//!
//! A step of several tokens reads the weights once, like a step of one token, so a right guess
//! costs almost nothing, and a wrong one little.

/// Number of last tokens that must occur earlier before the tokens behind that place are guessed.
const ALIKE: usize = 3;

/// Maximum number of tokens before two places that are compared to choose the more similar one.
const COMPARED: usize = 32;

/// Number of tokens that are guessed at once: initially, and at most.
const FIRST: usize = 4;
const MOST: usize = 16;

/// Length and required similarity of the guesses in one answer.
#[derive(Debug)]
pub(super) struct PromptLookup {
    /// Number of tokens that are guessed next.
    reach: usize,
    /// Number of last tokens that must occur earlier.
    needed: usize,
}

impl Default for PromptLookup {
    fn default() -> Self {
        Self { reach: FIRST, needed: ALIKE }
    }
}

impl PromptLookup {
    /// The guessed next tokens, at most `room`; empty if the last tokens do not occur earlier.
    pub(super) fn next<'a>(&self, tokens: &'a [u32], room: usize) -> &'a [u32] {
        let Some(last) = tokens.len().checked_sub(ALIKE) else { return &[] };
        let tail = &tokens[last..];
        let alike = |end: usize| {
            let before = tokens[..end].iter().rev().zip(tokens.iter().rev());
            before.take(COMPARED).take_while(|(a, b)| a == b).count()
        };
        // Of equally similar places, the latest.
        let places = tokens.windows(ALIKE).take(last).enumerate().filter(|(_, w)| *w == tail);
        let best = places.map(|(at, _)| at + ALIKE).max_by_key(|end| alike(*end));
        best.filter(|end| alike(*end) >= self.needed)
            .map_or(&[], |end| &tokens[end..tokens.len().min(end + self.reach.min(room))])
    }

    /// Records that the first `right` of `guessed` tokens were correct.
    pub(super) fn came(&mut self, guessed: usize, right: usize) {
        if guessed == 0 {
            return;
        }
        if right == guessed {
            self.reach = (self.reach * 2).min(MOST);
        } else {
            self.reach = right.max(1);
        }
        self.needed = if right > 0 { ALIKE } else { (self.needed * 2).min(COMPARED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_after_the_longest_earlier_match_are_guessed() {
        let guess = |tokens: &[u32], room| PromptLookup::default().next(tokens, room).to_vec();
        for (tokens, room, next) in [
            (&[][..], 9, &[][..]),
            (&[1, 2], 9, &[]),
            (&[1, 2, 3], 9, &[]),
            (&[1, 2, 3, 4, 5, 6], 9, &[]),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3], 9, &[4, 5, 6, 7]),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3], 2, &[4, 5]),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3], 0, &[]),
            // A more similar place is preferred to the latest.
            (&[9, 1, 2, 3, 4, 4, 8, 1, 2, 3, 5, 5, 9, 1, 2, 3], 2, &[4, 4]),
            (&[1, 2, 3, 4, 4, 1, 2, 3, 5, 5, 7, 1, 2, 3], 2, &[5, 5]),
            // A guess ends where the text ends.
            (&[1, 1, 1, 1], 9, &[1]),
        ] {
            assert_eq!(guess(tokens, room), next, "{tokens:?}");
        }
    }

    #[test]
    fn right_guesses_get_longer_and_wrong_ones_shorter() {
        let mut guess = PromptLookup::default();
        let mut trusted = Vec::new();
        for (guessed, right) in
            [(4, 4), (8, 8), (16, 16), (16, 5), (5, 0), (1, 0), (0, 0), (1, 1), (2, 2), (4, 3)]
        {
            guess.came(guessed, right);
            trusted.push((guess.reach, guess.needed));
        }
        let wary = [(5, 3), (1, 6), (1, 12), (1, 12), (2, 3), (4, 3), (3, 3)];
        assert_eq!(trusted[..3], [(8, 3), (16, 3), (16, 3)]);
        assert_eq!(trusted[3..], wary);
        // After a wrong guess, more tokens must match.
        let tokens: Vec<u32> = [1, 2, 3, 4, 5, 6, 7, 9, 1, 2, 3, 4, 5, 6, 7].into();
        let warned = |wrong: usize, from: usize| {
            let mut guess = PromptLookup::default();
            (0..wrong).for_each(|_| guess.came(1, 0));
            guess.next(&tokens[from..], 1).len()
        };
        assert_eq!([warned(0, 4), warned(1, 4), warned(1, 0), warned(2, 0)], [1, 0, 1, 0]);
    }
}
