//! Chooses the script among several blocks: one of them, a later rewrite, or two joined.

use super::Checker;
use super::python::{self, Names};
use std::collections::BTreeSet;

/// A block that parses.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) text: String,
    pub(super) notes: Vec<String>,
}

impl Program {
    fn lines(&self) -> usize {
        self.text.lines().filter(|line| !line.trim().is_empty()).count()
    }
}

/// The script made of the blocks of an answer, in order; `None` without blocks.
pub(super) fn choose(blocks: Vec<Program>, checker: &Checker<'_>) -> Option<Program> {
    let mut blocks = blocks.into_iter();
    let mut script = blocks.next()?;
    for block in blocks {
        script = follow(script, block, checker);
    }
    Some(script)
}

/// Updates the script with a further block.
fn follow(script: Program, block: Program, checker: &Checker<'_>) -> Program {
    let (old, new) = (python::names(&script.text), python::names(&block.text));
    let (old_runs, new_runs) = (python::has_entry(&script.text), python::has_entry(&block.text));
    if rewrites(&script.text, &old, &block.text, &new) {
        return if new_runs || !old_runs { block } else { script };
    }
    if old.defined.iter().any(|name| new.defined.contains(name)) {
        // A part of the script that is shown again: the longer text wins.
        return if block.lines() > script.lines() { block } else { script };
    }
    if imports_from_elsewhere(&block.text, &old) {
        return script; // an example of its use, meant for another file
    }
    if uses(&block.text, &old, &new) {
        if old_runs {
            return script; // an example of its use
        }
        let text =
            format!("{}\n\n\n{}", script.text.trim_end(), block.text.trim_start_matches('\n'));
        if checker.parses(&text) {
            let mut notes = script.notes;
            notes.extend(block.notes);
            notes.push("joined two blocks".to_owned());
            return Program { text, notes };
        }
    }
    let better = (new_runs, block.lines()) > (old_runs, script.lines());
    if better { block } else { script }
}

/// Whether `new` is another version of the script `old`: it defines most of the same names, or
/// repeats most of its lines.
pub(super) fn rewrites(old: &str, old_names: &Names, new: &str, new_names: &Names) -> bool {
    let same = old_names.defined.intersection(&new_names.defined).count();
    if same > 0 && same * 2 >= old_names.defined.len() {
        return true;
    }
    let filled = |text: &'_ str| -> BTreeSet<String> {
        text.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect()
    };
    let (old, new) = (filled(old), filled(new));
    old.len() > 1 && old.intersection(&new).count() * 2 > old.len()
}

/// Whether the block uses names that only the script defines.
fn uses(block: &str, old: &Names, new: &Names) -> bool {
    let words = python::identifiers(block);
    old.defined.iter().chain(&old.bound).any(|name| {
        words.contains(name.as_str()) && !new.defined.contains(name) && !new.bound.contains(name)
    })
}

/// Whether the block imports the script's names from a module, like an example in another file.
fn imports_from_elsewhere(block: &str, old: &Names) -> bool {
    block.lines().filter(|line| line.starts_with("from ")).any(|line| {
        line.split_once(" import ").is_some_and(|(_, names)| {
            names.split(',').any(|name| old.defined.contains(name.trim()))
        })
    })
}
