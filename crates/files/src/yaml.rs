//! YAML that people edit.

mod nesting;
pub mod values;

use serde::de::DeserializeOwned;

/// The largest YAML that is read, in bytes: a session's own file holds the task and the input, of a
/// megabyte each.
const LARGEST: usize = 16 << 20;

/// Reads YAML that people edit, and that may come from anybody: each key may stand once, and what is
/// too large or nested too deeply never reaches the YAML library.
///
/// # Errors
/// Says what is wrong, with the line and the column.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.len() > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes"));
    }
    nesting::check(text)?;
    serde_yaml::from_str::<values::Unique>(text)
        .and_then(|_| serde_yaml::from_str(text))
        .map_err(|error| values::describe(&error))
}

/// What is said replaces what was there.
pub fn over<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}
