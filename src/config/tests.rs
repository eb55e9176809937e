#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and writes its fixtures itself"
)]

use super::*;
use crate::domain::chat::Usage;
use crate::llm::config::{Field, Kind};

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, "c.yaml").map_err(|error| error.to_string())
}

#[test]
fn a_full_example_configuration_is_read() {
    let config = parse(
        "model: ollama/qwen2.5-coder:7b\n\
         roles:\n  planner: { model: anthropic/claude-sonnet-4-5, temperature: 0 }\n  \
           reviewer: { model: local/reviewer }\n\
         providers:\n  local: { kind: openai, base_url: \"http://127.0.0.1:8000/v1\", \
           api_key_env: LOCAL_KEY, timeout: 120 }\n\
         limits: { max_versions: 7, budget_tokens: 500000, budget_usd: 2.0 }\n\
         sandbox: { mode: network, seconds: 5 }\n\
         install: never\nsafety: both\nsessions_dir: ./sessions\n\
         prices: { a/b: { input: 3, output: 15.5 } }\n",
    )
    .unwrap();
    assert_eq!(config.model_of(Role::Planner), Some("anthropic/claude-sonnet-4-5"));
    assert_eq!(config.model_of(Role::Coder), Some("ollama/qwen2.5-coder:7b"));
    assert_eq!(config.roles[&Role::Planner].temperature, Some(0.0));
    assert_eq!(config.providers["local"].kind, Some(Kind::Openai));
    assert_eq!(config.providers["local"].timeout, Some(120.0));
    assert_eq!(
        config.limits(Limits::default()),
        Limits {
            max_versions: 7,
            budget_tokens: Some(500_000),
            budget_usd: Some(2.0),
            ..Limits::default()
        }
    );
    assert_eq!(
        config.sandbox(),
        Sandbox { mode: SandboxMode::Network, seconds: 5, ..Sandbox::default() }
    );
    let used = Usage { prompt: 1_000_000, answer: 2_000_000, ..Usage::default() };
    assert!((config.prices["a/b"].of(used) - 34.0).abs() < 1e-9);
}

#[test]
fn every_configuration_in_the_guide_is_valid() {
    let guide = concat!(
        include_str!("../../docs/providers.md"),
        include_str!("../../docs/presets.md"),
        include_str!("../../docs/models.md"),
        include_str!("../../docs/tests.md"),
    );
    let blocks = guide.split("```yaml\n").skip(1).map(|b| b.split("\n```").next().unwrap());
    // Acceptance tests are in YAML too.
    let blocks: Vec<&str> = blocks.filter(|block| !block.starts_with("- ")).collect();
    assert!(!blocks.is_empty());
    for text in blocks {
        parse(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    }
}

#[test]
fn cached_tokens_cost_the_cached_price_if_one_is_set() {
    let used = Usage { prompt: 1_000_000, cached: 600_000, answer: 0, estimated: false };
    for (price, cost) in
        [("{input: 3, output: 1}", 3.0), ("{input: 3, output: 1, cached: 0.5}", 1.5)]
    {
        let config = parse(&format!("prices: {{a/b: {price}}}")).unwrap();
        assert!((config.prices["a/b"].of(used) - cost).abs() < 1e-9, "{price}");
    }
}

#[test]
fn an_empty_configuration_file_gives_the_defaults() {
    for text in ["", "# only a comment\n", "---\n", "roles:\nlimits:\nproviders:\nmodel:\n"] {
        assert_eq!(parse(text).unwrap(), Config::default(), "{text:?}");
    }
}

#[test]
fn a_configuration_mistake_is_reported_with_file_line_and_column() {
    for (text, words, place) in [
        ("modle: a/b\n", "unknown field `modle`", "line 1 column 1"),
        ("model: a/b\nmodel: c/d\n", "duplicate key `model`", "line 2 column 1"),
        ("model: [a]\n", "model: invalid type", "line 1 column 8"),
        ("roles:\n  poet: {}\n", "unknown variant `poet`", "line 2 column 3"),
        ("roles:\n  coder: {}\n  coder: {}\n", "duplicate key `coder`", "line 3 column 3"),
        ("providers:\n  a: {}\n  a: {}\n", "duplicate key `a`", "line 3 column 3"),
        ("prices:\n  a/b: {input: 1, output: 1}\n  a/b: {}\n", "duplicate key", "line 3 column 3"),
        ("prices:\n  a/b: {input: 1}\n", "missing field `output`", "line 2"),
        ("providers:\n  a: {kind: magic}\n", "unknown variant `magic`", "line 2 column 13"),
        ("providers:\n  a: {key: x}\n", "unknown field `key`", "line 2 column 7"),
        (
            "providers:\n  a: {timeout: 0}\n",
            "expected a number from 0.001 to 86400",
            "line 2 column 16",
        ),
        ("providers:\n  a: {command: 'x \"y'}\n", "is not closed", "line 2 column 16"),
        ("providers:\n  a: {command: []}\n", "is empty", "line 2"),
        (
            "limits: {max_versions: 0}\n",
            "expected a whole number of at least 1",
            "line 1 column 24",
        ),
        ("limits: {max_versions: -1}\n", "limits.max_versions: invalid", "line 1 column 24"),
        ("limits: {repairs: some}\n", "expected a whole number of at least 0", "line 1 column 19"),
        ("sandbox:\n  seconds: 1\n  seconds: 2\n", "duplicate key `seconds`", "line 3 column 3"),
        ("just words\n", "expected a map of settings", "line 1 column 1"),
        ("limits: 3\n", "limits: invalid type: integer `3`", "line 1 column 9"),
        ("limits: {budget_usd: .nan}\n", "expected a number from 0", "line 1 column 22"),
        ("roles: {coder: {temperature: 3}}\n", "expected a number from 0 to 2", "line 1 column 30"),
        ("sandbox: {mode: loose}\n", "unknown variant `loose`", "line 1 column 17"),
        ("install: yes please\n", "unknown variant", "line 1 column 10"),
        ("model: \"a\n", "found unexpected end of stream", "line"),
        ("model: a/b\n---\nmodel: c/d\n", "more than one document", ""),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.starts_with("`c.yaml` "), "{error}");
        assert!(error.contains(words) && error.contains(place), "{text:?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_command_is_a_string_or_a_list() {
    for text in ["python3 'my model.py' -x", "[python3, my model.py, -x]"] {
        let config = parse(&format!("providers: {{p: {{command: {text}}}}}"))
            .or_else(|_| parse(&format!("providers: {{p: {{command: \"{text}\"}}}}")))
            .unwrap();
        let words = config.providers["p"].command.as_deref().unwrap();
        assert_eq!(words, ["python3", "my model.py", "-x"]);
    }
}

#[test]
fn each_field_of_a_raw_prompt_endpoint_can_be_set_and_overridden() {
    let mut config = parse(
        "providers:\n  raw:\n    kind: completion\n    base_url: http://h/completion\n    \
         template: llama3\n    stop: ['###']\n    \
         fields: { max_tokens: n_predict, answer: content }\n    extra: { seed: 1, top_k: 40 }\n",
    )
    .unwrap();
    config.merge(
        parse("providers: {raw: {fields: {answer: /text, model: ''}, extra: {seed: 2}}}").unwrap(),
    );
    let raw = &config.providers["raw"];
    assert_eq!((raw.kind, raw.template.as_deref()), (Some(Kind::Completion), Some("llama3")));
    assert_eq!(raw.stop.as_deref(), Some(&["###".to_owned()][..]));
    let field = |field| raw.fields.get(&field).map(String::as_str);
    assert_eq!(
        [Field::MaxTokens, Field::Answer, Field::Model, Field::Prompt].map(field),
        [Some("n_predict"), Some("/text"), Some(""), None]
    );
    assert_eq!((&raw.extra["seed"], &raw.extra["top_k"]), (&2.into(), &40.into()));
    for text in ["fields: {prmpt: x}", "stop: 3", "extra: [1]", "fields: {answer: [x]}"] {
        let error = parse(&format!("providers: {{p: {{{text}}}}}")).expect_err(text);
        assert!(error.contains("line 1"), "{text}: {error}");
    }
}

#[test]
fn a_later_configuration_file_overrides_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let [user, here, given] =
        ["user.yaml", "redraft.yaml", "given.yaml"].map(|f| folder.path().join(f));
    std::fs::write(
        &user,
        "model: a/one\nroles: {coder: {model: a/two, temperature: 0.5}}\n\
         providers: {p: {kind: openai, base_url: http://one, timeout: 5}}\n\
         limits: {repairs: 1, max_versions: 2}\nprices: {a/b: {input: 1, output: 1}}\n",
    )
    .unwrap();
    std::fs::write(
        &given,
        "model: a/three\nroles: {coder: {temperature: 0.7}, reviewer: {model: a/four}}\n\
         providers: {p: {base_url: http://two}}\nlimits: {repairs: 9}\n\
         prices: {c/d: {input: 2, output: 2}}\n",
    )
    .unwrap();

    assert!(ConfigFile::of_folder(&here).unwrap().is_none());
    let mut config = ConfigFile::read(&user).unwrap().config;
    config.merge(ConfigFile::read(&given).unwrap().config);

    assert_eq!(config.model.as_deref(), Some("a/three"));
    let coder = &config.roles[&Role::Coder];
    assert_eq!((coder.model.as_deref(), coder.temperature), (Some("a/two"), Some(0.7)));
    assert_eq!(config.model_of(Role::Reviewer), Some("a/four"));
    let provider = &config.providers["p"];
    assert_eq!(provider.base_url.as_deref(), Some("http://two"));
    assert_eq!((provider.kind, provider.timeout), (Some(Kind::Openai), Some(5.0)));
    assert_eq!(
        (config.limits(Limits::default()).repairs, config.limits(Limits::default()).max_versions),
        (9, 2)
    );
    assert_eq!(config.prices.len(), 2);

    let missing = ConfigFile::read(&here).expect_err("a file that was asked for");
    assert!(missing.to_string().contains("redraft.yaml"), "{missing}");
    for read in [ConfigFile::read(folder.path()).map(Some), ConfigFile::of_folder(folder.path())] {
        let error = read.expect_err("a folder");
        assert!(matches!(error, ConfigError::Read { .. }), "{error}");
    }
}
