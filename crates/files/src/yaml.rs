//! YAML that people edit.

mod nesting;
pub mod values;

use serde::de::DeserializeOwned;

/// Maximum length of YAML, in bytes: a session's own file has the request and the input, of up to a
/// megabyte each.
const LARGEST: usize = 16 << 20;

/// Parses YAML that people edit and that may come from untrusted sources: duplicate keys are
/// errors, and text that is too large or nested too deeply never reaches the YAML library.
///
/// # Errors
/// What is wrong, with the line and the column.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.len() > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes"));
    }
    nesting::check(text)?;
    serde_yaml::from_str::<values::Unique>(text)
        .and_then(|_| serde_yaml::from_str(text))
        .map_err(|error| values::describe(&error))
}

/// Replaces `old` if `new` is set.
pub fn over<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}
