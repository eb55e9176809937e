//! A function for each reader of what models, servers, files and people write. It panics where what was read
//! does not hold what the reader promises. Bytes are the input, whatever they are.
//!
//! `tests/it/fuzz.rs` gives them the inputs of `fuzz/corpus/`, as they are and mutated.

use redraft::agents::{
    analysis, dependencies, edits, engineer, extract, inspector, interpretation, planner, reviewer,
    safety, tries,
};
use redraft::config::{Config, foreign};
use redraft::domain::chat::{Outcome, ToolCall};
use redraft::domain::permission::{self, Permission};
use redraft::domain::plan::Requirement;
use redraft::domain::session::Session;
use redraft::domain::{example, host, name, text, writes};
use redraft::python::{
    check, forgotten, hidden, highlight, join, left_out, outline, parts, pep723,
};
use redraft::store::{self, fold, line::Entry};
use redraft::{data, llm, terminal};
use std::borrow::Cow;
use std::path::Path;

/// Reads an input, and panics if what was read does not hold.
pub type Reader = fn(&[u8]);

/// All readers, by the names of their targets.
pub const READERS: [(&str, Reader); 16] = [
    ("plan", plan),
    ("review", review),
    ("inspection", inspection),
    ("code", code),
    ("edits", edits),
    ("engineer", engineer),
    ("dependencies", dependencies),
    ("safety", safety),
    ("words", words),
    ("script", script),
    ("pep723", pep723),
    ("journal", journal),
    ("config", config),
    ("stream", stream),
    ("terminal", terminal),
    ("data", data),
];

/// The script that edits are edits of.
const SCRIPT: &str = include_str!("../../sessions/analog-clock/script_v4.py");
/// A journal whose first lines can be read.
const JOURNAL: &str = include_str!("../../sessions/analog-clock/journal.jsonl");
/// Bytes of a script that is checked by all that looks at scripts.
const LONGEST_SCRIPT: usize = 4 << 10;

fn utf8(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

fn parses(text: &str) -> Result<(), extract::SyntaxProblem> {
    check::syntax(text).map_err(|e| extract::SyntaxProblem { line: e.line, message: e.message })
}

/// The first byte says how the answer ended.
fn ended(input: &[u8]) -> (Outcome, Cow<'_, str>) {
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    (if first % 2 == 1 { Outcome::Cut } else { Outcome::Whole }, utf8(rest))
}

/// A Planner's answer: the plan that is made of it is read again as it is.
pub fn plan(input: &[u8]) {
    let (outcome, answer) = ended(input);
    let _ = planner::read_plan(&answer);
    let _ = planner::tried_with(&answer);
    let Ok(plan) = planner::parse(&answer, outcome) else { return };
    assert_eq!(planner::read_plan(&plan.text), plan.requirements, "{}", plan.text);
    let again = planner::parse(&plan.text, Outcome::Whole).expect(&plan.text);
    assert_eq!(again.text, plan.text);
    assert_eq!(again.requirements, plan.requirements);
    assert_eq!(again.questions, plan.questions);

    let (needs, _) = permission::needs(&answer);
    assert_eq!(permission::needs(&permission::write_needs(&needs)).0, needs);
    let examples = example::of_plan(&answer);
    assert_eq!(example::of_plan(&example::write_examples(&examples)), examples);
    let written = writes::of_plan(&answer);
    assert_eq!(writes::of_plan(&writes::write_writes(&written)), written);
}

/// A Reviewer's answer: what is made of it is read again from both forms.
pub fn review(input: &[u8]) {
    let requirements: Vec<Requirement> = (1..4)
        .map(|n| Requirement { id: format!("R{n}"), text: format!("It prints {n}.") })
        .collect();
    let Ok(review) = reviewer::parse(&utf8(input), &requirements) else { return };
    for written in [reviewer::write(&review), reviewer::write_json(&review)] {
        let again = reviewer::parse(&written, &requirements).expect(&written);
        assert_eq!(again, review, "{written}");
    }
}

/// The same of a script that was not run yet, for which there are no requirements.
pub fn inspection(input: &[u8]) {
    let Ok(review) = inspector::parse(&utf8(input), &[]) else { return };
    for written in [reviewer::write(&review), reviewer::write_json(&review)] {
        let again = inspector::parse(&written, &[]).expect(&written);
        assert_eq!(again, review, "{written}");
    }
}

/// A Coder's answer: what is taken for a script parses.
pub fn code(input: &[u8]) {
    let (outcome, answer) = ended(input);
    if let Ok(found) = extract::script(&answer, outcome, &parses) {
        assert!(parses(&found.script).is_ok(), "{}", found.script);
    }
    let _ = extract::pieces(&answer, &parses);
    let _ = extract::installs(&answer);
    let _ = extract::files(&answer, outcome, &parses);
    if let Some(part) = extract::part(&answer, &["main".to_owned()], &parses) {
        assert!(parses(&part.script).is_ok(), "{}", part.script);
    }
}

/// A Coder's answer as edits.
pub fn edits(input: &[u8]) {
    let (outcome, answer) = ended(input);
    if let Some(Ok(found)) = edits::read(&answer, outcome, SCRIPT, &parses) {
        match found {
            edits::Found::Edits(found) => {
                if let Ok(edited) = edits::apply(SCRIPT, &found) {
                    let longest = SCRIPT.len() + answer.len() + 1;
                    assert!(edited.script.len() <= longest, "{}", edited.script);
                }
            }
            edits::Found::Script(script) => assert!(parses(&script).is_ok(), "{script}"),
        }
    }
}

/// An Engineer's answer: in its text, and as the arguments of a call.
pub fn engineer(input: &[u8]) {
    let (outcome, answer) = ended(input);
    let called_before = input.first().is_some_and(|first| first & 2 != 0);
    let _ = engineer::parse(&answer, &[], outcome, called_before, &parses);
    let arguments = serde_json::from_str(&answer).unwrap_or_else(|_| answer.as_ref().into());
    let call = ToolCall { id: "1".into(), name: "run_python".into(), arguments };
    let _ = engineer::parse("", &[call], outcome, called_before, &parses);
}

/// The packages that an answer names: read again as they are.
pub fn dependencies(input: &[u8]) {
    let modules = ["yaml", "PIL", "cv2"];
    let Ok(named) = dependencies::parse(&utf8(input), &modules) else { return };
    assert_eq!(dependencies::parse(&dependencies::write(&named), &modules).expect("a form"), named);
}

/// The judgement of a script: read again as it is.
pub fn safety(input: &[u8]) {
    let Ok(judged) = safety::parse(&utf8(input)) else { return };
    let written = safety::write(&judged);
    let again = safety::parse(&written).expect(&written);
    assert_eq!((again.safe, &again.reason), (judged.safe, &judged.reason), "{written}");
}

/// Answers in words, and what people write on a command line.
pub fn words(input: &[u8]) {
    let said = utf8(input);
    let _ = tries::parse(&said, "show 10 km");
    let _ = tries::parse(&said, &said);
    if let Ok(explained) = analysis::parse(&said) {
        assert!(explained.chars().count() <= 6000);
    }
    if let Ok(told) = interpretation::parse(&said) {
        let _ = interpretation::marked(&told, &["10", "6.21"]);
    }
    if let Ok(example) = example::Example::read(&said) {
        assert_eq!(example::Example::parse(&example.to_string()), Some(example));
    }
    let suggested = name::suggest(&said);
    assert!(name::check(&suggested).is_ok(), "{suggested}");
    let _ = host::parse(&said);
    if let Ok(host) = permission::host(&said) {
        assert_eq!(permission::host(&host).ok(), Some(host));
    }
    for permission in permission::read_flag(&said, Path::new("/")).unwrap_or_default() {
        // A path is looked at when it is resolved.
        if !matches!(permission, Permission::Read(_)) {
            let written = permission.to_string();
            assert_eq!(written.parse::<Permission>().ok(), Some(permission), "{written}");
        }
    }
}

/// All that looks at a script: what is shown of it is the script.
pub fn script(input: &[u8]) {
    let script = utf8(&input[..input.len().min(LONGEST_SCRIPT)]);
    let checks = check::check(&script);
    assert!(check::syntax(&script).is_ok() || !checks.errors.is_empty());
    let _ = outline::of(&script);
    let _ = outline::unfinished(&script);
    let _ = outline::is_library(&script);
    let _ = outline::removed(SCRIPT, &script);
    let _ = outline::ignores_parameters(&script, &["city".to_owned()]);
    let _ = left_out::of(SCRIPT, &script);
    let _ = parts::complete(SCRIPT, &script, true);
    let _ = parts::removed(SCRIPT, &script);
    let _ = forgotten::with_imports(&script);
    let _ = hidden::without_hidden_methods(&script);
    let file = |name: &str, text: &str| join::File { name: name.to_owned(), text: text.to_owned() };
    let _ = join::join(&[file("a.py", &script), file("main.py", "import a\nprint(a)\n")]);
    let shown: String = highlight::parts(&script).into_iter().map(|(_, text)| text).collect();
    assert_eq!(shown, script);
}

/// What a script declares: one that is written is found again, and not written twice.
pub fn pep723(input: &[u8]) {
    let script = utf8(input);
    let declared = pep723::read(&script);
    let needed = ["numpy>=2".to_owned()];
    let written = pep723::with_block(&script, ">=3.9", &needed);
    let block = pep723::read(&written).expect(&written);
    let name = |text: &String| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
        text[..end.unwrap_or(text.len())].to_lowercase().replace(['_', '.'], "-")
    };
    let names: Vec<String> = block.dependencies.iter().map(name).collect();
    let declared = declared.into_iter().flat_map(|declared| declared.dependencies);
    for dependency in declared.chain(needed) {
        assert!(names.contains(&name(&dependency)), "{dependency}: {written}");
    }
    assert_eq!(pep723::with_block(&written, ">=3.9", &block.dependencies), written);
}

/// A journal: the first byte says how many lines of one that is whole stand before the input. What loads
/// is the same session when it is written anew, and a repair makes it load.
pub fn journal(input: &[u8]) {
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    let whole: Vec<&str> = JOURNAL.split_inclusive('\n').collect();
    let before = whole[..usize::from(*first) % (whole.len() + 1)].concat();
    let bytes = [before.as_bytes(), rest].concat();

    let (mut session, mut again) = (Session::default(), Session::default());
    let mut is_whole = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Ok(entry) = Entry::parse(line.trim_ascii_end()) else {
            is_whole &= !line.ends_with(b"\n");
            continue;
        };
        let written = entry.line();
        let mut read = Entry::parse(written.trim_end().as_bytes()).expect(&written);
        assert_eq!((read.seq, &read.at, &read.event), (entry.seq, &entry.at, &entry.event));
        // A line that is written anew has no seal yet.
        read.seal = entry.seal.clone();
        assert_eq!(fold::apply(&mut session, entry), fold::apply(&mut again, read));
    }
    assert!(session == again, "the same lines are the same session");

    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("s");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join(store::JOURNAL), &bytes).expect("a file");
    let loaded = store::read(&folder).map(|read| read.session);
    if store::repair::repair(&folder).is_ok() || loaded.is_ok() {
        let read = store::read(&folder).expect("it loads");
        // Lines are skimmed where that is enough, which does not show all that is wrong with them.
        if let Ok(loaded) = loaded
            && is_whole
        {
            assert!(read.session == loaded, "a journal that loads is left alone");
        }
        let opened = store::open(&folder);
        assert!(store::read(&folder).is_ok(), "it loads when it was opened");
        drop(opened);
    }
    assert_eq!(std::fs::read_dir(root.path()).expect("a folder").count(), 1, "nothing outside");
}

/// A configuration, as the user's own and as a folder's.
pub fn config(input: &[u8]) {
    let text = utf8(input);
    let Ok(read) = Config::parse(&text, "redraft.yaml") else { return };
    let own = Config::default();
    let known = foreign::Known { own: &own, provider: &|_| false, model: &|_| false };
    let (mut harmless, keys) = read.split(&known);
    let found = foreign::Opening::find(&text, &keys);
    assert_eq!(found.len(), keys.len());
    harmless.merge(Config::parse(&text, "redraft.yaml").expect("it was read"));
}

/// A server's answer: the first byte says whether it is labelled as a stream, the second how long its parts
/// are.
pub fn stream(input: &[u8]) {
    let (how, body) = input.split_at(input.len().min(2));
    let labelled = how.first().is_some_and(|first| first % 2 == 0);
    let length = how.get(1).map_or(1, |length| usize::from(*length) + 1);
    let whole = llm::fuzz::decode(&[body], labelled);
    let parts: Vec<&[u8]> = body.chunks(length).collect();
    assert_eq!(llm::fuzz::decode(&parts, labelled), whole, "a body is the same in any parts");
}

/// Text for a terminal, and for a fence in a prompt.
pub fn terminal(input: &[u8]) {
    let said = utf8(input);
    let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || text::turns_text(c);
    for shown in [terminal::harmless(&said), text::visible(&said), name::escaped(&said)] {
        assert!(!shown.contains(steers), "{shown:?}");
        assert_eq!(text::visible(&shown), shown, "once is enough");
    }
    for width in [1, 2, 40] {
        for line in [text::one_line(&said, width), text::printed_line(&said, width)] {
            assert!(line.chars().count() <= width && !line.contains(char::is_control), "{line:?}");
        }
    }
    for limit in [0, 1, 3, 20] {
        assert!(text::within(&said, limit).len() <= limit);
        assert!(text::fenced_within(&said, limit).len() <= limit);
        let _ = text::ends(&said, limit);
    }
    let block = text::fenced(&said, "text");
    let fence = block.len() - block.trim_start_matches('`').len();
    let inside = &block[fence..block.len() - fence];
    assert!(!inside.contains(&"`".repeat(fence)), "{block:?}");
    let line = text::quoted(&said);
    assert!(!line.contains('\n'), "{line:?}");
}

/// The endings that a file of data is read by.
const ENDINGS: [&str; 8] = ["csv", "tsv", "json", "jsonl", "txt", "log", "xlsx", "parquet"];

/// A file of data that we read ourselves: the first byte says which ending it has.
pub fn data(input: &[u8]) {
    describe(input, false);
}

/// A file of data that other libraries read. The program has a process of its own do that, which may end
/// in any way.
pub fn tables(input: &[u8]) {
    describe(input, true);
}

/// What is said of a file is bounded, and steers no terminal.
fn describe(input: &[u8], tables: bool) {
    let (first, content) = input.split_first().unwrap_or((&0, &[]));
    let starts: [&[u8]; 4] = [b"PAR1", b"SQLite format 3\0", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];
    if starts.iter().any(|start| content.starts_with(start)) != tables {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let ending = ENDINGS[usize::from(*first) % ENDINGS.len()];
    let path = folder.path().join(format!("data.{ending}"));
    std::fs::write(&path, content).expect("a file");
    for room in [100, 2000] {
        let described = data::look(&path, room).expect("the file is there");
        let said = described.summary.chars().count() + described.text.chars().count();
        assert!(said <= room, "{said} of {room}: {described:?}");
        assert!(described.columns.len() <= 100);
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(![&described.summary, &described.text].iter().any(|text| text.contains(steers)));
    }
}
