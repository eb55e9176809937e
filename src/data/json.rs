//! JSON, and JSON lines.

use super::kinds::Values;
use super::table::{Column, Rows, Table};
use super::text::Text;
use super::{Look, cut, plural};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;

/// Items whose values are looked at; further ones are counted.
const LOOKED: usize = 20_000;
/// Keys that are told apart.
const KEYS: usize = 2000;
/// Keys of an object within an object that are named, and characters of what is said of a value.
const NAMED: usize = 6;
const KIND: usize = 240;
/// Items that are shown.
const SHOWN: usize = 2;

/// What stands at the top of a document, as far as it was read.
#[derive(Default)]
enum Top {
    #[default]
    Nothing,
    /// A text, a number, ...
    One(Value),
    List(List),
    Object(Vec<(String, Top)>),
}

#[derive(Default)]
struct List {
    items: Vec<Value>,
    seen: u64,
}

impl List {
    fn push(&mut self, item: Value) {
        self.seen += 1;
        self.items.push(item);
    }
}

/// The JSON in a text, if it is that.
pub(super) fn read(text: &Text, extension: &str, bytes: u64) -> Option<Look> {
    let content = text.content.trim_start();
    if !content.starts_with(['{', '[']) && !["json", "jsonl", "ndjson"].contains(&extension) {
        return None;
    }
    if let Some(look) = lines(text, extension, bytes) {
        return Some(look);
    }
    let mut top = Top::default();
    let mut reader = serde_json::Deserializer::from_str(content);
    let read = Reading { top: &mut top, depth: 0 }.deserialize(&mut reader);
    let cut_off = |e: &serde_json::Error| !text.whole && e.is_eof();
    let mut look = Look::new("JSON");
    look.facts.extend(text.fact());
    match read.and_then(|()| if text.whole { reader.end() } else { Ok(()) }) {
        Err(problem) if !cut_off(&problem) => {
            let deep = problem.to_string().contains("recursion limit");
            if extension != "json" && !deep {
                return None;
            }
            let what = if deep { "nested too deep to be read" } else { "not valid" };
            look.facts.push(format!("{what}: {}", cut(&problem.to_string(), 100)));
            if !deep {
                look.lines = content.lines().take(3).map(str::to_owned).collect();
            }
            return Some(look);
        }
        _ => {}
    }
    match top {
        Top::Nothing => return None,
        Top::One(value) => {
            look.lines = vec![value.to_string()];
        }
        Top::List(list) => {
            look.facts.insert(0, "a list".to_owned());
            let rows = text.rows(list.seen, bytes);
            look.facts.extend(items(&list));
            look.tables.push(table(&list.items, rows));
        }
        Top::Object(fields) => {
            look.facts.insert(0, format!("an object with {}", keys(fields.len(), text.whole)));
            let columns = fields.iter().take(KEYS).map(|(name, value)| Column {
                name: name.clone(),
                kind: inner(value, text.whole),
                missing: 0,
            });
            let columns = columns.collect();
            look.tables.push(Table { name: None, rows: Rows::Unknown, columns, lines: Vec::new() });
        }
    }
    Some(look)
}

fn keys(n: usize, whole: bool) -> String {
    let more = if whole { "" } else { " or more" };
    format!("{}{more}", plural(n as u64, "key", "keys"))
}

/// One object a line. A document can stand on one line too, so it takes two.
fn lines(text: &Text, extension: &str, bytes: u64) -> Option<Look> {
    let surely = ["jsonl", "ndjson"].contains(&extension);
    let mut list = List::default();
    let (mut wrong, mut first_wrong) = (0_u64, None);
    let mut all = text.content.lines().enumerate().peekable();
    while let Some((n, line)) = all.next() {
        if line.trim().is_empty() || (!text.whole && all.peek().is_none()) {
            continue;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                if list.items.len() < LOOKED {
                    list.items.push(value);
                }
            }
            Ok(_) if surely => {}
            _ => {
                wrong += 1;
                first_wrong.get_or_insert(n + 1);
            }
        }
        list.seen += 1;
        // Whatever this is, it is not that.
        if wrong > 3 && wrong * 2 > list.seen {
            return None;
        }
    }
    if (list.seen < 2 && !surely) || list.items.is_empty() || wrong * 10 > list.seen {
        return None;
    }
    let mut look = Look::new("JSON lines");
    look.facts.extend(text.fact());
    if let Some(line) = first_wrong {
        let are = plural(wrong, "line is", "lines are");
        look.facts.push(format!("{are} not valid, the first is line {line}"));
    }
    look.facts.extend(items(&list));
    look.tables.push(table(&list.items, text.rows(list.seen, bytes)));
    Some(look)
}

fn items(list: &List) -> Option<String> {
    let looked = list.items.len() as u64;
    (looked < list.seen).then(|| format!("types and missing values of the first {looked} rows"))
}

/// Items as a table: the keys of objects are its columns.
fn table(items: &[Value], rows: Rows) -> Table {
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    let mut columns = columns(&objects);
    if objects.len() < items.len() {
        let others: Vec<&Value> = items.iter().filter(|item| !item.is_object()).collect();
        let name = if objects.is_empty() { "each" } else { "others" };
        columns.push(Column { name: name.to_owned(), kind: kind(&others), missing: 0 });
    }
    let lines = items.iter().take(SHOWN).map(Value::to_string).collect();
    Table { name: None, rows, columns, lines }
}

fn columns(objects: &[&Map<String, Value>]) -> Vec<Column> {
    let mut order: Vec<&str> = Vec::new();
    let mut values: HashMap<&str, Vec<&Value>> = HashMap::new();
    for (name, value) in objects.iter().flat_map(|object| object.iter()) {
        if !values.contains_key(name.as_str()) {
            if order.len() == KEYS {
                continue;
            }
            order.push(name);
        }
        values.entry(name).or_default().push(value);
    }
    let column = |name: &str| {
        let own = &values[name];
        let there: Vec<&Value> = own.iter().copied().filter(|value| !value.is_null()).collect();
        let missing = (objects.len() - there.len()) as u64;
        Column { name: name.to_owned(), kind: kind(&there), missing }
    };
    order.into_iter().map(column).collect()
}

/// What kinds of values these are.
fn kind(values: &[&Value]) -> String {
    let mut kinds: Vec<String> = Vec::new();
    let mut texts = Values::default();
    let mut has_text = false;
    for value in values {
        let kind = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "true or false".to_owned(),
            Value::Number(n) if n.is_f64() => "number".to_owned(),
            Value::Number(_) => "integer".to_owned(),
            Value::String(text) => {
                has_text = true;
                texts.add(text);
                continue;
            }
            Value::Array(items) => {
                // The first one says what is in the others.
                if kinds.iter().any(|kind| kind.starts_with("list")) {
                    continue;
                }
                list_kind(items, None)
            }
            Value::Object(fields) => {
                if kinds.iter().any(|kind| kind.starts_with("object")) {
                    continue;
                }
                let names: Vec<String> = fields.keys().take(NAMED).map(|k| cut(k, 30)).collect();
                let more = if fields.len() > NAMED { ", ..." } else { "" };
                format!("object with {}{more}", names.join(", "))
            }
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if has_text {
        let text = texts.kind();
        let is_date = text.starts_with("date") || text.starts_with("time");
        kinds.push(if is_date { text } else { "text".to_owned() });
    }
    // A whole number among others is a number too.
    if kinds.iter().any(|kind| kind == "number") {
        kinds.retain(|kind| kind != "integer");
    }
    if kinds.is_empty() {
        return "empty".to_owned();
    }
    cut(&kinds.join(" or "), KIND)
}

fn list_kind(items: &[Value], seen: Option<Rows>) -> String {
    let count = match seen {
        Some(Rows::Exactly(n)) => plural(n, "item", "items"),
        Some(_) => "many items".to_owned(),
        None => "items".to_owned(),
    };
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    if !objects.is_empty() && objects.len() == items.len() {
        let shown = columns(&objects).into_iter().take(NAMED * 2).map(|column| {
            let missing = if column.missing > 0 { ", some missing" } else { "" };
            format!("{} ({}{missing})", cut(&column.name, 30), cut(&column.kind, 40))
        });
        return format!("list of {count}, each with {}", shown.collect::<Vec<_>>().join(", "));
    }
    let values: Vec<&Value> = items.iter().take(1000).collect();
    let shallow = values.iter().all(|value| !value.is_array());
    if items.is_empty() || !shallow {
        return format!("list of {count}");
    }
    format!("list of {count}: {}", cut(&kind(&values), 60))
}

/// What one key of the document holds.
fn inner(top: &Top, whole: bool) -> String {
    let text = match top {
        Top::Nothing => "not read".to_owned(),
        Top::One(value) => kind(&[value]),
        Top::List(list) => {
            let rows = if whole { Rows::Exactly(list.seen) } else { Rows::Unknown };
            list_kind(&list.items, Some(rows))
        }
        Top::Object(fields) => {
            let names: Vec<String> = fields.iter().take(NAMED).map(|(k, _)| cut(k, 30)).collect();
            let more = if fields.len() > NAMED {
                format!(", and {} more", fields.len() - NAMED)
            } else {
                String::new()
            };
            format!("object with {}{more}", names.join(", "))
        }
    };
    cut(&text, KIND)
}

/// Reads into a place of its own, so that what was read stays where the document ends too early.
struct Reading<'a> {
    top: &'a mut Top,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<(), E> {
        *self.top = Top::One(v.into());
        Ok(())
    }

    fn visit_i64<E>(self, v: i64) -> Result<(), E> {
        *self.top = Top::One(v.into());
        Ok(())
    }

    fn visit_u64<E>(self, v: u64) -> Result<(), E> {
        *self.top = Top::One(v.into());
        Ok(())
    }

    fn visit_f64<E>(self, v: f64) -> Result<(), E> {
        *self.top = Top::One(v.into());
        Ok(())
    }

    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        *self.top = Top::One(v.into());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.top = Top::One(Value::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        *self.top = Top::List(List::default());
        let Top::List(list) = self.top else { return Ok(()) };
        while list.items.len() < LOOKED {
            let Some(item) = seq.next_element()? else { return Ok(()) };
            list.push(item);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            list.seen += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        *self.top = Top::Object(Vec::new());
        let Top::Object(fields) = self.top else { return Ok(()) };
        while let Some(key) = map.next_key::<String>()? {
            fields.push((key, Top::Nothing));
            let Some((_, place)) = fields.last_mut() else { return Ok(()) };
            if self.depth == 0 {
                map.next_value_seed(Reading { top: place, depth: 1 })?;
            } else {
                *place = Top::One(map.next_value()?);
            }
        }
        Ok(())
    }
}
