//! Markdown code fences as models write them: of any length and mark, unclosed, or nested in
//! strings.

/// The content between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The word after the opening fence, in lower case, without marks: `python` for `{.Python}`.
    pub(super) tag: String,
    /// The lines between the fences, without the fence's own indentation.
    pub(super) text: String,
    /// The closing fence is there.
    pub(super) closed: bool,
}

/// Maximum number of blocks read from an answer.
const MAX_BLOCKS: usize = 64;
/// Maximum number of places that are tried as the end of a block.
const MAX_ENDS: usize = 10;
/// Invisible characters of word processors and web pages, which may precede a fence.
const INVISIBLE: [char; 4] = ['\u{200b}', '\u{200c}', '\u{2060}', '\u{feff}'];

/// Whether a line may be a fence, by its start.
pub(super) fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// An opening fence.
struct Open<'a> {
    mark: char,
    length: usize,
    indent: usize,
    tag: String,
    /// Code on the fence's line.
    inline: Option<&'a str>,
    /// The block ends on the line where it starts.
    one_line: bool,
}

/// A place where a block may end.
struct End<'a> {
    /// The first line after the block's content.
    line: usize,
    /// The line after the fence.
    next: usize,
    /// Code before a fence at the end of the same line.
    before: Option<&'a str>,
    closed: bool,
}

/// All blocks of the text, in order.
///
/// A fence inside a string of the script looks like the end of the block. So the text up to each
/// possible end is tested with `fits` (does this text parse?). If none fits, the block ends where
/// its triple-quoted strings are closed.
pub(super) fn blocks(text: &str, fits: &dyn Fn(&str) -> bool) -> Vec<Block> {
    placed(text, fits).into_iter().map(|(_, block)| block).collect()
}

/// The same, each with the index of the line that opens it.
pub(super) fn placed(text: &str, fits: &dyn Fn(&str) -> bool) -> Vec<(usize, Block)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() && blocks.len() < MAX_BLOCKS {
        let Some(open) = opening(lines[at]) else {
            at += 1;
            continue;
        };
        if open.one_line {
            let text = open.inline.unwrap_or_default().to_owned();
            blocks.push((at, Block { tag: open.tag, text, closed: true }));
            at += 1;
            continue;
        }
        let (block, next) = read_block(&lines, at + 1, open, fits);
        if !block.text.trim().is_empty() {
            blocks.push((at, block));
        }
        at = next;
    }
    blocks
}

/// Reads the block whose first line is `first`; also returns the line to continue from.
fn read_block(
    lines: &[&str],
    first: usize,
    open: Open<'_>,
    fits: &dyn Fn(&str) -> bool,
) -> (Block, usize) {
    let ends = ends(lines, first, &open);
    let text_to = |end: &End<'_>| {
        let mut text = String::new();
        let body = lines[first.min(end.line)..end.line].iter().copied();
        for line in open.inline.into_iter().chain(body).chain(end.before) {
            text.push_str(unindent(line, open.indent));
            text.push('\n');
        }
        text
    };
    let python = !other_language(&open.tag);
    let mut balanced = None;
    for (n, end) in ends.iter().enumerate() {
        let text = text_to(end);
        if !python || text.trim().is_empty() || fits(&text) {
            return (Block { tag: open.tag, text, closed: end.closed }, end.next);
        }
        if balanced.is_none() && strings_closed(&text) {
            balanced = Some((n, text));
        }
    }
    let (n, text) = balanced.unwrap_or_else(|| (0, ends.first().map(text_to).unwrap_or_default()));
    let (closed, next) = ends.get(n).map_or((false, lines.len()), |end| (end.closed, end.next));
    (Block { tag: open.tag, text, closed }, next)
}

/// The places where the block may end, nearest first. The end of the text is always included.
fn ends<'a>(lines: &[&'a str], first: usize, open: &Open<'_>) -> Vec<End<'a>> {
    let fence: String = std::iter::repeat_n(open.mark, open.length).collect();
    let mut ends = Vec::new();
    for (n, line) in lines.iter().enumerate().skip(first) {
        if ends.len() == MAX_ENDS {
            break;
        }
        let trimmed = line.trim().trim_matches(INVISIBLE);
        if trimmed.starts_with(&fence) && trimmed.chars().all(|c| c == open.mark) {
            ends.push(End { line: n, next: n + 1, before: None, closed: true });
        } else if trimmed.starts_with(&fence) && opening(line).is_some_and(|o| !o.tag.is_empty()) {
            // The next block starts: the closing fence is missing.
            ends.push(End { line: n, next: n, before: None, closed: true });
        } else if trimmed.ends_with(&fence) && trimmed.matches(&fence).count() == 1 {
            let before = line.trim_end().trim_end_matches(open.mark);
            ends.push(End { line: n, next: n + 1, before: Some(before), closed: true });
        }
    }
    let all = lines.len();
    ends.push(End { line: all, next: all, before: None, closed: false });
    ends
}

/// Parses a line as an opening fence.
fn opening(line: &str) -> Option<Open<'_>> {
    let start = line.trim_start_matches(|c: char| c.is_whitespace() || INVISIBLE.contains(&c));
    let indent = line.chars().take_while(|c| c.is_whitespace()).count();
    let Some(mark @ ('`' | '~')) = start.chars().next() else {
        // "Here it is: ```python"
        let (_, tag) = line.rsplit_once("```")?;
        let tag = tag.trim().to_ascii_lowercase();
        let open = Open { mark: '`', length: 3, indent: 0, tag, inline: None, one_line: false };
        return (is_python(&open.tag) && !line.contains('"')).then_some(open);
    };
    let rest = start.trim_start_matches(mark);
    let length = start.len() - rest.len();
    if length < 3 {
        return None;
    }
    let info = rest.trim();
    if mark == '`' && info.contains('`') {
        let inside = info.trim_end_matches('`');
        if inside.contains('`') || info.len() - inside.len() < length {
            return None;
        }
        let (word, code) = inside.split_once(' ').unwrap_or(("", inside));
        let (tag, code) =
            if is_python(&tag_of(word)) { (tag_of(word), code) } else { (String::new(), inside) };
        return Some(Open { mark, length, indent, tag, inline: Some(code), one_line: true });
    }
    let (word, after) = info.split_once(' ').unwrap_or((info, ""));
    let code = ["import ", "from ", "def ", "class ", "#", "print("];
    let inline = code.iter().any(|c| after.starts_with(c)).then_some(after);
    Some(Open { mark, length, indent, tag: tag_of(word), inline, one_line: false })
}

fn tag_of(word: &str) -> String {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    word.split([',', '}', ' ', ':']).next().unwrap_or_default().to_owned()
}

/// Whether the tag stands for Python.
pub(super) fn is_python(tag: &str) -> bool {
    tag.starts_with("py") || tag == "ipython"
}

/// Whether the tag stands for something other than a script.
pub(super) fn other_language(tag: &str) -> bool {
    const OTHER: [&str; 34] = [
        "bash",
        "sh",
        "shell",
        "zsh",
        "console",
        "shell-session",
        "powershell",
        "ps1",
        "cmd",
        "bat",
        "batch",
        "output",
        "json",
        "jsonc",
        "yaml",
        "yml",
        "toml",
        "ini",
        "csv",
        "html",
        "css",
        "js",
        "javascript",
        "ts",
        "typescript",
        "java",
        "c",
        "cpp",
        "go",
        "rust",
        "sql",
        "log",
        "markdown",
        "md",
    ];
    OTHER.contains(&tag)
}

/// The line with at most `indent` blanks removed from its start.
fn unindent(line: &str, indent: usize) -> &str {
    let blanks = line.chars().take(indent).take_while(|c| c.is_whitespace());
    &line[blanks.map(char::len_utf8).sum()..]
}

/// Whether every triple-quoted string is closed, by count.
fn strings_closed(text: &str) -> bool {
    text.matches("\"\"\"").count().is_multiple_of(2)
        && text.matches("'''").count().is_multiple_of(2)
}
