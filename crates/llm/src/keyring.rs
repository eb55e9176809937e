//! Keys in the system's keyring (`redraft login`): the Secret Service on Linux, the Keychain on macOS, the
//! Credential Manager on Windows.
//!
//! Which providers have a key there is noted in the state folder, by name only, so that nobody who keeps
//! no key there waits for a keyring or is asked to unlock one.

use super::secret::Secret;
use redraft_files::{self as files, FileError, Mode};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use thiserror::Error;

/// The file of the providers' names in the state folder, a line each, and how long it may be, in bytes.
const LOGINS: &str = "logins";
const LONGEST: u64 = 64 << 10;
/// The longest key that is kept, in bytes.
const LONGEST_KEY: usize = 8 << 10;
/// How long the keyring may take, which may have to ask its user for a password.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a key can't be kept in the keyring, or read from it.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The system has no keyring, or none that runs.
    #[error("there is no keyring that can be used ({0}); keep the key in an environment variable")]
    Missing(String),
    /// The keyring refused.
    #[error("the keyring refused ({0}); unlock it, or keep the key in an environment variable")]
    Refused(String),
    /// The keyring did not answer.
    #[error(
        "the keyring did not answer within {} seconds; unlock it, or keep the key in an environment variable",
        PATIENCE.as_secs()
    )]
    Silent,
    /// What was given is no key.
    #[error("that is no key: {0}")]
    NoKey(&'static str),
    /// The user has no folder for the names.
    #[error(
        "there is no folder for redraft's state; set `HOME`, or keep the key in an environment variable"
    )]
    NoHome,
    /// The names can't be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The providers that have a key in the keyring.
#[must_use]
pub fn logins() -> BTreeSet<String> {
    let read = || String::from_utf8(files::read_private(&place()?, LONGEST)?).ok();
    read().unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Puts a provider's key into the keyring, in the place of one that is there.
pub fn put(provider: &str, key: &str) -> Result<(), KeyringError> {
    let key = key.trim().to_owned();
    if key.is_empty() {
        return Err(KeyringError::NoKey("it is empty"));
    }
    if key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeyringError::NoKey("keys are a word of letters, digits and signs"));
    }
    let had = logins().contains(provider);
    // Before the key: without its name nobody would find it again.
    note(|names| names.insert(provider.to_owned()))?;
    let name = provider.to_owned();
    within(move || system::put(&name, &key)).inspect_err(|_| {
        // A key that was there before still is.
        if !had {
            let _ = note(|names| names.remove(provider));
        }
    })
}

/// Removes a provider's key from the keyring, and says whether there was one.
pub fn remove(provider: &str) -> Result<bool, KeyringError> {
    if !logins().contains(provider) {
        return Ok(false);
    }
    let name = provider.to_owned();
    let removed = within(move || system::remove(&name))?;
    note(|names| names.remove(provider))?;
    Ok(removed)
}

/// A provider's key, if one was put into the keyring.
pub(super) fn get(provider: &str) -> Result<Option<Secret>, KeyringError> {
    if !logins().contains(provider) {
        return Ok(None);
    }
    let name = provider.to_owned();
    Ok(within(move || system::get(&name))?.map(|key| Secret::new(&key)))
}

fn place() -> Option<PathBuf> {
    Some(files::state_folder()?.join(LOGINS))
}

/// Changes the noted names.
fn note(change: impl FnOnce(&mut BTreeSet<String>) -> bool) -> Result<(), KeyringError> {
    let place = place().ok_or(KeyringError::NoHome)?;
    let mut names = logins();
    if change(&mut names) {
        let lines: String = names.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        files::create_private_folder(place.parent().unwrap_or(&place))?;
        files::write(&place, lines.as_bytes(), Mode::Private)?;
    }
    Ok(())
}

/// What the keyring says in time. One that waits for a password that nobody types would wait for ever.
fn within<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(work()));
    receive.recv_timeout(PATIENCE).unwrap_or(Err(KeyringError::Silent))
}

#[cfg(feature = "keyring")]
mod system {
    use super::KeyringError;
    use keyring::{Entry, Error};

    /// What the keyring knows redraft's keys by.
    const SERVICE: &str = "redraft";

    pub(super) fn put(provider: &str, key: &str) -> Result<(), KeyringError> {
        entry(provider)?.set_password(key).map_err(refused)
    }

    pub(super) fn get(provider: &str) -> Result<Option<String>, KeyringError> {
        match entry(provider)?.get_password() {
            Ok(key) => Ok(Some(key)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    pub(super) fn remove(provider: &str) -> Result<bool, KeyringError> {
        match entry(provider)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(refused(error)),
        }
    }

    fn entry(provider: &str) -> Result<Entry, KeyringError> {
        if let Err(error) = Entry::store_status() {
            return Err(KeyringError::Missing(error.to_string()));
        }
        Entry::new(SERVICE, provider).map_err(refused)
    }

    /// Its words, never its debug output: that of some errors has the key.
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
    fn refused(error: Error) -> KeyringError {
        KeyringError::Refused(error.to_string())
    }
}

#[cfg(not(feature = "keyring"))]
mod system {
    use super::KeyringError;

    fn none<T>() -> Result<T, KeyringError> {
        Err(KeyringError::Missing("redraft was built without the feature `keyring`".to_owned()))
    }

    pub(super) fn put(_: &str, _: &str) -> Result<(), KeyringError> {
        none()
    }

    pub(super) fn get(_: &str) -> Result<Option<String>, KeyringError> {
        none()
    }

    pub(super) fn remove(_: &str) -> Result<bool, KeyringError> {
        none()
    }
}
