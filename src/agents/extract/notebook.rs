//! Scripts from notebooks and shells: lines that are not Python, cells, and files written by a
//! command.

use super::super::text;
use super::python;
use serde_json::Value;

/// Programs that shell commands around a script call.
const PROGRAMS: [&str; 22] = [
    "pip", "pip3", "pipx", "uv", "conda", "mamba", "poetry", "python", "python3", "py", "sudo",
    "apt", "apt-get", "brew", "npm", "cd", "mkdir", "chmod", "source", "export", "touch", "bash",
];
/// Magics that run the code after them.
const TIMES: [&str; 4] = ["time", "timeit", "prun", "memit"];
/// Maximum number of lines that are searched for shell commands.
const MAX_LINES: usize = 50_000;

/// The text without lines for a notebook or a shell; `None` if there are none.
pub(super) fn without_commands(text: &str) -> Option<String> {
    let mut found = false;
    let mut out = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in python::lines(text) {
        let start = line.text.trim_start();
        let indent = &line.text[..line.text.len() - start.len()];
        let kept = if line.in_string {
            Some(line.text.to_owned())
        } else if goes_on {
            None
        } else if let Some(code) = timed(start) {
            Some(format!("{indent}{code}"))
        } else if is_command(start, indent.is_empty()) {
            // A block needs a statement.
            (!indent.is_empty()).then(|| format!("{indent}pass"))
        } else {
            out.push_str(line.text);
            out.push('\n');
            continue;
        };
        found |= !line.in_string;
        goes_on = !line.in_string && kept.is_none() && line.text.trim_end().ends_with('\\');
        if let Some(kept) = kept {
            out.push_str(&kept);
            out.push('\n');
        }
    }
    let length = out.trim_end().len();
    out.truncate(length);
    out.push('\n');
    found.then_some(out)
}

/// The code after `%timeit` and similar magics.
fn timed(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('%').filter(|rest| !rest.starts_with('%'))?;
    let (name, code) = rest.split_once(' ')?;
    TIMES.contains(&name).then(|| code.trim_start()).filter(|code| !code.starts_with('-'))
}

/// Whether a line is for a notebook (`!ls`, `%matplotlib inline`, `%%time`, `?help`) or a shell.
fn is_command(line: &str, at_margin: bool) -> bool {
    let mark = line.strip_prefix("%%").or_else(|| line.strip_prefix(['!', '%', '?']));
    if let Some(rest) = mark.map(|rest| rest.trim_start_matches(['!', '?'])) {
        return rest.trim_start().starts_with(|c: char| c.is_alphabetic() || "./_{$\"".contains(c));
    }
    at_margin && shell_command(line).is_some()
}

/// The shell command on a line at the left margin, without its prompt.
fn shell_command(line: &str) -> Option<&str> {
    let command = line.strip_prefix("$ ").or_else(|| line.strip_prefix("> ")).unwrap_or(line);
    let command =
        command.strip_prefix("# ").filter(|_| command.len() < line.len()).unwrap_or(command);
    let program = command.split_whitespace().next()?;
    let rest = command[program.len()..].trim_start();
    let prompted = command.len() < line.len();
    // `pip = 1` and `cd(x)` are Python.
    let is_code = rest.is_empty() || rest.starts_with(['=', '(', '.', '[', '+', ':', ',']);
    (prompted || (PROGRAMS.contains(&program) && !is_code)).then_some(command)
}

/// The packages that the text installs in a shell or a notebook, in order: the arguments of `pip
/// install` and similar commands, without options.
pub(super) fn installs(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().take(MAX_LINES) {
        let line = line.trim().trim_start_matches(['!', '%', '$', '>', '#', ' ', '`']);
        let mut words =
            line.split([' ', '\t']).map(|word| word.trim_matches(['"', '\'', '`', '\\']));
        let program = words.next().unwrap_or_default();
        if !PROGRAMS.contains(&program) {
            continue;
        }
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let verb = words.iter().position(|word| matches!(*word, "install" | "add"));
        let before = verb.map_or(&[][..], |verb| &words[..verb]);
        let of_python = ["pip", "-m", "-q", "--quiet", "-y"];
        let is_pip = program.starts_with("pip") || program == "uv" || before.contains(&"pip");
        let Some(verb) = verb.filter(|_| is_pip && before.iter().all(|w| of_python.contains(w)))
        else {
            continue;
        };
        let mut takes_value = false;
        for word in &words[verb + 1..] {
            if std::mem::take(&mut takes_value) {
                continue;
            }
            if matches!(*word, "&&" | "||" | ";" | "|" | "#") {
                break;
            }
            if let Some(option) = word.strip_prefix('-') {
                takes_value =
                    matches!(option, "r" | "i" | "c" | "e" | "f" | "-index-url" | "-target");
                continue;
            }
            let name = word.trim_end_matches([',', ';', '.']);
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-[]<>=!~,".contains(c);
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
            if is_name && name.chars().all(plain) && !found.iter().any(|f| f == name) {
                found.push(name.to_owned());
            }
        }
    }
    found.truncate(32);
    found
}

/// The script in a shell command with a here-document: `cat > script.py <<'EOF'`, `python3 -
/// <<EOF`. The longest, if there are several.
pub(super) fn heredoc(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split('\n').take(MAX_LINES).collect();
    let mut best: Option<String> = None;
    let mut at = 0;
    while at < lines.len() {
        let Some((word, dashed, quoted)) = opens(lines[at]) else {
            at += 1;
            continue;
        };
        let is_end = |line: &&str| line.trim_end() == word || (dashed && line.trim() == word);
        let Some(length) = lines[at + 1..].iter().position(is_end) else {
            at += 1;
            continue;
        };
        let mut body = lines[at + 1..at + 1 + length].join("\n");
        if !quoted {
            // Undo the shell's escapes.
            body = body.replace("\\$", "$").replace("\\`", "`").replace("\\\\", "\\");
        }
        if best.as_ref().is_none_or(|best| best.len() < body.len()) {
            best = Some(body + "\n");
        }
        at += length + 2;
    }
    best
}

/// The script in `python3 -c "..."`, if the text is nothing else.
pub(super) fn inline(text: &str) -> Option<String> {
    let command = text.trim().trim_start_matches(['$', '!', ' ']);
    let rest = command.strip_prefix("python3 ").or_else(|| command.strip_prefix("python "))?;
    let rest = rest.trim_start().strip_prefix("-c")?.trim();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let body = rest[1..].strip_suffix(quote)?;
    let body = if quote == '"' { body.replace("\\\"", "\"") } else { body.to_owned() };
    Some(body.trim_matches('\n').to_owned() + "\n")
}

/// The script without calls of the notebook that it was exported from, which fail outside of it;
/// `None` if it has none.
pub(super) fn without_ipython(script: &str) -> Option<String> {
    if !script.contains("get_ipython()") {
        return None;
    }
    let mut out = String::with_capacity(script.len());
    for line in python::lines(script.trim_end()) {
        let start = line.text.trim_start();
        if line.in_string
            || !start.starts_with("get_ipython().")
            || !start.trim_end().ends_with(')')
        {
            out.push_str(line.text);
        } else if start.len() == line.text.len() {
            continue;
        } else {
            out.push_str(&line.text[..line.text.len() - start.len()]);
            out.push_str("pass");
        }
        out.push('\n');
    }
    (out != script).then_some(out)
}

/// The delimiter of a here-document, whether it may be indented, and whether the text is literal.
/// Only for commands that write or run a script.
fn opens(line: &str) -> Option<(&str, bool, bool)> {
    let (command, rest) = line.split_once("<<")?;
    let dashed = rest.starts_with('-');
    let rest = rest.trim_start_matches('-').trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '\\'));
    let rest = rest.trim_start_matches(['\'', '"', '\\']);
    let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let (word, target) = rest.split_at(length);
    let is_python = |text: &str| {
        let mut words = text.split([' ', '\t', '>', '"', '\'', '/', '|']);
        words.any(|word| {
            matches!(word, "python" | "python3" | "py" | "uv")
                || std::path::Path::new(word).extension().is_some_and(|e| e == "py")
        })
    };
    let starts =
        line.trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || "$>!".contains(c));
    let writes = starts && (is_python(command) || is_python(target));
    (writes && !word.is_empty()).then_some((word, dashed, quote.is_some()))
}

/// The code of a notebook's cells, if the value is a notebook.
pub(super) fn cells(value: &Value) -> Option<String> {
    let cells = value.get("cells")?.as_array()?;
    let code = cells.iter().filter(|cell| cell["cell_type"] == "code").map(|cell| {
        let lines = cell["source"].as_array().map(|lines| {
            let lines = lines.iter().filter_map(Value::as_str);
            lines.map(|line| line.trim_end_matches('\n')).collect::<Vec<_>>().join("\n")
        });
        lines.unwrap_or_else(|| cell["source"].as_str().unwrap_or_default().to_owned())
    });
    let code = code.map(|code| code.trim_end().to_owned() + "\n").collect::<Vec<_>>().join("\n");
    Some(text::normalise(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notebook_and_shell_commands_are_removed_from_code() {
        for (text, wanted) in [
            ("!pip install x\nimport x\n", "import x\n"),
            ("%pip install x\n%matplotlib inline\nimport x\n", "import x\n"),
            ("! pip install \\\n  x y\nimport x\n", "import x\n"),
            ("%%writefile script.py\nimport x\n", "import x\n"),
            ("%%time\nx = 1\n%timeit x + 1\n%time y = x\n", "x = 1\nx + 1\ny = x\n"),
            ("pip install x\nimport x\n", "import x\n"),
            ("$ pip install x\nimport x\n$ python script.py\n", "import x\n"),
            ("python -m pip install x\nimport x\n", "import x\n"),
            ("if True:\n    !pip install x\n", "if True:\n    pass\n"),
            ("x = '''\n!pip\n%y\n'''\n!ls\n", "x = '''\n!pip\n%y\n'''\n"),
            ("?print\nx = 1\n", "x = 1\n"),
        ] {
            assert_eq!(without_commands(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["pip = 1\nuv.run()\ncd(x)\n", "x = (1\n  % 2)\n", "print(1)\n", "x != 1\n"] {
            assert_eq!(without_commands(text), None, "{text}");
        }
    }

    #[test]
    fn get_ipython_calls_are_removed_from_an_exported_notebook() {
        let script = "get_ipython().system('pip install x')\nif a:\n    get_ipython().magic('x')\n";
        assert_eq!(without_ipython(script).as_deref(), Some("if a:\n    pass\n"));
        assert_eq!(without_ipython("x = '''\nget_ipython().x()\n'''\n"), None);
    }

    #[test]
    fn packages_of_install_commands_are_found() {
        for (text, names) in [
            (
                "!pip install -q opencv-python-headless numpy",
                &["opencv-python-headless", "numpy"][..],
            ),
            ("%pip install 'pandas>=2' --quiet", &["pandas>=2"]),
            (
                "```bash\npip3 install --upgrade a\npython -m pip install b\nuv add c\n```",
                &["a", "b", "c"],
            ),
            ("uv pip install a && python x.py", &["a"]),
            ("Run `pip install a` first.", &[]),
            ("pip install -r requirements.txt", &[]),
            ("sudo apt-get install python3-tk\nconda install x\nnpm install y", &[]),
            ("import pip\npip.main(['install', 'x'])", &[]),
        ] {
            assert_eq!(installs(text), names, "{text}");
        }
    }

    #[test]
    fn a_script_inside_a_shell_command_is_extracted() {
        let code = "import sys\n\nprint(f\"{sys.argv[0]}\")\n";
        for text in [
            format!("cat > script.py <<'EOF'\n{code}EOF\npython3 script.py"),
            format!("cat <<EOF > ./a/script.py\n{code}EOF"),
            format!("$ cat <<-\"END\" > script.py\n{code}\tEND\n"),
            format!("python3 - <<'PY'\n{code}PY"),
            format!("tee script.py << 'EOF' > /dev/null\n{code}EOF\n"),
            format!("pip install x\npython <<'EOF'\n{code}EOF\n"),
            format!("cat <<'EOF' | python3\n{code}EOF\n"),
        ] {
            assert_eq!(heredoc(&text).as_deref(), Some(code), "{text}");
        }
        for text in [
            format!("python3 -c '{code}'\n"),
            format!("$ python -c \"\n{}\"", code.replace('"', "\\\"")),
        ] {
            assert_eq!(inline(&text).as_deref(), Some(code), "{text}");
        }
        for text in ["x = 1 << 3\nprint(x)\n", "cat > a.txt <<EOF\nx\nEOF", "y = a <<b\nb\n", code]
        {
            assert_eq!(heredoc(text), None, "{text}");
        }
    }

    #[test]
    fn the_code_cells_of_a_notebook_become_one_script() {
        let notebook = serde_json::json!({"cells": [
            {"cell_type": "markdown", "source": ["# Title\n"]},
            {"cell_type": "code", "source": ["import x\n", "y = 1"]},
            {"cell_type": "code", "source": "print(y)\n"},
        ]});
        assert_eq!(cells(&notebook).as_deref(), Some("import x\ny = 1\n\nprint(y)\n"));
        assert_eq!(cells(&serde_json::json!({"code": "x"})), None);
    }
}
