//! The agents' prompt templates: embedded in the program, overridden by files of the same name.
//!
//! A template is optional YAML between `---` lines (`temperature`, `max_tokens`), then a minijinja
//! body in two parts: the system message, a line `=== user ===`, the user message.

use crate::domain::chat::{Agent, Message};
use crate::domain::text;
use crate::files;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The line between the system message and the user message.
const USER_LINE: &str = "=== user ===";

/// File names and texts, in the order of [`Agent::ALL`].
const BUILTIN: [(&str, &str); 11] = [
    ("planner.md", include_str!("../prompts/planner.md")),
    ("coder.md", include_str!("../prompts/coder.md")),
    ("repair.md", include_str!("../prompts/repair.md")),
    ("reviewer.md", include_str!("../prompts/reviewer.md")),
    ("safety.md", include_str!("../prompts/safety.md")),
    ("dependencies.md", include_str!("../prompts/dependencies.md")),
    ("inspector.md", include_str!("../prompts/inspector.md")),
    ("analysis.md", include_str!("../prompts/analysis.md")),
    ("engineer.md", include_str!("../prompts/engineer.md")),
    ("tries.md", include_str!("../prompts/tries.md")),
    ("interpretation.md", include_str!("../prompts/interpretation.md")),
];

/// A template's sampling settings, used where the configuration has none.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Sampling temperature; 0 selects the most likely text.
    pub temperature: f64,
    /// Maximum length of an answer, in tokens.
    pub max_tokens: u32,
}

impl Default for Defaults {
    /// The settings of a template without front matter.
    fn default() -> Self {
        Self { temperature: 0.2, max_tokens: 4096 }
    }
}

/// An error in a template.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file exists but cannot be read.
    #[error("cannot read the template `{}`: {}", path.display(), files::reason(source))]
    Read {
        /// The template's file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The text between the `---` lines is invalid.
    #[error(
        "front matter of the template `{name}`: {message}; only `temperature` and `max_tokens` \
         may stand there"
    )]
    FrontMatter {
        /// The template's file.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// The line between the two messages is missing.
    #[error("the template `{name}` has no line `=== user ===` between its two messages")]
    NoUserPart {
        /// The template's file.
        name: String,
    },
    /// The template has a syntax error, or uses an unknown variable.
    #[error("template `{name}`, line {line}: {message}")]
    Template {
        /// The template's file.
        name: String,
        /// The line of the file, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// A template's text and origin.
#[derive(Clone, Debug)]
struct Source {
    /// The file name for error messages.
    name: String,
    text: Cow<'static, str>,
}

/// The templates of all agents, not yet parsed, so that commands without model calls spend no time
/// on it.
#[derive(Clone, Debug)]
pub struct Prompts {
    sources: [Source; BUILTIN.len()],
}

impl Prompts {
    /// Loads the embedded templates, each replaced by the file of the same name in `dir` if there
    /// is one.
    ///
    /// A folder that does not exist overrides nothing.
    pub fn load(dir: Option<&Path>) -> Result<Self, PromptError> {
        let mut sources =
            BUILTIN.map(|(name, text)| Source { name: name.to_owned(), text: Cow::Borrowed(text) });
        let Some(dir) = dir else { return Ok(Self { sources }) };
        for source in &mut sources {
            let path = dir.join(&source.name);
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
                    *source = Source { name: path.display().to_string(), text: Cow::Owned(text) };
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(PromptError::Read { path, source }),
            }
        }
        Ok(Self { sources })
    }

    /// Checks the templates, as far as that is possible without rendering them.
    pub fn check(&self) -> Result<(), PromptError> {
        self.sources.iter().zip(BUILTIN).try_for_each(|(source, (name, text))| {
            // A built-in template uses all variables of its agent.
            let known = if matches!(source.text, Cow::Owned(_)) {
                let builtin = Source { name: name.to_owned(), text: Cow::Borrowed(text) };
                let builtin = Template::parse(&builtin)?;
                let mut known = builtin.system.check(name, None)?;
                known.extend(builtin.user.check(name, None)?);
                Some(known)
            } else {
                None
            };
            let template = Template::parse(source)?;
            template.system.check(&source.name, known.as_ref())?;
            template.user.check(&source.name, known.as_ref())?;
            Ok(())
        })
    }

    /// The file names and texts of the embedded templates, to be exported.
    #[must_use]
    pub const fn builtin() -> &'static [(&'static str, &'static str)] {
        &BUILTIN
    }

    /// Renders an agent's messages with the variables in `context`; also returns the template's
    /// sampling settings.
    ///
    /// Empty messages are left out.
    pub fn render(
        &self,
        agent: Agent,
        context: impl Serialize,
    ) -> Result<(Vec<Message>, Defaults), PromptError> {
        let source = &self.sources[Agent::ALL.iter().position(|a| *a == agent).unwrap_or(0)];
        let template = Template::parse(source)?;
        let context = Value::from(Serde(context));
        let mut messages = Vec::with_capacity(2);
        let system = template.system.render(&source.name, &context)?;
        if !system.is_empty() {
            messages.push(Message::system(system));
        }
        messages.push(Message::user(template.user.render(&source.name, &context)?));
        Ok((messages, template.defaults))
    }
}

/// A parsed template.
struct Template<'a> {
    defaults: Defaults,
    system: Part<'a>,
    user: Part<'a>,
}

impl<'a> Template<'a> {
    fn parse(source: &'a Source) -> Result<Self, PromptError> {
        let (defaults, body) = front_matter(source)?;
        let Some((system, user)) = split_at_line(body.text, USER_LINE) else {
            return Err(PromptError::NoUserPart { name: source.name.clone() });
        };
        let user_line = body.line + system.matches('\n').count() + 1;
        Ok(Self {
            defaults,
            system: Part { text: system, line: body.line },
            user: Part { text: user, line: user_line },
        })
    }
}

/// A part of a template's file.
struct Part<'a> {
    text: &'a str,
    /// The line of the file where it starts, from 1.
    line: usize,
}

impl Part<'_> {
    /// Renders the text with the variables in `context`, without leading and trailing blank lines.
    fn render(&self, name: &str, context: &Value) -> Result<String, PromptError> {
        let rendered = environment()
            .and_then(|environment| environment.render_named_str(name, self.text, context));
        Ok(rendered.map_err(|error| self.failed(name, &error))?.trim().to_owned())
    }

    /// Parses the text without rendering it. Returns its variables, after checking that all are
    /// `known`.
    fn check(
        &self,
        name: &str,
        known: Option<&BTreeSet<String>>,
    ) -> Result<BTreeSet<String>, PromptError> {
        let understood = environment().and_then(|environment| {
            Ok(environment.template_from_named_str(name, self.text)?.undeclared_variables(false))
        });
        let used: BTreeSet<String> =
            understood.map_err(|error| self.failed(name, &error))?.into_iter().collect();
        match known.and_then(|known| Some((known, used.difference(known).next()?))) {
            None => Ok(used),
            Some((known, unknown)) => Err(PromptError::Template {
                name: name.to_owned(),
                // The first line with the name, which may also be part of a longer word there.
                line: self.line + self.text.lines().position(|l| l.contains(unknown)).unwrap_or(0),
                message: format!(
                    "there is no variable `{unknown}`; there are {}",
                    known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
                ),
            }),
        }
    }

    fn failed(&self, name: &str, error: &minijinja::Error) -> PromptError {
        PromptError::Template {
            name: name.to_owned(),
            line: self.line + error.line().unwrap_or(1) - 1,
            message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
        }
    }
}

/// The template environment, with filters for untrusted text: `fenced` (optionally with a language)
/// and `quoted` delimit it so that it cannot end the delimiter, `line` keeps it on one line, and
/// `lines` joins a list into one text.
fn environment<'a>() -> Result<Environment<'a>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("fenced", |text: Cow<'_, str>, tag: Option<Cow<'_, str>>| {
        text::fenced(&text, tag.as_deref().unwrap_or_default())
    });
    environment.add_filter("quoted", |text: Cow<'_, str>| text::quoted(&text));
    environment.add_filter("line", |text: Cow<'_, str>| {
        text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ")
    });
    environment.add_filter("lines", |items: Vec<String>, before: Cow<'_, str>| {
        let items: Vec<String> = items.iter().map(|item| format!("{before}{item}")).collect();
        items.join("\n")
    });
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    Ok(environment)
}

/// Splits off the front matter between the `---` lines from the body.
fn front_matter(source: &Source) -> Result<(Defaults, Part<'_>), PromptError> {
    let failed = |message: String| PromptError::FrontMatter { name: source.name.clone(), message };
    let whole = Part { text: &source.text, line: 1 };
    let Some(rest) = source.text.strip_prefix("---\n") else {
        return Ok((Defaults::default(), whole));
    };
    let Some((yaml, body)) = split_at_line(rest, "---") else {
        return Err(failed("it has no closing line `---`".to_owned()));
    };
    let line = yaml.matches('\n').count() + 3;
    if yaml.trim().is_empty() {
        return Ok((Defaults::default(), Part { text: body, line }));
    }
    let defaults: Defaults =
        serde_yaml::from_str(yaml).map_err(|e| failed(e.to_string().replace('\n', " ")))?;
    if !(0.0..=2.0).contains(&defaults.temperature) {
        return Err(failed("`temperature` must be from 0 to 2".to_owned()));
    }
    if defaults.max_tokens == 0 {
        return Err(failed("`max_tokens` must be at least 1".to_owned()));
    }
    Ok((defaults, Part { text: body, line }))
}

/// Splits a text at the first line that equals `line`.
fn split_at_line<'a>(text: &'a str, line: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    for piece in text.split_inclusive('\n') {
        if piece.trim_end() == line {
            return Some((&text[..at], &text[at + piece.len()..]));
        }
        at += piece.len();
    }
    None
}
