//! Renders the chat template of a model's file.

use super::tokenizer::Part;
use crate::template::{CHAT, CHATML, environment};
use minijinja::{Error, context};
use redraft_domain::chat::{Message, Speaker, split_prefill};
use regex::Regex;
use std::sync::LazyLock;

/// Placeholder for a message's content while the template runs, with the message's number. It uses
/// private-use characters, so that messages can be distinguished from the template's own text.
static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("\u{F0000}([0-9]+)\u{F0001}").ok());

fn place(number: usize) -> String {
    format!("\u{F0000}{number}\u{F0001}")
}

/// Chat template of a model.
pub(super) struct Template {
    source: String,
    /// Whether it is the built-in template, not the file's.
    own: bool,
    first: String,
    last: String,
}

/// A rendered conversation: the template's text with placeholders for the messages' contents.
pub(super) struct Written<'a> {
    text: String,
    messages: &'a [Message],
    /// The start of the answer.
    prefill: &'a str,
}

impl Template {
    /// Takes the template of a file and the texts of its first and last tokens (BOS and EOS).
    /// Without a template it is `ChatML`.
    pub(super) fn new(source: Option<&str>, first: &str, last: &str) -> Self {
        let own = source.is_none();
        let source = source.unwrap_or(CHATML).to_owned();
        Self { source, own, first: first.to_owned(), last: last.to_owned() }
    }

    /// Renders a conversation, ready for the model's answer.
    pub(super) fn write<'a>(&self, messages: &'a [Message]) -> Result<Written<'a>, Error> {
        let (messages, prefill) = split_prefill(messages);
        let roles = |message: &Message| message.role.name();
        let said: Vec<_> =
            (0..).zip(messages).map(|(number, m)| (roles(m), place(number))).collect();
        let text = self.render(&said).or_else(|error| {
            // Some templates do not support system messages: the text is then put before the first
            // user message.
            match (said.as_slice(), messages.first()) {
                ([(_, system), (user, asked), rest @ ..], Some(first))
                    if first.role == Speaker::System =>
                {
                    let mut merged = vec![(*user, format!("{system}\n\n{asked}"))];
                    merged.extend_from_slice(rest);
                    self.render(&merged)
                }
                _ => Err(error),
            }
        })?;
        Ok(Written { text, messages, prefill })
    }

    fn render(&self, said: &[(&str, String)]) -> Result<String, Error> {
        let messages: Vec<_> =
            said.iter().map(|&(role, ref content)| context! { role, content }).collect();
        let environment = environment(&self.source, self.own)?;
        environment.get_template(CHAT)?.render(context! {
            messages, add_generation_prompt => true,
            // Thinking is switched off if the model allows it: it takes many tokens.
            enable_thinking => false,
            bos_token => &self.first, eos_token => &self.last,
        })
    }
}

impl Written<'_> {
    /// The parts of the prompt, in order.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut at = 0;
        for found in PLACE.iter().flat_map(|place| place.captures_iter(&self.text)) {
            let (Some(whole), Some(number)) = (found.get(0), found.get(1)) else { continue };
            parts.push(Part::Frame(&self.text[at..whole.start()]));
            let message = number.as_str().parse().ok().and_then(|n: usize| self.messages.get(n));
            parts.extend(message.map(|message| Part::Said(&message.content)));
            at = whole.end();
        }
        parts.push(Part::Frame(&self.text[at..]));
        if !self.prefill.is_empty() {
            parts.push(Part::Said(self.prefill));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn written(source: Option<&str>, messages: &[Message]) -> String {
        let written = Template::new(source, "<s>", "</s>");
        let written = written.write(messages).unwrap();
        let parts = written.parts().into_iter().map(|part| match part {
            Part::Frame(text) => text.to_owned(),
            Part::Said(text) => format!("[{text}]"),
        });
        parts.collect()
    }

    #[test]
    fn a_conversation_is_written_as_the_template_of_the_file_says() {
        let messages = [Message::system("S"), Message::user(" U<|im_end|>{{ 1 }} ")];
        let smollm = "{% for message in messages %}{% if loop.first and messages[0]['role'] != \
            'system' %}{{ '<|im_start|>system\nX<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + \
            message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}\
            {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
        let chatml = "<|im_start|>system\n[S]<|im_end|>\n\
            <|im_start|>user\n[ U<|im_end|>{{ 1 }} ]<|im_end|>\n<|im_start|>assistant\n";
        for (source, expected) in [
            (None, chatml),
            (Some(smollm), chatml),
            (
                Some(
                    "{{ bos_token }}{%- for m in messages -%}\n  {{ m.role }}:{{ m.content.strip() }};\n{% endfor %}",
                ),
                "<s>system:[S];\nuser:[ U<|im_end|>{{ 1 }} ];\n",
            ),
            // A template that does not support system messages.
            (
                Some(
                    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}\
                    {% endif %}[INST]{{ m.content }}[/INST]{% endfor %}{{ eos_token }}",
                ),
                "[INST][S]\n\n[ U<|im_end|>{{ 1 }} ][/INST]</s>",
            ),
        ] {
            assert_eq!(written(source, &messages), expected, "{source:?}");
        }
    }

    #[test]
    fn thinking_is_switched_off_where_the_template_allows_it() {
        let qwen3 = "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' + m.content + \
            '<|im_end|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- \
            '<|im_start|>assistant\n' }}{%- if enable_thinking is defined and enable_thinking is \
            false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}";
        let smollm3 = "{%- if enable_thinking is not defined -%}\n{%- set enable_thinking = true -%}\n\
            {%- endif -%}\n{%- if enable_thinking -%}\n  {%- set mode = \"/think\" -%}\n{%- else -%}\n  \
            {%- set mode = \"/no_think\" -%}\n{%- endif -%}\n{%- set today = strftime_now(\"%Y\") -%}\n\
            {{- \"Reasoning Mode: \" + mode + \" \" ~ (today | length) ~ \"\n\" -}}\n\
            {%- set said = messages[0].content.replace(\"/think\", \"\").rstrip() -%}\n{{- said -}}\n\
            {%- for message in messages[1:] -%}\n    {%- if message.role == \"user\" -%}\n        \
            {{ \"<|im_start|>\" + message.role + \"\n\" + message.content + \"<|im_end|>\n\" }}\n    \
            {%- elif message.role == \"assistant\" -%}\n        {% generation %}\n        {%- if \
            mode == \"/think\" -%}\n{{ message.content }}\n{%- else -%}\n            {{ \"assistant\n\" \
            + message.content.lstrip(\"\n\") }}\n        {%- endif -%}\n        {% endgeneration %}\n    \
            {%- endif -%}\n{%- endfor -%}\n{%- if add_generation_prompt -%}\n    {{ \
            \"<|im_start|>assistant\n\" + \"<think>\n\n</think>\n\" }}\n{%- endif -%}";
        let said = [
            Message::system("S"),
            Message::user("U"),
            Message::assistant("A", Vec::new()),
            Message::user("V"),
        ];
        for (source, expected) in [
            (
                qwen3,
                "<|im_start|>system\n[S]<|im_end|>\n<|im_start|>user\n[U]<|im_end|>\n\
                 <|im_start|>assistant\n[A]<|im_end|>\n<|im_start|>user\n[V]<|im_end|>\n\
                 <|im_start|>assistant\n<think>\n\n</think>\n\n",
            ),
            (
                smollm3,
                "Reasoning Mode: /no_think 4\n[S]<|im_start|>user\n[U]<|im_end|>\nassistant\n[A]\
                 <|im_start|>user\n[V]<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n",
            ),
        ] {
            assert_eq!(written(Some(source), &said), expected);
        }
    }

    #[test]
    fn a_prefilled_answer_is_left_open() {
        let messages = [Message::user("U"), Message::assistant("```python\n", Vec::new())];
        let chatml = "<|im_start|>user\n[U]<|im_end|>\n<|im_start|>assistant\n[```python\n]";
        assert_eq!(written(None, &messages), chatml);
    }

    #[test]
    fn an_endless_or_invalid_template_is_an_error() {
        let many =
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
        let deep = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
        for source in [
            many,
            deep,
            "{% if %}",
            "{{ strftime_now('%Q') }}",
            "{{ raise_exception('never') }}",
            "{{ a.b.c }}",
        ] {
            let template = Template::new(Some(source), "", "");
            assert!(template.write(&[Message::user("x")]).is_err(), "{source}");
        }
    }
}
