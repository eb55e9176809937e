//! Packages that a version needs and its Python does not have.

use serde::{Deserialize, Serialize};

/// The user's rules for packages, by normalized name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// These may be installed without asking. If there are any, the user is asked about all others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// These are never installed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// Normalizes a package name: `Flask_Cors` becomes `flask-cors`.
#[must_use]
pub fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// The packages that a version needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// All requirements of its environment, such as `numpy>=2`; empty if the Python in use has all
    /// of them.
    pub requirements: Vec<String>,
    /// The requirements that the Python in use does not have.
    pub missing: Vec<Missing>,
    /// An environment with all of them exists already.
    #[serde(default)]
    pub ready: bool,
}

/// A package that the Python in use does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The requirement, such as `numpy>=2`.
    pub requirement: String,
    /// Name in the index.
    pub name: String,
    /// It is in the program's own list of packages.
    pub known: bool,
    /// Whether the index has it; `None` if the index could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// A reason against installing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}
