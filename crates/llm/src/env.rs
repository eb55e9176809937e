//! The environment, as a process or a test has it.

/// Looks an environment variable up: the process's own ([`environment`]), or a test's.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The process's environment. An empty variable is as good as none.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}
