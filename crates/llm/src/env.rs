//! Access to environment variables that tests can replace.

/// Looks up an environment variable: of the process ([`environment`]), or of a test.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// A variable of the process's environment. An empty one counts as missing.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}
