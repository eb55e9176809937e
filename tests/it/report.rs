//! `redraft report`: a session as one page, whatever text it contains.

use crate::support::world::{ACCEPT, PLAN, World, fenced};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// An HTML tag with its attributes.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    /// The text up to the next tag.
    text: String,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The page's tags as a browser parses them, without the contents of style and script elements.
fn tags(page: &str) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let last = tags.last_mut().filter(|tag| tag.text.is_empty());
        if let Some(last) = last {
            rest[..at].clone_into(&mut last.text);
        }
        rest = &rest[at + 1..];
        let end = rest.find([' ', '>', '\n']).unwrap();
        let name = rest[..end].to_lowercase();
        rest = &rest[end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = rest.find(['=', '>', ' ', '\n']).unwrap();
            let attribute = rest[..end].to_owned();
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix("=\"") {
                let end = after.find('"').unwrap();
                after[..end].clone_into(&mut value);
                rest = &after[end + 1..];
            } else {
                assert!(!rest.starts_with('='), "{name} has a value without quotes: {attribute}");
            }
            attributes.push((attribute, value));
        }
        if ["style", "script"].contains(&name.as_str()) {
            let end = rest.find(&format!("</{name}>")).unwrap();
            tags.push(Tag { name, attributes, text: rest[..end].to_owned() });
            rest = &rest[end..];
            let after = rest.find('>').unwrap() + 1;
            rest = &rest[after..];
        } else {
            tags.push(Tag { name, attributes, text: String::new() });
        }
    }
    tags
}

/// Fails unless the page loads nothing, runs only its own script, and is accessible.
#[track_caller]
fn is_sound(page: &str) -> Vec<Tag> {
    const TAGS: &str = "!doctype html head meta title style body a header h1 h2 h3 h4 p strong dl dt dd nav ul ol li main \
                        section div table caption thead tbody tr th td span code pre details summary figure img \
                        figcaption del ins label select option noscript footer script";
    const ATTRIBUTES: &str = "html lang charset http-equiv content name href class id aria-label aria-labelledby \
                              aria-hidden scope tabindex role src alt hidden open colspan value data-name selected";
    let tags = tags(page);
    let known: BTreeSet<&str> = TAGS.split_whitespace().collect();
    let attributes: BTreeSet<&str> = ATTRIBUTES.split_whitespace().collect();
    for tag in &tags {
        assert!(known.contains(tag.name.trim_start_matches('/')), "{tag:?}");
        for (name, value) in &tag.attributes {
            assert!(attributes.contains(name.as_str()), "{tag:?}");
            let loads = name == "href" && !value.starts_with('#');
            assert!(
                !loads && (name != "src" || value.starts_with("data:image/png;base64,iVBORw0KGgo")),
                "{tag:?}"
            );
        }
    }
    let named = |name: &str| tags.iter().filter(|tag| tag.name == name).collect::<Vec<_>>();
    let (styles, scripts) = (named("style"), named("script"));
    assert_eq!((styles.len(), scripts.len(), named("main").len(), named("h1").len()), (1, 1, 1, 1));
    let meta = named("meta");
    let policy = meta.iter().find(|tag| tag.get("http-equiv") == Some("Content-Security-Policy"));
    let policy = policy.and_then(|tag| tag.get("content")).unwrap().replace("&#39;", "'");
    let hash = |tag: &Tag| STANDARD.encode(Sha256::digest(tag.text.as_bytes()));
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{}';", hash(styles[0]))), "{policy}");
    assert!(policy.contains(&format!("script-src 'sha256-{}';", hash(scripts[0]))), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(meta.iter().any(|tag| tag.get("name") == Some("viewport")));

    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id twice: {ids:?}");
    for tag in &tags {
        let targets =
            tag.get("href").map(|link| &link[1..]).into_iter().chain(tag.get("aria-labelledby"));
        for target in targets {
            assert!(ids.contains(&target), "{tag:?} leads nowhere");
        }
        assert!(tag.name != "th" || tag.get("scope").is_some(), "{tag:?}");
        assert!(tag.name != "img" || tag.get("alt").is_some_and(|alt| !alt.is_empty()), "{tag:?}");
    }
    let mut level = 0;
    for heading in tags.iter().filter_map(|tag| tag.name.strip_prefix('h')?.parse::<u32>().ok()) {
        assert!(heading <= level + 1, "h{heading} follows h{level}");
        level = heading;
    }
    // Every opened tag is closed, in the right order.
    let void = ["!doctype", "meta", "img"];
    let mut open: Vec<&str> = Vec::new();
    for tag in &tags {
        match tag.name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{open:?}"),
            None if void.contains(&tag.name.as_str()) => {}
            None if ["style", "script"].contains(&tag.name.as_str()) => {}
            None => open.push(&tag.name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    tags
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// A world with the example session.
fn with_clock() -> World {
    let world = World::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/analog-clock");
    copy(&from, &world.file("sessions/analog-clock"));
    world
}

#[test]
fn a_report_is_one_page_with_plan_versions_and_conversations() {
    let world = with_clock();
    let out = world.run(&["report"]).expect(0);
    assert!(out.out.contains("analog-clock.html"), "{}", out.out);
    let page = world.read("analog-clock.html");
    let tags = is_sound(&page);
    for words in [
        "Show the time on an analog clock face",
        "<strong>R2</strong> Draw an hour, a minute and a second hand.",
        "&#39;Namespace&#39; object has no attribute &#39;one&#39;",
        "(90, 0, 0)",
        "the circle has no hour marks",
        "accepted",
        "chats/0002-coder.md",
        "You are the Coder.",
        "<del>",
        "<ins>",
        "<span class=\"k\">import</span>",
        "not met, says the Reviewer",
    ] {
        assert!(page.contains(words), "no `{words}`");
    }
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    assert_eq!(count("img"), 2, "a window of v3 and one of v4");
    let scripts: Vec<&str> = tags
        .iter()
        .filter_map(|tag| tag.get("id").filter(|id| id.starts_with("script-")))
        .collect();
    assert_eq!(scripts, ["script-4", "script-3", "script-2", "script-1"]);
    let selected: Vec<&str> = tags
        .iter()
        .filter(|tag| tag.get("selected").is_some())
        .filter_map(|tag| tag.get("data-name"))
        .collect();
    assert_eq!(selected, ["v3", "v4"]);
}

#[test]
fn a_report_overwrites_only_with_yes_and_names_its_file() {
    let world = with_clock();
    world.write("analog-clock.html", "mine");
    let refused = world.run(&["report", "analog-clock"]).expect(2);
    assert!(refused.err.contains("`--yes` overwrites it"), "{}", refused.err);
    assert_eq!(world.read("analog-clock.html"), "mine");
    world.run(&["report", "analog-clock", "--yes"]).expect(0);
    is_sound(&world.read("analog-clock.html"));

    let told = world.run(&["report", "-o", "a.html", "--json"]).expect(0).json();
    let page = world.read("a.html");
    let told_of = json!({ "session": "analog-clock", "format": "html", "file": "a.html", "bytes": page.len() });
    assert_eq!(told, [told_of]);
    let printed = world.run(&["report", "-o", "-"]).expect(0);
    assert_eq!((printed.out, printed.err.as_str()), (page.clone(), ""));
    let value = world.run(&["report", "-o", "-", "--json"]).expect(0).json().remove(0);
    assert_eq!(value["report"], page);
    assert!(!world.file("-").exists());

    world.run(&["report", "--format", "md"]).expect(0);
    let text = world.read("analog-clock.md");
    for words in [
        "# analog-clock\n",
        "| v3 | review |",
        "- F1 (blocker, settled): the circle has no hour marks",
        "```python\n",
        "| R4 |",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
}

#[test]
fn report_refuses_a_session_with_the_same_error_as_show() {
    let world = with_clock();
    let journal = "sessions/analog-clock/journal.jsonl";
    let before = world.read(journal);
    for (change, code, words) in [
        (before.replacen("\"seq\":9", "\"seq\":90", 1), 5, "damaged"),
        (before.replacen("\"format\":1", "\"format\":2", 1), 0, "analog-clock.html"),
    ] {
        world.write(journal, &change);
        let said = world.run(&["report"]).expect(code);
        assert!((said.out.clone() + &said.err).contains(words), "{} {}", said.out, said.err);
        let shown = world.run(&["show"]).expect(code);
        assert!(code == 0 || shown.err == said.err, "{}\n{}", shown.err, said.err);
    }
    assert!(world.read("analog-clock.html").contains("Format 2: newer than this program"));
    for (args, words) in [
        (["report", "nobody"], "nobody"),
        (["report", "analog-clock:v2"], "takes a session, not a version"),
    ] {
        assert!(world.run(&args).expect(2).err.contains(words), "{args:?}");
    }
}

#[test]
fn text_of_users_and_models_is_escaped_in_a_report() {
    let evil =
        "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\"'`{{7*7}}";
    let script = format!(
        "# {evil}\nlong = '{}'\nprint({})\nprint('x' * 1_000_000)\nopen('<b>.png', 'w').write('<svg onload=alert(3)>')\n",
        "y".repeat(400_000),
        json!(evil)
    );
    let plan = format!(
        "A page. {evil}\nR1: It shows {evil}. Check: read it.\nR2: It counts. Check: read it.\n"
    );
    let review = format!(
        "R1: not met\nR2: met\n- [blocker] R1 \"# </pre></script>\" it shows {evil}\nVERDICT: ITERATE\n"
    );
    let world = World::scripted(&[&plan], &[&fenced(&script)], &[&review]);
    let args = ["new", evil, "--name", "x", "--sandbox", "off"];
    world.run_with(&args, &format!("approve\nfeedback: {evil}\n")).expect(3);
    world.run(&["report", "x"]).expect(0);
    let page = world.read("x.html");
    let tags = is_sound(&page);
    assert!(!page.contains('\u{202e}') && page.contains("\\u{202e}"));
    assert!(page.contains("{{7*7}}") && page.len() < 1 << 20, "{} bytes", page.len());
    assert!(
        page.contains("run_v1/files/") && page.contains("it is no PNG"),
        "a picture that is none"
    );
    assert!(!tags.iter().any(|tag| tag.name == "img"));

    world.run(&["report", "x", "--format", "md"]).expect(0);
    let text = world.read("x.md");
    let mut fence = None::<&str>;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = Some(&line[..ticks]),
            Some(open) if line.trim_end() == open => fence = None,
            None => assert!(!line.replace("\\<", "").contains('<'), "{line}"),
            Some(_) => {}
        }
    }
    assert_eq!(fence, None);
}

/// Extends a session with one version to several, by repeating the first version's events in the
/// journal.
fn of_many(world: &World, session: &str, versions: u32) {
    let journal = format!("sessions/{session}/journal.jsonl");
    let text = world.read(&journal);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap().clone();
    let (created, reviewed) = (of("version_created"), of("reviewed"));
    let end = lines.iter().position(|line| line["event"] == "reviewed").unwrap();
    let mut text: String =
        text.lines().take(end + 1).fold(String::new(), |t, line| t + line + "\n");
    let mut seq = end + 1;
    for number in 2..=versions {
        let script = format!("{}print({number})\n", "total = 1  # one\n".repeat(300));
        let file = format!("script_v{number}.py");
        let (mut version, mut review) = (created.clone(), reviewed.clone());
        version.as_object_mut().unwrap().remove("call");
        version["cause"] = json!("review");
        version["base"] = json!(number - 1);
        version["sha256"] = json!(redraft::files::hash(script.as_bytes()));
        version["bytes"] = json!(script.len());
        version["file"] = json!(file);
        world.write(&format!("sessions/{session}/{file}"), &script);
        version["script"] = json!(script);
        let review_file = format!("review_v{number}.md");
        world.write(
            &format!("sessions/{session}/{review_file}"),
            &world.read(&format!("sessions/{session}/review_v1.md")),
        );
        review["file"] = json!(review_file);
        for event in [&mut version, &mut review] {
            seq += 1;
            event["seq"] = json!(seq);
            event["version"] = json!(number);
            writeln!(text, "{event}").unwrap();
        }
    }
    world.write(&journal, &text);
}

#[test]
fn a_report_of_a_thousand_versions_lists_all_and_details_the_latest() {
    let world = World::scripted(&[PLAN], &[&fenced("print(1)")], &[ACCEPT]);
    world.run_with(&["new", "count", "--name", "x", "--no-run"], "approve\n").expect(3);
    of_many(&world, "x", 1000);
    world.run(&["report", "x"]).expect(0);
    let page = world.read("x.html");
    let tags = is_sound(&page);
    let scripts = tags.iter().filter(|tag| tag.get("class") == Some("script")).count();
    assert!((20..=30).contains(&scripts), "{scripts}");
    assert!(page.len() < 2 << 20, "{} bytes", page.len());
    let lines = tags.iter().filter(|tag| tag.get("class") == Some("v")).count();
    assert_eq!(lines, 1000);
    assert!(page.contains("redraft show x:vN"), "how the others are shown");
    assert!(page.contains("print(<span class=\"n\">1000</span>)"));
    assert!(!page.contains("print(<span class=\"n\">900</span>)"));
}
