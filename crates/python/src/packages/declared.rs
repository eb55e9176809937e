//! What a script declares that it needs, as an installer takes it.

use super::known;
use super::requirement::{Requirement, normal};
use crate::distributions::{is_standard, of_module};

/// What a script declares as a requirement that an installer takes: a module's name is that of its
/// package (`PIL>=9` is `pillow>=9`), and what follows a name in no known form is left out. `None` for modules of the
/// standard library, which are no packages.
pub(crate) fn as_package(declared: &str) -> Option<String> {
    let text = declared.trim();
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let end = text.find(|c| !of_a_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || known::is_known(name) && Requirement::parse(text).is_some() {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    // An address or an option is for others to judge.
    let odd = rest.contains(['@', '/', ':']) || name.starts_with('-');
    if Requirement::parse(text).is_none() && odd {
        return Some(text.to_owned());
    }
    // Python itself is none either.
    let is_python = name.eq_ignore_ascii_case("python");
    if is_python || is_standard(&name.replace('-', "_")) && !known::is_known(name) {
        return None;
    }
    let package = of_module(|module| normal(module) == normal(name)).unwrap_or(name);
    let package = if known::is_known(name) { name } else { package };
    let rest = Requirement::parse(text).map_or("", |_| rest);
    Some(format!("{package}{rest}"))
}
