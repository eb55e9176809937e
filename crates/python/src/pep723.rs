//! Reads and writes the comment block in which a script declares its requirements (PEP 723).
//!
//! ```python
//! # /// script
//! # requires-python = ">=3.11"
//! # dependencies = [
//! #     "requests",
//! # ]
//! # ///
//! ```
//!
//! Models write it in many forms that tools refuse or, worse, overlook: `uv` finds no block behind
//! a byte order mark, trailing blanks or CR line ends, and `pip` none directly below another block.
//! So it is [read](read) tolerantly and [written](with_block) in the plain form above.

use super::packages::declared::as_package;
use super::packages::requirement::name_of;
use regex::Regex;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::LazyLock;

const OPENING: &str = "# /// script";
const CLOSING: &str = "# ///";
/// The requirement of a script that never ran.
pub const OLDEST: &str = ">=3.9";
const BOM: char = '\u{feff}';

/// The regular expression of the standard: other programs see no block where it does not match.
static STANDARD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$").ok()
});

/// The declarations of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The supported Python versions, such as `>=3.11`.
    pub requires_python: Option<String>,
    /// The required packages by their names in the index, such as `requests>=2`.
    pub dependencies: Vec<String>,
}

/// Reads the declarations of a script's blocks in any form; `None` if it has no block, or one that
/// is never closed.
///
/// Only the two keys that every tool knows are read. Unreadable entries and modules of the standard
/// library are left out. A module name is read as its package: `PIL` is `pillow`.
#[must_use]
pub fn read(script: &str) -> Option<Block> {
    let script = plain_lines(script);
    let found = blocks(&script);
    if found.is_empty() {
        return None;
    }
    let mut all = Block::default();
    let mut seen = BTreeSet::new();
    for block in found {
        let toml: Vec<&str> = block.toml.iter().map(String::as_str).collect();
        let requires = strings(&toml, "requires-python").into_iter().next();
        let requires = requires.filter(|text| !text.contains(char::is_control));
        all.requires_python = all.requires_python.or_else(|| requires.map(|text| versions(&text)));
        let declared = strings(&toml, "dependencies");
        let declared = declared.iter().filter_map(|text| as_package(text));
        all.dependencies.extend(declared.filter(|text| seen.insert(text.clone())));
    }
    Some(all)
}

/// Adds a block with these declarations, in the form that all tools accept. In a block that already
/// has this form, missing dependencies are put first in its list; any other block is rewritten.
///
/// A new block follows the lines that must stay first: `#!` and the encoding.
#[must_use]
pub fn with_block(script: &str, requires_python: &str, dependencies: &[String]) -> String {
    let script = plain_lines(script);
    let block = read(&script);
    if let Some(block) = block.as_ref().filter(|block| is_plain(&script, block)) {
        let left_out = dependencies.iter().filter(|needed| !block.dependencies.contains(needed));
        let left_out: Vec<String> = left_out.map(|needed| quoted(needed)).collect();
        return completed(&script, &left_out).unwrap_or(script);
    }
    let old = block.unwrap_or_default();
    let requires = old.requires_python.as_deref().unwrap_or(requires_python);
    let mut names: BTreeSet<String> = dependencies.iter().map(|text| name_of(text)).collect();
    let mut needed = dependencies.to_vec();
    needed.extend(old.dependencies.into_iter().filter(|text| names.insert(name_of(text))));
    let (script, tables) = without_blocks(&script);
    let mut block = format!("{OPENING}\n# requires-python = {}\n", quoted(requires));
    if needed.is_empty() {
        block.push_str("# dependencies = []\n");
    } else {
        block.push_str("# dependencies = [\n");
        for dependency in &needed {
            let _ = writeln!(block, "#     {},", quoted(dependency));
        }
        block.push_str("# ]\n");
    }
    for line in tables {
        let _ = writeln!(block, "{}", format!("# {line}").trim_end());
    }
    let (head, body) = script.split_at(first_lines(&script));
    // A head whose last line has no line end would swallow the block.
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    let starts_blank = body.trim_start_matches([' ', '\t']).starts_with('\n');
    let blank = if starts_blank || body.is_empty() { "" } else { "\n" };
    format!("{head}{gap}{block}{CLOSING}\n{blank}{body}")
}

/// The script without a byte order mark and with `\n` line ends, which Python treats the same.
fn plain_lines(script: &str) -> String {
    script.trim_start_matches(BOM).replace("\r\n", "\n").replace('\r', "\n")
}

/// A block in a script, in any form.
struct Found {
    /// Line range from 0, including the opening and the closing line.
    lines: Range<usize>,
    /// Its content by line, without the `#`.
    toml: Vec<String>,
}

/// The text after a comment's `#`.
fn comment(line: &str) -> Option<&str> {
    line.strip_prefix('#').map(str::trim)
}

fn is_opening(line: &str) -> bool {
    let kind = comment(line).and_then(|text| text.strip_prefix("///")).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("script"))
}

/// All blocks of the script.
fn blocks(script: &str) -> Vec<Found> {
    let lines: Vec<&str> = script.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !is_opening(lines[at]) {
            at += 1;
            continue;
        }
        let rest = &lines[at + 1..];
        let inside = rest.iter().take_while(|line| line.starts_with('#') && !is_opening(line));
        let length = inside.count();
        // The last closing line counts, since a similar line may occur inside the block.
        let closing = rest[..length].iter().rposition(|line| comment(line) == Some("///"));
        // An unclosed block ends with the last line that must belong to it.
        let of_block = |line: &&&str| comment(line).is_some_and(is_toml);
        let end = closing.unwrap_or_else(|| rest[..length].iter().take_while(of_block).count());
        if closing.is_none() && end == 0 {
            at += 1;
            continue;
        }
        let next = at + end + 1 + usize::from(closing.is_some());
        let toml = rest[..end].iter().filter_map(|line| comment(line)).map(str::to_owned).collect();
        found.push(Found { lines: at..next, toml });
        at = next;
    }
    found
}

/// Whether a line may be one of the two keys or belong to a list.
fn is_toml(line: &str) -> bool {
    let key = ["dependencies", "requires-python"].iter().any(|key| value(line, key).is_some());
    key || line.starts_with(['"', '\'', ']'])
}

/// The script without its blocks, and the lines of their tables, which other tools read.
fn without_blocks(script: &str) -> (String, Vec<String>) {
    let found = blocks(script);
    let mut tables: Vec<String> = Vec::new();
    for block in &found {
        let from = block.toml.iter().position(|line| line.starts_with('['));
        for line in from.map_or(&[][..], |from| &block.toml[from..]) {
            // A duplicate table is an error in TOML.
            if !(line.starts_with('[') && tables.contains(line)) {
                tables.push(line.clone());
            }
        }
    }
    let inside: HashSet<usize> = found.iter().flat_map(|block| block.lines.clone()).collect();
    let kept = script.split_inclusive('\n').enumerate().filter(|(n, _)| !inside.contains(n));
    let kept: String = kept.map(|(_, line)| line).collect();
    // The blank line that followed the block will follow the new one.
    let lead = if found.first().is_some_and(|block| block.lines.start == 0) {
        kept.trim_start_matches('\n')
    } else {
        &kept
    };
    (lead.to_owned(), tables)
}

/// Whether every tool finds and accepts the script's block.
fn is_plain(script: &str, block: &Block) -> bool {
    let Some(standard) = STANDARD.as_ref() else { return false };
    let mut found = standard.captures_iter(script).filter(|found| &found["type"] == "script");
    let (Some(only), None) = (found.next(), found.next()) else { return false };
    let lines: Vec<&str> = only["content"].lines().map(|line| line[1..].trim()).collect();
    let Ok(table) = toml::from_str::<toml::Table>(&lines.join("\n")) else { return false };
    // Also line by line, which is how `completed` finds the list.
    let top = || lines.iter().take_while(|line| !line.starts_with('['));
    let keys = |key: &str| top().filter(|line| value(line, key).is_some()).count();
    let as_lines = |key: &str| keys(key) == usize::from(table.contains_key(key));
    let requires = table.get("requires-python").map(toml::Value::as_str);
    let dependencies =
        table.get("dependencies").map_or(Some(&[][..]), |list| list.as_array().map(Vec::as_slice));
    blocks(script).len() == 1
        && ["dependencies", "requires-python"].into_iter().all(as_lines)
        && requires == block.requires_python.as_deref().map(Some)
        && dependencies.is_some_and(|list| {
            list.iter()
                .map(toml::Value::as_str)
                .eq(block.dependencies.iter().map(|text| Some(text.as_str())))
        })
}

/// The version specifier for a text: a plain number means that version or newer.
fn versions(text: &str) -> String {
    let text = text.trim();
    let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_number { format!(">={text}") } else { text.to_owned() }
}

/// Inserts these quoted requirements at the head of the block's list. `None` if there are none, or
/// if the block has no list to hold them.
fn completed(script: &str, quoted: &[String]) -> Option<String> {
    if quoted.is_empty() {
        return None;
    }
    let opening = script.lines().find(|line| *line == OPENING)?;
    // The lines are slices of the script, so their offsets are known.
    let begin = opening.as_ptr() as usize - script.as_ptr() as usize + opening.len();
    let list = script[begin..].split_inclusive('\n').scan(begin, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    let mut table = list.skip(1).take_while(|(_, line)| {
        let toml = line.strip_prefix('#').map(str::trim);
        toml.is_some_and(|toml| toml != "///" && !toml.starts_with('['))
    });
    let key = table.find(|(_, line)| value(line[1..].trim_start(), "dependencies").is_some());
    let list = quoted.join(", ");
    let (at, text) = if let Some((start, line)) = key {
        let bracket = line.find('[')? + 1;
        let empty = line[bracket..].trim_start().starts_with(']');
        (start + bracket, if empty { list } else { format!("{list}, ") })
    } else {
        (begin, format!("\n# dependencies = [{list}]"))
    };
    Some(format!("{}{text}{}", &script[..at], &script[at..]))
}

/// Length in bytes of the `#!` line and the encoding line.
fn first_lines(script: &str) -> usize {
    let mut length = 0;
    for (n, line) in script.split_inclusive('\n').take(2).enumerate() {
        let comment = line.trim_start_matches([' ', '\t', '\x0c']).starts_with('#');
        let encoding = comment && (line.contains("coding:") || line.contains("coding="));
        if !(encoding || (n == 0 && line.starts_with("#!"))) {
            break;
        }
        length += line.len();
    }
    length
}

/// The text as a TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The string, or list of strings, of a key in the first table.
fn strings(toml: &[&str], key: &str) -> Vec<String> {
    let table = toml.iter().take_while(|line| !line.starts_with('['));
    let mut lines = table.skip_while(|line| value(line, key).is_none());
    let Some(first) = lines.next().and_then(|line| value(line, key)) else { return Vec::new() };
    let mut found = Vec::new();
    let is_list = first.starts_with('[');
    // An unclosed list ends before the next key.
    let is_key = |line: &&str| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
        let rest = rest.trim_start().strip_prefix('=');
        !line.starts_with('=') && rest.is_some_and(|rest| !rest.starts_with('='))
    };
    let lines = lines.copied().take_while(|line| !is_key(line));
    for line in std::iter::once(first).chain(lines) {
        let mut rest = line;
        while let Some(start) = rest.find(|c: char| !(c.is_whitespace() || "[,".contains(c))) {
            rest = &rest[start..];
            match rest.as_bytes()[0] {
                b'#' => break,
                b']' => return found,
                b'"' | b'\'' => {
                    let Some((text, after)) = string(rest) else { return found };
                    found.push(text);
                    rest = after;
                }
                _ => {
                    // Not valid TOML without quotes, but readable.
                    let end = rest.find([',', '#', ']', ' ']).unwrap_or(rest.len()).max(1);
                    found.push(rest[..end].to_owned());
                    rest = &rest[end..];
                }
            }
        }
        if !is_list {
            break;
        }
    }
    found
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.strip_prefix(key)?.trim_start().strip_prefix(['=', ':'])?.trim_start())
}

/// The string at the start of the text, and the rest. Only escapes of quotes and backslashes are
/// decoded; others have no use here.
fn string(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((out, &text[at + 1..])),
            '\\' if quote == '"' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_a_metadata_block_is_read() {
        for (script, requires, dependencies) in [
            ("# /// script\n# dependencies = []\n# ///\n", None, &[] as &[&str]),
            (
                "#!/usr/bin/env python3\n# /// script\n# requires-python = \">=3.11\"\n\
                 # dependencies = [\"a>=1\", 'b']\n# ///\nimport a\n",
                Some(">=3.11"),
                &["a>=1", "b"],
            ),
            (
                "# /// script\r\n# dependencies = [  # needed\r\n#   \"a[x]\", # ]\r\n#   \"b\"\r\n# ]\r\n\
                 # [tool.uv]\r\n# requires-python = \"no\"\r\n# ///\r\n",
                None,
                &["a[x]", "b"],
            ),
            ("# /// script\n# dependencies = [\"cut off\n# ///\n", None, &[]),
            // What no installer takes would have it refuse the whole script.
            (
                "# /// script\n# requires-python = \u{9b}\n# dependencies = [\"a[\", \u{1}, \"b=1\"]\n# ///\n",
                None,
                &["a", "b"],
            ),
            ("#/// script\n#dependencies = [\"a\"]\n#///\n", None, &["a"]),
            ("#\t/// script\n#\tdependencies = [\"a\"]\n#\t///\n", None, &["a"]),
            ("# /// script  \n# dependencies = [\"a\"]  \n# /// \n", None, &["a"]),
            ("# /// script\r# dependencies = [\"a\"]\r# ///\rx = 1\r", None, &["a"]),
            (
                "# /// script\n# dependencies = [\n#   \"a\"\n#   \"b>=1\"\n# ]\n# ///\n",
                None,
                &["a", "b>=1"],
            ),
            ("# /// script\n# dependencies = [\"a\" \"b\"]\n# ///\n", None, &["a", "b"]),
            ("# /// script\n# dependencies = [a, b>=1]\n# ///\n", None, &["a", "b>=1"]),
            (
                "# /// script\n# requires-python = \"3.11\"\n# dependencies = \"a\"\n# ///\n",
                Some(">=3.11"),
                &["a"],
            ),
            (
                "# /// script\n# dependencies = [\"a\"]\n# ///\n\n# /// script\n# dependencies = [\"b\", \"a\"]\n# ///\n",
                None,
                &["a", "b"],
            ),
            (
                "# /// script\n# dependencies = [\"a\"]\n# ///\n# /// script\n# requires-python = '>=3.9'\n# ///\n",
                Some(">=3.9"),
                &["a"],
            ),
            (
                "# /// other\n# x = 1\n# ///\n# /// script\n# dependencies = [\"a\"]\n# ///\n",
                None,
                &["a"],
            ),
            (
                "# /// script\n# dependencies = [\"PIL\", \"cv2>=4\", \"sklearn\", \"yaml\", \"bs4\", \"os\", \"json\", \"tkinter\"]\n# ///\n",
                None,
                &["pillow", "opencv-python>=4", "scikit-learn", "PyYAML", "beautifulsoup4"],
            ),
            (
                "# /// script\n# dependencies = [\"requests 2.31\", \"fpdf\", \"a @ https://example.org/a\"]\n# ///\n",
                None,
                &["requests", "fpdf", "a @ https://example.org/a"],
            ),
        ] {
            let block = read(script).unwrap_or_default();
            assert_eq!(block.requires_python.as_deref(), requires, "{script}");
            assert_eq!(block.dependencies, dependencies, "{script}");
        }
        for script in ["", "# /// script\n", "# /// script\nx = 1\n# ///\n", "# /// other\n# ///\n"]
        {
            assert_eq!(read(script), None, "{script}");
        }
    }

    #[test]
    fn a_block_is_inserted_where_the_script_still_works() {
        let block = "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n\
                     #     \"requests\",\n# ]\n# ///\n";
        for (script, before, after) in [
            ("import requests\n", "", "\nimport requests\n"),
            ("", "", ""),
            ("#!/usr/bin/env python3\nx\n", "#!/usr/bin/env python3\n", "\nx\n"),
            (
                "#!/bin/sh\n# -*- coding: utf-8 -*-\nx",
                "#!/bin/sh\n# -*- coding: utf-8 -*-\n",
                "\nx",
            ),
            ("#!/usr/bin/env python3", "#!/usr/bin/env python3\n", ""),
            ("\u{feff}x\n", "", "\nx\n"),
            ("\nx\n", "", "\nx\n"),
        ] {
            let with = with_block(script, ">=3.11", &["requests".to_owned()]);
            assert_eq!(with, format!("{before}{block}{after}"), "{script:?}");
            assert_eq!(with_block(&with, ">=3.8", &[]), with, "an existing block is left alone");
        }
    }

    #[test]
    fn any_number_of_blocks_become_one() {
        let block = "# /// script\n# dependencies = [\"a\"]\n# ///\n";
        let with = with_block(&format!("{}x\n", block.repeat(40)), ">=3.11", &["b".to_owned()]);
        assert_eq!(with.matches("# /// script").count(), 1, "{with}");
        assert!(with.ends_with("# ///\n\nx\n"), "{with}");
    }

    #[test]
    fn missing_dependencies_are_added_to_a_block() {
        for (block, expected) in [
            ("# dependencies = []\n", "# dependencies = [\"b\", \"c\"]\n"),
            ("# dependencies = [ ]\n", "# dependencies = [\"b\", \"c\" ]\n"),
            ("# dependencies=['a']\n", "# dependencies=[\"b\", \"c\", 'a']\n"),
            (
                "# requires-python = '>=3.9'\n# dependencies = [  # all\n#  'a',\n# ]\n",
                "# requires-python = '>=3.9'\n# dependencies = [\"b\", \"c\",   # all\n#  'a',\n# ]\n",
            ),
            (
                "# [tool.uv]\n# dependencies = []\n",
                "# dependencies = [\"b\", \"c\"]\n# [tool.uv]\n# dependencies = []\n",
            ),
        ] {
            let script = format!("#!/bin/sh\n# /// script\n{block}# ///\nx = ['dependencies']\n");
            let needed = ["b".to_owned(), "c".to_owned()];
            let with = with_block(&script, ">=3.11", &needed);
            assert_eq!(with, script.replacen(block, expected, 1));
            assert!(read(&with).unwrap_or_default().dependencies.starts_with(&needed), "{with}");
            assert_eq!(with_block(&with, ">=3.11", &needed), with);
        }
    }

    #[test]
    fn a_package_name_cannot_break_out_of_the_block() {
        let evil = ["a\"]\n# ///\nimport os".to_owned()];
        let with = with_block("x\n", ">=3.11", &evil);
        assert!(!with.contains("\nimport os"), "{with}");
        assert!(with_block("x\r\n", ">=3.11", &[]).lines().count() == 6);
    }

    /// Output of the standard's reference implementation, as a list of declarations.
    const REFERENCE: &str = r"
import json, re, sys, tomllib
REGEX = r'(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$'
for script in json.load(sys.stdin):
    found = [m for m in re.finditer(REGEX, script) if m.group('type') == 'script']
    assert len(found) == 1, (script, len(found))
    lines = found[0].group('content').splitlines(keepends=True)
    text = ''.join(l[2:] if l.startswith('# ') else l[1:] for l in lines)
    try:
        read = tomllib.loads(text)
    except Exception as error:
        raise SystemExit(f'{error}: {script}')
    assert isinstance(read.get('requires-python', ''), str), script
    assert script.count('\r') == 0 and not script.startswith('\ufeff'), script
    compile(script, 'script.py', 'exec')
    print(','.join(sorted(read['dependencies'])))
";

    #[test]
    fn written_blocks_are_read_by_the_reference_implementation() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let python = crate::interpreter::find(None).expect("a Python");
        let deps = |list: &str| format!("# /// script\n# dependencies = {list}\n# ///\nx = 1\n");
        let needed: [(String, &str); 23] = [
            ("x = 1\n".to_owned(), "n"),
            ("#!/usr/bin/env python3\n# coding: utf-8\n# a comment\nx = 1\n".to_owned(), "n"),
            ("\u{feff}x = 1\r\ny = 2\r\n".to_owned(), "n"),
            (deps("['a', \"b>=1\"]"), "a,b>=1,n"),
            (deps("[\n#   'a'\n#   'b'\n# ]"), "a,b,n"),
            (deps("['a' 'b']"), "a,b,n"),
            (deps("[a, b]"), "a,b,n"),
            (deps("'a'"), "a,n"),
            (deps("['a',,'b']"), "a,b,n"),
            (deps("['a'\n#"), "a,n"),
            (deps("['PIL', 'cv2', 'os', 'yaml']"), "PyYAML,n,opencv-python,pillow"),
            (deps("['a']").replace("# d", "#d"), "a,n"),
            (deps("['a']").replace("# ", "#\t"), "a,n"),
            (deps("['a']").replace("script\n", "script  \n"), "a,n"),
            (deps("['a']").replace('\n', "\r\n"), "a,n"),
            (deps("['a']").replace('\n', "\r"), "a,n"),
            (format!("\u{feff}{}", deps("['a']")), "a,n"),
            (format!("# /// other\n# x = 1\n# ///\n{}", deps("['a']")), "a,n"),
            (deps("['a']") + &deps("['b']"), "a,b,n"),
            (format!("# /// script\n# dependencies = ['a']\n# ///\n{}", deps("['b']")), "a,b,n"),
            (deps("['a']\n# requires-python = 3.11\n# [tool.uv]\n# x = 1"), "a,n"),
            (
                format!("#!/bin/sh\n# /// script\n# dependencies = ['a']\n{}", deps("['b']")),
                "a,b,n",
            ),
            (
                "# /// script\n# dependencies = [\n#   'a',\n# ]\n# The script.\nx = 1\n"
                    .to_owned(),
                "a,n",
            ),
        ];
        let written: Vec<String> = needed
            .iter()
            .map(|(script, _)| with_block(script, ">=3.9", &["n".to_owned()]))
            .collect();
        let mut child = Command::new(&python.path)
            .args(["-c", REFERENCE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(serde_json::json!(written).to_string().as_bytes()).expect("it reads");
        drop(stdin);
        let out = child.wait_with_output().expect("it ends");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let read = String::from_utf8_lossy(&out.stdout).into_owned();
        let expected: Vec<&str> = needed.iter().map(|(_, names)| *names).collect();
        assert_eq!(read.lines().collect::<Vec<_>>(), expected);
        for ((script, _), written) in needed.iter().zip(&written) {
            assert_eq!(with_block(written, ">=3.9", &["n".to_owned()]), *written, "{script}");
        }
        assert!(written[20].contains("# [tool.uv]\n# x = 1\n# ///"), "{}", written[20]);
    }
}
