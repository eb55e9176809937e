//! The block of comments in which a script declares what it needs (PEP 723).
//!
//! ```python
//! # /// script
//! # requires-python = ">=3.11"
//! # dependencies = [
//! #     "requests",
//! # ]
//! # ///
//! ```

use std::fmt::Write as _;

const OPENING: &str = "# /// script";
const CLOSING: &str = "# ///";
const BOM: char = '\u{feff}';

/// What a script declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The Pythons that it runs on, as `>=3.11`.
    pub requires_python: Option<String>,
    /// The packages that it needs, as `requests>=2`.
    pub dependencies: Vec<String>,
}

/// The script's block; `None` if it has none or never closes it.
///
/// Only the two keys that every tool knows are read, and what can't be read is left out.
#[must_use]
pub fn read(script: &str) -> Option<Block> {
    let mut lines = script.trim_start_matches(BOM).lines().map(str::trim_end);
    lines.find(|line| *line == OPENING)?;
    let block: Vec<_> = lines.take_while(|line| line.starts_with('#')).collect();
    // The last closing line counts: a line like it can stand inside the block.
    let end = block.iter().rposition(|line| *line == CLOSING)?;
    let toml: Vec<_> = block[..end].iter().map(|line| line[1..].trim_start()).collect();
    let mut requires = strings(&toml, "requires-python");
    let requires_python = (!requires.is_empty()).then(|| requires.swap_remove(0));
    Some(Block { requires_python, dependencies: strings(&toml, "dependencies") })
}

/// The script with a block that declares these. A block that it has stays as it is, and what it
/// leaves out is put first in its list.
///
/// A new block stands after the first lines that must stay first: `#!` and the encoding.
#[must_use]
pub fn with_block(script: &str, requires_python: &str, dependencies: &[String]) -> String {
    if let Some(block) = read(script) {
        let left_out = dependencies.iter().filter(|needed| !block.dependencies.contains(needed));
        let left_out: Vec<String> = left_out.map(|needed| quoted(needed)).collect();
        return completed(script, &left_out).unwrap_or_else(|| script.to_owned());
    }
    let end = if script.contains("\r\n") { "\r\n" } else { "\n" };
    let mut block = format!("{OPENING}{end}# requires-python = {}{end}", quoted(requires_python));
    if dependencies.is_empty() {
        let _ = write!(block, "# dependencies = []{end}");
    } else {
        let _ = write!(block, "# dependencies = [{end}");
        for dependency in dependencies {
            let _ = write!(block, "#     {},{end}", quoted(dependency));
        }
        let _ = write!(block, "# ]{end}");
    }
    let (head, body) = script.split_at(first_lines(script));
    // A last line of the head without an end would swallow the block.
    let gap = if head.is_empty() || head.ends_with(['\n', BOM]) { "" } else { end };
    let blank = if body.trim_start_matches([' ', '\t']).starts_with(['\r', '\n']) || body.is_empty()
    {
        ""
    } else {
        end
    };
    format!("{head}{gap}{block}{CLOSING}{end}{blank}{body}")
}

/// The script with these, in quotes, at the head of its block's list. None if there are none, or
/// where they would stand in no list.
fn completed(script: &str, quoted: &[String]) -> Option<String> {
    if quoted.is_empty() {
        return None;
    }
    let opening = script.trim_start_matches(BOM).lines().find(|line| line.trim_end() == OPENING)?;
    // Lines are parts of the script, so their places in it are known.
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
        let end = if script[begin..].starts_with('\r') { "\r\n" } else { "\n" };
        (begin, format!("{end}# dependencies = [{list}]"))
    };
    Some(format!("{}{text}{}", &script[..at], &script[at..]))
}

/// Bytes of the byte order mark, the `#!` line and the encoding line.
fn first_lines(script: &str) -> usize {
    let mut length = if script.starts_with(BOM) { BOM.len_utf8() } else { 0 };
    for (n, line) in script[length..].split_inclusive('\n').take(2).enumerate() {
        let comment = line.trim_start_matches([' ', '\t', '\x0c']).starts_with('#');
        let encoding = comment && (line.contains("coding:") || line.contains("coding="));
        if !(encoding || (n == 0 && line.starts_with("#!"))) {
            break;
        }
        length += line.len();
    }
    length
}

/// As a TOML string.
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

/// The string, or the strings of the list, that a key of the first table has.
fn strings(toml: &[&str], key: &str) -> Vec<String> {
    let table = toml.iter().take_while(|line| !line.starts_with('['));
    let mut lines = table.skip_while(|line| value(line, key).is_none());
    let Some(first) = lines.next().and_then(|line| value(line, key)) else { return Vec::new() };
    let mut found = Vec::new();
    let is_list = first.starts_with('[');
    for line in std::iter::once(first).chain(lines.copied()) {
        let mut rest = line;
        while let Some(start) = rest.find(['"', '\'', '#', ']']) {
            let mark = rest.as_bytes()[start];
            if mark == b'#' {
                break;
            }
            if mark == b']' {
                return found;
            }
            let Some((text, after)) = string(&rest[start..]) else { return found };
            found.push(text);
            rest = after;
        }
        if !is_list {
            break;
        }
    }
    found
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start())
}

/// The string that the text begins with, and what follows it. Escapes other than of the quote and
/// the backslash have no use in what is read here and stay as they are.
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
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_block_is_read() {
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
    fn a_block_stands_where_the_script_still_works() {
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
            ("\u{feff}x\n", "\u{feff}", "\nx\n"),
            ("\nx\n", "", "\nx\n"),
        ] {
            let with = with_block(script, ">=3.11", &["requests".to_owned()]);
            assert_eq!(with, format!("{before}{block}{after}"), "{script:?}");
            assert_eq!(with_block(&with, ">=3.8", &[]), with, "an existing block is left alone");
        }
    }

    #[test]
    fn what_a_block_leaves_out_is_added_to_it() {
        for (block, expected) in [
            ("# dependencies = []\n", "# dependencies = [\"b\", \"c\"]\n"),
            ("# dependencies = [ ]\n", "# dependencies = [\"b\", \"c\" ]\n"),
            ("# dependencies=['a']\n", "# dependencies=[\"b\", \"c\", 'a']\n"),
            (
                "# requires-python = '>=3.9'\n# dependencies = [  # all\n#  'a',\n# ]\n",
                "# requires-python = '>=3.9'\n# dependencies = [\"b\", \"c\",   # all\n#  'a',\n# ]\n",
            ),
            ("", "# dependencies = [\"b\", \"c\"]\n"),
            (
                "# [tool.uv]\n# dependencies = []\n",
                "# dependencies = [\"b\", \"c\"]\n# [tool.uv]\n# dependencies = []\n",
            ),
        ] {
            let script = format!("#!/bin/sh\n# /// script\n{block}# ///\nx = ['dependencies']\n");
            let needed = ["b".to_owned(), "c".to_owned()];
            let with = with_block(&script, ">=3.11", &needed);
            assert_eq!(
                with,
                script.replacen(block, expected, usize::from(!block.is_empty())).replacen(
                    "script\n# ///",
                    &format!("script\n{expected}# ///"),
                    usize::from(block.is_empty()),
                )
            );
            assert!(read(&with).unwrap_or_default().dependencies.starts_with(&needed), "{with}");
            assert_eq!(with_block(&with, ">=3.11", &needed), with);
        }
    }

    #[test]
    fn a_packages_name_cannot_break_out_of_the_block() {
        let evil = ["a\"]\n# ///\nimport os".to_owned()];
        let with = with_block("x\n", ">=3.11", &evil);
        assert!(!with.contains("\nimport os"), "{with}");
        assert!(with_block("x\r\n", ">=3.11", &[]).lines().count() == 6);
    }
}
