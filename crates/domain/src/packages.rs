//! What a version needs that its Python does not have.

use serde::{Deserialize, Serialize};

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
