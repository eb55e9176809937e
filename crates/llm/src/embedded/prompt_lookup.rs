//! What an answer says next, guessed from what the conversation has said before.
//!
//! A step of several tokens reads the weights once, as a step of one does, so that a right guess costs
//! little more than nothing and a wrong one little. Known as prompt lookup decoding.

/// How many of the last tokens must stand together earlier before what followed them is guessed.
const ALIKE: usize = 3;

/// How far back two places are compared to choose the more similar one, in tokens.
const COMPARED: usize = 32;

/// How many tokens are guessed at once: at first, and at most.
const FIRST: usize = 4;
const MOST: usize = 16;

/// How far the guesses of one answer are to be trusted.
#[derive(Debug)]
pub(super) struct PromptLookup {
    /// How many tokens are guessed next.
    reach: usize,
    /// How many of the last tokens must stand together earlier.
    needed: usize,
}

impl Default for PromptLookup {
    fn default() -> Self {
        Self { reach: FIRST, needed: ALIKE }
    }
}

impl PromptLookup {
    /// What may follow, at most `room` tokens; nothing where the last tokens stand nowhere else.
    pub(super) fn next<'a>(&self, tokens: &'a [u32], room: usize) -> &'a [u32] {
        let Some(last) = tokens.len().checked_sub(ALIKE) else { return &[] };
        let tail = &tokens[last..];
        let alike = |end: usize| {
            let before = tokens[..end].iter().rev().zip(tokens.iter().rev());
            before.take(COMPARED).take_while(|(a, b)| a == b).count()
        };
        // Of equals the latest.
        let places = tokens.windows(ALIKE).take(last).enumerate().filter(|(_, w)| *w == tail);
        let best = places.map(|(at, _)| at + ALIKE).max_by_key(|end| alike(*end));
        best.filter(|end| alike(*end) >= self.needed)
            .map_or(&[], |end| &tokens[end..tokens.len().min(end + self.reach.min(room))])
    }

    /// Of a guess of so many tokens, the first ones came.
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
            // The place that is more like this one, before the latest.
            (&[9, 1, 2, 3, 4, 4, 8, 1, 2, 3, 5, 5, 9, 1, 2, 3], 2, &[4, 4]),
            (&[1, 2, 3, 4, 4, 1, 2, 3, 5, 5, 7, 1, 2, 3], 2, &[5, 5]),
            // Up to what is not said yet.
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
        // What was wrong once is guessed where more is alike.
        let tokens: Vec<u32> = [1, 2, 3, 4, 5, 6, 7, 9, 1, 2, 3, 4, 5, 6, 7].into();
        let warned = |wrong: usize, from: usize| {
            let mut guess = PromptLookup::default();
            (0..wrong).for_each(|_| guess.came(1, 0));
            guess.next(&tokens[from..], 1).len()
        };
        assert_eq!([warned(0, 4), warned(1, 4), warned(1, 0), warned(2, 0)], [1, 0, 1, 0]);
    }
}
