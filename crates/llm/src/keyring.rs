//! Keys in the system's keyring (`redraft login`): the Secret Service on Linux, the Keychain on
//! macOS, the Credential Manager on Windows.
//!
//! The names of the providers with a key there are stored in the state folder, so that users
//! without such keys never wait for a keyring or are asked to unlock one.

use super::secret::Secret;
use redraft_files::{self as files, FileError, Mode};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use thiserror::Error;

/// File in the state folder with the providers' names, one per line, and its maximum length in
/// bytes.
const LOGINS: &str = "logins";
const LONGEST: u64 = 64 << 10;
/// Maximum length of a key, in bytes.
const LONGEST_KEY: usize = 8 << 10;
/// Timeout of the keyring, which may have to ask the user for a password.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a key can't be stored in the keyring, or read from it.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The system has no keyring, or it does not run.
    #[error("there is no keyring that can be used ({0}); keep the key in an environment variable")]
    Missing(String),
    /// The keyring returned an error.
    #[error("the keyring refused ({0}); unlock it, or keep the key in an environment variable")]
    Refused(String),
    /// The keyring did not answer in time.
    #[error(
        "the keyring did not answer within {} seconds; unlock it, or keep the key in an environment variable",
        PATIENCE.as_secs()
    )]
    Silent,
    /// The text is not a key.
    #[error("that is no key: {0}")]
    NoKey(&'static str),
    /// There is no state folder.
    #[error(
        "there is no folder for redraft's state; set `HOME`, or keep the key in an environment variable"
    )]
    NoHome,
    /// The file of names can't be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Providers with a key in the keyring.
#[must_use]
pub fn logins() -> BTreeSet<String> {
    let read = || String::from_utf8(files::read_private(&place()?, LONGEST)?).ok();
    read().unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Stores a provider's key in the keyring, and replaces an existing one.
pub fn put(provider: &str, key: &str) -> Result<(), KeyringError> {
    let key = key.trim().to_owned();
    if key.is_empty() {
        return Err(KeyringError::NoKey("it is empty"));
    }
    if key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeyringError::NoKey("keys are a word of letters, digits and signs"));
    }
    let had = logins().contains(provider);
    // The name is stored first: without it, the key would never be found again.
    note(|names| names.insert(provider.to_owned()))?;
    let name = provider.to_owned();
    within(move || system::put(&name, &key)).inspect_err(|_| {
        // An existing key is still there.
        if !had {
            let _ = note(|names| names.remove(provider));
        }
    })
}

/// Removes a provider's key from the keyring; returns whether there was one.
pub fn remove(provider: &str) -> Result<bool, KeyringError> {
    if !logins().contains(provider) {
        return Ok(false);
    }
    let name = provider.to_owned();
    let removed = within(move || system::remove(&name))?;
    note(|names| names.remove(provider))?;
    Ok(removed)
}

/// A provider's key, if it was stored in the keyring.
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

/// Changes the stored names.
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

/// Runs `work` with a timeout: a keyring that waits for a password could block forever.
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

    /// Service name of redraft's keys in the keyring.
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

    /// Uses the error's message, never its debug output: that of some errors has the key.
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
