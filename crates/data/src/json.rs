//! JSON and JSON lines.

use super::kinds::Values;
use super::parse::{Fault, Items, Json, Reader};
use super::table::{Column, Rows, Table};
use super::text::Text;
use super::{Look, cut, plural};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Maximum number of keys that become columns.
const KEYS: usize = 2000;
/// Maximum number of keys that are listed for a nested object, and maximum characters of a value's
/// description.
const NAMED: usize = 6;
const KIND: usize = 240;
/// Number of items that are shown.
const SHOWN: usize = 2;

/// An object's keys and values.
type Fields = Vec<(String, Json)>;

/// The JSON in a text; `None` if it is not JSON.
pub(super) fn read(text: &Text, extension: &str, bytes: u64) -> Option<Look> {
    let content = text.content.trim_start();
    if !content.starts_with(['{', '[']) && !["json", "jsonl", "ndjson"].contains(&extension) {
        return None;
    }
    if let Some(look) = lines(text, extension, bytes) {
        return Some(look);
    }
    let mut top = Json::Null;
    let mut reader = Reader::new(content);
    let read = reader.document(&mut top);
    let mut look = Look::new("JSON");
    look.facts.extend(text.fact());
    match read {
        Ok(()) => {}
        Err(Fault::End) if !text.whole => {}
        Err(fault) => {
            let deep = fault == Fault::Deep;
            if extension != "json" && !deep {
                return None;
            }
            look.facts.push(match fault {
                Fault::Deep => "nested too deep to be read".to_owned(),
                Fault::End => "not valid: it ends too early".to_owned(),
                Fault::At(problem) => format!("not valid: {}", cut(&problem, 100)),
            });
            if !deep {
                look.lines = content.lines().take(3).map(str::to_owned).collect();
            }
            return Some(look);
        }
    }
    look.facts.extend(not_finite(&reader.not_finite));
    look.facts.extend(twice(reader.twice.as_deref()));
    match top {
        Json::List(list) => {
            look.facts.insert(0, "a list".to_owned());
            let rows = text.rows(list.seen, bytes);
            look.facts.extend(looked(&list));
            look.tables.push(table(&list, rows));
        }
        Json::Object(fields) => {
            look.facts.insert(0, format!("an object with {}", keys(fields.len(), text.whole)));
            let columns = fields.iter().take(KEYS).map(|(name, value)| Column {
                name: name.clone(),
                kind: inner(value, text.whole),
                missing: 0,
            });
            let columns = columns.collect();
            look.tables.push(Table { name: None, rows: Rows::Unknown, columns, lines: Vec::new() });
        }
        value => look.lines = vec![value.to_string()],
    }
    Some(look)
}

fn keys(n: usize, whole: bool) -> String {
    let more = if whole { "" } else { " or more" };
    format!("{}{more}", plural(n as u64, "key", "keys"))
}

/// A remark on numbers that other JSON parsers reject.
fn not_finite(names: &[&str]) -> Option<String> {
    let and = names.join(" and ");
    (!names.is_empty()).then(|| format!("{and} in it is no JSON, but Python's json reads it"))
}

/// A remark on a duplicate key, which JSON parsers treat differently.
fn twice(key: Option<&str>) -> Option<String> {
    let key = cut(key?, 40);
    Some(format!("an object has the key \"{key}\" twice, of which Python's json keeps the last"))
}

/// JSON lines: one object per line. At least two lines, because a JSON document can be on one line
/// too.
fn lines(text: &Text, extension: &str, bytes: u64) -> Option<Look> {
    let surely = ["jsonl", "ndjson"].contains(&extension);
    let mut list = Items::default();
    let (mut names, mut doubled) = (Vec::new(), None);
    let (mut other, mut wrong, mut first_wrong) = (0_u64, 0_u64, None);
    let mut all = text.content.lines().enumerate().peekable();
    while let Some((n, line)) = all.next() {
        if line.trim().is_empty() || (!text.whole && all.peek().is_none()) {
            continue;
        }
        let mut value = Json::Null;
        let mut reader = Reader::new(line);
        match reader.document(&mut value) {
            Ok(()) if matches!(value, Json::Object(_) | Json::List(_)) => list.push(value),
            Ok(()) if surely => other += 1,
            _ => {
                wrong += 1;
                first_wrong.get_or_insert(n + 1);
            }
        }
        doubled = doubled.or(reader.twice);
        for name in reader.not_finite {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // Too many invalid lines: another format.
        if wrong > 3 && wrong * 2 > list.seen + other + wrong {
            return None;
        }
    }
    let seen = list.seen + other + wrong;
    if (seen < 2 && !surely) || list.kept.is_empty() || wrong * 10 > seen {
        return None;
    }
    let mut look = Look::new("JSON lines");
    look.facts.extend(text.fact());
    if let Some(line) = first_wrong {
        let are = plural(wrong, "line is", "lines are");
        look.facts.push(format!("{are} not valid, the first is line {line}"));
    }
    look.facts.extend(not_finite(&names));
    look.facts.extend(twice(doubled.as_deref()));
    look.facts.extend(looked(&list));
    look.tables.push(table(&list, text.rows(seen, bytes)));
    Some(look)
}

fn looked(list: &Items) -> Option<String> {
    let looked = list.kept.len() as u64;
    (looked < list.seen).then(|| format!("types and missing values of the first {looked} rows"))
}

/// Items as a table whose columns are the keys of objects.
fn table(list: &Items, rows: Rows) -> Table {
    let items = &list.kept;
    let objects = objects(items);
    let mut columns = columns(&objects);
    if objects.len() < items.len() {
        let others: Vec<&Json> = items.iter().filter(|item| !is_object(item)).collect();
        let name = if objects.is_empty() { "each" } else { "others" };
        columns.push(Column { name: name.to_owned(), kind: kind(&others), missing: 0 });
    }
    columns.extend(list.later().iter().map(|(name, row)| Column {
        name: name.clone(),
        kind: format!("not looked at, first in row {row}"),
        missing: 0,
    }));
    let lines = items.iter().take(SHOWN).map(Json::to_string).collect();
    Table { name: None, rows, columns, lines }
}

fn is_object(item: &Json) -> bool {
    matches!(item, Json::Object(_))
}

fn objects(items: &[Json]) -> Vec<&Fields> {
    let mut objects = Vec::new();
    for item in items {
        if let Json::Object(fields) = item {
            objects.push(fields);
        }
    }
    objects
}

fn columns(objects: &[&Fields]) -> Vec<Column> {
    let mut order: Vec<&str> = Vec::new();
    let mut values: HashMap<&str, (usize, Vec<&Json>)> = HashMap::new();
    for (row, object) in objects.iter().enumerate() {
        for (name, value) in *object {
            if !values.contains_key(name.as_str()) {
                if order.len() == KEYS {
                    continue;
                }
                order.push(name);
            }
            values.entry(name).or_insert((row + 1, Vec::new())).1.push(value);
        }
    }
    let column = |name: &str| {
        let (row, own) = &values[name];
        let there: Vec<&Json> = own.iter().copied().filter(|value| **value != Json::Null).collect();
        let missing = objects.len().saturating_sub(there.len()) as u64;
        // Parsers that only examine the first rows don't find it.
        let first = if *row > SHOWN { format!(", first in row {row}") } else { String::new() };
        Column { name: name.to_owned(), kind: kind(&there) + &first, missing }
    };
    order.into_iter().map(column).collect()
}

/// The types of these values.
fn kind(values: &[&Json]) -> String {
    let mut kinds: Vec<String> = Vec::new();
    let mut texts = Values::default();
    let mut has_text = false;
    let (mut longest, mut not_finite): (usize, Vec<&str>) = (0, Vec::new());
    for value in values {
        let kind = match value {
            Json::Null => "null".to_owned(),
            Json::Bool(_) => "true or false".to_owned(),
            Json::Float(_) => "number".to_owned(),
            Json::NotFinite(name) => {
                if !not_finite.contains(name) {
                    not_finite.push(name);
                }
                "number".to_owned()
            }
            Json::Integer(_) => "integer".to_owned(),
            Json::Long(digits) => {
                longest = longest.max(digits.trim_start_matches('-').len());
                "integer".to_owned()
            }
            Json::Text(text) => {
                has_text = true;
                texts.add(text);
                continue;
            }
            Json::List(items) => {
                // The first one stands for all.
                if kinds.iter().any(|kind| kind.starts_with("list")) {
                    continue;
                }
                list_kind(&items.kept, None)
            }
            Json::Object(fields) => {
                if kinds.iter().any(|kind| kind.starts_with("object")) {
                    continue;
                }
                let names: Vec<String> =
                    fields.iter().take(NAMED).map(|(key, _)| cut(key, 30)).collect();
                let more = if fields.len() > NAMED { ", ..." } else { "" };
                format!("object with {}{more}", names.join(", "))
            }
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if has_text {
        kinds.push(text_kind(&texts.kind()));
    }
    // An integer among other numbers is a number too.
    if kinds.iter().any(|kind| kind == "number") {
        kinds.retain(|kind| kind != "integer");
    }
    if kinds.is_empty() {
        return "empty".to_owned();
    }
    let mut text = kinds.join(" or ");
    if !not_finite.is_empty() {
        let _ = write!(text, ", {} in it", not_finite.join(" and "));
    }
    if longest > 0 {
        let _ = write!(text, ", up to {longest} digits: a float loses some");
    }
    cut(&text, KIND)
}

/// The kind of a string column. Numbers in strings are described as text: Python does not convert
/// them, but pandas does.
fn text_kind(kind: &str) -> String {
    let is_moment = ["date", "time", "duration"].iter().any(|what| kind.starts_with(what));
    if is_moment {
        kind.to_owned()
    } else if kind.starts_with("digits with leading zeros") {
        "text of digits with leading zeros (pandas: dtype=False)".to_owned()
    } else {
        "text".to_owned()
    }
}

fn list_kind(items: &[Json], seen: Option<Rows>) -> String {
    let count = match seen {
        Some(Rows::Exactly(n)) => plural(n, "item", "items"),
        Some(_) => "many items".to_owned(),
        None => "items".to_owned(),
    };
    let objects = objects(items);
    if !objects.is_empty() && objects.len() == items.len() {
        let shown = columns(&objects).into_iter().take(NAMED * 2).map(|column| {
            let missing = if column.missing > 0 { ", some missing" } else { "" };
            format!("{} ({}{missing})", cut(&column.name, 30), cut(&column.kind, 40))
        });
        return format!("list of {count}, each with {}", shown.collect::<Vec<_>>().join(", "));
    }
    let values: Vec<&Json> = items.iter().take(1000).collect();
    let shallow = values.iter().all(|value| !matches!(value, Json::List(_)));
    if items.is_empty() || !shallow {
        return format!("list of {count}");
    }
    format!("list of {count}: {}", cut(&kind(&values), 60))
}

/// The description of one key's value in the document.
fn inner(value: &Json, whole: bool) -> String {
    let text = match value {
        Json::List(list) => {
            let rows = if whole { Rows::Exactly(list.seen) } else { Rows::Unknown };
            list_kind(&list.kept, Some(rows))
        }
        Json::Object(fields) => {
            let names: Vec<String> = fields.iter().take(NAMED).map(|(k, _)| cut(k, 30)).collect();
            let more = if fields.len() > NAMED {
                format!(", and {} more", fields.len() - NAMED)
            } else {
                String::new()
            };
            format!("object with {}{more}", names.join(", "))
        }
        value => kind(&[value]),
    };
    cut(&text, KIND)
}
