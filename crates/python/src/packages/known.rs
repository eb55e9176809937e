//! Well-known package names, and detection of misspellings of them.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::requirement::normal;
use crate::distributions::packages_by_table;

/// Normalized names of widely used packages. Source: the most downloaded packages of the index in
/// November 2026, and manually added ones that short scripts use.
const POPULAR: &str = include_str!("popular.txt");

/// Shorter names are within one letter of too many others.
const SHORTEST: usize = 4;

static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let by_table = packages_by_table().map(normal);
    POPULAR.lines().map(str::to_owned).chain(by_table).collect()
});

/// Whether redraft knows this package name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&normal(name))
}

/// A warning if the name is unknown but nearly the same as a known one: a misspelling, or a
/// typosquatted package.
#[must_use]
pub fn is_suspicious(name: &str) -> Option<String> {
    let name = normal(name);
    if KNOWN.contains(&name) {
        return None;
    }
    let plain = |name: &str| name.replace('-', "");
    let near = |known: &&String| {
        known.len() >= SHORTEST
            && known.len().abs_diff(name.len()) <= 2
            && (strsim::osa_distance(known, &name) == 1 || plain(known) == plain(&name))
    };
    // `min` makes the choice deterministic.
    let meant = KNOWN.iter().filter(near).min()?;
    Some(format!("it looks like a misspelling of the far better known `{meant}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_one_letter_from_a_far_better_known_one_is_warned_of() {
        for (name, meant) in [
            ("reqeusts", "requests"),
            ("request", "requests"),
            ("requests2", "requests"),
            ("Nunpy", "numpy"),
            ("panda", "pandas"),
            ("pythondateutil", "python-dateutil"),
            ("beautifulsoup", "beautifulsoup4"),
            ("matplotlb", "matplotlib"),
            ("pilow", "pillow"),
        ] {
            let warning = is_suspicious(name).unwrap_or_default();
            assert!(warning.contains(&format!("`{meant}`")), "{name}: {warning}");
        }
        for name in ["requests", "Pillow", "PyYAML", "pygame-ce", "six", "sux", "my-own-package"] {
            assert_eq!(is_suspicious(name), None, "{name}");
        }
    }

    #[test]
    fn the_list_is_in_its_normal_form() {
        for line in POPULAR.lines() {
            assert_eq!(line, normal(line));
        }
    }
}
