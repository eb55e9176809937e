//! The Manager as a person at a terminal: menus, and a line editor for longer answers.

use super::tell::Teller;
use super::{Terminal, lines, prompt, show_cursor};
use crate::domain::event::Gate;
use crate::domain::review::Verdict;
use crate::domain::text::one_line;
use crate::workflow::machine;
use crate::workflow::manager::{Answer, Interrupted, Manager, News, Question};
use dialoguer::Select;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use futures_util::future::LocalBoxFuture;
use prompt::Typed;

/// A person at the terminal.
pub struct Menus {
    teller: Teller,
    theme: Box<dyn Theme>,
}

impl Menus {
    /// Nothing is shown before there is something to say.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        let theme: Box<dyn Theme> =
            if terminal.color { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
        Self { teller: Teller::new(terminal), theme }
    }

    fn answer(&mut self, question: &Question<'_>) -> Result<Answer, Interrupted> {
        self.teller.question(question);
        loop {
            let choices = choices(question);
            let words: Vec<String> = choices
                .iter()
                .map(|c| format!("{:<9} {}", c.word, self.teller.terminal.dim(c.what)))
                .collect();
            let asked = match question.gate {
                Gate::Plan => "Is this the plan?",
                Gate::Version => "What now?",
                Gate::Safety => "Run it unconfined?",
                Gate::Budget => "Go on past the limit?",
            };
            let chosen = select(self.theme.as_ref(), asked, &words, preferred(question))?;
            // Escape leaves, as `quit` does: the session can be resumed.
            let Some(choice) = chosen.and_then(|n| choices.get(n)) else {
                return Ok(Answer::Quit);
            };
            if let Some(answer) = self.carry_out(choice.word, question)? {
                return Ok(answer);
            }
        }
    }

    /// What a choice leads to; none to be asked again.
    fn carry_out(
        &self,
        word: &str,
        question: &Question<'_>,
    ) -> Result<Option<Answer>, Interrupted> {
        Ok(match word {
            "approve" => Some(Answer::Approve),
            "accept" => Some(Answer::Accept),
            "iterate" => Some(Answer::Iterate),
            "run" => Some(Answer::Run),
            "allow" => Some(Answer::Allow),
            "deny" => Some(Answer::Deny),
            "quit" => Some(Answer::Quit),
            "say" => self.text("What should be different?")?.map(Answer::Say),
            "plan" => self.text("What should the plan say?")?.map(Answer::Plan),
            "feedback" => self.text("What did you see?")?.map(Answer::Feedback),
            "rewind" => self.version(question)?.map(Answer::Rewind),
            _ => match lines::edited(question) {
                Ok(text) => Some(Answer::Edited(text)),
                Err(problem) => {
                    self.teller.terminal.say(&self.teller.terminal.bad(&problem));
                    None
                }
            },
        })
    }

    fn text(&self, question: &str) -> Result<Option<String>, Interrupted> {
        let shown = self.teller.terminal.bold(question);
        match prompt::ask(&shown) {
            Ok(Typed::Text(text)) => Ok(Some(text).filter(|t| !t.is_empty())),
            Ok(Typed::Interrupted) => Err(Interrupted),
            Ok(Typed::Ended) => Ok(None),
            Err(error) => {
                self.teller.terminal.warn(&format!("cannot read from the terminal: {error}"));
                Ok(None)
            }
        }
    }

    fn version(&self, question: &Question<'_>) -> Result<Option<u32>, Interrupted> {
        let versions = &question.session.versions;
        let words: Vec<String> = versions
            .iter()
            .rev()
            .map(|v| {
                let run = v.run.as_ref().map_or("not run", |r| r.verdict.name());
                format!("v{:<3} {:<9} run: {run}", v.number, v.cause.name())
            })
            .collect();
        let chosen = select(self.theme.as_ref(), "Go back to which version?", &words, 0)?;
        Ok(chosen.and_then(|n| versions.iter().rev().nth(n)).map(|v| v.number))
    }
}

impl Manager for Menus {
    fn ask<'a>(
        &'a mut self,
        question: &'a Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>> {
        Box::pin(async move { self.answer(question) })
    }

    fn tell(&mut self, news: News<'_>) {
        self.teller.tell(&news);
    }
}

/// One line of a menu.
struct Choice {
    word: &'static str,
    what: &'static str,
}

fn choices(question: &Question<'_>) -> Vec<Choice> {
    let choice = |word, what| Choice { word, what };
    let version = question.session.head().is_some();
    match question.gate {
        Gate::Plan => vec![
            choice("approve", "the Coder starts with it"),
            choice("say", "tell the Planner what should be different"),
            choice("edit", "change the text in your editor"),
            choice("quit", "stop for today"),
        ],
        Gate::Version if !version => vec![
            choice("iterate", "ask the Coder again"),
            choice("plan", "change what is asked for"),
            choice("quit", "stop for today"),
        ],
        Gate::Version => vec![
            choice("accept", "take this version: done"),
            choice("iterate", "another version, for the open findings"),
            choice("feedback", "say what you saw; then another version"),
            choice("run", "run it once more"),
            choice("edit", "change the script in your editor"),
            choice("plan", "change what is asked for"),
            choice("rewind", "go on from an earlier version"),
            choice("quit", "stop for today"),
        ],
        Gate::Safety => vec![
            choice("deny", "check and review it without a run"),
            choice("allow", "run the versions of this session with your own rights"),
            choice("quit", "stop for today"),
        ],
        Gate::Budget => vec![
            choice("allow", "as much again"),
            choice("deny", "stop at the limit"),
            choice("quit", "stop for today"),
        ],
    }
}

/// What the cursor stands on: what the program would do.
fn preferred(question: &Question<'_>) -> usize {
    let head = question.session.head();
    match question.gate {
        Gate::Version => usize::from(head.is_some_and(|v| machine::verdict(v) == Verdict::Iterate)),
        _ => 0,
    }
}

/// A menu. The cursor comes back however it ends.
pub fn select(
    theme: &dyn Theme,
    question: &str,
    words: &[String],
    preferred: usize,
) -> Result<Option<usize>, Interrupted> {
    let width = usize::from(console::Term::stderr().size().1).max(30) - 6;
    let words: Vec<String> =
        words.iter().map(|w| console::truncate_str(w, width, "…").into_owned()).collect();
    let chosen = Select::with_theme(theme)
        .with_prompt(one_line(question, width))
        .items(&words)
        .default(preferred)
        .interact_opt();
    show_cursor();
    chosen.map_err(|_| Interrupted)
}
