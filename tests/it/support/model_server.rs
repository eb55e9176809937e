//! A model server that sends scripted replies and checks the requests.
//!
//! It uses plain threads and sockets, so that it can misbehave as real servers sometimes do: stop
//! in the middle of a character, hang, close the connection. A request that no real server would
//! accept is answered with status 400 and makes the test fail when the server is dropped.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::missing_panics_doc,
    reason = "shared by tests that use parts of it each; a test may panic"
)]

use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// The wire format of a request, determined by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `POST .../chat/completions`
    OpenAi,
    /// `POST .../responses`
    Responses,
    /// `POST .../v1/messages`
    Anthropic,
    /// `POST .../models/NAME:streamGenerateContent`
    Gemini,
    /// `POST .../api/chat`
    Ollama,
    /// `POST .../completions`
    Completion,
    /// `POST .../generate`: a raw prompt endpoint with other field names.
    Raw,
    /// `GET .../models`
    Models,
    /// `GET .../api/tags`
    OllamaTags,
    /// Information about a server and its models: `GET /props` and the like.
    About,
}

/// A complete request.
#[derive(Clone, Debug)]
pub struct Received {
    /// The request's index, from 0.
    pub number: usize,
    /// `GET` or `POST`.
    pub method: String,
    /// The path, including the query.
    pub path: String,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON body; null if there is none.
    pub body: Value,
}

impl Received {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn place(&self) -> &str {
        // A request to a proxy contains the whole URL.
        let path = self.path.split_once("://").map_or(self.path.as_str(), |(_, rest)| {
            rest.find('/').map_or("", |slash| &rest[slash..])
        });
        path.split('?').next().unwrap_or_default()
    }

    /// The wire format, if the path is known.
    pub fn format(&self) -> Option<Format> {
        let path = self.place();
        match self.method.as_str() {
            "POST" if path.ends_with("/chat/completions") => Some(Format::OpenAi),
            "POST" if path.ends_with("/completions") => Some(Format::Completion),
            "POST" if path.ends_with("/generate") => Some(Format::Raw),
            "POST" if path.ends_with("/responses") => Some(Format::Responses),
            "POST" if path.ends_with("/v1/messages") => Some(Format::Anthropic),
            "POST" if path.ends_with(":streamGenerateContent") => Some(Format::Gemini),
            "POST" if path.ends_with("/api/chat") => Some(Format::Ollama),
            "GET" if path == "/props" || path == "/api/v0/models" => Some(Format::About),
            "POST" if path == "/api/show" => Some(Format::About),
            "GET" if path.ends_with("/models") => Some(Format::Models),
            "GET" if path.ends_with("/api/tags") => Some(Format::OllamaTags),
            _ => None,
        }
    }

    /// Whether it requests the list of models or information about them.
    pub fn is_list(&self) -> bool {
        matches!(self.format(), Some(Format::Models | Format::OllamaTags | Format::About))
    }

    /// One event of a stream in the request's wire format.
    pub fn event(&self, json: &Value) -> String {
        if self.format() == Some(Format::Ollama) {
            format!("{json}\n")
        } else {
            format!("data: {json}\n\n")
        }
    }

    /// An event with this text.
    pub fn text_event(&self, text: &str) -> String {
        self.event(&match self.format() {
            Some(Format::Anthropic) => json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": text}}),
            Some(Format::Ollama) => {
                json!({"message": {"role": "assistant", "content": text}, "done": false})
            }
            Some(Format::Responses) => json!({"type": "response.output_text.delta", "delta": text}),
            Some(Format::Gemini) => {
                json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]})
            }
            Some(Format::Completion) => {
                json!({"choices": [{"text": text, "finish_reason": null}]})
            }
            _ => json!({"choices": [{"index": 0, "delta": {"content": text}}]}),
        })
    }

    /// The content type of a stream in the request's wire format.
    pub fn stream_type(&self) -> &'static str {
        if self.format() == Some(Format::Ollama) {
            "application/x-ndjson"
        } else {
            "text/event-stream"
        }
    }

    /// The text of all messages of the prompt, system prompt first.
    pub fn prompt(&self) -> String {
        let body = &self.body;
        if self.format() == Some(Format::Completion) {
            let prompt = body["prompt"].as_str().unwrap_or_default();
            let turns = prompt.split("<|im_start|>").filter_map(|turn| turn.split_once('\n'));
            let texts: Vec<&str> =
                turns.map(|(_, text)| text.trim_end().trim_end_matches("<|im_end|>")).collect();
            return texts.join("\n").trim_end().to_owned();
        }
        let system = [&body["system"], &body["instructions"], &body["systemInstruction"]["parts"]];
        let list = |name: &str| body[name].as_array().into_iter().flatten();
        let messages = list("messages").chain(list("input")).map(|message| &message["content"]);
        let parts = list("contents").map(|message| &message["parts"]);
        let texts = system.into_iter().chain(messages).chain(parts).filter_map(text_of);
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The reason why a strict server would reject the request, if there is one.
    fn problem(&self, key: Option<&str>) -> Option<String> {
        let Some(format) = self.format() else {
            return Some(format!("no such endpoint: {} {}", self.method, self.path));
        };
        let check = |right: bool, what: &str| if right { None } else { Some(what.to_owned()) };
        let sent = [self.header("x-api-key"), self.header("x-goog-api-key")];
        let sent = sent.into_iter().flatten().next().or(self.header("authorization"));
        let sent = sent.map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
        let key = check(key.is_none() || sent == key, "the key is not the expected one");
        let key = key.or_else(|| check(!self.path.contains("key="), "a key in the address"));
        if self.is_list() {
            return key;
        }
        if format == Format::Raw {
            return key.or_else(|| check(self.body.is_object(), "no JSON"));
        }
        let body = &self.body;
        let (messages, content, roles): (_, _, &[&str]) = match format {
            Format::Responses => ("input", "content", &["user", "assistant"]),
            Format::Gemini => ("contents", "parts", &["user", "model"]),
            Format::Anthropic => ("messages", "content", &["user", "assistant"]),
            _ => ("messages", "content", &["system", "user", "assistant"]),
        };
        let blocks = matches!(format, Format::Gemini | Format::Anthropic | Format::Responses);
        let messages: &[Value] = body[messages].as_array().map_or(&[], Vec::as_slice);
        let said: Vec<&str> = messages.iter().filter_map(|m| m["role"].as_str()).collect();
        // Tool calls and their results have other fields.
        let tools = !body["tools"].is_null();
        let plain = |message: &Value| {
            let content = &message[content];
            tools || content.is_string() || blocks && text_of(content).is_some()
        };
        let raw = format == Format::Completion;
        let limit = match format {
            Format::Ollama => &body["options"]["num_predict"],
            Format::Responses => &body["max_output_tokens"],
            Format::Gemini => &body["generationConfig"]["maxOutputTokens"],
            Format::OpenAi if body["max_tokens"].is_null() => &body["max_completion_tokens"],
            _ => &body["max_tokens"],
        };
        let json = self.header("content-type").is_some_and(|t| t.starts_with("application/json"));
        let gemini = format == Format::Gemini;
        check(json, "the content type is not application/json")
            .or_else(|| check(gemini || body["model"].is_string(), "`model` is not a text"))
            .or_else(|| check(raw || !messages.is_empty(), "no list of messages, or empty"))
            .or_else(|| check(messages.iter().all(plain), "a message without plain content"))
            .or_else(|| check(tools || said.len() == messages.len(), "a message without a role"))
            .or_else(|| check(tools || said.iter().all(|r| roles.contains(r)), "an unknown role"))
            .or_else(|| check(raw || said.contains(&"user"), "no message of the user"))
            .or_else(|| check(gemini || body["stream"] == true, "`stream` is not true"))
            .or_else(|| check(limit.as_u64().is_some_and(|n| n > 0), "no limit of tokens"))
            .or_else(|| match format {
                Format::Anthropic => {
                    let version = self.header("anthropic-version");
                    check(version.is_some(), "no anthropic-version header")
                }
                Format::Ollama => {
                    check(body["options"]["num_ctx"].is_u64(), "`num_ctx` is not set")
                }
                Format::Gemini => check(self.path.ends_with("?alt=sse"), "no stream of events"),
                Format::Completion => check(body["prompt"].is_string(), "no prompt"),
                // Like llama.cpp's server: it accepts items only in the form that the API returned,
                // not abbreviated.
                Format::Responses => check(messages.iter().all(is_item), "an item of no type"),
                _ => None,
            })
            .or(key)
    }
}

/// Whether the value is an item in the form that a server of the responses format returns.
fn is_item(item: &Value) -> bool {
    let said = &item["content"][0]["type"];
    item["type"].is_string() && (item["role"] != "assistant" || *said == "output_text")
}

/// A text, or the concatenated texts of a list of blocks.
fn text_of(content: &Value) -> Option<String> {
    if let Some(blocks) = content.as_array() {
        let texts: Option<Vec<&str>> = blocks.iter().map(|block| block["text"].as_str()).collect();
        return texts.map(|texts| texts.concat());
    }
    content.as_str().map(str::to_owned)
}

/// What the server does after the last chunk of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    End,
    Drop,
    Hang,
    /// Sends nothing, not even the status line.
    Silence,
}

/// A scripted reply.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    /// Each chunk, with the number of times it is sent.
    chunks: Vec<(Vec<u8>, usize)>,
    framed: bool,
    then: Then,
    /// Delay before each chunk.
    pace: Duration,
}

impl Reply {
    /// A reply of these chunks, each sent separately. An empty content type is omitted.
    pub fn raw<C: AsRef<[u8]>>(
        status: u16,
        content_type: &str,
        chunks: impl IntoIterator<Item = C>,
    ) -> Self {
        let chunks = chunks.into_iter().map(|chunk| (chunk.as_ref().to_vec(), 1)).collect();
        let (headers, then, pace) = (Vec::new(), Then::End, Duration::ZERO);
        let reply = Self { status, headers, chunks, framed: true, then, pace };
        if content_type.is_empty() {
            reply
        } else {
            reply.with_header("content-type", content_type)
        }
    }

    /// A stream of chat completion events with this text.
    pub fn openai(text: &str) -> Self {
        let mut chunks: Vec<String> = pieces(text)
            .map(|piece| json!({"choices": [{"index": 0, "delta": {"content": piece}}]}))
            .chain([
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
                json!({"choices": [], "usage": usage(text, "prompt_tokens", "completion_tokens")}),
            ])
            .map(|event| format!("data: {event}\n\n"))
            .collect();
        chunks.push("data: [DONE]\n\n".to_owned());
        Self::raw(200, "text/event-stream", chunks)
    }

    /// Like [`Self::openai`], cut off by the server after this number of tokens.
    pub fn openai_cut(text: &str, tokens: u32) -> Self {
        let events = [
            json!({"choices": [{"index": 0, "delta": {"content": text}}]}),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}),
            json!({"choices": [],
                "usage": {"prompt_tokens": 10, "completion_tokens": tokens}}),
        ];
        let chunks = events.iter().map(|event| format!("data: {event}\n\n"));
        let chunks: Vec<String> = chunks.chain(["data: [DONE]\n\n".to_owned()]).collect();
        Self::raw(200, "text/event-stream", chunks)
    }

    /// A stream of Anthropic events with this text.
    pub fn anthropic(text: &str) -> Self {
        let start = json!({"type": "message_start", "message": {"role": "assistant",
            "usage": {"input_tokens": 10, "output_tokens": 1}}});
        let block = json!({"type": "content_block_start", "index": 0,
            "content_block": {"type": "text", "text": ""}});
        let deltas = pieces(text).map(|piece| {
            json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": piece}})
        });
        let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": text.len().div_ceil(4)}});
        let events = [start, block, json!({"type": "ping"})].into_iter().chain(deltas).chain([
            json!({"type": "content_block_stop", "index": 0}),
            end,
            json!({"type": "message_stop"}),
        ]);
        let chunks =
            events.map(|e| format!("event: {}\ndata: {e}\n\n", e["type"].as_str().unwrap()));
        Self::raw(200, "text/event-stream", chunks)
    }

    /// A stream of Ollama lines with this text.
    pub fn ollama(text: &str) -> Self {
        let mut end = usage(text, "prompt_eval_count", "eval_count");
        end["done"] = true.into();
        end["done_reason"] = "stop".into();
        end["message"] = json!({"role": "assistant", "content": ""});
        let lines = pieces(text)
            .map(|piece| json!({"message": {"role": "assistant", "content": piece}, "done": false}))
            .chain([end])
            .map(|line| format!("{line}\n"));
        Self::raw(200, "application/x-ndjson", lines)
    }

    /// A stream of events of the responses format with this text.
    pub fn responses(text: &str) -> Self {
        let mut usage = usage(text, "input_tokens", "output_tokens");
        usage["input_tokens_details"] = json!({"cached_tokens": 0});
        let start = json!({"type": "response.created",
            "response": {"object": "response", "status": "in_progress"}});
        let deltas =
            pieces(text).map(|piece| json!({"type": "response.output_text.delta", "delta": piece}));
        let end = json!({"type": "response.completed", "response": {"object": "response",
            "status": "completed", "incomplete_details": null, "usage": usage}});
        let whole = json!({"type": "response.output_text.done", "text": text});
        let events = [start].into_iter().chain(deltas).chain([whole, end]);
        let chunks =
            events.map(|e| format!("event: {}\ndata: {e}\n\n", e["type"].as_str().unwrap()));
        Self::raw(200, "text/event-stream", chunks)
    }

    /// A stream of Gemini events with this text.
    pub fn gemini(text: &str) -> Self {
        let said = |text: &str| json!({"content": {"role": "model", "parts": [{"text": text}]}});
        let mut end = json!({"candidates": [said("")],
            "usageMetadata": usage(text, "promptTokenCount", "candidatesTokenCount")});
        end["candidates"][0]["finishReason"] = "STOP".into();
        let events = pieces(text).map(|piece| json!({"candidates": [said(piece)]})).chain([end]);
        Self::raw(200, "text/event-stream", events.map(|event| format!("data: {event}\r\n\r\n")))
    }

    /// A stream of events of a raw prompt endpoint with this text.
    pub fn completion(text: &str) -> Self {
        let events = pieces(text)
            .map(|piece| json!({"choices": [{"text": piece, "finish_reason": null}]}))
            .chain([json!({"choices": [{"text": "", "finish_reason": "stop"}],
                "usage": usage(text, "prompt_tokens", "completion_tokens")})])
            .map(|event| format!("data: {event}\n\n"))
            .chain(["data: [DONE]\n\n".to_owned()]);
        Self::raw(200, "text/event-stream", events)
    }

    /// This text as a reply in the request's wire format.
    pub fn to(request: &Received, text: &str) -> Self {
        match request.format() {
            Some(Format::Anthropic) => Self::anthropic(text),
            Some(Format::Responses) => Self::responses(text),
            Some(Format::Gemini) => Self::gemini(text),
            Some(Format::Ollama) => Self::ollama(text),
            Some(Format::Completion) => Self::completion(text),
            Some(Format::OllamaTags) => Self::tags(&["fake-coder:latest"]),
            Some(Format::Models) => Self::models(&["fake-coder"]),
            Some(Format::About) => Self::refusal(404, "no such page"),
            Some(Format::OpenAi | Format::Raw) | None => Self::openai(text),
        }
    }

    /// The beginning of such a reply, up to its first word and without the end marker.
    pub fn begun(request: &Received, text: &str) -> Self {
        Self::to(request, text).cut_to(match request.format() {
            // The first text comes after the start, a block and a ping.
            Some(Format::Anthropic) => 4,
            Some(Format::Responses) => 2,
            _ => 1,
        })
    }

    /// Ollama's list of models.
    pub fn tags(models: &[&str]) -> Self {
        let models: Vec<Value> = models.iter().map(|name| json!({"name": name})).collect();
        Self::raw(200, "application/json", [json!({"models": models}).to_string()])
    }

    /// The list of models of any other server.
    pub fn models(models: &[&str]) -> Self {
        let models: Vec<Value> = models.iter().map(|name| json!({"id": name})).collect();
        Self::raw(200, "application/json", [json!({"data": models}).to_string()])
    }

    /// An error response with a message in the usual format.
    pub fn refusal(status: u16, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": "some_error"}});
        Self::raw(status, "application/json", [body.to_string()])
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the content type, or removes it if the argument is empty.
    pub fn labelled(mut self, content_type: &str) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        if content_type.is_empty() { self } else { self.with_header("content-type", content_type) }
    }

    /// Adds a chunk that is sent this number of times.
    pub fn then_repeat(mut self, chunk: &[u8], times: usize) -> Self {
        self.chunks.push((chunk.to_vec(), times));
        self
    }

    /// Sends each byte separately.
    pub fn byte_by_byte(mut self) -> Self {
        let bytes = self.chunks.iter().flat_map(|(chunk, times)| chunk.repeat(*times));
        self.chunks = bytes.map(|byte| (vec![byte], 1)).collect();
        self
    }

    /// Delays each chunk like a real model, for measurements during a stream.
    pub fn paced(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Keeps only this number of chunks.
    pub fn cut_to(mut self, chunks: usize) -> Self {
        self.chunks.truncate(chunks);
        self
    }

    /// Sends the body without length or chunked encoding: it ends when the connection closes.
    pub fn unframed(mut self) -> Self {
        self.framed = false;
        self
    }

    /// Closes the connection after the last chunk, before the end of the body.
    pub fn then_drop(mut self) -> Self {
        self.then = Then::Drop;
        self
    }

    /// Sends nothing until the server is released or dropped.
    pub fn silent() -> Self {
        Self { then: Then::Silence, ..Self::raw(200, "", [""]) }
    }

    /// Pauses after the last chunk until the server is released or dropped.
    pub fn then_hang(mut self) -> Self {
        self.then = Then::Hang;
        self
    }
}

/// The text in pieces similar to tokens.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', '\n'])
}

fn usage(text: &str, prompt: &str, answer: &str) -> Value {
    json!({prompt: 10, answer: text.len().div_ceil(4)})
}

/// A running server. Dropping it stops it, and fails the test if there were invalid requests.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Box<dyn Fn(&Received) -> Reply + Send + Sync>,
    key: Option<String>,
    lax: bool,
    received: Mutex<Vec<Received>>,
    problems: Mutex<Vec<String>>,
    released: Mutex<bool>,
    release: Condvar,
    stopped: AtomicBool,
}

impl ModelServer {
    /// Starts a server on a free local port that answers each request with the result of `replies`.
    pub fn start(replies: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_key(None, replies)
    }

    /// Like [`Self::start`], but without checking the requests.
    pub fn lax(replies: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(None, true, replies)
    }

    /// Like [`Self::start`]; every request must contain this key.
    pub fn with_key(
        key: Option<&str>,
        replies: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::with(key, false, replies)
    }

    fn with(
        key: Option<&str>,
        lax: bool,
        replies: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            replies: Box::new(replies),
            key: key.map(str::to_owned),
            lax,
            received: Mutex::default(),
            problems: Mutex::default(),
            released: Mutex::new(false),
            release: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // An error means that the client closed the connection, which is not the server's
                // fault.
                thread::spawn(move || shared.serve(&stream).ok());
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:PORT`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Lets all hanging replies end.
    pub fn release(&self) {
        *self.shared.released.lock().unwrap() = true;
        self.shared.release.notify_all();
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.release();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        let problems = self.shared.problems.lock().unwrap();
        if !thread::panicking() {
            assert!(problems.is_empty(), "the model server was sent nonsense: {problems:#?}");
        }
    }
}

impl Shared {
    /// Answers the requests of one connection.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = read_request(&mut reader)? {
            let problem = {
                let mut received = self.received.lock().unwrap();
                request.number = received.len();
                received.push(request.clone());
                request.problem(self.key.as_deref()).filter(|_| !self.lax)
            };
            let reply = if let Some(problem) = problem {
                let reply = Reply::refusal(400, &format!("model server: {problem}"));
                self.problems.lock().unwrap().push(problem);
                reply
            } else {
                (self.replies)(&request)
            };
            self.play(&reply, stream)?;
            if reply.then == Then::Drop || !reply.framed {
                return stream.shutdown(Shutdown::Both);
            }
        }
        Ok(())
    }

    fn play(&self, reply: &Reply, mut stream: &TcpStream) -> io::Result<()> {
        let wait = || {
            let released = self.released.lock().unwrap();
            drop(self.release.wait_while(released, |released| !*released).unwrap());
        };
        if reply.then == Then::Silence {
            wait();
        }
        let mut head = format!("HTTP/1.1 {} \r\n", reply.status);
        for (name, value) in &reply.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let framing = if reply.framed { "transfer-encoding: chunked" } else { "connection: close" };
        stream.write_all(format!("{head}{framing}\r\n\r\n").as_bytes())?;
        for (chunk, times) in reply.chunks.iter().filter(|(chunk, _)| !chunk.is_empty()) {
            let framed = if reply.framed {
                [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()
            } else {
                chunk.clone()
            };
            for _ in 0..*times {
                if !reply.pace.is_zero() {
                    thread::sleep(reply.pace);
                }
                stream.write_all(&framed)?;
            }
        }
        match reply.then {
            Then::Drop => return Ok(()),
            Then::Hang => wait(),
            Then::End | Then::Silence => {}
        }
        if reply.framed { stream.write_all(b"0\r\n\r\n") } else { Ok(()) }
    }
}

/// Reads one request; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Received { number: 0, method, path, headers, body: Value::Null };
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Some(request))
}
