//! The script, file name and arguments of a run, for the code that explains how it ended.

/// A script that ran.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    /// The script's text.
    pub script: &'a str,
    /// File name of the script, by which its own stack frames are distinguished from those of
    /// libraries.
    pub name: &'a str,
    /// The command-line arguments.
    pub args: &'a [String],
}
