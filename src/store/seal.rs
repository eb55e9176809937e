//! Seals show which lines of a journal this user recorded on this machine.
//!
//! A session's folder may come from anywhere, and the permissions in its journal must not count by
//! themselves. So each line whose event can grant a permission ends in a seal: an HMAC-SHA256,
//! under a secret in the user's state folder, over the journal's first line and the line itself.
//! Lines without a valid seal are applied too, but grant nothing.

use sha2::{Digest, Sha256};

/// The field of the seal, which is the last one of a line.
const FIELD: &[u8] = b",\"seal\":\"";
/// The end of the line after the seal's digits.
const END: &[u8] = b"\"}";
/// Number of hexadecimal digits in a seal.
pub(super) const DIGITS: usize = 64;
/// Whether this user recorded a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// Recorded by this user: in this process, or with a valid seal.
    Ours,
    /// No valid seal: recorded by anybody.
    #[default]
    Missing,
    /// Not verified yet: the digest of the line without its seal, and the seal's digits.
    Unchecked([u8; 32], Option<String>),
}

impl Seal {
    /// The unverified seal of a line. `first` marks the journal's first line, which identifies the
    /// session.
    pub(super) fn of(line: &[u8], first: bool) -> Self {
        // Line ends converted to CRLF by `git` do not change a line.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match split(line) {
            Some((content, digits)) => Self::Unchecked(digest(content), Some(digits.to_owned())),
            None if first => Self::Unchecked(digest(unclosed(line)), None),
            None => Self::Missing,
        }
    }
}

/// Splits a sealed line into its content and the seal's digits.
fn split(line: &[u8]) -> Option<(&[u8], &str)> {
    let digits = line.len().checked_sub(END.len() + DIGITS)?;
    let content = digits.checked_sub(FIELD.len())?;
    let whole = line.ends_with(END) && line[content..].starts_with(FIELD);
    let digits = std::str::from_utf8(&line[digits..digits + DIGITS]).ok()?;
    whole.then_some((&line[..content], digits))
}

/// A line without its closing brace.
pub(super) fn unclosed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"}").unwrap_or(line)
}

pub(super) fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_found_only_at_the_end_of_its_line() {
        let digits = "0".repeat(DIGITS);
        let sealed = format!("{{\"seq\":3,\"seal\":\"{digits}\"}}");
        assert_eq!(split(sealed.as_bytes()).unwrap().0, b"{\"seq\":3");
        for line in [
            "{\"seq\":3}".to_owned(),
            String::new(),
            format!("{{\"seal\":\"{digits}\",\"seq\":3}}"),
            format!("{{\"seq\":3,\"seal\":\"{}\"}}", &digits[1..]),
            format!("{{\"seq\":3,\"text\":\"\\\"seal\\\":\\\"{digits}\"}}"),
        ] {
            assert!(split(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn a_carriage_return_does_not_change_the_seal_of_a_line() {
        let digits = "0".repeat(DIGITS);
        for (line, first) in
            [(format!("{{\"seq\":3,\"seal\":\"{digits}\"}}"), false), ("{\"seq\":1}".into(), true)]
        {
            let other = format!("{line}\r");
            assert_eq!(Seal::of(other.as_bytes(), first), Seal::of(line.as_bytes(), first));
        }
    }
}
