//! Ends an answer at a stop text that the server has missed.

/// A filter that ends a stream of text before the first stop text.
#[derive(Debug)]
pub(super) struct Stops<'a> {
    texts: &'a [String],
    /// The end of the text, if it may be the beginning of a stop text.
    held: String,
}

impl<'a> Stops<'a> {
    pub(super) const fn new(texts: &'a [String]) -> Self {
        Self { texts, held: String::new() }
    }

    /// Adds the next chunk; returns the text to forward, and whether the answer has ended.
    pub(super) fn take(&mut self, piece: &str) -> (String, bool) {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        let found = self.texts.iter().filter_map(|stop| text.find(stop.as_str())).min();
        if let Some(at) = found {
            text.truncate(at);
            return (text, true);
        }
        let begins = |at: &usize| self.texts.iter().any(|stop| stop.starts_with(&text[*at..]));
        // The beginning of a stop text is not longer than the longest one.
        let longest = self.texts.iter().map(String::len).max().unwrap_or(0);
        let from = text.ceil_char_boundary(text.len().saturating_sub(longest));
        let held = (from..text.len()).filter(|at| text.is_char_boundary(*at)).find(begins);
        self.held = held.map_or_else(String::new, |at| text.split_off(at));
        (text, false)
    }

    /// The text that was held back, if the answer ended otherwise.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_before_its_stop_text_wherever_chunks_split() {
        let stops = ["<|im_end|>".to_owned(), "###".to_owned()];
        for (text, said, ended) in [
            ("print(1)<|im_end|>\n<|im_start|>user", "print(1)", true),
            ("a < b <|im_ and ## c", "a < b <|im_ and ## c", false),
            ("時<|im_end|>", "時", true),
            ("x###y<|im_end|>", "x", true),
            ("ends with <|im_en", "ends with <|im_en", false),
            ("", "", false),
        ] {
            for size in 1..=text.chars().count().max(1) {
                let (mut out, mut stop, mut over) = (String::new(), Stops::new(&stops), false);
                let chars: Vec<char> = text.chars().collect();
                for piece in chars.chunks(size) {
                    let (new, end) = stop.take(&piece.iter().collect::<String>());
                    out.push_str(&new);
                    over |= end;
                    if over {
                        break;
                    }
                }
                if !over {
                    out.push_str(&stop.rest());
                }
                assert_eq!((out.as_str(), over), (said, ended), "{text:?} in pieces of {size}");
            }
        }
    }
}
