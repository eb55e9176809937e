//! Computes and verifies the seals of a journal's lines.

use super::line::Entry;
use super::seal::{Seal, digest, unclosed};
use crate::domain::event::Event;
use crate::files;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::OnceLock;

/// The name of the secret's file in the state folder, and its length in bytes.
const SECRET: &str = "secret";
const LENGTH: usize = 32;

/// Computes and verifies the seals of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealer {
    /// Digest of the journal's first line.
    session: Option<[u8; 32]>,
}

impl Sealer {
    /// Verifies the seal of an entry. Entries must be passed in order.
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

    /// The line of an entry. If this user recorded the entry, and it is the first one or can grant a
    /// permission, the line is sealed.
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

fn mac(secret: &[u8; LENGTH], session: &[u8; 32], line: &[u8; 32]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(session);
    mac.update(line);
    files::hexadecimal(&mac.finalize().into_bytes())
}

/// This user's secret on this machine. Without one nothing is sealed, and all permissions are asked
/// for again when a session is resumed.
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
            // Another process may have created it first.
            read()?
        }
        None => return None,
    };
    Some(SECRET_BYTES.get_or_init(|| found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::seal::DIGITS;
    use super::*;

    fn entry(seq: u64, event: Event) -> Entry {
        Entry { seal: Seal::Ours, ..Entry::now(seq, event) }
    }

    #[test]
    fn a_seal_depends_on_line_session_and_secret() {
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
    fn an_event_that_grants_no_permission_has_no_seal() {
        let mut sealer = Sealer::default();
        let paused = entry(2, Event::Paused { reason: "a".to_owned() });
        assert_eq!(sealer.line(&paused), paused.line());
    }
}
