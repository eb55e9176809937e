//! The Manager as a person at a terminal: menus, and a line editor for longer answers.

use super::pick::{Choice, edit_again, select};
use super::tell::Teller;
use super::{Terminal, by_hand, forget_typed, lines, look, prompt, relay};
use crate::domain::event::Gate;
use crate::domain::review::{Answered, Finding, Status};
use crate::domain::session::Version;
use crate::domain::text::{count, one_line, visible};
use crate::view;
use crate::workflow::driver;
use crate::workflow::manager::{self, Answer, Asked, Interrupted, Question};
use crate::workflow::session_task::News;
use prompt::Typed;

/// Characters that are shown of what was typed.
const TYPED: usize = 60;

/// A person at the terminal.
pub(super) struct Menus {
    pub(super) teller: Teller,
    /// It was said how questions are typed.
    explained: bool,
    /// Flags that a further command needs to find what this one does.
    flags: Vec<String>,
}

impl Menus {
    /// Nothing is shown before there is something to say. The flags are those that a further command
    /// needs to find what this one does.
    #[must_use]
    pub(super) const fn new(terminal: Terminal, flags: Vec<String>) -> Self {
        Self { teller: Teller::new(terminal), explained: false, flags }
    }

    /// Tells what happens, but for what the gate that follows shows.
    pub(super) fn tell(&mut self, news: &News) {
        if !matches!(news, News::Proposed { .. } | News::Reviewed { .. }) {
            self.teller.tell(news);
        }
    }

    /// Asks at a gate.
    pub(super) fn answer(&mut self, question: &Question<'_>) -> Result<Answer, Interrupted> {
        self.teller.question(question);
        // An Enter that was meant for what was on the screen before must not accept a version.
        forget_typed();
        let choices = choices(question);
        loop {
            // Escape and Ctrl-D leave, as `quit` does: the session can be resumed.
            let preferred = preferred(question, &choices);
            let asked = view::prompt(question.gate);
            let chosen = select(&self.teller.terminal, asked, &choices, preferred)?;
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
            "mean 1" => Some(Answer::Meant(1)),
            "mean 2" => Some(Answer::Meant(2)),
            "run" if relay::is_possible() => self.used(question)?,
            "run" | "rerun" => Some(Answer::Run),
            "allow" => Some(Answer::Allow),
            "deny" => Some(Answer::Deny),
            "quit" => Some(Answer::Quit),
            "say" => self.text("What should be different?")?.map(Answer::Say),
            "plan" => self.text("What should the plan say?")?.map(Answer::Plan),
            "feedback" => self.text("What did you see?")?.map(Answer::Feedback),
            "rewind" => self.version(question)?.map(Answer::Rewind),
            "test" => self.tried(question)?.map(Answer::Tested),
            "right" => Some(Answer::Right),
            "waive" => self.finding(question, view::can_waive)?.map(|id| Answer::Waive(vec![id])),
            "reopen" => {
                self.finding(question, view::can_reopen)?.map(|id| Answer::Reopen(vec![id]))
            }
            "look" => {
                look::look(&self.teller.terminal, question.session)?;
                None
            }
            _ => self.edited(question)?.map(Answer::Edited),
        })
    }

    /// Has the person use the version, and asks whether what they typed is what runs are given.
    fn used(&self, question: &Question<'_>) -> Result<Option<Answer>, Interrupted> {
        let terminal = &self.teller.terminal;
        let Some(head) = question.session.head() else { return Ok(None) };
        let typed = match by_hand::run(&self.flags, &self.teller.folder, head.number) {
            Ok(typed) => typed,
            Err(problem) => {
                terminal.say(&terminal.warm(&format!("  {}", visible(&problem))));
                return Ok(None);
            }
        };
        if typed.trim().is_empty() || typed == question.session.settings.stdin {
            return Ok(None);
        }
        let choices = [
            Choice { word: "no", what: "it was for you" },
            Choice { word: "yes", what: "every run of this session is given it, the next one now" },
        ];
        terminal.say(&terminal.dim(&format!("  you typed: {}", one_line(&typed, TYPED))));
        let asked = "Use what you typed as this session's input?";
        let chosen = select(terminal, asked, &choices, 0)?;
        Ok((chosen == Some(1)).then_some(Answer::Input(typed)))
    }

    /// What the Manager's editor made of what the gate is about; none if there is nothing to take.
    fn edited(&self, question: &Question<'_>) -> Result<Option<String>, Interrupted> {
        let terminal = &self.teller.terminal;
        let mut begun = None;
        loop {
            let text = match lines::edited(question, begun.as_deref()) {
                Ok(text) => text,
                Err(problem) => {
                    terminal.say(&terminal.warm(&format!("  {}", visible(&problem))));
                    return Ok(None);
                }
            };
            if question.gate == Gate::Plan {
                return Ok(Some(text));
            }
            let session = question.session;
            let problem = driver::manual_version(session, text.clone(), session.head).err();
            let Some(problem) = problem else { return Ok(Some(text)) };
            if !edit_again(terminal, &problem)? {
                return Ok(None);
            }
            begun = Some(text);
        }
    }

    fn text(&self, question: &str) -> Result<Option<String>, Interrupted> {
        let terminal = &self.teller.terminal;
        terminal.say(&terminal.dim("  Enter sends, Alt-Enter makes a new line, Escape goes back"));
        match prompt::ask(&terminal.bold(question)) {
            Ok(Typed::Text(text)) => Ok(Some(text).filter(|t| !t.is_empty())),
            Ok(Typed::Interrupted) => Err(Interrupted),
            Ok(Typed::Ended) => Ok(None),
            Err(error) => {
                terminal.warn(&format!("cannot read from the terminal: {error}"));
                Err(Interrupted)
            }
        }
    }

    /// Asks for another question; none if the person has no more.
    pub(super) fn question(&mut self) -> Result<Option<String>, Interrupted> {
        let terminal = &self.teller.terminal;
        if !std::mem::replace(&mut self.explained, true) {
            let words = "  Enter sends, Alt-Enter makes a new line, Ctrl-D or `quit` leaves";
            terminal.say(&terminal.dim(words));
        }
        loop {
            terminal.warn("");
            let typed = prompt::ask(&terminal.bold("What do you want to know?"));
            let text = match typed {
                Ok(Typed::Text(text)) => text,
                Ok(Typed::Interrupted) => return Err(Interrupted),
                Ok(Typed::Ended) => return Ok(None),
                Err(error) => {
                    terminal.warn(&format!("cannot read from the terminal: {error}"));
                    return Err(Interrupted);
                }
            };
            match manager::read_question(&text) {
                Asked::Nothing => {}
                Asked::Leave => return Ok(None),
                Asked::Question(question) => return Ok(Some(question)),
            }
        }
    }

    /// What the person says of the requirements, one after the other; none if nothing.
    fn tried(
        &self,
        question: &Question<'_>,
    ) -> Result<Option<Vec<(String, Answered)>>, Interrupted> {
        let choices = [
            Choice { word: "yes", what: "it does that" },
            Choice { word: "no", what: "it does not; the Coder is told what you saw" },
            Choice { word: "note", what: "in part; the Coder is told what you say" },
            Choice { word: "skip", what: "say nothing of it" },
            Choice { word: "stop", what: "leave the rest" },
        ];
        let mut tried = Vec::new();
        for requirement in question.session.requirements() {
            let asked = format!("{}: {}", requirement.id, requirement.text);
            let chosen = select(&self.teller.terminal, &asked, &choices, 0)?;
            let (status, note) = match chosen.map(|n| choices[n].word) {
                Some("yes") => (Status::Met, Some(String::new())),
                Some("no") => {
                    (Status::NotMet, Some(self.text("What did you see?")?.unwrap_or_default()))
                }
                Some("note") => (Status::Partly, self.text("What should be said of it?")?),
                Some("skip") => continue,
                _ => break,
            };
            if let Some(note) = note {
                tried.push((requirement.id.clone(), Answered { status, note }));
            }
        }
        Ok(Some(tried).filter(|tried| !tried.is_empty()))
    }

    /// One of the findings of which this is so.
    fn finding(
        &self,
        question: &Question<'_>,
        is: fn(&Finding) -> bool,
    ) -> Result<Option<String>, Interrupted> {
        let findings: Vec<&Finding> = question.session.ledger.iter().filter(|f| is(f)).collect();
        let words: Vec<String> =
            findings.iter().map(|f| format!("{:<11} {}", f.state.name(), f.text)).collect();
        let words = words.iter().map(|words| one_line(words, 200)).collect::<Vec<_>>();
        let choice =
            |(finding, what): (&&'_ Finding, &'_ String)| (finding.id.clone(), what.clone());
        let names: Vec<(String, String)> = findings.iter().zip(&words).map(choice).collect();
        let choices: Vec<Choice<'_>> =
            names.iter().map(|(word, what)| Choice { word, what }).collect();
        let chosen = select(&self.teller.terminal, "Which finding?", &choices, 0)?;
        Ok(chosen.and_then(|n| findings.get(n)).map(|finding| finding.id.clone()))
    }

    fn version(&self, question: &Question<'_>) -> Result<Option<u32>, Interrupted> {
        let versions = &question.session.versions;
        let names: Vec<(String, String)> = versions
            .iter()
            .rev()
            .map(|v| {
                let run = v.run.as_ref().map_or("not run", |r| r.verdict.name());
                let lines = count(v.script.lines().count(), "line");
                (format!("v{}", v.number), format!("{:<9} {lines}, run: {run}", v.cause.name()))
            })
            .collect();
        let choices: Vec<Choice<'_>> =
            names.iter().map(|(word, what)| Choice { word, what }).collect();
        let asked = "Go back to which version?";
        let chosen = select(&self.teller.terminal, asked, &choices, 0)?;
        Ok(chosen.and_then(|n| versions.iter().rev().nth(n)).map(|v| v.number))
    }
}

/// The answers of a gate, and what a person at a terminal can do besides.
fn choices(question: &Question<'_>) -> Vec<Choice<'static>> {
    let more = |word: &str| {
        let what = "read the script, what changed, all it printed, the requirements";
        (word == "rewind").then_some(Choice { word: "look", what })
    };
    let mut choices: Vec<Choice<'static>> = view::choices(question)
        .into_iter()
        .flat_map(|view::Choice { word, what, .. }| [Some(Choice { word, what }), more(word)])
        .flatten()
        .collect();
    if let Some(run) = choices.iter_mut().find(|choice| choice.word == "run") {
        let what = std::mem::replace(&mut run.what, "use it yourself, in the sandbox");
        choices.insert(choices.len() - 1, Choice { word: "rerun", what });
    }
    choices
}

/// What the cursor stands on: what the program would do; what waits for its user is tried before it is
/// taken.
fn preferred(question: &Question<'_>, choices: &[Choice<'_>]) -> usize {
    let waits =
        question.gate == Gate::Version && question.session.head().is_some_and(Version::waits);
    let run = choices.iter().position(|choice| choice.word == "run");
    run.filter(|_| waits).unwrap_or_else(|| view::preferred(question))
}
