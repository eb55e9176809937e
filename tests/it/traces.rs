//! Traces: the data sent to an OpenTelemetry collector, and that no command waits for it.

use crate::support::world::{ACCEPT, PLAN, World, fenced, finish, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A local collector that records what it receives.
struct Collector {
    address: String,
    /// The head and body of each request.
    received: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Collector {
    /// Starts a collector; `status` is its response, if it responds.
    fn start(status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
                }
                let head = head.to_ascii_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                kept.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
                match status {
                    Some(status) => {
                        let answer = format!(
                            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        );
                        reader.get_mut().write_all(answer.as_bytes()).unwrap();
                    }
                    None => silent.push(reader),
                }
            }
        });
        Self { address, received }
    }

    fn heads(&self) -> Vec<String> {
        self.received.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    /// All spans, ordered by end time.
    fn spans(&self) -> Vec<Value> {
        let received = self.received.lock().unwrap();
        let all = |body: &Value| {
            let scope = &body["resourceSpans"][0]["scopeSpans"][0];
            scope["spans"].as_array().unwrap().clone()
        };
        received.iter().flat_map(|(_, body)| all(body)).collect()
    }
}

fn attribute(span: &Value, key: &str) -> Value {
    let mut all = span["attributes"].as_array().unwrap().iter();
    all.find(|one| one["key"] == key).map_or(Value::Null, |one| {
        one["value"].as_object().unwrap().values().next().unwrap().clone()
    })
}

fn world() -> World {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')\nprint('two')")], &[ACCEPT]);
    world.write("more.yaml", "sandbox: { mode: 'off' }\ntraces: {}\n");
    world
}

const NEW: [&str; 7] = ["new", "count to two", "--name", "s", "--auto", "--config", "more.yaml"];

#[test]
fn model_calls_and_runs_are_exported_without_prompts() {
    let (world, collector) = (world(), Collector::start(Some("200 OK")));
    let mut command = world.command(&NEW);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20key");
    let out = finish(command, "").expect(0);
    assert!(!out.err.contains("traces"), "{}", out.err);
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    let expected = ["chat m", "chat m", "execute_tool python", "chat m", "invoke_workflow guided"];
    assert_eq!(names, expected);
    let agents: Vec<Value> = spans.iter().map(|s| attribute(s, "gen_ai.agent.name")).collect();
    assert_eq!(agents[..2], ["planner", "coder"].map(Value::from));
    for span in &spans {
        assert_eq!(attribute(span, "gen_ai.conversation.id"), "s");
        assert_eq!(span["traceId"], spans[0]["traceId"]);
        assert!(span["startTimeUnixNano"].as_str() <= span["endTimeUnixNano"].as_str());
    }
    assert_eq!(attribute(&spans[0], "gen_ai.provider.name"), "local");
    assert!(attribute(&spans[0], "gen_ai.usage.input_tokens").is_string());
    assert_eq!(attribute(&spans[2], "redraft.verdict"), "ok");
    assert_eq!(spans[0]["parentSpanId"], spans[4]["spanId"]);
    let heads = collector.heads();
    assert!(heads[0].starts_with("post /v1/traces http/1.1"), "{}", heads[0]);
    assert!(heads[0].contains("content-type: application/json"), "{}", heads[0]);
    assert!(heads[0].contains("api-key: a key"), "{}", heads[0]);
    let sent = format!("{spans:?}");
    assert!(!sent.contains("count to two") && !sent.contains("print("), "{sent}");
}

#[test]
fn prompts_and_answers_are_exported_if_configured() {
    let (world, collector) = (world(), Collector::start(Some("200 OK")));
    let traces = format!("traces: {{ endpoint: '{}/base/', prompts: true }}\n", collector.address);
    world.write("more.yaml", &traces);
    world.run(&[&NEW[..], &["--no-run"]].concat()).expect(0);
    assert!(collector.heads()[0].starts_with("post /base/v1/traces "));
    let spans = collector.spans();
    let asked = attribute(&spans[0], "gen_ai.input.messages");
    assert!(asked.as_str().unwrap().contains("count to two"), "{asked}");
    let answered = attribute(&spans[1], "gen_ai.output.messages");
    assert!(answered.as_str().unwrap().contains("print('one')"), "{answered}");
}

#[test]
fn a_failing_collector_costs_one_line_of_output_only() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (address, why) in [
        (format!("http://{nobody}"), "nobody answers"),
        (Collector::start(Some("503 No")).address, "it answers HTTP 503"),
        (Collector::start(None).address, "it did not answer in time"),
    ] {
        let world = world();
        let mut command = world.command(&NEW);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
        let out = finish(command, "").expect(0);
        let line = format!("traces: 5 of 5 spans did not reach {address}: {why}");
        assert_eq!(out.err.lines().filter(|l| l.contains("traces")).collect::<Vec<_>>(), [line]);
        assert!(out.out.contains("accepted v1"), "{}", out.out);
    }
    let world = world();
    world.write("more.yaml", "traces: { endpoint: 'collector:4318' }\n");
    assert!(world.run(&NEW).expect(2).err.contains("has to begin with http:// or https://"));
}

#[test]
fn traces_are_sent_only_if_the_user_enabled_them() {
    let collector = Collector::start(Some("200 OK"));
    // The environment variable alone, an untrusted folder, and OpenTelemetry's own switch.
    let untrusted = format!("traces: {{ endpoint: '{}' }}\n", collector.address);
    for (own, of_folder, variables) in [
        ("{}", "", &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str())][..]),
        ("{}", untrusted.as_str(), &[]),
        (
            "traces: {}",
            "",
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str()),
                ("OTEL_SDK_DISABLED", "true"),
            ],
        ),
    ] {
        let world = world();
        let models = world.read("redraft.yaml");
        world.write("more.yaml", &format!("{models}{own}\n").replace("{}\n", ""));
        world.write_untrusted("redraft.yaml", of_folder);
        let mut command = world.command(&[&NEW[..], &["--no-run"]].concat());
        command.envs(variables.iter().copied());
        let out = finish(command, "").expect(0);
        assert_eq!(out.err.contains("traces"), !of_folder.is_empty(), "{}", out.err);
    }
    assert_eq!(collector.heads().len(), 0);
}

#[test]
fn a_paused_session_ends_its_spans() {
    let (world, collector) = (world(), Collector::start(Some("200 OK")));
    let mut command = world.command(&["new", "count", "--name", "s", "--config", "more.yaml"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    finish(command, "").expect(3);
    wait_for(|| collector.spans().len() == 2);
    assert_eq!(collector.spans()[1]["name"], "invoke_workflow guided");
}
