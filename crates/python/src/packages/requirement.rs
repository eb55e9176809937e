//! Requirements of a script, such as `requests[socks]>=2; python_version < "3.12"`.

/// A requirement that names a package of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Original text.
    pub text: String,
    /// Normalized package name.
    pub name: String,
    /// Only a name, without version, extras or marker.
    pub bare: bool,
}

impl Requirement {
    /// Parses a requirement. Returns `None` for anything but a package of the index, such as a URL,
    /// a file or an installer option.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let end = text.find(|c| !of_a_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let framed = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric());
        let rest = rest.trim();
        let (version, marker) = rest.split_once(';').unwrap_or((rest, ""));
        let of_a_version = |c: char| of_a_name(c) || c == ' ' || "[]()<>=!~,*+".contains(c);
        let of_a_marker = |c: char| of_a_version(c) || "'\"".contains(c);
        let fits = framed
            && rest.starts_with(|c: char| "[(<>=!~;".contains(c)) != rest.is_empty()
            && version.chars().all(of_a_version)
            && marker.chars().all(of_a_marker);
        fits.then(|| Self { text: text.to_owned(), name: normal(name), bare: rest.is_empty() })
    }
}

pub use redraft_domain::packages::normal;

/// The normalized package name of a requirement; the trimmed text if it does not parse.
#[must_use]
pub fn name_of(text: &str) -> String {
    Requirement::parse(text).map_or_else(|| text.trim().to_owned(), |requirement| requirement.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_index_are_read_and_nothing_else_reaches_the_installer() {
        for (text, name, bare) in [
            ("requests", "requests", true),
            (" Flask_Cors ", "flask-cors", true),
            ("ruamel.yaml>=0.17,<1", "ruamel-yaml", false),
            ("requests[socks] ~= 2.0", "requests", false),
            ("pywin32; sys_platform == 'win32'", "pywin32", false),
            ("numpy == 2.*", "numpy", false),
            ("a (>=1)", "a", false),
        ] {
            let found = Requirement::parse(text).map(|r| (r.name, r.bare));
            assert_eq!(found, Some((name.to_owned(), bare)), "{text}");
        }
        for text in [
            "",
            "-r other.txt",
            "--index-url=x",
            "a @ https://example.org/a.whl",
            "git+https://example.org/a",
            "./a",
            "a b",
            "a\n--pre",
            "a>=1\n-e .",
            "a-",
            "é",
            "a>1 --pre @ x",
        ] {
            assert_eq!(Requirement::parse(text), None, "{text}");
        }
    }
}
