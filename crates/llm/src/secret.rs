//! A provider's key, which is never shown.

use std::fmt;

/// A key that does not appear in `Debug` output or error texts.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// Wraps a key; white space around it, such as the end of a line, is removed.
    pub(super) fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    /// The key itself, only for a request's header.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// The text without the key: servers may quote a key that they reject.
    pub(super) fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hidden_in_debug_output_and_scrubbed_from_text() {
        let secret = Secret::new(" sk-1234\n");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "sk-1234");
        assert_eq!(secret.scrub("bad key: sk-1234!"), "bad key: ***!");
        assert_eq!(Secret::new("").scrub("text"), "text");
    }
}
