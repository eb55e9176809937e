//! Requirements of a script, such as `requests[socks]>=2; python_version < "3.12"`.

use regex::Regex;
use std::sync::LazyLock;

/// The form of one (PEP 508): a name, extras, versions, a marker.
static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
    let list = |of: &str| format!(" *(?:{of} *(?:, *{of} *)*)?");
    let extras = format!(r"\[{}\]", list(name));
    let versions = list("(?:===?|~=|!=|<=?|>=?) *[A-Za-z0-9._*+!-]+");
    let marker = r#"; *[A-Za-z0-9._\-\[\]()<>=!~,*+'" ]+"#;
    Regex::new(&format!(r"^({name}) *(?:{extras})?(?:{versions}| *\({versions}\) *)(?:{marker})?$"))
        .ok()
});

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
        let name = FORM.as_ref()?.captures(text)?.get(1)?.as_str();
        Some(Self { text: text.to_owned(), name: normal(name), bare: name == text })
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
    fn only_requirements_of_index_packages_are_parsed() {
        for (text, name, bare) in [
            ("requests", "requests", true),
            (" Flask_Cors ", "flask-cors", true),
            ("ruamel.yaml>=0.17,<1", "ruamel-yaml", false),
            ("requests[socks] ~= 2.0", "requests", false),
            ("pywin32; sys_platform == 'win32'", "pywin32", false),
            ("numpy == 2.*", "numpy", false),
            ("a (>=1)", "a", false),
            ("a[]", "a", false),
            ("a [ b, c ] == 1.0+cu118 , != 2 ; python_version < '3'", "a", false),
            ("a===1!2-post", "a", false),
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
            "a[",
            "a[b",
            "a]",
            "a=1",
            "a>=",
            "a>=1,",
            "a (>=1",
            "a;",
            "a[b,]",
        ] {
            assert_eq!(Requirement::parse(text), None, "{text}");
        }
    }
}
