//! The embedded model, on valid model files with a known answer.

use crate::support::gguf::Model;
use crate::support::world::{World, wait_for};
use futures_util::future::join_all;
use redraft::agents::begin;
use redraft::config::Config;
use redraft::domain::chat::{Agent, Message, Outcome, Request};
use redraft::llm::call::{Answer, CallError, CallErrorKind, News, call};
use redraft::llm::provider::{Connection, connect};
use redraft::llm::{Fault, Phase, Used};
use serde_json::{Value, json};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The answers that serve as plan, script and review.
const ALL: [&str; 3] = [
    "A script that says hi.\nR1: It prints hi. Check: read the output.\n",
    "\n```python\nprint(\"hi\")\n```\n",
    "\nR1: met\nVERDICT: ACCEPT\n",
];

fn connection(file: &Path, settings: &str) -> Connection {
    let config = format!("providers: {{embedded: {{kind: embedded, {settings}}}}}");
    let config = Config::parse(&config, "test").unwrap();
    connect(&format!("embedded/{}", file.display()), config.models(), &Used::new()).unwrap()
}

fn request(text: &str, max_tokens: u32) -> Request {
    let messages = vec![Message::system("Be brief."), Message::user(text)];
    Request { temperature: 0.7, ..Request::new(Agent::Coder, messages, max_tokens) }
}

async fn ask(model: &Connection, request: &Request) -> Result<Answer, CallError> {
    let never = CancellationToken::new();
    call(&*model.model, request, &model.policy, &|_| false, &never, &mut |_| {}).await
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A temporary folder with the model's file, and the file's path.
fn with(model: &Model<'_>) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.gguf");
    model.write(&file);
    (folder, file)
}

#[test]
fn a_session_needs_only_a_model_file() {
    let world = World::empty();
    Model { answer: &ALL, ..Model::default() }.write(&world.file("own.gguf"));
    let model = "embedded/own.gguf";
    let args = ["new", "say hi", "--name", "s", "--model", model];
    let out = world.run_with(&args, "approve\naccept\n").expect(0);
    assert_eq!(world.read("sessions/s/script_v1.py"), "print(\"hi\")\n");
    assert!(world.read("sessions/s/report_v1.yaml").contains("verdict: ok"), "{}", out.out);
    let counted = world.journal("s").into_iter().find(|event| !event["usage"].is_null()).unwrap();
    assert!(counted["usage"]["estimated"].is_null(), "{counted}");
    assert_eq!(counted["usage"]["answer"], 3);
}

#[test]
fn an_own_model_file_is_probed_once() {
    let world = World::empty();
    Model { answer: &ALL, ..Model::default() }.write(&world.file("own.gguf"));
    let new = |name: &'static str, more: &[&'static str]| {
        let args = ["new", "say hi", "--name", name, "--auto", "--model", "embedded/own.gguf"];
        let out = world.run(&[&args[..], more].concat()).expect(0).out;
        out.contains("is new here")
    };
    world.write("never.yaml", "probe: never\npreset: quick\n");
    assert!(!new("a", &["--config", "never.yaml"]));
    assert!(new("b", &[]), "it is not asked at its first use");
    assert!(!new("c", &[]), "it is asked again");
    // Another file under the same name.
    let longer =
        ALL.map(|piece| piece.replace("hi.", "hi to everyone who reads this, and to you."));
    let longer = longer.each_ref().map(String::as_str);
    Model { answer: &longer, ..Model::default() }.write(&world.file("own.gguf"));
    assert!(new("d", &[]));
    assert_eq!(std::fs::read_dir(world.file("home/.cache/redraft/profiles")).unwrap().count(), 2);
}

#[test]
fn sampling_settings_of_the_configuration_take_effect() {
    let (_folder, file) = with(&Model { endless: true, ..Model::default() });
    let said = |sampling: &str| {
        let model = connection(&file, &format!("sampling: {{ {sampling} }}"));
        let request = Request { temperature: 2.0, ..request("Hello", 30) };
        run(ask(&model, &request)).unwrap().text
    };
    let usual = said("");
    assert!(usual.starts_with("yes indeedyes indeedyes"), "{usual}");
    // The penalty makes repeated tokens hardly likelier than others, unless `min_p` or `top_p`
    // leaves only the likeliest token.
    let varied = said("repetition_penalty: 10, seed: 1");
    assert_ne!(varied, usual);
    assert_eq!(said("repetition_penalty: 10, seed: 1"), varied);
    assert_ne!(said("repetition_penalty: 10, seed: 2"), varied);
    assert_eq!(said("repetition_penalty: 10, min_p: 0.9"), usual);
    assert_eq!(said("repetition_penalty: 10, top_p: 0"), usual);
}

#[test]
fn an_unusable_model_file_is_named_in_the_error_with_the_reason() {
    let world = World::empty();
    let whole = Model::default().bytes();
    let other = Model { family: "mamba", ..Model::default() }.bytes();
    let mut empty = Model { blocks: true, ..Model::default() }.bytes();
    let name = b"blk.0.attn_q.weight";
    let at = empty.windows(name.len()).position(|bytes| bytes == name).unwrap();
    // Its number of columns, after the number of dimensions.
    empty[at + name.len() + 4..][..8].fill(0);
    let own = |words| if cfg!(feature = "llama") { "llama.cpp can't load it" } else { words };
    for (bytes, words) in [
        (&b"hello"[..], "can't be run"),
        (&[][..], "can't be run"),
        (&whole[..whole.len() / 2], own("it was not fetched whole")),
        (&whole[..2000], "can't be run"),
        (&empty, own("tensor `blk.0.attn_q.weight` has no numbers")),
        (&other, own("architecture `mamba` can't be run inside the program; llama, qwen2")),
    ] {
        std::fs::write(world.file("bad.gguf"), bytes).unwrap();
        let args = ["new", "say hi", "--auto", "--model", "embedded/bad.gguf"];
        let out = world.run(&args).expect(4);
        assert!(out.err.contains("`bad.gguf`") && out.err.contains(words), "{}", out.err);
        assert!(out.err.lines().count() <= 2, "{}", out.err);
    }
}

#[test]
fn quantized_blocks_and_another_tokenizer_give_the_same_answer() {
    for (blocks, pieces) in [(true, false), (false, true), (true, true)] {
        let (_folder, file) = with(&Model { blocks, pieces, ..Model::default() });
        let model = connection(&file, "");
        let answer = run(ask(&model, &request("Héllo  there", 10))).unwrap();
        assert_eq!((answer.text.as_str(), answer.outcome), ("yes indeed", Outcome::Whole));
        // Each byte is a token, with markers around them; a space becomes three bytes.
        assert!(answer.usage.prompt > 22 && answer.usage.prompt < 60, "{:?}", answer.usage);
    }
}

#[test]
fn prompt_lookup_does_not_change_an_answer() {
    let answer = &["ab", "cd", "ef", "gh", "ij", "kl"];
    for (endless, said) in [
        (false, "nothing of it"),
        (false, "abcdefghijkl and abcdefghijkl"),
        (false, "abcdefzz, cdefab, abcdefgh and no more"),
        (true, "abcdefghijklab"),
        (true, "abcdefab"),
    ] {
        let (_folder, file) = with(&Model { answer, endless, ..Model::default() });
        let asked = run(ask(&connection(&file, ""), &request(said, 29))).unwrap();
        let whole = answer.concat();
        let (text, outcome, tokens) = if endless {
            (format!("{}{}", whole.repeat(4), &whole[..10]), Outcome::Cut, 29)
        } else {
            (whole, Outcome::Whole, 6)
        };
        assert_eq!((asked.text, asked.outcome), (text, outcome), "{said}");
        assert_eq!(asked.usage.answer, tokens, "{said}");
    }
}

/// The model's answer at temperature 0, optionally constrained by a pattern or a schema.
fn held(model: &Connection, said: &str, form: Option<&str>, schema: Option<Value>) -> Answer {
    let form = form.map(str::to_owned);
    run(ask(model, &Request { form, schema, temperature: 0., ..request(said, 24) })).unwrap()
}

#[test]
fn a_grammar_constrains_an_answer_and_keeps_one_that_already_fits() {
    let answer = &["ab", "cd", "ef", "gh", "ij", "kl"];
    let whole = answer.concat();
    for (endless, pieces) in [(false, false), (true, false), (true, true)] {
        let (_folder, file) = with(&Model { answer, endless, pieces, ..Model::default() });
        let model = connection(&file, "");
        let free =
            if endless { (whole.repeat(4), Outcome::Cut) } else { (whole.clone(), Outcome::Whole) };
        let said = |text: &str| (text.to_owned(), Outcome::Whole);
        for (form, expected) in [
            (None, free.clone()),
            (Some("[a-l]*"), free.clone()),
            // The answer ends where the pattern ends.
            (Some("(abcdefghijkl)"), said(&whole)),
            (
                Some("[a-l]{16}"),
                if endless { said("abcdefghijklabcd") } else { said("abcdefghijklklkl") },
            ),
            (Some("abcdefg"), said("abcdefg")),
            // The unconstrained answer as far as the pattern allows.
            (Some("abcd[xyz]{3}"), said("abcdzzz")),
            (Some("(ab|cd|ef){3}x!"), said("abcdefx!")),
            (Some("R1: (met|not met)"), said("R1: not met")),
            // An invalid pattern is ignored.
            (Some("(ab"), free.clone()),
        ] {
            // Prompt lookup does not change the answer.
            for prompt in ["nothing of it", "abcdefghijkl, abcdefgh and abcdzzz, cdefab, abcdefx!"]
            {
                let answer = held(&model, prompt, form, None);
                assert_eq!((answer.text, answer.outcome), expected, "{form:?} {prompt} {pieces}");
            }
        }
    }
}

#[test]
fn an_answer_is_constrained_to_a_requested_schema() {
    let (_folder, file) = with(&Model { answer: &["ACCEPT", "ed"], ..Model::default() });
    let model = connection(&file, "structured: true");
    let verdict = json!({"type": "string", "enum": ["ACCEPT", "ITERATE"]});
    let schema = json!({"type": "object", "properties": {"verdict": verdict}, "required": ["verdict"],
        "additionalProperties": false});
    assert!(model.model.takes_schema() && !connection(&file, "").model.takes_schema());
    let answer = held(&model, "Is it good?", None, Some(schema));
    assert_eq!(answer.outcome, Outcome::Whole);
    let said: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(
        said == json!({"verdict": "ACCEPT"}) || said == json!({"verdict": "ITERATE"}),
        "{said}"
    );
}

#[test]
fn constrained_and_free_answers_run_side_by_side() {
    let (_folder, file) = with(&Model::default());
    let model = connection(&file, "");
    let forms = [None, Some("no"), Some("yes indeed"), Some("yes!")];
    let asked: Vec<Request> = (0..16)
        .map(|n| Request {
            form: forms[n % 4].map(str::to_owned),
            temperature: 0.,
            ..request(&n.to_string(), 10)
        })
        .collect();
    let answers = run(join_all(asked.iter().map(|request| ask(&model, request))));
    for (answer, n) in answers.into_iter().zip(0..) {
        let expected = ["yes indeed", "no", "yes indeed", "yes!"][n % 4];
        assert_eq!(answer.unwrap().text, expected, "{n}");
    }
}

#[test]
fn a_prefilled_script_ends_with_its_fence_if_scripts_are_constrained() {
    let form = begin::pattern();
    let answer = &["print(1)\n", "```\n", "\nThis", " prints one."];
    let free = "```python\nprint(1)\n```\n\nThis prints one.";
    let (_folder, file) = with(&Model { answer, ..Model::default() });
    for (grammar, expected) in
        [("none", free), ("forms", free), ("all", "```python\nprint(1)\n```\n")]
    {
        let model = connection(&file, &format!("grammar: {grammar}"));
        let scripts = model.model.takes_form(Agent::Coder);
        assert_eq!(
            (scripts, model.model.takes_form(Agent::Safety)),
            (grammar == "all", grammar != "none")
        );
        let mut asked = Request { temperature: 0., ..request("Write it.", 20) };
        asked.form = Some(form.clone()).filter(|_| scripts);
        asked.messages.push(Message::assistant("```python\n", Vec::new()));
        let answer = run(ask(&model, &asked)).unwrap();
        assert_eq!((answer.text.as_str(), answer.outcome), (expected, Outcome::Whole), "{grammar}");
    }
}

#[test]
fn a_grammar_makes_a_review_fit_its_form() {
    let world = World::empty();
    let answer = [
        "A script that says hi.\nR1: It prints hi.\n",
        "```python\nprint(\"hi\")\n```\n",
        "I like it.",
    ];
    Model { answer: &answer, ..Model::default() }.write(&world.file("own.gguf"));
    world.write("none.yaml", "providers: { embedded: { grammar: none } }\n");
    for (name, more, is_held) in
        [("free", &["--config", "none.yaml"][..], false), ("held", &[], true)]
    {
        let args = [
            "new",
            "say hi",
            "--name",
            name,
            "--model",
            "embedded/own.gguf",
            "--max-versions",
            "1",
        ];
        world.run_with(&[&args[..], more].concat(), "approve\naccept\n").expect(0);
        let finished =
            world.journal(name).into_iter().filter(|e| e["event"] == "model_call_finished");
        let reviews: Vec<_> = finished.filter(|event| event["agent"] == "reviewer").collect();
        let said = reviews[0]["answer"].as_str().unwrap();
        let in_form = said.starts_with("R1: ") && said.contains("\nVERDICT: ");
        assert_eq!(in_form, is_held, "{name}: {said}");
        world.run(&["replay", name]).expect(0);
    }
}

#[test]
fn a_prefilled_answer_is_continued() {
    let (_folder, file) = with(&Model::default());
    let model = connection(&file, "");
    assert!(model.model.takes_prefill());
    let mut request = request("Say it.", 10);
    request.messages.push(Message::assistant("Well:\n", Vec::new()));
    let mut told = String::new();
    let never = CancellationToken::new();
    let mut on = |news: News<'_>| {
        if let News::Prefill(text) | News::Text(text) = news {
            told.push_str(text);
        }
    };
    let asked = call(&*model.model, &request, &model.policy, &|_| false, &never, &mut on);
    let answer = run(asked).unwrap();
    assert_eq!((answer.text.as_str(), told.as_str()), ("Well:\nyes indeed", "Well:\nyes indeed"));
    assert_eq!(answer.usage.answer, 2);
}

#[test]
fn a_function_that_the_user_began_is_completed_in_place() {
    let world = World::empty();
    let answer = &[" return x", " / 2\n```\n"];
    Model { answer, ..Model::default() }.write(&world.file("own.gguf"));
    world.write(
        "task.md",
        "Complete this:\n\n```python\ndef half(x):\n    \"\"\"Half of x.\"\"\"\n\n```\n",
    );
    let args = ["--task-file", "task.md", "--preset", "quick", "--auto"];
    let model = ["--model", "embedded/own.gguf", "--no-run"];
    world.run(&[&["new", "--name", "s"], &args[..], &model].concat()).expect(0);
    let script = world.read("sessions/s/script_v1.py");
    assert_eq!(script, "def half(x):\n    \"\"\"Half of x.\"\"\"\n    return x / 2\n");
    let chat = world.read("sessions/s/chats/0001-coder.md");
    assert!(chat.contains("## assistant") && chat.contains("The user began it"), "{chat}");
    // The session can be replayed, even after the model was removed.
    world.run(&["replay", "s"]).expect(0);
    std::fs::remove_file(world.file("own.gguf")).unwrap();
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn loading_and_prompt_reading_are_reported() {
    let (_folder, file) = with(&Model::default());
    let model = connection(&file, "");
    let never = CancellationToken::new();
    let phases = |text: &str| {
        let (mut phases, asked) = (Vec::new(), request(text, 10));
        let mut on = |news: News<'_>| {
            if let News::Phase(phase) = news {
                phases.push(phase);
            }
        };
        run(call(&*model.model, &asked, &model.policy, &|_| false, &never, &mut on)).unwrap();
        phases
    };
    let long = "word ".repeat(300);
    let first = phases(&long);
    assert_eq!(first[0], Phase::Loading);
    let read: Vec<(u64, u64)> = first[1..]
        .iter()
        .map(|phase| match phase {
            Phase::Reading { read, of } => (*read, *of),
            Phase::Loading => panic!("it is loaded twice"),
        })
        .collect();
    assert!(read.len() > 1 && read[0].0 == 0 && read.is_sorted(), "{read:?}");
    assert!(read.iter().all(|(read, of)| read < of && *of > 1500), "{read:?}");
    // The model stays loaded, and most of the prompt is cached.
    let Phase::Reading { read, of } = phases(&long)[0] else { panic!("it is loaded again") };
    assert!(read > 1500 && read < of);
}

#[test]
fn a_prompt_prefix_is_computed_once_and_then_cached() {
    let (_folder, file) = with(&Model::default());
    let model = connection(&file, "");
    let long = "word ".repeat(300);
    let cached = |end: &str| {
        let answer = run(ask(&model, &request(&format!("{long}{end}"), 10))).unwrap();
        assert_eq!((answer.text.as_str(), answer.outcome), ("yes indeed", Outcome::Whole));
        assert_eq!(answer.usage.answer, 2);
        assert!(answer.usage.prompt > 1500);
        answer.usage.cached
    };
    assert_eq!(cached("first"), 0);
    assert!(cached("second") > 1500);
    // All but the last token: its scores are needed.
    assert!(cached("second") > 1500);
    let other = run(ask(&model, &request("short", 10))).unwrap();
    assert!(other.usage.cached < 40, "{:?}", other.usage);
    // The long prompt is still cached after another conversation.
    assert!(cached("third") > 1500);
}

#[test]
fn concurrent_answers_are_kept_apart() {
    let (_folder, file) = with(&Model::default());
    let model = connection(&file, "");
    let prompts: Vec<Request> = (0..20)
        .map(|n| request(&format!("{} {n}", "same beginning ".repeat(40 * (n % 3))), 10))
        .collect();
    for answer in run(join_all(prompts.iter().map(|prompt| ask(&model, prompt)))) {
        assert_eq!(answer.unwrap().text, "yes indeed");
    }
}

#[test]
fn an_answer_stops_at_its_token_limit_and_at_the_context() {
    let (_folder, file) = with(&Model { endless: true, context: 400, ..Model::default() });
    let model = connection(&file, "");
    let answer = run(ask(&model, &request("x", 3))).unwrap();
    assert_eq!((answer.text.as_str(), answer.outcome), ("yes indeedyes", Outcome::Cut));
    // A configured context shorter than the model's own, and the model's own.
    let short = connection(&file, "context: 100");
    for (model, context) in [(&short, 100), (&model, 400)] {
        let answer = run(ask(model, &request("x", 5000))).unwrap();
        assert_eq!(answer.outcome, Outcome::Cut);
        assert_eq!(answer.usage.total(), context);
        let error = run(ask(model, &request(&"x".repeat(500), 10))).unwrap_err();
        let CallErrorKind::Failed(Fault::PromptTooLong { context: said, .. }) = error.kind else {
            panic!("{error}");
        };
        assert_eq!(said.map(u64::from), Some(context));
    }
}

#[test]
fn an_answer_that_repeats_itself_is_cut_off() {
    let answer = ["R1: the app displays", " the time. "];
    let model = Model { answer: &answer, endless: true, context: 1 << 16, ..Model::default() };
    let (_folder, file) = with(&model);
    let reviewer = Request { agent: Agent::Reviewer, ..request("x", 1 << 15) };
    let said = run(ask(&connection(&file, ""), &reviewer)).unwrap();
    assert!(said.repeats && said.outcome == Outcome::Cut && said.text.len() < 1_500, "{said:?}");
}

#[test]
fn a_cancelled_or_dropped_answer_frees_its_slot() {
    // Not a pattern that counts as a repetition loop.
    let words: Vec<String> = (0..200).map(|n| format!("{} ", n * n * 7919 % 10_007)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let model = Model { answer: &words, endless: true, context: 1 << 20, ..Model::default() };
    let (_folder, file) = with(&model);
    let model = connection(&file, "");
    let cancel = CancellationToken::new();
    let mut on = |news: News<'_>| {
        if matches!(news, News::Text(text) if !text.is_empty()) {
            cancel.cancel();
        }
    };
    let endless = request("x", 1 << 20);
    let error = run(call(&*model.model, &endless, &model.policy, &|_| false, &cancel, &mut on))
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Interrupted);
    assert!(!error.partial.is_empty());
    // Eight more cancelled calls would occupy all slots if these were not freed.
    for _ in 0..8 {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let _ = run(call(&*model.model, &endless, &model.policy, &|_| false, &cancel, &mut |_| {}));
    }
    wait_for(|| run(ask(&model, &request("x", 2))).is_ok_and(|a| a.outcome == Outcome::Cut));
}

#[test]
fn a_turn_mark_in_a_prompt_is_read_as_plain_text() {
    let (_folder, file) = with(&Model::default());
    let model = connection(&file, "");
    let plain = run(ask(&model, &request("ab", 10))).unwrap();
    let marked = run(ask(&model, &request("ab<|im_end|>", 10))).unwrap();
    // As a marker it would be one token; in a prompt it is tokenized as its letters.
    assert_eq!(marked.usage.prompt - plain.usage.prompt, "<|im_end|>".len() as u64);
}
