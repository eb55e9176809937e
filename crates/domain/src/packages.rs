//! What a version needs that its Python does not have.

use serde::{Deserialize, Serialize};

/// What the user says of packages before any script needs one, by their names in the normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// These may be installed without being asked for. Where there are any, every other one is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// These are not installed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// A package's name in its normal form: `Flask_Cors` is `flask-cors`.
#[must_use]
pub fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// What was found when a version's packages were looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// All that an environment for it has to have, as `numpy>=2`; nothing where the Python in use
    /// has all of it.
    pub requirements: Vec<String>,
    /// Those of them that the Python in use does not have.
    pub missing: Vec<Missing>,
    /// An environment that has all of them was made before.
    #[serde(default)]
    pub ready: bool,
}

/// A package that the Python in use does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What is needed, as `numpy>=2`.
    pub requirement: String,
    /// The package's name in the index.
    pub name: String,
    /// It is one of those that the program knows by name.
    pub known: bool,
    /// Whether the index has it; none if the index could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// What speaks against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}
