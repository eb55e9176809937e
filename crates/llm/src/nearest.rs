//! Finds the names in a server's list of models that are most similar to a missing one.

use serde_json::Value;

/// Maximum number of suggestions.
const OFFERED: usize = 3;
/// Minimum similarity of a typing error.
const ALIKE: f64 = 0.7;

/// The names in a server's list of models, in any known format.
pub(super) fn names(list: &Value) -> Vec<&str> {
    let list = ["data", "models"].iter().find_map(|key| list[key].as_array()).or(list.as_array());
    let name = |model: &'_ Value| -> Option<_> {
        ["id", "name", "model"].iter().find(|key| model[**key].is_string()).copied()
    };
    list.into_iter()
        .flatten()
        .filter_map(|model| model[name(model)?].as_str())
        // Gemini's names have this prefix.
        .map(|name| name.strip_prefix("models/").unwrap_or(name))
        .collect()
}

/// The most similar other names, best first; all of them if there are only a few.
pub(super) fn nearest<'a>(asked: &str, names: &[&'a str]) -> Vec<&'a str> {
    // A server can refuse a model that is in its list.
    let names: Vec<&str> = names.iter().copied().filter(|name| *name != asked).collect();
    let asked = asked.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        let within = name.contains(&asked) || asked.contains(&name);
        strsim::jaro_winkler(&asked, &name) + if within { 1.0 } else { 0.0 }
    };
    let mut scored: Vec<(f64, &str)> = names.iter().map(|name| (score(name), *name)).collect();
    if names.len() > OFFERED {
        scored.retain(|(score, _)| *score >= ALIKE);
    }
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(OFFERED).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn model_names_are_read_from_each_server_s_list() {
        for list in [
            json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}),
            json!({"models": [{"name": "a", "model": "x"}, {"name": "b"}]}),
            json!({"models": [{"name": "models/a"}, {"name": "models/b"}]}),
            json!([{"id": "a"}, {"id": "b"}, 3]),
        ] {
            assert_eq!(names(&list), ["a", "b"], "{list}");
        }
        assert!(names(&json!({"ok": true})).is_empty());
    }

    #[test]
    fn a_misspelt_model_name_finds_the_nearest_one() {
        let names = ["gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "qwen2.5-coder:7b", "whisper"];
        for (asked, near) in [
            ("gtp-5", "gpt-5"),
            ("qwen2.5-coder", "qwen2.5-coder:7b"),
            ("Claude-Sonnet-4.5", "claude-sonnet-4-5"),
        ] {
            assert_eq!(nearest(asked, &names).first(), Some(&near), "{asked}");
        }
        assert!(nearest("zzz", &names).is_empty());
        assert_eq!(nearest("zzz", &["only"]), ["only"]);
        assert!(nearest("only", &["only"]).is_empty(), "the name itself is no news");
        assert_eq!(nearest("gpt-5", &names), ["gpt-5-mini"]);
    }
}
