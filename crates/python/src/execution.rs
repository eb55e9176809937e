//! What ran, for who explains how it ended.

/// A script that ran.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    /// Its text.
    pub script: &'a str,
    /// The name of the file that ran, by which its own frames are told from those of libraries.
    pub name: &'a str,
    /// The command-line arguments that it was given.
    pub args: &'a [String],
}
