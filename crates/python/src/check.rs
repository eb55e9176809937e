//! Static checks of a script. The only file that uses the linter's crate.
//!
//! Nothing is read from disk: no settings, no neighbouring files. Suppression comments (`# noqa`)
//! are ignored. The first call in a process builds the linter's tables and takes some milliseconds
//! longer.

use std::collections::HashSet;
use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use ruff_linter::RuleSelector;
use ruff_linter::linter::{ParseSource, lint_only};
use ruff_linter::registry::Rule;
use ruff_linter::settings::{LinterSettings, flags};
use ruff_linter::source_kind::SourceKind;
use ruff_python_ast::{ModModule, PySourceType, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::Ranged;

use super::depth::{too_deep, with_room};
use super::tree::Tree;
use super::{capabilities, imports, pep723};
use redraft_domain::event::LONGEST_TEXT;
use redraft_domain::report::{Checks, Lint};
use redraft_domain::text::one_line;

/// Language version for a script whose interpreter is not known: not so old that common syntax is
/// refused, not so new that syntax passes which few interpreters support.
pub const USUAL: (u8, u8) = (3, 11);

/// The newest Python version that the linter supports fully.
const NEWEST: (u8, u8) = (3, 14);
/// The longest script and the longest line, in bytes, that are linted: some rules scan the whole
/// line once for each of its parts. Beyond it, only syntax errors are reported.
const LONGEST_LINTED: usize = 256 * 1024;
const LONGEST_LINTED_LINE: usize = 16 * 1024;
/// Maximum number of findings kept of each list.
const MOST: usize = 50;
/// Maximum number of characters kept of a finding's message.
const LONGEST_MESSAGE: usize = 300;

/// Rule code of a syntax error.
const SYNTAX_ERROR: &str = "E999";

/// Linter rules for errors that Python itself reports before it runs anything.
const SYNTAX: &[&str] = &[
    "F404", // late `from __future__`
    "F406", // `import *` inside a function
    "F407", // unknown `__future__` feature
    "F622", // two stars in an assignment
    "F701", // `break` outside a loop
    "F702", // `continue` outside a loop
    "F704", // `yield` outside a function
    "F706", // `return` outside a function
    "F707", // `except:` before another `except`
    ASYNC_RETURN,
    "PLE0115", // a name both nonlocal and global
    "PLE0117", // nonlocal without a binding
    "PLE0118", // a name used before its `global`
    "PLE1142", // `await` outside an async function
    "PLE1700", // `yield from` in an async function
];

/// A value returned by a generator: an error in an async function only.
const ASYNC_RETURN: &str = "B901";

/// Rules for errors that stop a script whenever they are reached.
const CERTAIN: &[&str] = &[
    "F501", "F502", "F503", "F505", "F506", "F507", "F509", // `%` with the wrong values
    "F521", "F524", "F525",    // `format` with the wrong values
    "F633",    // `print >> file`
    "F821",    // undefined name
    "F823",    // local variable used before it is set
    "F901",    // `raise NotImplemented`
    "PLE0241", // the same base class twice
    "PLE0643", // an index past the end of a literal
    "PLE1132", // the same argument twice
    "PLE1300", "PLE1307", // `%` with a wrong format
    "PLE1507", // an environment variable's name that is no text
];

/// The rule families in use.
const FAMILIES: &[&str] = &["E", "F", "B", "PL", "S"];

/// Exceptions to these: matters of taste, or reported better elsewhere.
const LEFT_OUT: &[&str] = &[
    "E1", "E2", "E3", "E4", "E5", "E70", "E731", "E74", // layout and names
    "B905", "B911", // `strict=` is new and rarely matters
    "PLC",  // conventions
    "PLR09", "PLR1", "PLR2004", "PLR5", // sizes, magic values, other ways to say the same
    "PLW0603", "PLW1514", "PLW2901", // global statements, encodings, reused loop names
    "S101",    // an assert is a fine check in a script
    "S110", "S112", // a swallowed exception is no security problem
    "S311", // random numbers here are for games and samples
    "S4",   // an import by itself: its use is reported as a capability
    "S603", "S606", "S607", // any process at all: reported as a capability
];

/// Why Python would not start a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SyntaxProblem {
    /// Line in the script, from 1.
    pub line: usize,
    /// The error, in one line.
    pub message: String,
}

/// Checks the syntax of a script for [`USUAL`].
///
/// Errors: the first syntax error.
pub fn syntax(script: &str) -> Result<(), SyntaxProblem> {
    syntax_for(script, USUAL)
}

/// Checks the syntax of a script for this Python version, such as `(3, 12)`.
///
/// Errors: the first syntax error.
pub fn syntax_for(script: &str, python: (u8, u8)) -> Result<(), SyntaxProblem> {
    readable(script)?;
    let look = with_room(|| Look::at(script, python, &SYNTAX_SETTINGS));
    look.and_then(|look| look.problem()).map_or(Ok(()), Err)
}

/// Runs all static checks for [`USUAL`].
#[must_use]
pub fn check(script: &str) -> Checks {
    check_for(script, USUAL)
}

/// Runs all static checks for this Python version, such as `(3, 12)`.
///
/// A script with a syntax error has that one error and no other findings.
#[must_use]
pub fn check_for(script: &str, python: (u8, u8)) -> Checks {
    let look = readable(script)
        .map(|()| with_room(|| Look::at(script, python, &SETTINGS)).unwrap_or_default());
    let problem = match look {
        Ok(look) => match look.problem() {
            None => return look.sorted(script),
            Some(problem) => problem,
        },
        Err(problem) => problem,
    };
    let SyntaxProblem { line, message } = problem;
    let error = Lint { rule: SYNTAX_ERROR.to_owned(), line, column: 1, message };
    Checks { errors: vec![error], ..Checks::default() }
}

/// Results of the parser and the linter.
#[derive(Default)]
struct Look {
    tree: Tree,
    /// Findings in source order, each with its byte offset.
    findings: Vec<(Lint, usize)>,
}

impl Look {
    fn at(script: &str, python: (u8, u8), settings: &LinterSettings) -> Self {
        let options = ParseOptions::from(Mode::Module).with_target_version(version(python));
        let Some(parsed) = parse_unchecked(script, options).try_into_module() else {
            return Self::default();
        };
        let tree = Tree::of(parsed.syntax(), script, python >= (3, 14));
        let lines = script.split('\n').map(str::len);
        let moderate = script.len() <= LONGEST_LINTED && lines.max() <= Some(LONGEST_LINTED_LINE);
        let mut findings = if moderate {
            linted(script, python, settings, parsed)
        } else {
            parse_errors(script, &parsed)
        };
        findings.sort_by_key(|(_, offset)| *offset);
        Self { tree, findings }
    }

    /// The first syntax error.
    fn problem(&self) -> Option<SyntaxProblem> {
        let stops = |(lint, offset): &&(Lint, usize)| match lint.rule.as_str() {
            ASYNC_RETURN => self.tree.async_returns.contains(offset),
            SYNTAX_ERROR => true,
            rule => SYNTAX.contains(&rule),
        };
        let (lint, _) = self.findings.iter().find(stops)?;
        Some(SyntaxProblem { line: lint.line, message: lint.message.clone() })
    }

    /// Sorts the findings into the lists of [`Checks`].
    fn sorted(self, script: &str) -> Checks {
        let Self { tree, findings } = self;
        let mut checks = Checks {
            capabilities: capabilities::resolve(capabilities::of(&tree)),
            imports: imports::of(&tree),
            dependencies: imports::dependencies(&tree, script),
            optional: imports::optional(&tree),
            window: imports::window(&tree),
            terminal: imports::terminal(&tree),
            statements: tree.statements,
            ..Checks::default()
        };
        let mut said = HashSet::new();
        for (lint, offset) in findings {
            let stops = CERTAIN.contains(&lint.rule.as_str()) && !tree.is_idle(offset);
            let list = if stops {
                // The same undefined name in ten places is one mistake.
                if !said.insert((lint.rule.clone(), lint.message.clone())) {
                    continue;
                }
                &mut checks.errors
            } else if lint.rule == ASYNC_RETURN {
                continue; // not async, or it would have been a syntax error
            } else if lint.rule.starts_with('S') {
                &mut checks.security
            } else {
                &mut checks.lint
            };
            if list.len() < MOST {
                list.push(lint);
            }
        }
        checks
    }
}

/// Rejects a script that the parser can't read or that could crash the process.
fn readable(script: &str) -> Result<(), SyntaxProblem> {
    let at = |line, message: &str| Err(SyntaxProblem { line, message: message.to_owned() });
    if script.len() > LONGEST_TEXT {
        return at(1, "the script is larger than 1 MiB");
    }
    if let Some((before, _)) = script.split_once('\0') {
        return at(before.split('\n').count(), "source code cannot contain null bytes");
    }
    too_deep(script).map_or(Ok(()), |deep| at(deep.line, deep.message))
}

static SYNTAX_SETTINGS: LazyLock<LinterSettings> =
    LazyLock::new(|| LinterSettings::for_rules(SYNTAX.iter().flat_map(|code| rules(code))));

static SETTINGS: LazyLock<LinterSettings> = LazyLock::new(|| {
    let left_out: HashSet<Rule> = LEFT_OUT.iter().flat_map(|code| rules(code)).collect();
    let wanted = FAMILIES.iter().flat_map(|code| rules(code)).filter(|rule| {
        let code = rule.noqa_code().to_string();
        let certain = CERTAIN.contains(&code.as_str()) || SYNTAX.contains(&code.as_str());
        // Preview rules are noisy; certain errors are included even so.
        certain || !(left_out.contains(rule) || rule.is_preview() || rule.is_deprecated())
    });
    LinterSettings::for_rules(wanted.filter(|rule| !rule.is_removed()))
});

/// The rules with this code prefix; empty if the linter does not know it.
fn rules(code: &str) -> Vec<Rule> {
    RuleSelector::from_str(code).map(|known| known.all_rules().collect()).unwrap_or_default()
}

fn version(python: (u8, u8)) -> PythonVersion {
    python.clamp((3, 8), NEWEST).into()
}

fn linted(
    script: &str,
    python: (u8, u8),
    settings: &LinterSettings,
    parsed: Parsed<ModModule>,
) -> Vec<(Lint, usize)> {
    let settings = settings.clone().with_target_version(version(python));
    let result = lint_only(
        // The file name is not read from disk, and no rule about file names is enabled.
        Path::new("script.py"),
        None,
        &settings,
        flags::Noqa::Disabled,
        &SourceKind::Python { code: script.to_owned(), is_stub: false },
        PySourceType::Python,
        ParseSource::Precomputed(parsed),
    );
    let told = result.diagnostics.iter().filter_map(|diagnostic| {
        let at = diagnostic.ruff_start_location()?;
        let rule = diagnostic.secondary_code().map_or(SYNTAX_ERROR, |code| code.as_str());
        let message = one_line(diagnostic.concise_message().to_str().as_ref(), LONGEST_MESSAGE);
        let (line, column) = (at.line.get(), at.column.get());
        let offset = diagnostic.range()?.start().to_usize();
        Some((Lint { rule: rule.to_owned(), line, column, message }, offset))
    });
    told.collect()
}

/// The parser's errors alone, for scripts that are too long to lint: the first of each kind.
fn parse_errors(script: &str, parsed: &Parsed<ModModule>) -> Vec<(Lint, usize)> {
    let errors = parsed.errors().first().map(|error| (error.start(), error.error.to_string()));
    let newer = parsed.unsupported_syntax_errors().first();
    let newer = newer.map(|error| (error.start(), error.to_string()));
    let told = errors.into_iter().chain(newer).map(|(start, message)| {
        let line = script[..start.to_usize()].split('\n').count();
        let message = one_line(&message, LONGEST_MESSAGE);
        (Lint { rule: SYNTAX_ERROR.to_owned(), line, column: 1, message }, start.to_usize())
    });
    told.collect()
}

/// Adds a dependency block with packages that the model's answer installs in a shell and that the
/// imports do not imply; `None` if there are none.
#[must_use]
pub fn with_installed(script: &str, installs: &[String]) -> Option<String> {
    if installs.is_empty() {
        return None;
    }
    let untold = imports::untold(&check(script).imports, installs);
    (!untold.is_empty()).then(|| pep723::with_block(script, pep723::OLDEST, &untold))
}
