//! Reads the file of tasks: JSON lines, a JSON list, or a YAML list.

use crate::domain::example::Example;
use crate::domain::name;
use crate::domain::settings::Preset;
use crate::domain::text::one_line;
use crate::files::yaml::{self, values};
use crate::files::{self, FileError};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The largest file of tasks, in bytes.
const LARGEST: u64 = 256 << 20;
/// The longest request, in bytes, as for `new`.
const LONGEST: usize = 1 << 20;

/// The keys of a task.
const KEYS: [&str; 15] = [
    "id",
    "task",
    "request",
    "plan",
    "data",
    "tests",
    "examples",
    "preset",
    "model",
    "limits",
    "candidates",
    "repairs",
    "max_versions",
    "budget_tokens",
    "budget_usd",
];
/// The keys that may also be in `limits`.
const LIMITS: &[&str] = KEYS.split_at(10).1;

/// One task, with paths relative to the current folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Unique id; also the name of its session.
    pub id: String,
    /// Its position in the file, for messages: `line 3`, `task 3`.
    pub place: String,
    /// What the script should do; `None` if the plan says it.
    pub request: Option<String>,
    /// A file with an approved plan.
    pub plan: Option<PathBuf>,
    /// Data files for the script.
    pub data: Vec<PathBuf>,
    /// Test files for every version.
    pub tests: Vec<PathBuf>,
    /// Examples, as for `--example`.
    pub examples: Vec<String>,
    /// The preset, if not the default.
    pub preset: Option<Preset>,
    /// The model for all roles, as `PROVIDER/MODEL`.
    pub model: Option<String>,
    /// Limits of the work.
    pub limits: TaskLimits,
}

/// Limits of one task that differ from the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TaskLimits {
    /// Candidates of each script; at least 1.
    pub candidates: Option<u32>,
    /// Maximum number of repairs in a row.
    pub repairs: Option<u32>,
    /// Maximum number of versions; at least 1.
    pub max_versions: Option<u32>,
    /// Maximum number of tokens.
    pub budget_tokens: Option<u64>,
    /// Maximum cost in US dollars.
    pub budget_usd: Option<f64>,
}

/// Why the tasks can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TasksError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An error in one place.
    #[error("`{file}`, {place}: {problem}")]
    Task {
        /// The file.
        file: String,
        /// The line, or the number of the task.
        place: String,
        /// The problem.
        problem: String,
    },
    /// An error of the whole file.
    #[error("`{file}` {problem}")]
    Whole {
        /// The file.
        file: String,
        /// The problem.
        problem: String,
    },
}

/// Format of a file of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One JSON object per line.
    Lines,
    /// A JSON list.
    List,
    /// A YAML list.
    Yaml,
}

/// Position and description of an error; without position, it concerns the whole file.
type Problem = (Option<String>, String);

/// Reads a file of tasks. The format follows the extension: `.json`, `.yaml` or `.yml`, otherwise
/// JSON lines.
///
/// # Errors
/// The first invalid entry, with its line: no task of such a file is started.
pub fn read(path: &Path) -> Result<Vec<Task>, TasksError> {
    let text = files::read_text(path, LARGEST)?;
    let form = match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => Form::List,
        Some("yaml" | "yml") => Form::Yaml,
        _ => Form::Lines,
    };
    let base = path.parent().unwrap_or(Path::new(""));
    parse(&text, form, base).map_err(|(place, problem)| {
        let file = path.display().to_string();
        match place {
            Some(place) => TasksError::Task { file, place, problem },
            None => TasksError::Whole { file, problem },
        }
    })
}

/// Reads a single task, such as the content of `HQ_ENTRY`.
///
/// # Errors
/// The problem.
pub fn read_one(text: &str) -> Result<Task, String> {
    let raw: Raw = from_json(text).map_err(|(_, problem)| problem)?;
    task(raw, "the entry".to_owned(), Path::new(""))
}

fn parse(text: &str, form: Form, base: &Path) -> Result<Vec<Task>, Problem> {
    let text = text.trim_start_matches('\u{feff}');
    let raw: Vec<(String, Raw)> = match form {
        Form::Lines => lines(text)?,
        Form::List => list(text)?,
        Form::Yaml => yaml(text)?,
    };
    if raw.is_empty() {
        return Err((None, "holds no task".to_owned()));
    }
    let mut tasks = Vec::with_capacity(raw.len());
    let mut ids: HashMap<String, String> = HashMap::new();
    for (place, raw) in raw {
        let task =
            task(raw, place.clone(), base).map_err(|problem| (Some(place.clone()), problem))?;
        // Compared in lowercase, since file systems that ignore case would give two tasks the same
        // session.
        if let Some(first) = ids.insert(task.id.to_lowercase(), place.clone()) {
            let problem = format!("the id `{}` is there already, in {first}", task.id);
            return Err((Some(place), problem));
        }
        tasks.push(task);
    }
    Ok(tasks)
}

fn lines(text: &str) -> Result<Vec<(String, Raw)>, Problem> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered
        .map(|(n, line)| {
            let place = format!("line {}", n + 1);
            match from_json(line) {
                Ok(raw) => Ok((place, raw)),
                Err((_, problem)) => Err((Some(place), problem)),
            }
        })
        .collect()
}

fn list(text: &str) -> Result<Vec<(String, Raw)>, Problem> {
    let line = |n: usize| format!("line {n}");
    let raw: Vec<&RawValue> = from_json(text).map_err(|(n, problem)| (Some(line(n)), problem))?;
    let mut found = Vec::with_capacity(raw.len());
    // The parts of the list are slices of the text, in order.
    let (mut at, mut number) = (0, 1);
    for raw in raw {
        let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        number += text[at..start].matches('\n').count();
        at = start;
        match from_json(raw.get()) {
            Ok(task) => found.push((line(number), task)),
            Err((n, problem)) => return Err((Some(line(number + n - 1)), problem)),
        }
    }
    Ok(found)
}

fn yaml(text: &str) -> Result<Vec<(String, Raw)>, Problem> {
    let raw: Option<Vec<Raw>> =
        yaml::read(text).map_err(|message| match split_place(&message) {
            Some((problem, line, _)) => (Some(format!("line {line}")), problem.to_owned()),
            None => (None, format!("can't be read: {message}")),
        })?;
    let raw = raw.unwrap_or_default();
    // The line of each task, if each starts with a dash at the start of a line, as in most files.
    let dashes =
        text.lines().enumerate().filter(|(_, line)| *line == "-" || line.starts_with("- "));
    let starts: Vec<usize> = dashes.map(|(n, _)| n + 1).collect();
    let known = starts.len() == raw.len();
    let place = |n: usize| match starts.get(n).filter(|_| known) {
        Some(line) => format!("line {line}"),
        None => format!("task {}", n + 1),
    };
    Ok(raw.into_iter().enumerate().map(|(n, raw)| (place(n), raw)).collect())
}

/// Parses JSON; errors include the line.
fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, (usize, String)> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let problem = match split_place(&message) {
            Some((problem, _, column)) if error.is_syntax() || error.is_eof() => {
                format!("{problem} at column {column}")
            }
            Some((problem, ..)) => problem.to_owned(),
            None => message.clone(),
        };
        (error.line().max(1), problem)
    })
}

/// Splits the position off a parser's message.
fn split_place(message: &str) -> Option<(&str, usize, usize)> {
    let (problem, place) = message.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    Some((problem, line.parse().ok()?, column.parse().ok()?))
}

/// The fields of a task; unknown and duplicate keys are errors.
struct Raw(Map<String, Value>);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a task: a map with `id` and `task`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut fields = Map::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !KEYS.contains(&key.as_str()) {
                        return Err(A::Error::custom(unknown(&key, &KEYS)));
                    }
                    let value = map.next_value::<Value>()?;
                    if let Some(Value::Object(limits)) = Some(&value).filter(|_| key == "limits")
                        && let Some(key) = limits.keys().find(|key| !LIMITS.contains(&key.as_str()))
                    {
                        return Err(A::Error::custom(unknown(key, LIMITS)));
                    }
                    if fields.contains_key(&key) {
                        return Err(A::Error::custom(format!("the key `{key}` stands twice")));
                    }
                    fields.insert(key, value);
                }
                Ok(Raw(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    let near = values::nearest(&key.to_lowercase(), known);
    let key = one_line(key, 40);
    match near {
        Some(name) => format!("there is no key `{key}`; did you mean `{name}`?"),
        None => format!("there is no key `{key}`; there are `{}`", known.join("`, `")),
    }
}

/// Validates a task.
fn task(Raw(mut fields): Raw, place: String, base: &Path) -> Result<Task, String> {
    let id = match fields.remove("id") {
        Some(Value::String(id)) => id,
        Some(Value::Number(id)) => id.to_string(),
        Some(_) => return Err("`id` is no text".to_owned()),
        None => return Err("it has no `id`".to_owned()),
    };
    name::check(&id).map_err(|error| format!("the id `{}`: {error}", one_line(&id, 60)))?;
    let in_task = |problem: String| format!("task `{id}`: {problem}");
    let request = match (fields.remove("task"), fields.remove("request")) {
        (Some(_), Some(_)) => {
            return Err(in_task("`task` and `request` are two names of one thing".to_owned()));
        }
        (task, request) => task.or(request),
    };
    let request: Option<String> =
        request.map(|value| of(value, "task")).transpose().map_err(in_task)?;
    let plan: Option<PathBuf> = take(&mut fields, "plan").map_err(in_task)?;
    match &request {
        None if plan.is_none() => return Err(in_task("it has no `task` and no `plan`".to_owned())),
        Some(text) if text.trim().is_empty() => return Err(in_task("`task` is empty".to_owned())),
        Some(text) if text.len() > LONGEST => {
            return Err(in_task(format!(
                "`task` has more than {LONGEST} bytes; give files as `data`"
            )));
        }
        _ => {}
    }
    let mut paths = |key: &str| -> Result<Vec<PathBuf>, String> {
        let paths: Option<Many<PathBuf>> = take(&mut fields, key).map_err(in_task)?;
        Ok(paths.map_or_else(Vec::new, Many::all).into_iter().map(|path| base.join(path)).collect())
    };
    let (data, tests) = (paths("data")?, paths("tests")?);
    let examples: Option<Many<String>> = take(&mut fields, "examples").map_err(in_task)?;
    let preset: Option<Preset> = take(&mut fields, "preset").map_err(in_task)?;
    if preset == Some(Preset::Ask) {
        return Err(in_task("`preset: ask` leads to no script".to_owned()));
    }
    let model: Option<String> = take(&mut fields, "model").map_err(in_task)?;
    if let Some(Value::Object(limits)) = fields.remove("limits") {
        for (key, value) in limits {
            if fields.insert(key.clone(), value).is_some() {
                return Err(in_task(format!("`{key}` is given twice")));
            }
        }
    }
    let limits: TaskLimits = of(Value::Object(fields), "limits").map_err(in_task)?;
    if limits.candidates == Some(0) || limits.max_versions == Some(0) {
        return Err(in_task("`candidates` and `max_versions` are at least 1".to_owned()));
    }
    if limits.budget_usd.is_some_and(|usd| !usd.is_finite() || usd < 0.0) {
        return Err(in_task("`budget_usd` is an amount in US dollars, as 2.5".to_owned()));
    }
    let plan = plan.map(|path| base.join(path));
    let examples = examples.map_or_else(Vec::new, Many::all);
    for text in &examples {
        let no_example = |why| in_task(format!("the example `{}`: {why}", one_line(text, 60)));
        Example::read(text).map_err(no_example)?;
    }
    Ok(Task { id, place, request, plan, data, tests, examples, preset, model, limits })
}

/// A single value or a list.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, or a list of texts")]
enum Many<T> {
    One(T),
    All(Vec<T>),
}

impl<T> Many<T> {
    fn all(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::All(all) => all,
        }
    }
}

fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>, String> {
    fields.remove(key).filter(|value| !value.is_null()).map(|value| of(value, key)).transpose()
}

fn of<T: DeserializeOwned>(value: Value, key: &str) -> Result<T, String> {
    serde_json::from_value(value)
        .map_err(|error| format!("`{key}`: {}", one_line(&error.to_string(), 160)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn error(text: &str, form: Form) -> String {
        let (place, problem) = parse(text, form, Path::new("")).unwrap_err();
        format!("{}: {problem}", place.unwrap_or_default())
    }

    #[test]
    fn the_same_tasks_are_read_in_each_form() {
        let lines = "\u{feff}{\"id\":\"a\",\"task\":\"add\",\"data\":\"x.csv\",\"repairs\":2}\n\n\
                     {\"id\":7,\"plan\":\"p.md\",\"data\":[\"x\",\"/y\"],\"preset\":\"quick\"}\n";
        let list = "[\n{\"id\":\"a\",\"request\":\"add\",\"data\":[\"x.csv\"],\
                    \"limits\":{\"repairs\":2}},\n\n\n{\"id\":\"7\",\"plan\":\"p.md\",\
                    \"data\":[\"x\",\"/y\"],\"preset\":\"quick\"}]";
        let yaml = "# tasks\n- id: a\n  task: add\n  data: x.csv\n  repairs: 2\n- id: 7\n  \
                    plan: p.md\n  data: [x, /y]\n  preset: quick\n";
        for (text, form, places) in [
            (lines, Form::Lines, ["line 1", "line 3"]),
            (list, Form::List, ["line 2", "line 5"]),
            (yaml, Form::Yaml, ["line 2", "line 6"]),
        ] {
            let tasks = parse(text, form, Path::new("dir")).unwrap();
            let places_read: Vec<&str> = tasks.iter().map(|task| task.place.as_str()).collect();
            assert_eq!(places_read, places, "{form:?}");
            assert_eq!((tasks[0].id.as_str(), tasks[1].id.as_str()), ("a", "7"));
            assert_eq!(tasks[0].request.as_deref(), Some("add"));
            assert_eq!(tasks[0].data, [PathBuf::from("dir/x.csv")]);
            assert_eq!(tasks[0].limits.repairs, Some(2));
            assert_eq!(tasks[1].data, [PathBuf::from("dir/x"), PathBuf::from("/y")]);
            assert_eq!(tasks[1].plan, Some(PathBuf::from("dir/p.md")));
            assert_eq!(tasks[1].preset, Some(Preset::Quick));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let good = "{\"id\":\"a\",\"task\":\"add\"}\n";
        for (line, words) in [
            (
                "{\"id\":\"b\",\"tsk\":\"add\"}",
                "line 2: there is no key `tsk`; did you mean `task`?",
            ),
            ("{\"id\":\"b\",\"xyz\":\"add\"}", "there are `id`, `task`"),
            ("{\"id\":\"b\",\"task\":\"t\",\"limits\":{\"repair\":1}}", "did you mean `repairs`?"),
            ("{\"id\":\"b\",\"task\":\"t\",\"id\":\"c\"}", "line 2: the key `id` stands twice"),
            ("{\"id\":\"A\",\"task\":\"add\"}", "line 2: the id `A` is there already, in line 1"),
            (
                "{\"id\":\"../b\",\"task\":\"add\"}",
                "the id `../b`: a session's name can't hold `/`",
            ),
            ("{\"id\":\"\",\"task\":\"add\"}", "can't be empty"),
            ("{\"task\":\"add\"}", "line 2: it has no `id`"),
            ("{\"id\":[],\"task\":\"add\"}", "`id` is no text"),
            ("{\"id\":\"b\"}", "task `b`: it has no `task` and no `plan`"),
            ("{\"id\":\"b\",\"task\":\" \"}", "task `b`: `task` is empty"),
            ("{\"id\":\"b\",\"task\":\"t\",\"request\":\"t\"}", "two names of one thing"),
            ("{\"id\":\"b\",\"task\":3}", "task `b`: `task`: invalid type"),
            ("{\"id\":\"b\",\"task\":\"t\",\"data\":[3]}", "a text, or a list of texts"),
            ("{\"id\":\"b\",\"task\":\"t\",\"preset\":\"ask\"}", "leads to no script"),
            ("{\"id\":\"b\",\"task\":\"t\",\"preset\":\"x\"}", "unknown variant `x`"),
            ("{\"id\":\"b\",\"task\":\"t\",\"examples\":[\"x\"]}", "the example `x`: "),
            ("{\"id\":\"b\",\"task\":\"t\",\"candidates\":0}", "at least 1"),
            ("{\"id\":\"b\",\"task\":\"t\",\"repairs\":-1}", "invalid value"),
            ("{\"id\":\"b\",\"task\":\"t\",\"budget_usd\":-1}", "US dollars"),
            (
                "{\"id\":\"b\",\"task\":\"t\",\"repairs\":1,\"limits\":{\"repairs\":1}}",
                "`repairs` is given twice",
            ),
            ("{\"id\":\"b\",", "line 2: EOF while parsing"),
            ("[1]", "line 2: invalid type: sequence, expected a task"),
            ("hello", "line 2: expected value at column 1"),
        ] {
            let said = error(&format!("{good}{line}\n"), Form::Lines);
            assert!(said.contains(words), "{line}\n{said}");
            assert!(said.starts_with("line 2: "), "{said}");
        }
    }

    #[test]
    fn the_line_is_right_in_lists_too() {
        for (text, form, words) in [
            (
                "[\n {\"id\": \"a\",\n  \"tsk\": \"x\"}]",
                Form::List,
                "line 3: there is no key `tsk`",
            ),
            (
                "[{\"id\": \"a\",\n\"task\": \"x\"},\n {\"task\": \"x\"}]",
                Form::List,
                "line 3: it has no",
            ),
            ("{\"id\": \"a\"}", Form::List, "line 1: invalid type: map, expected a sequence"),
            ("[]", Form::List, ": holds no task"),
            ("- id: a\n  task: x\n- id: b\n  tsk: x\n", Form::Yaml, "did you mean `task`?"),
            ("- id: a\n  task: x\n- id: a\n  task: x\n", Form::Yaml, "line 3: the id `a`"),
            ("- id: a\n  task: x\n  id: b\n", Form::Yaml, "line 3"),
            ("[{id: a, task: x},\n {id: a, task: x}]", Form::Yaml, "task 2: the id `a`"),
            ("# nothing\n", Form::Yaml, ": holds no task"),
            ("\n\n", Form::Lines, ": holds no task"),
        ] {
            let said = error(text, form);
            assert!(said.contains(words), "{text}\n{said}");
        }
    }
}
