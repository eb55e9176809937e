//! Which packages are known by name, and which names look like a slip for one of these.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::requirement::normal;
use crate::distributions::packages_by_table;

/// Names of packages that many use, in their normal form. Source: the most downloaded packages of
/// the index in November 2026, and by hand those that short scripts ask for.
const POPULAR: &str = include_str!("popular.txt");

/// Names shorter than this are a letter away from too many others.
const SHORTEST: usize = 4;

static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let by_table = packages_by_table().map(normal);
    POPULAR.lines().map(str::to_owned).chain(by_table).collect()
});

/// Whether a package is one of those that the program knows by name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&normal(name))
}

/// A warning where a package that is not known is called almost like one that is: by mistake, or
/// because somebody waits there for the mistake.
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
    // The same one each time, where there are several.
    let meant = KNOWN.iter().filter(near).min()?;
    Some(format!("it looks like a misspelling of the far better known `{meant}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_close_to_a_popular_package_is_suspicious() {
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
    fn the_names_of_popular_packages_are_normalized() {
        for line in POPULAR.lines() {
            assert_eq!(line, normal(line));
        }
    }
}
