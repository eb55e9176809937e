//! Whether a server constrains answers to a JSON schema: determined once by a probe and used from
//! then on.

use crate::support::model_server::{ModelServer, Received, Reply};
use crate::support::world::{ACCEPT, Asking, Output, PLAN, World, agent, fenced};
use serde_json::{Value, json};

/// The kinds of servers that accept a schema.
const KINDS: [&str; 5] = ["openai", "responses", "anthropic", "gemini", "ollama"];

/// What a server does with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Obeys,
    Ignores,
    Refuses,
    /// Obeys a short schema and refuses that of a review.
    RefusesLong,
}

/// The schema in a request, wherever its format has it.
fn schema(request: &Received) -> Option<&Value> {
    let body = &request.body;
    [
        &body["response_format"]["json_schema"]["schema"],
        &body["text"]["format"]["schema"],
        &body["output_config"]["format"]["schema"],
        &body["generationConfig"]["responseJsonSchema"],
        &body["format"],
    ]
    .into_iter()
    .find(|schema| schema.is_object())
}

/// Whether the request only probes the server.
fn tries(request: &Received) -> bool {
    request.prompt().contains("what is a lighthouse for?")
}

fn reply(request: &Received, does: Does) -> Reply {
    if request.is_list() {
        return Reply::raw(404, "text/plain", ["no"]);
    }
    let form = schema(request);
    let long = form.is_some_and(|form| !form["properties"]["verdict"].is_null());
    if form.is_some() && (does == Does::Refuses || does == Does::RefusesLong && long) {
        return Reply::refusal(400, "this model takes no json_schema");
    }
    if tries(request) {
        let only = form.map_or(&Value::Null, |form| &form["properties"]["word"]["enum"][0]);
        let held = does == Does::Obeys || does == Does::RefusesLong;
        let text =
            if held { json!({ "word": only }).to_string() } else { "It guides ships.".into() };
        return Reply::to(request, &text);
    }
    // The other questions of a probe.
    if !request.prompt().starts_with("You are the ") {
        return Reply::to(request, "plum-4711");
    }
    let judged = json!([{"id": "R1", "status": "met"}, {"id": "R2", "status": "met"}]);
    let review = json!({"requirements": judged, "findings": [], "verdict": "ACCEPT"});
    let text = match agent(request) {
        Asking::Planner => PLAN.to_owned(),
        Asking::Coder => fenced("print('one')\nprint('two')"),
        Asking::Reviewer if request.prompt().contains("one JSON object") => review.to_string(),
        Asking::Reviewer => ACCEPT.to_owned(),
    };
    Reply::to(request, &text)
}

/// A world with such a server.
fn world(kind: &str, does: Does) -> (World, ModelServer) {
    let server = ModelServer::start(move |request| reply(request, does));
    let world = World::empty();
    world.write(
        "redraft.yaml",
        &format!(
            "model: local/m\nproviders:\n  local: {{ kind: {kind}, base_url: '{}', api_key_env: '', \
             retry_seconds: 0.001, timeout: 20 }}\n",
            server.base_url()
        ),
    );
    (world, server)
}

fn session(world: &World, name: &str, more: &[&str]) -> Output {
    let args = ["new", "count", "--name", name, "--auto", "--no-run"];
    world.run(&[&args[..], more].concat()).expect(0)
}

/// Probes the server and keeps only the result about schemas: a model with such answers would not
/// be used for reviews.
fn probe(world: &World) {
    world.run(&["models", "probe"]).expect(0);
    let profiles = world.file("home/.cache/redraft/profiles");
    for file in std::fs::read_dir(profiles).unwrap().map(|file| file.unwrap().path()) {
        if !file.to_str().unwrap().ends_with(".schema.yaml") {
            std::fs::remove_file(file).unwrap();
        }
    }
}

/// The number of probe requests from this one on, and whether each review had a schema.
fn seen(server: &ModelServer, from: usize) -> (usize, Vec<bool>) {
    let mut received = server.received().split_off(from);
    received.retain(|request| !request.is_list());
    let (tried, others): (Vec<_>, Vec<_>) = received.into_iter().partition(tries);
    assert!(tried.iter().all(|request| request.prompt().len() < 200));
    let reviews = others.iter().filter(|request| agent(request) == Asking::Reviewer);
    (tried.len(), reviews.map(|request| schema(request).is_some()).collect())
}

#[test]
fn a_schema_is_sent_only_to_servers_that_a_probe_found_to_obey_it() {
    for kind in KINDS {
        for (does, reviews) in [
            (Does::Obeys, &[true][..]),
            (Does::Ignores, &[false]),
            // Refused, then requested again without a schema.
            (Does::Refuses, &[false]),
        ] {
            let (world, server) = world(kind, does);
            // Requests may cost money: a session sends no probe of its own to a server that was not
            // probed.
            session(&world, "a", &[]);
            assert_eq!(seen(&server, 0), (0, vec![false]), "{kind} {does:?}");
            probe(&world);
            let before = server.received().len();
            session(&world, "b", &[]);
            assert_eq!(seen(&server, before), (0, reviews.to_vec()), "{kind} {does:?}");
            for name in ["a", "b"] {
                world.run(&["replay", name]).expect(0);
            }
        }
    }
}

#[test]
fn a_refused_schema_is_dropped_and_not_sent_again() {
    let (world, server) = world("openai", Does::RefusesLong);
    probe(&world);
    for (name, reviews) in [("a", &[true, false][..]), ("b", &[false])] {
        let before = server.received().len();
        session(&world, name, &[]);
        assert_eq!(seen(&server, before), (0, reviews.to_vec()), "{name}");
    }
}

#[test]
fn schema_support_is_not_probed_where_no_schema_would_be_sent() {
    world_is_quiet("openai", "structured: false", &[]);
    world_is_quiet("completion", "retries: 0", &[]);
    world_is_quiet("openai", "retries: 0", &["--preset", "quick"]);
    world_is_quiet("openai", "retries: 0", &["--config", "never.yaml"]);
}

/// Checks that a server with this setting is not probed and that reviews have no schema.
#[track_caller]
fn world_is_quiet(kind: &str, setting: &str, more: &[&str]) {
    let (world, server) = world(kind, Does::Obeys);
    let end = if kind == "completion" { "/v1/completions" } else { "" };
    let own =
        world.read("redraft.yaml").replace("', api_key", &format!("{end}', {setting}, api_key"));
    world.write("redraft.yaml", &own);
    world.write("never.yaml", "probe: never\n");
    session(&world, "a", more);
    let (tried, reviews) = seen(&server, 0);
    assert!(tried == 0 && reviews.iter().all(|held| !held), "{kind} {setting} {more:?}");
}

#[test]
fn a_probe_reports_whether_the_server_obeys_schemas() {
    for (does, words) in [
        (Does::Obeys, "its server holds answers to a schema"),
        (Does::Ignores, "its server does not hold answers to a schema"),
    ] {
        let server = ModelServer::start(move |request| match () {
            () if tries(request) || request.is_list() => reply(request, does),
            () => Reply::to(request, "plum-4711"),
        });
        let world = World::empty();
        let url = server.base_url();
        let provider = format!("{{ kind: openai, base_url: '{url}/v1' }}");
        world.write(
            "redraft.yaml",
            &format!("model: local/m\nproviders: {{ local: {provider} }}\n"),
        );
        let out = world.run(&["models", "probe"]).expect(0).out;
        assert!(out.contains(words), "{out}");
        let found = world.run(&["models", "probe", "--json"]).expect(0).json().remove(0);
        assert_eq!(found["holds_to_schemas"], does == Does::Obeys, "{found}");
    }
}
