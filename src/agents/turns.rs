//! Finds the model's own turn: models whose server does not stop them write the marks of their chat
//! format, and continue with made-up turns of the user.

use super::fences::is_fence;
use super::marks::Marks;
use super::text::{normalise, starts_with};
use super::thoughts;
use super::turn_marks::{LONGEST, OTHERS, OWN, Speaker, mark};
use crate::domain::chat::Outcome;

/// Speakers in formats with words as marks, such as `User:` or `### Instruction`.
const WORDS: [&str; 4] = ["user", "human", "instruction", "prompter"];
const OWN_WORDS: [&str; 3] = ["assistant", "response", "gpt"];

/// The model's text before another speaker's turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn<'a> {
    /// The whole text, including the marks in it.
    pub(super) whole: &'a str,
    /// The text between the marks, without blank stretches.
    pub(super) stretches: Vec<&'a str>,
    /// It was ended by a mark or by another speaker's turn, so nothing was cut off.
    pub(super) ended: bool,
}

/// An answer in words, without reasoning, marks and following turns; and how it ended, which is
/// whole if only a made-up turn was cut off.
#[must_use]
pub fn own_words(answer: &str, outcome: Outcome) -> (String, Outcome) {
    let normal = normalise(answer);
    let marks = Marks::of_words();
    let cut = outcome == Outcome::Cut;
    let said = thoughts::said(&normal, cut, &marks);
    let turn = of_model(&said, &marks);
    let first = turn.stretches.first().copied().unwrap_or_default();
    let ended = cut && (turn.ended || said_ends(&normal, &said));
    (first.to_owned(), if ended { Outcome::Whole } else { outcome })
}

/// Whether the model's words end before the answer does: another mark or turn follows.
pub(super) fn said_ends(answer: &str, said: &str) -> bool {
    let last = said.trim_end().rsplit('\n').next().unwrap_or_default();
    !last.is_empty() && !answer.trim_end().ends_with(last)
}

/// The model's own turn.
pub(super) fn of_model<'a>(text: &'a str, marks: &Marks<'_>) -> Turn<'a> {
    let end = made_up(text, marks).unwrap_or(text.len());
    let (text, cut) = (&text[..end], end < text.len());
    let is_json = text.trim_start().starts_with(['{', '[', '"'])
        && serde_json::from_str::<serde_json::Value>(text).is_ok();
    let mut turn = Turn { whole: text, stretches: Vec::new(), ended: cut };
    let (mut from, mut at) = (0, 0);
    while let Some(next) = text[at..].find(['<', '[']).map(|next| at + next) {
        at = next + 1;
        let Some((length, speaker)) = mark(&text[next..]) else { continue };
        if is_json || strikes(text, next) || marks.is_content(text, next, next + length) {
            continue;
        }
        turn.add(&text[from..next]);
        turn.ended |= !turn.stretches.is_empty();
        from = next + length;
        at = from;
        if speaker == Speaker::Other {
            turn.whole = &text[..next];
            return turn;
        }
    }
    let rest = &text[from..];
    turn.add(&rest[..unfinished(rest).unwrap_or(rest.len())]);
    turn
}

impl<'a> Turn<'a> {
    fn add(&mut self, stretch: &'a str) {
        if !stretch.trim().is_empty() {
            self.stretches.push(stretch);
        }
    }
}

/// Whether `<s>` or `</s>` is the HTML tag for strikethrough.
fn strikes(text: &str, at: usize) -> bool {
    let from = text.floor_char_boundary(at.saturating_sub(LONGEST));
    let line = text[from..at].rsplit('\n').next().unwrap_or_default();
    if starts_with(&text[at..], "</s>") {
        return line.contains("<s>");
    }
    let rest = &text[at..text.ceil_char_boundary((at + 4 * LONGEST).min(text.len()))];
    let rest = rest.lines().next().unwrap_or_default();
    starts_with(rest, "<s>") && !line.trim().is_empty() && rest.contains("</s>")
}

/// The start of a mark that was cut off at the end of the text.
fn unfinished(text: &str) -> Option<usize> {
    let at = text.rfind("<|").or_else(|| text.rfind("<｜"))?;
    let name = text[at + 1..].trim_start_matches(['|', '｜']).trim_end_matches(['|', '｜']);
    let is_name = |c: char| c.is_alphanumeric() || "_▁".contains(c);
    (name.len() < LONGEST && name.chars().all(is_name)).then_some(at)
}

/// The start of a turn that the model made up for the user, in a format with words as marks: at a
/// line such as `User:` or `### Instruction` after a closed fence. Without fences, or in an answer
/// in words, only if the model's own next turn follows.
fn made_up(text: &str, marks: &Marks<'_>) -> Option<usize> {
    let (mut open, mut closed, mut at) = (false, false, 0);
    let mut begun: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        if is_fence(line) {
            let role = line.trim().trim_start_matches(['`', '~']).to_ascii_lowercase();
            let is_role = OTHERS.contains(&role.as_str()) || OWN.contains(&role.as_str());
            if open && is_role && !marks.is_in_script(text, start, end) {
                let fence = line.len() - line.trim_start().trim_start_matches(['`', '~']).len();
                return Some(start + fence);
            }
            closed |= open;
            open = !open;
            continue;
        }
        if open {
            continue;
        }
        match speaker(line) {
            Some(Speaker::Other) if begun.is_none() && !marks.is_in_script(text, start, end) => {
                if closed && marks.in_code() {
                    return Some(start);
                }
                begun = (!text[..start].trim().is_empty()).then_some(start);
            }
            Some(Speaker::Own) if begun.is_some() => return begun,
            _ => {}
        }
    }
    None
}

/// The speaker whose turn a line starts: `User: ...`, `**User:** ...`, `### Instruction`, or `user`
/// alone, which remains of a mark that a server removed.
fn speaker(line: &str) -> Option<Speaker> {
    let alone = line.trim_end().trim_start_matches('<').trim_end_matches('>');
    if matches!(alone, "user" | "human") {
        return Some(Speaker::Other);
    }
    if matches!(alone, "assistant" | "model") {
        return Some(Speaker::Own);
    }
    let heading = line.trim_start_matches('#');
    let is_heading = heading.len() < line.len() && heading.starts_with([' ', '*']);
    let text = if is_heading { heading.trim_start() } else { line };
    let text = text.trim_start_matches("**");
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = text[length..].trim_start_matches("**");
    let alone = rest.trim().trim_matches([':', '*']).is_empty();
    if !(rest.starts_with(':') || (is_heading && alone)) {
        return None;
    }
    let word = text[..length].to_ascii_lowercase();
    if WORDS.contains(&word.as_str()) {
        return Some(Speaker::Other);
    }
    OWN_WORDS.contains(&word.as_str()).then_some(Speaker::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chat format marks: after an answer, before a made-up turn of the user, and before the
    /// model's next turn.
    const FORMATS: [[&str; 3]; 14] = [
        ["<|im_end|>", "<|im_start|>user\n", "<|im_start|>assistant\n"],
        ["</s>", "[INST] ", " [/INST]"],
        ["</s>", "<|user|>\n", "<|assistant|>\n"],
        [
            "<|eot_id|>",
            "<|start_header_id|>user<|end_header_id|>\n\n",
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ],
        ["<end_of_turn>", "<start_of_turn>user\n", "<start_of_turn>model\n"],
        ["<turn|>", "<|turn>user\n", "<|turn>model\n"],
        ["<|end|>", "<|user|>\n", "<|assistant|>\n"],
        ["<|return|>", "<|start|>user<|message|>", "<|start|>assistant<|message|>"],
        ["<|endoftext|>", "Human: ", "\n\nAssistant: "],
        ["<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"],
        ["<|END_OF_TURN_TOKEN|>", "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"],
        [
            "<|end_of_text|>",
            "<|start_of_role|>user<|end_of_role|>",
            "<|start_of_role|>assistant<|end_of_role|>",
        ],
        ["[|endofturn|]", "[|user|]", "[|assistant|]"],
        ["[/INST]", "[INST]", "[/INST]"],
    ];
    const CODE: &str = "import math\n\nprint('draft', round(math.pi, 2))";

    fn own(text: &str) -> (String, bool) {
        let parses = |text: &str| ruff_python_parser::parse_module(text).is_ok();
        let turn = of_model(text, &Marks::of_code(&parses));
        (turn.stretches.first().copied().unwrap_or_default().trim().to_owned(), turn.ended)
    }

    #[test]
    fn turn_marks_of_every_chat_format_end_the_answer() {
        for [end, user, model] in FORMATS {
            for answer in [CODE.to_owned(), format!("Here:\n```python\n{CODE}\n```")] {
                for text in [
                    format!("{answer}{end}"),
                    format!("{answer}\n{end}\n"),
                    format!(
                        "{answer}{end}\n{user}Now a ball.{end}\n{model}```python\nprint(2)\n```{end}"
                    ),
                    format!("{answer}{end}{user}Now a ball.{end}{model}print(2)"),
                    format!("{model}{answer}{end}"),
                ] {
                    if text.starts_with("\n\nAssistant: ") {
                        continue;
                    }
                    assert_eq!(own(&text), (answer.clone(), true), "{text}");
                }
            }
            let unclosed = format!("```python\n{CODE}{end}\n```");
            assert_eq!(own(&unclosed), (format!("```python\n{CODE}"), true), "{unclosed}");
            let words = format!("R1: Print it.{end}\n{user}Fine.{end}{model}R1: Print two.");
            let cut = own_words(&words, Outcome::Cut);
            assert_eq!(cut, ("R1: Print it.".to_owned(), Outcome::Whole), "{words}");
            let mention = format!("R1: Print `{end}` behind it.\nR2: Stop.");
            assert_eq!(own_words(&mention, Outcome::Whole).0, mention);
            for script in [
                format!("MARK = \"{end}\"\nprint(MARK)"),
                format!("FORM = '''\n{user}%s{end}\n{model}\n'''\nprint(FORM)"),
                format!("# It ends with {end} always.\nprint(1)"),
                format!("print([\"{end}\", '{end}'])"),
            ] {
                for text in [script.clone(), format!("So:\n```python\n{script}\n```\nDone.")] {
                    assert_eq!(own(&text), (text.clone(), false), "{text}");
                    let more = format!("{text}<|im_end|>\n<|im_start|>user\nNo.");
                    assert_eq!(own(&more), (text.clone(), true), "{more}");
                }
            }
        }
    }

    #[test]
    fn a_made_up_user_turn_is_cut_from_the_answer() {
        let answer = format!("```python\n{CODE}\n```");
        for turn in [
            "User: Now a ball.\nAssistant:\n```python\nprint(2)\n```",
            "USER: Now a ball.",
            "**User:** Now a ball.\n\n**Assistant:** So:\n```python\nprint(2)\n```",
            "Human: Now a ball.\n\nAssistant: So.",
            "### Instruction:\nNow a ball.\n\n### Response:\n```python\nprint(2)\n```",
            "### Instruction\nNow a ball.",
            "user\nNow a ball.\nassistant\n```python\nprint(2)\n```",
            "<user>\nNow a ball.\n</user>",
            "## User\nNow a ball.\n## Assistant\n```python\nprint(2)\n```",
        ] {
            let text = format!("{answer}\n\n{turn}");
            assert_eq!(own(&text), (answer.clone(), true), "{text}");
        }
        assert_eq!(own(&format!("```python\n{CODE}\n```assistant\nMore.")), (answer.clone(), true));
        let bare = format!("{CODE}\n\nUser: Now a ball.\nAssistant: print(2)");
        assert_eq!(own(&bare), (CODE.to_owned(), true));
        for text in [
            format!("{answer}\n\nUsage:\n```bash\npython x.py\n```"),
            format!("{answer}\n\n### Instructions\nRun it."),
            format!("{answer}\n\nUser input is read with `input`."),
            format!("User: you asked for a number.\n{answer}"),
            "```python\nuser: str = 'a'\nUser: type = str\nprint(user)\n```".to_owned(),
        ] {
            assert_eq!(own(&text), (text.clone(), false), "{text}");
        }
        let plan = "R1: Ask.\nUser: types a number.\nR2: Print it.";
        assert_eq!(own_words(plan, Outcome::Whole).0, plan);
    }

    #[test]
    fn text_that_only_resembles_a_mark_is_left_alone() {
        for text in [
            "x = [1, 2]\nprint(x[0] < 3 > 2)",
            "a: list[int | None] = []\nb = {}\nprint(a, b)",
            "if a <b or c> d:\n    print('<|>')",
            "The page has <b>bold</b>, <s>old</s> and <br> in it.",
        ] {
            assert_eq!(own(text), (text.to_owned(), false));
        }
        assert_eq!(own("print(1)\nprint(2)<|im_e").0, "print(1)\nprint(2)");
    }
}
