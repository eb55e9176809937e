//! Questions answered by running code, through the real program: whatever the model does, each
//! question ends with an answer or an explanation.

use crate::support::model_server::{Format, ModelServer, Received, Reply};
use crate::support::world::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A scripted answer of the model.
#[derive(Clone, Debug)]
enum Say {
    /// A text.
    Text(&'static str),
    /// This code: as a tool call if the format has tools, else in a fenced block.
    Code(&'static str),
    /// A tool call with these raw arguments.
    Call(&'static str),
    /// A text that was cut off at the token limit.
    Cut(&'static str),
}
use Say::{Call, Code, Cut, Text};

/// The wire formats under test: two with tools, one without.
const KINDS: [&str; 3] = ["openai", "anthropic", "completion"];

fn reply(request: &Received, say: &Say) -> Reply {
    match say {
        Text(text) => Reply::to(request, text),
        Cut(text) => cut(request, text),
        Call(arguments) => call(request, arguments),
        Code(code) if request.format() == Some(Format::Completion) => {
            Reply::to(request, &format!("Let me see.\n```python\n{code}\n```\nOutput: 7\n"))
        }
        Code(code) => call(request, &json!({"code": code}).to_string()),
    }
}

fn events(request: &Received, events: &[Value]) -> Reply {
    Reply::raw(200, request.stream_type(), events.iter().map(|event| request.event(event)))
}

fn call(request: &Received, arguments: &str) -> Reply {
    let id = format!("c{}", request.number);
    match request.format() {
        Some(Format::Anthropic) => events(
            request,
            &[
                json!({"type": "content_block_start", "index": 0,
                    "content_block": {"type": "tool_use", "id": id, "name": "run_python", "input": {}}}),
                json!({"type": "content_block_delta", "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": arguments}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
                json!({"type": "message_stop"}),
            ],
        ),
        _ => events(
            request,
            &[
                json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": id,
                    "function": {"name": "run_python", "arguments": arguments}}]}}]}),
                json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
            ],
        ),
    }
}

fn cut(request: &Received, text: &str) -> Reply {
    match request.format() {
        Some(Format::Anthropic) => events(
            request,
            &[
                json!({"type": "content_block_delta", "index": 0,
                    "delta": {"type": "text_delta", "text": text}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}),
                json!({"type": "message_stop"}),
            ],
        ),
        Some(Format::Completion) => {
            events(request, &[json!({"choices": [{"text": text, "finish_reason": "length"}]})])
        }
        _ => events(
            request,
            &[json!({"choices": [{"delta": {"content": text}, "finish_reason": "length"}]})],
        ),
    }
}

/// A tool call in the formats that send arguments as complete objects.
fn called_whole(request: &Received, code: &str) -> Reply {
    let arguments = json!({"code": code});
    match request.format() {
        Some(Format::Gemini) => events(
            request,
            &[json!({"candidates": [{"finishReason": "STOP", "content": {"parts":
                [{"functionCall": {"name": "run_python", "args": arguments}}]}}]})],
        ),
        Some(Format::Ollama) => events(
            request,
            &[
                json!({"message": {"content": "", "tool_calls": [{"function":
                    {"name": "run_python", "arguments": arguments}}]}, "done": false}),
                json!({"message": {"content": ""}, "done": true, "done_reason": "stop"}),
            ],
        ),
        _ => events(
            request,
            &[
                json!({"type": "response.output_item.done", "item": {"type": "function_call",
                    "call_id": "c1", "name": "run_python", "arguments": arguments.to_string()}}),
                json!({"type": "response.completed", "response": {}}),
            ],
        ),
    }
}

/// A world whose model uses this format and gives these answers in order; the last one repeats.
fn world(kind: &str, says: &[Say]) -> (World, Arc<ModelServer>) {
    let (says, at) = (says.to_vec(), AtomicUsize::new(0));
    world_of(kind, move |request| {
        let at = at.fetch_add(1, Ordering::SeqCst).min(says.len() - 1);
        reply(request, &says[at])
    })
}

fn world_of(
    kind: &str,
    replies: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> (World, Arc<ModelServer>) {
    let server = Arc::new(ModelServer::start(replies));
    let end = match kind {
        "completion" => "/v1/completions",
        "openai" => "/v1",
        _ => "",
    };
    let world = World::empty();
    world.write(
        "redraft.yaml",
        &format!(
            "model: local/m\nsandbox: {{ seconds: 2 }}\nproviders:\n  local: {{ kind: {kind}, \
             base_url: '{}{end}', api_key_env: '', retry_seconds: 0.001, timeout: 20 }}\n",
            server.base_url()
        ),
    );
    (world, server)
}

/// The last message of each request; for a raw prompt, the text after the last marker of a user
/// turn.
fn told(server: &ModelServer) -> Vec<String> {
    let last = |request: &Received| {
        let body = &request.body;
        let Some(messages) = body["messages"].as_array() else {
            let prompt = body["prompt"].as_str().unwrap();
            return prompt.rsplit("<|im_start|>user").next().unwrap().to_owned();
        };
        let content = &messages.last().unwrap()["content"];
        let text = content.as_str().or(content[0]["content"].as_str());
        text.map_or_else(|| content.to_string(), str::to_owned)
    };
    server.received().iter().map(last).collect()
}

/// Fails unless some message to the model contained these words, and none was too long.
#[track_caller]
fn expect_told(server: &ModelServer, words: &str, what: &str) {
    let told = told(server);
    assert!(told.iter().any(|told| told.contains(words)), "{words}\n{told:#?}\n{what}");
    assert!(told.iter().all(|told| told.len() < 4000), "{told:#?}\n{what}");
}

fn runs(world: &World) -> usize {
    world.events("s").iter().filter(|event| *event == "run_started").count()
}

/// A model's answers and the expected result.
struct Case {
    says: Vec<Say>,
    code: i32,
    /// The complete standard output.
    answer: String,
    /// A part of standard error.
    beside: &'static str,
    /// A part of the last message of some request.
    told: &'static str,
    /// The number of runs.
    runs: usize,
    /// The number of requests.
    asked: usize,
}

fn case(says: &[Say], runs: usize, asked: usize) -> Case {
    let (beside, told, answer) = ("", "", String::new());
    Case { says: says.to_vec(), code: 0, answer, beside, told, runs, asked }
}

impl Case {
    fn answer(self, answer: &str) -> Self {
        Self { answer: format!("{answer}\n"), ..self }
    }

    fn no_answer(self, code: i32) -> Self {
        Self { code, ..self }
    }

    fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }

    fn told(self, told: &'static str) -> Self {
        Self { told, ..self }
    }

    #[track_caller]
    fn check(&self, kind: &str) {
        let (world, server) = world(kind, &self.says);
        let out = world.run(&ASK).expect(self.code);
        let what = format!("{kind} {:?}\n{}\n{}", self.says, out.out, out.err);
        assert_eq!(out.out, self.answer, "{what}");
        assert!(out.err.contains(self.beside), "{what}");
        assert_eq!(out.last_line(), LAST, "{what}");
        expect_told(&server, self.told, &what);
        assert_eq!((runs(&world), server.received().len()), (self.runs, self.asked), "{what}");
        let again = world.run(&["replay", "s"]).expect(0);
        assert!(again.out.contains("no difference"), "{}\n{what}", again.out);
    }
}

const ASK: [&str; 4] = ["ask", "what is six times seven?", "--name", "s"];
const LAST: &str = "resume with: redraft resume s";
const WORK: &str = "print(6 * 7)";

#[test]
fn every_question_ends_with_an_answer_or_a_reason() {
    let net = "import socket\nsocket.create_connection(('example.org', 80))";
    let loud = "print('spam ' * 1_000_000)";
    let fenced = "```python\nprint(6 * 7)\n```\n";
    let no_answer = "The model gave no answer in words.";
    for case in [
        case(&[Code(WORK), Text("It is 42.")], 1, 2)
            .answer("It is 42.")
            .told("It ran. Its output:\n```\n42\n```"),
        // An answer from memory, repeated when the model is asked for code.
        case(&[Text("It is 42."), Text("42.")], 0, 2)
            .answer("42.")
            .beside("No code was run for this answer.")
            .told("No code was run for this."),
        // Code that cannot work.
        case(&[Code("print((6 * 7)"), Text("Sorry.")], 0, 3).answer("Sorry.").told("not parse"),
        case(&[Code("print(y * 2)"), Text("Sorry.")], 0, 3)
            .answer("Sorry.")
            .told("what earlier code defined is gone"),
        case(&[Code("n = int(input('n? '))\nprint(n)"), Text("Sorry.")], 1, 3)
            .answer("Sorry.")
            .beside("No code for this answer ran without an error.")
            .told("EOFError"),
        case(&[Code("while True:\n    pass"), Text("It has no end.")], 1, 3)
            .answer("It has no end.")
            .told("The run: timeout"),
        case(&[Code(loud), Text("Much.")], 1, 2).answer("Much.").told("bytes left out"),
        case(&[Code("x = 6 * 7"), Code(WORK), Text("42.")], 2, 3).answer("42.").told("42"),
        case(&[Code("x = 6 * 7"), Text("Sorry.")], 1, 2)
            .answer("Sorry.")
            .told("printed nothing. Use print()"),
        case(&[Code(net), Text("No network.")], 0, 3)
            .answer("No network.")
            .told("It was not run: it was not allowed to reach the whole network"),
        // Code that only installs a package, and a model that gives up too early.
        case(&[Text("```python\n!pip install pandas\n```"), Code(WORK), Text("42.")], 1, 3)
            .answer("42.")
            .told("Code can't install packages."),
        case(&[Code("print(1 / 0)"), Text("Install it."), Code(WORK), Text("42.")], 2, 4)
            .answer("42.")
            .told("No program ran without an error yet."),
        // The same code again, once and without end.
        case(&[Code(WORK), Code("print(6 * 7)  \n"), Text("42.")], 1, 3)
            .answer("42.")
            .told("It was not run again: it is the same code"),
        case(&[Code(WORK)], 1, 5)
            .no_answer(3)
            .beside("What its code printed last (v1):\n\n  42\n")
            .told("No more code can be run."),
        // Code in the final answer; a server that ignores tools.
        case(&[Text(fenced), Text("It is 42:\n```python\nprint(6 * 7)\n```")], 1, 2)
            .answer("It is 42:")
            .told("It ran."),
        // Answers that are cut off, empty, or contain reasoning.
        case(&[Cut("It is, it is"), Code(WORK), Text("42.")], 1, 3).answer("42.").told("It ran."),
        case(&[Cut("")], 0, 4).no_answer(3).beside(no_answer).told("No more code can be run."),
        case(&[Text("")], 0, 4).no_answer(4).beside("the answer is empty"),
        case(
            &[
                Text("<think>Run it.</think>\n```python\nprint(6 * 7)\n```"),
                Text("<think>Done.</think>It is 42."),
            ],
            1,
            2,
        )
        .answer("It is 42.")
        .told("It ran."),
    ] {
        for kind in KINDS {
            case.check(kind);
        }
    }
}

#[test]
fn a_malformed_tool_call_is_run_or_answered_with_the_reason() {
    let usual = "print(6 * 7)";
    for (arguments, told, code) in [
        (r#"{"source": "print(6 * 7)"}"#, "It ran.", usual),
        (r#"{"anything": "print(6 * 7)"}"#, "It ran.", usual),
        (r#"{"code": "```python\nprint(6 * 7)\n```"}"#, "It ran.", usual),
        ("print(6 * 7)", "It ran.", usual),
        ("\"print(6 * 7)\"", "It ran.", usual),
        (r#"{"code": "print(6 * 7"#, "does not parse", ""),
        (r#"{"cod": 7}"#, "called without code", ""),
        ("{}", "called without code", ""),
        ("[1]", "called without code", ""),
        (r#"{"code": " "}"#, "called without code", ""),
    ] {
        for kind in &KINDS[..2] {
            let (world, server) = world(kind, &[Call(arguments), Text("42.")]);
            let out = world.run(&ASK).expect(0);
            assert_eq!(out.out, "42.\n", "{kind} {arguments}\n{}", out.err);
            expect_told(&server, told, arguments);
            // Whatever it was called with, the server is sent a call as it should be.
            let sent = server.received()[1].body["messages"].to_string();
            assert!(sent.contains("run_python") && sent.contains("code"), "{sent}");
            let script = std::fs::read_to_string(world.file("sessions/s/script_v1.py"));
            assert_eq!(script.unwrap_or_default().trim(), code, "{kind} {arguments}");
        }
    }
}

#[test]
fn a_tool_call_written_as_text_is_run_and_never_printed() {
    let code = "<tool_call>\n<function=run_python>\n<parameter=code>\nprint(6 * 7)\n</parameter>\n\
                </function>\n</tool_call>";
    let json = "{\"name\": \"run_python\", \"arguments\": {\"code\": \"print(6 * 7)\"}}";
    let python = "```tool_code\nrun_python(code='print(6 * 7)')\n```<end_of_turn>";
    let made_up = "Action: run_python\nAction Input: {\"code\": \"print(6 * 7)\"}\nObservation: 41\n\
                   Final Answer: 41";
    for text in [code, json, python, made_up] {
        for (before, runs) in [(None, 1), (Some(Code("print(20)")), 2)] {
            let says: Vec<Say> =
                before.into_iter().chain([Text(text), Text("It is 42.")]).collect();
            for kind in &KINDS[..2] {
                case(&says, runs, runs + 1).answer("It is 42.").told("It ran.").check(kind);
            }
        }
    }
    let search =
        "<tool_call>{\"name\": \"search\", \"arguments\": {\"query\": \"6 * 7\"}}</tool_call>";
    for kind in &KINDS[..2] {
        case(&[Text(search), Code(WORK), Text("It is 42.<|im_end|>\n<|im_start|>user\nNo.")], 1, 3)
            .answer("It is 42.")
            .told("Nothing was run: there is no tool `search`. The only tool is run_python")
            .check(kind);
    }
}

#[test]
fn responses_gemini_and_ollama_call_the_tool_and_get_its_result() {
    for kind in ["responses", "gemini", "ollama"] {
        let (world, server) = world_of(kind, |request| match request.number {
            0 => called_whole(request, WORK),
            _ => Reply::to(request, "It is 42."),
        });
        let out = world.run(&ASK).expect(0);
        assert_eq!(out.out, "It is 42.\n", "{kind}\n{}", out.err);
        let told = server.received()[1].body.to_string();
        assert!(told.contains("It ran. Its output:"), "{kind}: {told}");
    }
}

#[test]
fn several_calls_in_one_answer_run_in_order_and_each_is_answered() {
    let (world, server) = world_of("openai", |request| {
        if request.number > 0 {
            return Reply::to(request, "Done.");
        }
        let call = |n: usize, code: &str| {
            json!({"index": n, "id": format!("c{n}"), "function":
                {"name": "run_python", "arguments": json!({"code": code}).to_string()}})
        };
        let write = "open('a.txt', 'w').write('seen')";
        let calls = [
            call(0, write),
            call(1, "print(open('a.txt').read())"),
            call(2, write),
            call(3, "print(1)"),
            call(4, "print(2)"),
        ];
        let event = json!({"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "stop"}]});
        events(request, &[event])
    });
    world.run(&[&ASK[..], &["--steps", "3"]].concat()).expect(0);
    let messages = server.received()[1].body["messages"].clone();
    let told: Vec<&str> = messages
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["role"] == "tool")
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 5, "{messages}");
    for (told, words) in
        told.iter().zip(["printed nothing", "seen", "again", "It ran.", "limit of runs"])
    {
        assert!(told.contains(words), "{told}: {words}");
    }
    assert!(told[4].contains("No more code can be run."), "{}", told[4]);
    assert_eq!(runs(&world), 3);
}

#[test]
fn a_model_that_keeps_writing_code_is_stopped_at_the_step_limit() {
    for (last, code, answer) in [("It is 42.", 0, "It is 42.\n"), ("", 3, "")] {
        for kind in KINDS {
            let (world, server) = world_of(kind, move |request| {
                let n = request.number;
                if n == 2 && !last.is_empty() {
                    return Reply::to(request, last);
                }
                let code: &'static str = ["print(1)", "print(2)", "print(3)"][n % 3];
                reply(request, &Code(code))
            });
            let out = world.run(&[&ASK[..], &["--steps", "2"]].concat()).expect(code);
            assert_eq!((out.out.as_str(), runs(&world)), (answer, 2), "{kind}\n{}", out.err);
            assert_eq!(server.received().len(), 3, "{kind}");
            expect_told(&server, "No more code can be run.", kind);
        }
    }
}

#[test]
fn each_input_line_is_a_question_and_earlier_ones_are_remembered() {
    let (world, server) = world_of("openai", |request| {
        let body = request.body["messages"].to_string();
        let told = |words: &str| body.contains(words);
        match (told("\"tool\""), told("second")) {
            (false, false) => {
                reply(request, &Code("open('x.txt', 'w').write('kept')\nprint('one')"))
            }
            (true, false) => Reply::to(request, "The first answer."),
            (false, true) => reply(request, &Code("print(open('x.txt').read())")),
            (true, true) => Reply::to(request, "The second answer."),
        }
    });
    let out =
        world.run_with(&["ask", "--name", "s"], "\nthe first?\n\nthe second?\nquit\nthird?\n");
    let out = out.expect(0);
    assert_eq!(out.out, "The first answer.\nThe second answer.\n", "{}", out.err);
    let third = &server.received()[2];
    let said: Vec<String> = third.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .skip(1)
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said[..2], ["the first?", "The first answer."]);
    assert!(said[2].contains("x.txt") && said[2].contains("the second?"), "{}", said[2]);
    expect_told(&server, "```\nkept\n```", "files stay");
    // Without a question, no session is created and no model is called.
    for input in ["", "\n\n", "quit\n"] {
        let out = world.run_with(&["ask", "--name", "t"], input).expect(2);
        assert!(out.err.contains("no question was asked"), "{}", out.err);
    }
    assert!(!world.file("sessions/t").exists());
    world.run(&["ask", "  "]).expect(2);
}

#[test]
fn an_ask_session_can_be_resumed_listed_shown_and_logged() {
    let (world, _server) = world("completion", &[Code(WORK), Text("It is 42.")]);
    world.run(&ASK).expect(0);
    let out = world.run_with(&["resume", "s"], "and again?\n").expect(0);
    assert_eq!(out.out, "It is 42.\n", "{}", out.err);
    let shown = world.run(&["show", "s"]).expect(0).out;
    for words in [
        "questions answered by running code",
        "Question 1: what is six times seven?",
        "v1, 1 line: ok",
        "Answer: It is 42.",
        "Question 2: and again?",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    let list = world.run(&["list"]).expect(0).out;
    assert!(list.contains("ask") && list.contains("answered"), "{list}");
    let list = &world.run(&["list", "--json"]).expect(0).json()[0];
    assert_eq!((&list[0]["kind"], &list[0]["status"]), (&json!("ask"), &json!("answered")));
    let shown = &world.run(&["show", "s", "--json"]).expect(0).json()[0];
    assert_eq!(shown["questions"][0]["answer"], "It is 42.");
    assert_eq!(shown["questions"][0]["runs"][0]["stdout"], "42\n");
    let log = world.run(&["log", "s"]).expect(0).out;
    for words in ["question asked", "replied", "question answered"] {
        assert!(log.contains(words), "{words}\n{log}");
    }
    assert!(world.read("sessions/s/answer_1.md").contains("It is 42."));
    assert!(world.read("sessions/s/chats/0001-engineer.md").contains("six times seven"));
    world.run(&["show", "s:v1"]).expect(0);
    // Commands that need a session with a script say so and change nothing.
    let before = world.read("sessions/s/journal.jsonl");
    for args in [
        &["feedback", "s", "too small"][..],
        &["edit", "s"],
        &["resume", "s", "--from", "v1"],
        &["resume", "s:v1"],
    ] {
        let out = world.run(args).expect(2);
        assert!(out.err.contains("answers questions"), "{args:?}: {}", out.err);
    }
    let yaml = world.read("sessions/s/session.yaml");
    world.write("sessions/s/session.yaml", &yaml.replace("preset: ask", "preset: guided"));
    let out = world.run(&["resume", "s"]).expect(2);
    assert!(out.err.contains("its `preset` can't become `guided`"), "{}", out.err);
    assert_eq!(world.read("sessions/s/journal.jsonl"), before);
}

#[test]
fn answers_are_json_lines_with_the_json_flag() {
    let (world, _server) = world("anthropic", &[Code(WORK), Text("It is 42.")]);
    let out = world.run_with(&["ask", "--json", "--name", "s"], "one?\ntwo?\n").expect(0);
    let lines = out.json();
    assert_eq!(lines.len(), 2, "{}", out.out);
    assert_eq!(lines[0]["question"], "one?");
    assert_eq!(lines[0]["answer"], "It is 42.");
    assert_eq!(lines[0]["runs"], json!([{"version": 1, "verdict": "ok"}]));
    assert_eq!(lines[1]["question"], "two?");
    assert_eq!(lines[1]["session"], "s");
    assert!(out.err.contains("It is 42."), "people's text goes to standard error");
    let from = world.events("s").len();
    let out = world.run_with(&["resume", "s", "--json"], "three?\n").expect(0);
    assert_eq!(out.json()[..], world.journal("s")[from..], "resume prints the events");
}

#[test]
fn code_reads_given_files_and_others_only_with_a_flag() {
    let code = "print(sum(int(line) for line in open('data/numbers.csv')))";
    let (world, server) = world("openai", &[Code(code), Text("It is 6.")]);
    world.write("numbers.csv", "1\n2\n3\n");
    world.run(&["ask", "what is the sum?", "--name", "s", "--data", "numbers.csv"]).expect(0);
    assert!(server.received()[0].prompt().contains("data/numbers.csv"));
    expect_told(&server, "```\n6\n```", "the data is read");
    assert_eq!(world.read("sessions/s/data/numbers.csv"), "1\n2\n3\n");
    let read = "print(len(open('/etc/hostname').read()) > 0)";
    for (allow, told) in [
        (&["--allow", "read=/etc/hostname"][..], "True"),
        (&[], "It was not run: it was not allowed to read /etc/hostname"),
    ] {
        let (world, server) = self::world("openai", &[Code(read), Text("So.")]);
        let args = [&["ask", "how long is /etc/hostname?", "--name", "s"], allow].concat();
        world.run(&args).expect(0);
        expect_told(&server, told, "words of a question open nothing");
    }
}

#[test]
fn a_budget_stops_before_the_next_call_and_can_be_raised() {
    let (world, server) = world("openai", &[Code(WORK), Text("It is 42.")]);
    let out = world.run(&[&ASK[..], &["--budget-tokens", "1"]].concat()).expect(3);
    assert!(out.err.contains("the budget would be passed"), "{}", out.err);
    assert_eq!((out.last_line(), server.received().len()), (LAST, 1));
    let out = world.run(&["resume", "s", "--budget-tokens", "100000"]).expect(0);
    assert_eq!(out.out, "It is 42.\n");
    assert_eq!(server.received().len(), 2, "what was answered is not asked again");
}

/// A model whose answers depend only on the prompt.
fn steady(request: &Received) -> Reply {
    let prompt = request.prompt();
    let results = prompt.matches("It ran.").count() + prompt.matches("The run:").count();
    let say = match (prompt.contains("second?"), results) {
        (false, 0) => Code("print(1 / 0)"),
        (false, 1) => Code(WORK),
        (false, _) => Text("It is 42."),
        (true, 0) => Code("print(7 * 6)"),
        (true, _) => Text("The same."),
    };
    reply(request, &say)
}

#[test]
fn after_a_kill_at_any_event_no_answer_is_paid_twice() {
    let (world, server) = world_of("completion", steady);
    world.run_with(&["ask", "--name", "s"], "what is six times seven?\nthe second?\n").expect(0);
    let journal = world.read("sessions/s/journal.jsonl");
    let lines: Vec<&str> = journal.lines().collect();
    let all = server.received().len();
    assert_eq!(all, 5);
    let asked = lines.iter().position(|line| line.contains("\"question_asked\"")).unwrap();
    for kept in 1..=lines.len() {
        std::fs::remove_dir_all(world.file("sessions/s")).unwrap();
        let part: String = lines[..kept].iter().flat_map(|line| [line, "\n"]).collect();
        world.write("sessions/s/journal.jsonl", &part);
        let before = server.received().len();
        // The second question is asked again if the journal does not contain it.
        let input = if kept <= asked { "the second?\n" } else { "" };
        let out = world.run_with(&["resume", "s"], input).expect(0);
        let finished =
            lines[..kept].iter().filter(|l| l.contains("\"model_call_finished\"")).count();
        assert_eq!(server.received().len() - before, all - finished, "{kept}: {}", out.err);
        let shown = &world.run(&["show", "s", "--json"]).expect(0).json()[0];
        let answers = [0, 1].map(|n| shown["questions"][n]["answer"].as_str().unwrap().to_owned());
        assert_eq!(answers, ["It is 42.", "The same."], "{kept}");
        assert!(world.read("sessions/s/answer_2.md").contains("The same."), "{kept}");
    }
}

#[cfg(unix)]
mod at_a_terminal {
    use super::*;
    use crate::support::pty::{CTRL_C, ENTER, Pty};

    const QUESTION: &str = "What do you want to know?";
    const CTRL_D: &str = "\x04";
    const UP: &str = "\x1b[A";

    #[test]
    fn a_refused_permission_at_the_terminal_reaches_the_model() {
        let code = "print(open('/etc/hostname').read())";
        let (world, server) = world("openai", &[Code(code), Text("That is not told.")]);
        let mut pty = Pty::start(&world, &["ask", "--name", "s"]);
        pty.expect(QUESTION);
        pty.send(&format!("where do I live?{ENTER}"));
        pty.choose("May it?", "deny");
        pty.expect("That is not told.");
        expect_told(&server, "it was not allowed to read /etc/hostname", "refused");
        pty.expect(QUESTION);
        pty.send(ENTER);
        // The first question is drawn once more when its prompt is left.
        pty.expect(QUESTION);
        pty.expect(QUESTION);
        pty.send(CTRL_D);
        pty.expect_end(0);
        assert_eq!(pty.last_line(), LAST, "{}", pty.screen());
        assert!(pty.shows_cursor() && pty.echoes());
    }

    #[test]
    fn the_up_key_recalls_the_previous_question() {
        let answers = [Code("print(1)"), Text("One."), Code("print(2)"), Text("Two.")];
        let (world, _server) = world("openai", &answers);
        let mut pty = Pty::start(&world, &["ask", "--name", "s"]);
        pty.expect(QUESTION);
        pty.send(&format!("how many?{ENTER}"));
        pty.expect("One.");
        pty.expect(QUESTION);
        pty.send(UP);
        pty.expect_screen("the question", |screen| {
            screen.trim_end().ends_with(&format!("{QUESTION} how many?"))
        });
        pty.send(ENTER);
        pty.expect("Two.");
        pty.expect(QUESTION);
        pty.send(CTRL_D);
        pty.expect_end(0);
        let shown = &world.run(&["show", "s", "--json"]).expect(0).json()[0];
        assert_eq!(shown["questions"][1]["question"], "how many?", "{shown:#}");
    }

    #[test]
    fn an_allowed_permission_is_not_asked_again() {
        let first = "print(open('/etc/hostname').read() == '')";
        let second = "print(len(open('/etc/hostname').read()) > 0)";
        let (world, server) = world("openai", &[Code(first), Code(second), Text("So it is.")]);
        let mut pty = Pty::start(&world, &["ask", "where do I live?", "--name", "s"]);
        pty.choose("May it?", "allow");
        pty.expect("So it is.");
        pty.expect_end(0);
        assert_eq!((runs(&world), server.received().len()), (2, 3));
    }

    #[test]
    fn ctrl_c_stops_an_answer_and_resume_asks_the_question_again() {
        let (world, server) = world_of("openai", |request| match request.number {
            0 => reply(request, &Code(WORK)),
            1 => Reply::to(request, "It is 42, I think.").cut_to(3).then_hang(),
            _ => Reply::to(request, "It is 42."),
        });
        let mut pty = Pty::start(&world, &ASK);
        pty.expect("It is");
        pty.send(CTRL_C);
        pty.expect("Stopped. What next?");
        pty.expect_screen("the menu", |screen| screen.contains("❯ r retry"));
        assert!(!pty.screen().contains("s say"), "{}", pty.screen());
        pty.send(CTRL_C);
        pty.expect_end(130);
        assert_eq!(pty.last_line(), LAST, "{}", pty.screen());
        assert!(pty.shows_cursor() && pty.echoes());
        server.release();
        let out = world.run(&["resume", "s"]).expect(0);
        assert_eq!((out.out.as_str(), server.received().len()), ("It is 42.\n", 3));
    }
}
