//! Exports a version as a notebook (nbformat 4.5): the plan, the inputs, the code with its output
//! and pictures, and the evidence.

use crate::agents::given::Given;
use crate::domain::session::{Session, Version};
use crate::files;
use crate::findings::evidence;
use crate::store::artifacts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// The largest picture to embed, in bytes.
const PICTURE: u64 = 8 << 20;
/// Maximum number of pictures to embed.
const PICTURES: usize = 20;
/// Extensions of pictures and their types. SVG is excluded because it can contain scripts.
pub(super) const TYPES: [(&str, &str); 4] =
    [("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("gif", "image/gif")];

/// A picture of a run.
pub(super) struct Picture {
    /// File name.
    name: String,
    /// Media type, such as `image/png`.
    kind: &'static str,
    /// File content.
    bytes: Vec<u8>,
}

/// The pictures of a version's run: the screenshot, then those that it wrote. Links are skipped.
pub(super) fn pictures(folder: &Path, version: &Version) -> Vec<Picture> {
    let Some(run) = &version.run else { return Vec::new() };
    let of_run = artifacts::run_folder(version.number);
    let window = run.screenshot.then(|| "screenshot.png".to_owned());
    let names = window.into_iter().chain(run.files.iter().map(|name| format!("files/{name}")));
    let read = |name: String| {
        let ending = Path::new(&name).extension()?.to_str()?.to_ascii_lowercase();
        let (_, kind) = TYPES.iter().find(|(known, _)| *known == ending)?;
        let path = files::within(folder, &format!("{of_run}/{name}"))?;
        let bytes = files::read_regular(&path, PICTURE)?;
        Some(Picture { name, kind, bytes })
    };
    names.filter_map(read).take(PICTURES).collect()
}

/// Builds the notebook of a version with its dependencies and inputs.
pub(super) fn of(
    session: &Session,
    version: &Version,
    dependencies: &[String],
    given: &Given,
    pictures: &[Picture],
) -> Value {
    let mut about = format!("# {}\n\n{}\n", session.name, session.request.trim_end());
    if !dependencies.is_empty() {
        let _ = write!(about, "\nIt needs: {}\n", dependencies.join(", "));
    }
    for file in &session.data {
        let _ = write!(about, "\nIt is given the file {}\n", file.name);
    }
    let mut cells = vec![words("request", &about)];
    if let Some(plan) = &session.planning.plan {
        cells.push(words("plan", &format!("## Plan\n\n{}", plan.text)));
    }
    cells.push(code("given", &inputs(version, given), &[]));
    cells.push(code("script", &version.script, &outputs(version, pictures)));
    let seen = format!("v{}: {}", version.number, evidence::level_in_words(version));
    cells.push(words("seen", &seen));
    json!({
        "cells": cells,
        "metadata": {
            "kernelspec": { "display_name": "Python 3", "language": "python", "name": "python3" },
            "language_info": { "name": "python" },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    })
}

fn words(id: &str, text: &str) -> Value {
    json!({ "cell_type": "markdown", "id": id, "metadata": {}, "source": text })
}

fn code(id: &str, source: &str, outputs: &[Value]) -> Value {
    json!({
        "cell_type": "code",
        "execution_count": null,
        "id": id,
        "metadata": {},
        "outputs": outputs,
        "source": source.trim_end(),
    })
}

/// Code that sets the script's arguments and input: a notebook has other arguments, and nobody can
/// type.
fn inputs(version: &Version, given: &Given) -> String {
    let mut args = vec![artifacts::script_file(version.number)];
    args.extend_from_slice(&given.args);
    // A JSON string or list is also valid Python.
    let mut code = format!("import sys\n\nsys.argv = {}\n", json!(args));
    if !given.stdin.is_empty() {
        let _ = write!(
            code,
            "\nimport builtins\nimport io\n\n\ndef typed(prompt=\"\"):\n    print(prompt, end=\"\")\n    \
             line = sys.stdin.readline()\n    if not line:\n        raise EOFError\n    \
             return line.rstrip(\"\\n\")\n\n\nsys.stdin = io.StringIO({})\nbuiltins.input = input = typed\n",
            json!(given.stdin)
        );
    }
    code
}

fn outputs(version: &Version, pictures: &[Picture]) -> Vec<Value> {
    let mut outputs = Vec::new();
    for (name, text) in [("stdout", &version.stdout), ("stderr", &version.stderr)] {
        if !text.is_empty() {
            outputs.push(json!({ "output_type": "stream", "name": name, "text": text }));
        }
    }
    outputs.extend(pictures.iter().map(|picture| {
        let kind = picture.kind;
        json!({
            "output_type": "display_data",
            "data": { kind: STANDARD.encode(&picture.bytes), "text/plain": picture.name },
            "metadata": {},
        })
    }));
    outputs
}
