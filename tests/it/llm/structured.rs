//! Answers constrained by a schema or started by a prefill: the request for each kind of server,
//! and the fallback for servers without support.

use super::*;
use serde_json::Value;

fn schema() -> Value {
    let verdict = json!({"type": "string", "enum": ["ACCEPT", "ITERATE"]});
    json!({"type": "object", "properties": {"verdict": verdict}, "required": ["verdict"],
        "additionalProperties": false})
}

#[test]
fn a_schema_is_sent_in_each_server_s_format() {
    for kind in KINDS {
        for structured in ["", ", structured: true", ", structured: false"] {
            let server = ModelServer::start(|request| Reply::to(request, TEXT));
            let connection = connection_to(kind, &server, &format!("retries: 0{structured}"));
            let able = kind != "completion";
            assert_eq!(connection.model.takes_schema(), able, "{kind}");
            // Whether a server enforces schemas is probed, unless the configuration says it.
            let known = match structured {
                "" => None,
                yes_or_no => Some(yes_or_no.ends_with("true")),
            };
            assert_eq!(connection.holds_to_schemas, known, "{kind}{structured}");
            assert_eq!(connection.is_held_to_schemas(), able && known == Some(true), "{kind}");
            if !able {
                continue;
            }
            let asked = Request { schema: Some(schema()), ..request() };
            ask_this(&connection, &asked).result.unwrap();
            let body = &server.received()[0].body;
            let named = json!({"name": "answer", "strict": true, "schema": schema()});
            let (told, form) = match kind {
                "openai" => {
                    (&body["response_format"], json!({"type": "json_schema", "json_schema": named}))
                }
                "responses" => {
                    let mut form = named;
                    form["type"] = "json_schema".into();
                    (&body["text"]["format"], form)
                }
                "anthropic" => (
                    &body["output_config"]["format"],
                    json!({"type": "json_schema", "schema": schema()}),
                ),
                "gemini" => {
                    let config = &body["generationConfig"];
                    assert_eq!(config["responseMimeType"], "application/json");
                    (&config["responseJsonSchema"], schema())
                }
                _ => (&body["format"], schema()),
            };
            assert_eq!(told, &form, "{kind}");
        }
    }
}

#[test]
fn a_model_that_refuses_schemas_is_asked_without_one() {
    for (kind, field, complaint) in [
        ("openai", "response_format", "'response_format' of type 'json_schema' is not supported"),
        ("anthropic", "output_config", "output_config: Extra inputs are not permitted"),
        ("gemini", "responseJsonSchema", "Unknown name \"responseJsonSchema\": Cannot find field."),
        ("responses", "text", "Invalid parameter: text.format of type 'json_schema'"),
        ("ollama", "format", "invalid JSON schema in format"),
    ] {
        let server = ModelServer::start(move |request| {
            let body = request.body.to_string();
            if body.contains("additionalProperties") {
                return Reply::refusal(400, complaint);
            }
            assert!(!body.contains(&format!("\"{field}\":{{")), "{body}");
            Reply::to(request, TEXT)
        });
        let connection = connection_to(kind, &server, "retries: 0, structured: true");
        let asked = Request { schema: Some(schema()), ..request() };
        let answer = ask_this(&connection, &asked).result.unwrap();
        assert_eq!((answer.text.as_str(), server.received().len()), (TEXT, 2), "{kind}");
        // The schema is not sent again.
        assert!(connection.model.refused_schema() && !connection.is_held_to_schemas(), "{kind}");
    }
}

#[test]
fn the_vendors_own_servers_are_known_to_honour_schemas() {
    for (kind, url, known) in [
        ("openai", "https://api.openai.com/v1", Some(true)),
        ("responses", "https://api.openai.com/v1", Some(true)),
        ("anthropic", "https://api.anthropic.com", Some(true)),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta", Some(true)),
        ("openai", "https://openrouter.ai/api/v1", None),
        ("anthropic", "http://127.0.0.1:8080", None),
        ("ollama", "http://127.0.0.1:11434", None),
    ] {
        let connection = connection(kind, &format!("base_url: '{url}', api_key_env: K"));
        assert_eq!(connection.holds_to_schemas, known, "{kind} {url}");
    }
}

#[test]
fn a_prefill_is_part_of_a_raw_prompt_and_of_the_answer() {
    for kind in KINDS {
        let server = ModelServer::start(|request| Reply::to(request, TEXT));
        let connection = connection_to(kind, &server, "retries: 0");
        let takes_prefill = connection.model.takes_prefill();
        assert_eq!(takes_prefill, kind == "completion", "{kind}");
        if !takes_prefill {
            continue;
        }
        let mut asked = request();
        asked.messages.push(Message::assistant("```python\n", Vec::new()));
        let seen = ask_this(&connection, &asked);
        assert_eq!(seen.news[0], "begun ```python\n");
        assert!(seen.news[1..].iter().all(|news| news.starts_with("text ")), "{:?}", seen.news);
        assert_eq!(seen.result.unwrap().text, format!("```python\n{TEXT}"));
        let prompt = server.received()[0].body["prompt"].as_str().unwrap().to_owned();
        assert!(
            prompt.ends_with("a clock<|im_end|>\n<|im_start|>assistant\n```python\n"),
            "{prompt}"
        );
    }
}
