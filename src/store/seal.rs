//! Seals: which lines of a journal this user recorded on this machine.
//!
//! A session's folder may come from anywhere, and what its journal allows must not count for that.
//! A line whose event can open something therefore ends in a seal: an HMAC-SHA256, under a secret of
//! the user's state folder, over the journal's first line and the line itself. Lines without a right
//! seal are read all the same, and open nothing.

use super::line::Entry;
use crate::domain::event::Event;
use crate::files;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// The field of a sealed line, its last one.
const FIELD: &[u8] = b",\"seal\":\"";
/// What stands behind a seal's digits.
const END: &[u8] = b"\"}";
/// Hexadecimal digits of a seal.
const DIGITS: usize = 64;
/// The secret's file in the state folder, and its length in bytes.
const SECRET: &str = "secret";
const LENGTH: usize = 32;

/// Who recorded a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// This user, here: it was recorded by this process, or its seal is right.
    Ours,
    /// Anybody.
    #[default]
    Missing,
    /// Not checked yet: the digest of the line without its seal, and the seal's digits.
    Unchecked([u8; 32], Option<String>),
}

impl Seal {
    /// What a line says of itself. `first`: it is the one that tells sessions apart.
    pub(super) fn of(line: &[u8], first: bool) -> Self {
        // Line ends that `git` made Windows' of are no change of a line.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match split(line) {
            Some((content, digits)) => Self::Unchecked(digest(content), Some(digits.to_owned())),
            None if first => Self::Unchecked(digest(unclosed(line)), None),
            None => Self::Missing,
        }
    }
}

/// Seals the lines of one session, and checks their seals.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealer {
    /// The digest of the journal's first line.
    session: Option<[u8; 32]>,
}

impl Sealer {
    /// Finds out whether an entry that was read is ours. Entries come in their order.
    pub(super) fn check(&mut self, entry: &mut Entry) {
        let Seal::Unchecked(digest, digits) = std::mem::take(&mut entry.seal) else { return };
        let session = *self.session.get_or_insert(digest);
        let right = |digits: &String| {
            secret(false).is_some_and(|secret| mac(secret, &session, &digest) == *digits)
        };
        if digits.as_ref().is_some_and(right) {
            entry.seal = Seal::Ours;
        }
    }

    /// An entry's line, sealed if it is ours and can open something.
    pub(super) fn line(&mut self, entry: &Entry) -> String {
        let line = entry.line();
        let content = unclosed(line.trim_end().as_bytes());
        let first = matches!(entry.event, Event::SessionCreated(_));
        let opens = entry.event.can_open() && entry.seal == Seal::Ours;
        if !(first || opens) {
            return line;
        }
        let digest = digest(content);
        let session = *self.session.get_or_insert(digest);
        match secret(true).filter(|_| entry.seal == Seal::Ours) {
            Some(secret) => {
                let mac = mac(secret, &session, &digest);
                let content = String::from_utf8_lossy(content);
                format!("{content},\"seal\":\"{mac}\"}}\n")
            }
            None => line,
        }
    }
}

/// A sealed line as its content and the seal's digits.
fn split(line: &[u8]) -> Option<(&[u8], &str)> {
    let digits = line.len().checked_sub(END.len() + DIGITS)?;
    let content = digits.checked_sub(FIELD.len())?;
    let whole = line.ends_with(END) && line[content..].starts_with(FIELD);
    let digits = std::str::from_utf8(&line[digits..digits + DIGITS]).ok()?;
    whole.then_some((&line[..content], digits))
}

/// A line without its last brace.
fn unclosed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"}").unwrap_or(line)
}

fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

fn mac(secret: &[u8; LENGTH], session: &[u8; 32], line: &[u8; 32]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(session);
    mac.update(line);
    files::hexadecimal(&mac.finalize().into_bytes())
}

/// This user's secret on this machine. Where there can be none, nothing is sealed, and everything is
/// asked for again when a session is resumed.
fn secret(make: bool) -> Option<&'static [u8; LENGTH]> {
    static SECRET_BYTES: OnceLock<[u8; LENGTH]> = OnceLock::new();
    if let Some(secret) = SECRET_BYTES.get() {
        return Some(secret);
    }
    let path = files::state_folder()?.join(SECRET);
    let read = || files::read_private(&path, LENGTH as u64)?.try_into().ok();
    let found: [u8; LENGTH] = match read() {
        Some(found) => found,
        None if make => {
            let mut fresh = [0; LENGTH];
            getrandom::fill(&mut fresh).ok()?;
            files::make_private(&path, &fresh).ok()?;
            // Another process may have been quicker.
            read()?
        }
        None => return None,
    };
    Some(SECRET_BYTES.get_or_init(|| found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn entry(seq: u64, event: Event) -> Entry {
        Entry { seal: Seal::Ours, ..Entry::now(seq, event) }
    }

    #[test]
    fn a_seal_is_found_at_the_end_of_its_line_only() {
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
    fn a_line_that_ends_as_on_windows_has_the_seal_of_the_same_line() {
        let digits = "0".repeat(DIGITS);
        for (line, first) in
            [(format!("{{\"seq\":3,\"seal\":\"{digits}\"}}"), false), ("{\"seq\":1}".into(), true)]
        {
            let other = format!("{line}\r");
            assert_eq!(Seal::of(other.as_bytes(), first), Seal::of(line.as_bytes(), first));
        }
    }

    #[test]
    fn a_seal_belongs_to_its_line_its_session_and_its_secret() {
        let (secret, session, line) = ([1; LENGTH], [2; 32], [3; 32]);
        let right = mac(&secret, &session, &line);
        assert_eq!(right.len(), DIGITS);
        assert_eq!(right, mac(&secret, &session, &line));
        for other in [
            mac(&[9; LENGTH], &session, &line),
            mac(&secret, &[9; 32], &line),
            mac(&secret, &session, &[9; 32]),
        ] {
            assert_ne!(right, other);
        }
    }

    #[test]
    fn what_opens_nothing_has_no_seal() {
        let mut sealer = Sealer::default();
        let paused = entry(2, Event::Paused { reason: "a".to_owned() });
        assert_eq!(sealer.line(&paused), paused.line());
    }
}
