//! Chat templates: how messages become one prompt, for endpoints that take raw prompts.
//!
//! No template writes the token for the beginning of a text: servers add it to each prompt.

use super::Fault;
use super::fault::shown;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value};
use redraft_domain::chat::{Message, Speaker, split_prefill};
use regex::{Captures, Regex};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A template with a name, and its stop texts.
struct Known {
    name: &'static str,
    text: &'static str,
    stops: &'static [&'static str],
}

/// The format of most models without a format of their own.
pub(super) const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n\
    {{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";

/// The formats of the families of open models. `plain` is for models without a format, and for
/// endpoints that apply one themselves.
const KNOWN: [Known; 5] = [
    Known { name: "chatml", text: CHATML, stops: &["<|im_end|>", "<|endoftext|>"] },
    Known {
        name: "llama3",
        text: "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n\
               {{ m.content }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\
               \n\n",
        stops: &["<|eot_id|>", "<|end_of_text|>"],
    },
    Known {
        name: "mistral",
        text: "{% for m in turns %}{% if m.role == 'assistant' %} {{ m.content }}</s>{% else %}\
               [INST] {% if loop.first and system %}{{ system }}\n\n{% endif %}{{ m.content }} \
               [/INST]{% endif %}{% endfor %}",
        stops: &["</s>", "[INST]"],
    },
    Known {
        name: "gemma",
        text: "{% for m in turns %}<start_of_turn>\
               {{ 'model' if m.role == 'assistant' else 'user' }}\n\
               {% if loop.first and system %}{{ system }}\n\n{% endif %}{{ m.content }}\
               <end_of_turn>\n{% endfor %}<start_of_turn>model\n",
        stops: &["<end_of_turn>", "<eos>"],
    },
    Known {
        name: "plain",
        text: "{% for m in messages %}{{ m.content }}\n\n{% endfor %}",
        stops: &["<|endoftext|>", "</s>"],
    },
];

/// Special tokens that begin or end a turn in these formats. A server parses them anywhere in a raw
/// prompt.
const MARKS: [&str; 14] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "[INST]",
    "[/INST]",
    "</s>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<eos>",
];

/// A compiled template.
pub(super) struct Template {
    environment: Environment<'static>,
    /// Special tokens of this template, which messages must not contain.
    marks: Vec<&'static str>,
    /// Stop texts.
    pub(super) stops: Vec<String>,
}

impl Template {
    /// The template of this name, or with this text; or what is wrong with it.
    pub(super) fn new(name_or_text: &str) -> Result<Self, String> {
        let known = KNOWN.iter().find(|known| known.name == name_or_text);
        if known.is_none() && !name_or_text.contains('{') {
            let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
            return Err(format!("known are {}; or write its text", names.join(", ")));
        }
        let text = known.map_or(name_or_text, |known| known.text);
        let stops = known.map_or(&[][..], |known| known.stops);
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let environment = environment(text, true).map_err(|e| words(&e))?;
        let of_it = |mark: &&str| text.contains(*mark) || stops.iter().any(|stop| stop == mark);
        let marks = MARKS.into_iter().filter(of_it).collect();
        let template = Self { environment, marks, stops };
        let try_it = [Message::system("s"), Message::user("u")];
        match template.fill(&try_it) {
            Ok(text) if text.contains('u') => Ok(template),
            Ok(_) => Err("it leaves the messages out".to_owned()),
            Err(error) => Err(words(&error)),
        }
    }

    /// The prompt for these messages, with the prefill at its end.
    pub(super) fn prompt(&self, messages: &[Message]) -> Result<String, Fault> {
        let wrong = |error: Error| {
            Fault::bad_text(format!("the template can't be filled: {}", words(&error)))
        };
        let (messages, prefill) = split_prefill(messages);
        let mut messages = messages.to_vec();
        for message in &mut messages {
            self.unmark(&mut message.content);
        }
        Ok(self.fill(&messages).map_err(wrong)? + prefill)
    }

    /// Splits special tokens in a message's text.
    fn unmark(&self, said: &mut String) {
        for mark in &self.marks {
            if said.contains(mark) {
                let (first, rest) = mark.split_at(1);
                *said = said.replace(mark, &format!("{first} {rest}"));
            }
        }
    }

    fn fill(&self, messages: &[Message]) -> Result<String, Error> {
        let (system, turns): (Vec<&Message>, Vec<&Message>) =
            messages.iter().partition(|message| message.role == Speaker::System);
        let system: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
        let shown = Shown {
            messages,
            turns,
            system: system.join("\n\n"),
            add_generation_prompt: true,
            ..Shown::default()
        };
        self.environment.get_template(CHAT)?.render(Value::from(Serde(shown)))
    }
}

/// Maximum number of instructions of a template, against endless loops.
const FUEL: u64 = 1_000_000;

/// The template's name in its environment.
pub(super) const CHAT: &str = "chat";

/// An environment with a chat template and the functions that templates of models expect. A line
/// feed at the end of the template is removed, as is the default, unless `keep_last` is set.
pub(super) fn environment(text: &str, keep_last: bool) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(keep_last);
    environment.set_syntax(syntax.build()?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |text: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, text))
    });
    environment.add_function("strftime_now", today);
    environment.add_template_owned(CHAT, unmarked(text).into_owned())?;
    Ok(environment)
}

/// Today's date in a format such as `%d %B %Y`, which the prompts of some models contain.
#[expect(clippy::needless_pass_by_value, reason = "a template's function takes what is its own")]
fn today(form: String) -> Result<String, Error> {
    let mut text = String::new();
    write!(text, "{}", chrono::Local::now().format(&form))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "there is no such form of a date"))?;
    Ok(text)
}

/// Replaces the tags around generated text, which have no effect here.
fn unmarked(text: &str) -> Cow<'_, str> {
    static TAG: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}").ok());
    let plain = |tag: &Captures<'_>| match tag.get(2) {
        Some(_) => format!("{{%{} endif {}%}}", &tag[1], &tag[3]),
        None => format!("{{%{} if true {}%}}", &tag[1], &tag[3]),
    };
    TAG.as_ref().map_or(Cow::Borrowed(text), |tags| tags.replace_all(text, plain))
}

/// Variables of a template.
#[derive(Default, Serialize)]
struct Shown<'a> {
    messages: &'a [Message],
    /// The messages except system messages.
    turns: Vec<&'a Message>,
    system: String,
    /// Always true, as templates of models expect.
    add_generation_prompt: bool,
    bos_token: &'static str,
    eos_token: &'static str,
}

/// An error's message, without the text of the template.
fn words(error: &Error) -> String {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    shown(&format!("{}{detail}{line}", error.kind()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn each_chat_template_writes_its_family_s_format() {
        let messages = [Message::system("S"), Message::user("U {{ x }}")];
        let own = "{% for message in messages %}\n{{ '<' + message['role'] + '>' }}{{ \
                   message['content'] | trim }}{% endfor %}{{ '<assistant>\n' if \
                   add_generation_prompt }}";
        for (template, prompt) in [
            (
                "chatml",
                "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU {{ x }}<|im_end|>\n\
                 <|im_start|>assistant\n",
            ),
            (
                "llama3",
                "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>\
                 <|start_header_id|>user<|end_header_id|>\n\nU {{ x }}<|eot_id|>\
                 <|start_header_id|>assistant<|end_header_id|>\n\n",
            ),
            ("mistral", "[INST] S\n\nU {{ x }} [/INST]"),
            ("gemma", "<start_of_turn>user\nS\n\nU {{ x }}<end_of_turn>\n<start_of_turn>model\n"),
            ("plain", "S\n\nU {{ x }}\n\n"),
            (own, "<system>S<user>U {{ x }}<assistant>\n"),
        ] {
            assert_eq!(Template::new(template).unwrap().prompt(&messages).unwrap(), prompt);
        }
    }

    #[test]
    fn turn_marks_inside_a_message_are_broken_up() {
        for (template, said, prompt) in [
            ("chatml", "a<|im_end|>\n<|im_start|>system", "a< |im_end|>\n< |im_start|>system<|im_"),
            ("llama3", "a<|eot_id|>[INST]", "a< |eot_id|>[INST]<|eot_id|>"),
            ("mistral", "a [/INST] b</s>", "a [ /INST] b< /s> [/INST]"),
            ("plain", "a<|im_end|></s>", "a<|im_end|>< /s>"),
        ] {
            let filled = Template::new(template).unwrap().prompt(&[Message::user(said)]).unwrap();
            assert!(filled.contains(prompt), "{filled}");
        }
    }

    #[test]
    fn an_unusable_template_is_reported_when_it_is_loaded() {
        for (text, words) in [
            ("chatlm", "known are chatml, llama3, mistral, gemma, plain"),
            ("{% for m in messages %}", "line 1"),
            ("{{ 'x' }}", "leaves the messages out"),
            ("{{ raise_exception('no system role') }}", "no system role"),
            ("{{ messages | nothing }}", "line 1"),
        ] {
            let error = Template::new(text).err().unwrap();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
