//! Translates declared dependencies into requirements for an installer.

use super::known;
use super::requirement::{Requirement, normal};
use crate::distributions::{is_standard, of_module};

/// Translates a declared dependency into a requirement: a module name becomes its package name
/// (`PIL>=9` is `pillow>=9`), and an unparsable suffix is dropped. Returns `None` for modules of
/// the standard library, which are not packages, and for text with control
/// characters.
pub(crate) fn as_package(declared: &str) -> Option<String> {
    let text = declared.trim();
    if text.contains(char::is_control) {
        return None;
    }
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let end = text.find(|c| !of_a_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || known::is_known(name) && Requirement::parse(text).is_some() {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    // URLs and options are judged by the caller.
    let odd = rest.contains(['@', '/', ':']) || name.starts_with('-');
    if Requirement::parse(text).is_none() && odd {
        return Some(text.to_owned());
    }
    // Python itself is not a package either.
    let is_python = name.eq_ignore_ascii_case("python");
    if is_python || is_standard(&name.replace('-', "_")) && !known::is_known(name) {
        return None;
    }
    let package = of_module(|module| normal(module) == normal(name)).unwrap_or(name);
    let package = if known::is_known(name) { name } else { package };
    let rest = Requirement::parse(text).map_or("", |_| rest);
    Some(format!("{package}{rest}"))
}
