//! The Manager as a user at a terminal: menus, and a line editor for longer answers.

use super::pick::{Choice, Leave, edit_again, within};
use super::tell::Reporter;
use super::{Terminal, by_hand, flow, forget_typed, lines, look, prompt, relay};
use crate::domain::event::Gate;
use crate::domain::review::{Answered, Finding, Status};
use crate::domain::session::Version;
use crate::domain::text::{count, one_line, visible};
use crate::findings::ledger;
use crate::view;
use crate::workflow::driver;
use crate::workflow::manager::{self, Answer, Asked, Interrupted, Question};
use crate::workflow::session_task::News;
use prompt::Typed;
use std::collections::HashMap;

/// Maximum number of characters shown of the typed input.
const TYPED: usize = 60;

/// Asks the user at the terminal.
pub(super) struct Menus {
    pub(super) teller: Reporter,
    /// Whether the keys for typing questions were explained.
    explained: bool,
    /// Flags that make further commands use the same configuration.
    flags: Vec<String>,
    /// Texts that were typed and not sent yet, by their purpose.
    drafts: HashMap<String, String>,
}

impl Menus {
    /// Prints nothing yet. `flags` make further commands use the same configuration.
    #[must_use]
    pub(super) fn new(terminal: Terminal, flags: Vec<String>) -> Self {
        let (teller, drafts) = (Reporter::new(terminal), HashMap::new());
        Self { teller, explained: false, flags, drafts }
    }

    /// Prints news of the session, except news that the following gate shows.
    pub(super) fn tell(&mut self, news: &News) {
        if !matches!(news, News::Proposed { .. } | News::Reviewed { .. }) {
            self.teller.tell(news);
        }
    }

    /// Asks at a gate.
    pub(super) fn answer(&mut self, question: &Question<'_>) -> Result<Answer, Interrupted> {
        self.teller.question(question);
        // An earlier Enter, meant for another screen, must not accept a version.
        forget_typed();
        // Escape at the gate's own menu and Ctrl-D leave, like `quit`: the session can be resumed.
        match self.choose(question) {
            Ok(answer) => Ok(answer.unwrap_or(Answer::Quit)),
            Err(Leave::Quit) => Ok(Answer::Quit),
            Err(Leave::Interrupted) => Err(Interrupted),
        }
    }

    /// The user's answer; `None` if the user goes back from the gate's own menu.
    fn choose(&mut self, question: &Question<'_>) -> Result<Option<Answer>, Leave> {
        let choices = choices(question);
        loop {
            let preferred = preferred(question, &choices);
            let asked = view::prompt(question.gate);
            let chosen = within(&self.teller.terminal, asked, &choices, preferred)?;
            let Some(choice) = chosen.and_then(|n| choices.get(n)) else { return Ok(None) };
            if let Some(answer) = self.carry_out(choice.word, question)? {
                return Ok(Some(answer));
            }
        }
    }

    /// The answer for a choice; `None` to ask again.
    fn carry_out(&mut self, word: &str, question: &Question<'_>) -> Result<Option<Answer>, Leave> {
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
            "retry" => Some(Answer::Retry),
            "quit" => Some(Answer::Quit),
            "say" => self.said("What should change?")?.map(Answer::Say),
            "plan" => self.said("What should the plan say?")?.map(Answer::Plan),
            "feedback" => self.said("What did you see?")?.map(Answer::Feedback),
            "rewind" => self.version(question)?.map(Answer::Rewind),
            "test" => self.tried(question)?.map(Answer::Tested),
            "right" => Some(Answer::Right),
            "waive" => self.finding(question, view::can_waive)?.map(|id| Answer::Waive(vec![id])),
            "reopen" => {
                self.finding(question, view::can_reopen)?.map(|id| Answer::Reopen(vec![id]))
            }
            "look" => {
                look::look(&self.teller.terminal, question.session, &self.teller.folder)?;
                None
            }
            "edit" => self.edited(question)?.map(Answer::Edited),
            _ => None,
        })
    }

    /// Lets the user run the version, and asks whether to use the typed input in all runs.
    fn used(&self, question: &Question<'_>) -> Result<Option<Answer>, Leave> {
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
            Choice { word: "no", what: "it was for this run only" },
            Choice { word: "yes", what: "use it in every run of this session" },
        ];
        terminal.say(&terminal.dim(&format!("  you typed: {}", one_line(&typed, TYPED))));
        let asked = "Use what you typed as this session's input?";
        let chosen = within(terminal, asked, &choices, 0)?;
        Ok((chosen == Some(1)).then_some(Answer::Input(typed)))
    }

    /// The text of the gate after an edit in the user's editor; `None` if there is no usable one. A
    /// version that is not usable yet is opened again the next time, unless the user drops it.
    fn edited(&mut self, question: &Question<'_>) -> Result<Option<String>, Leave> {
        let terminal = &self.teller.terminal;
        let about = format!("edit {} {:?}", question.gate.name(), question.session.head);
        loop {
            let begun = self.drafts.get(&about).map(String::as_str);
            let text = match lines::edited(question, begun) {
                Ok(text) => text,
                Err(problem) => {
                    terminal.say(&terminal.warm(&format!("  {}", visible(&problem))));
                    return Ok(None);
                }
            };
            let session = question.session;
            let written = || driver::manual_version(session, text.clone(), session.head);
            let problem = if question.gate == Gate::Plan { None } else { written().err() };
            let Some(problem) = problem else {
                self.drafts.remove(&about);
                return Ok(Some(text));
            };
            self.drafts.insert(about.clone(), text);
            let again = edit_again(terminal, &problem)?;
            if again == Some(false) {
                self.drafts.remove(&about);
            }
            if again != Some(true) {
                return Ok(None);
            }
        }
    }

    /// Asks for a text; `None` if it is empty or the user goes back.
    fn said(&mut self, question: &str) -> Result<Option<String>, Leave> {
        let text = self.text(question, question)?;
        if text.is_some() {
            self.drafts.remove(question);
        }
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Asks for a text; `None` if the user goes back. It is kept as the draft for `about`, and
    /// offered again by the next call, until the caller removes the draft.
    fn text(&mut self, question: &str, about: &str) -> Result<Option<String>, Leave> {
        let terminal = &self.teller.terminal;
        let keys = terminal.dim("Enter sends, Alt-Enter makes a new line, Escape goes back");
        terminal.print(&flow::hang(terminal, "  ", &keys));
        let draft = self.drafts.get(about).map_or("", String::as_str);
        let (text, sent) = match prompt::ask(&terminal.bold(question), draft) {
            Ok(Typed::Text(text)) => (text, true),
            Ok(Typed::Back(text)) => (text, false),
            Ok(Typed::Ended) => return Ok(None),
            Ok(Typed::Interrupted) => return Err(Leave::Interrupted),
            Err(error) => {
                terminal.warn(&format!("cannot read from the terminal: {error}"));
                return Err(Leave::Interrupted);
            }
        };
        self.drafts.insert(about.to_owned(), text.clone());
        Ok(sent.then_some(text))
    }

    /// Asks for another question; `None` if the user has no more.
    pub(super) fn question(&mut self) -> Result<Option<String>, Interrupted> {
        let terminal = &self.teller.terminal;
        if !std::mem::replace(&mut self.explained, true) {
            let keys = "Enter sends, Alt-Enter makes a new line, Ctrl-D or `quit` leaves";
            terminal.print(&flow::hang(terminal, "  ", &terminal.dim(keys)));
        }
        loop {
            terminal.warn("");
            let typed = prompt::ask_first(&terminal.bold("What do you want to know?"));
            let text = match typed {
                Ok(Typed::Text(text)) => text,
                Ok(Typed::Interrupted) => return Err(Interrupted),
                Ok(Typed::Back(_) | Typed::Ended) => return Ok(None),
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

    /// Asks for the status of each requirement; `None` if the user states none. Escape goes back to
    /// the previous requirement, and from the first one to the gate.
    fn tried(&mut self, question: &Question<'_>) -> Result<Option<Vec<(String, Answered)>>, Leave> {
        let choices = [
            Choice { word: "yes", what: "it is met" },
            Choice { word: "no", what: "it is not met; you say what you saw" },
            Choice { word: "note", what: "it is partly met; you say what is missing" },
            Choice { word: "skip", what: "leave this one out" },
            Choice { word: "stop", what: "leave all others out" },
        ];
        let requirements = question.session.requirements();
        let about = |id: &str| format!("test {id}");
        let mut tried: Vec<Option<Answered>> = vec![None; requirements.len()];
        let mut at = 0;
        while let Some(requirement) = requirements.get(at) {
            let asked = format!("{}: {}", requirement.id, requirement.text);
            let Some(place) = within(&self.teller.terminal, &asked, &choices, 0)? else {
                let Some(before) = at.checked_sub(1) else { return Ok(None) };
                at = before;
                continue;
            };
            let (asked, status) = match choices[place].word {
                "yes" => (None, Status::Met),
                "no" => (Some("What did you see?"), Status::NotMet),
                "note" => (Some("What is missing?"), Status::Partly),
                "skip" => {
                    tried[at] = None;
                    at += 1;
                    continue;
                }
                _ => break,
            };
            let note = match asked {
                None => String::new(),
                Some(asked) => match self.text(asked, &about(&requirement.id))? {
                    Some(note) => note,
                    None => continue,
                },
            };
            let says = status != Status::Partly || !note.is_empty();
            tried[at] = says.then_some(Answered { status, note });
            at += 1;
        }
        let said: Vec<(String, Answered)> = requirements
            .iter()
            .zip(tried)
            .filter_map(|(requirement, said)| Some((requirement.id.clone(), said?)))
            .collect();
        for requirement in requirements {
            self.drafts.remove(&about(&requirement.id));
        }
        Ok(Some(said).filter(|said| !said.is_empty()))
    }

    /// Asks for one of these names, each with a description, and returns its index.
    fn one_of(&self, asked: &str, names: &[(String, String)]) -> Result<Option<usize>, Leave> {
        let choices: Vec<Choice<'_>> =
            names.iter().map(|(word, what)| Choice { word, what }).collect();
        within(&self.teller.terminal, asked, &choices, 0)
    }

    /// Asks for one of the findings for which `is` holds, and returns its id.
    fn finding(
        &self,
        question: &Question<'_>,
        is: fn(&Finding) -> bool,
    ) -> Result<Option<String>, Leave> {
        let findings: Vec<&Finding> =
            ledger::findings(question.session).filter(|f| is(f)).collect();
        let choice = |f: &&Finding| {
            let what = format!("{:<11} {}", f.state.name(), f.text);
            (f.id.clone(), one_line(&what, 200))
        };
        let names: Vec<(String, String)> = findings.iter().map(choice).collect();
        let chosen = self.one_of("Which finding?", &names)?;
        Ok(chosen.and_then(|n| findings.get(n)).map(|finding| finding.id.clone()))
    }

    fn version(&self, question: &Question<'_>) -> Result<Option<u32>, Leave> {
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
        let chosen = self.one_of("Go back to which version?", &names)?;
        Ok(chosen.and_then(|n| versions.iter().rev().nth(n)).map(|v| v.number))
    }
}

/// The choices of a gate, with the additional ones at a terminal.
fn choices(question: &Question<'_>) -> Vec<Choice<'static>> {
    let more = |word: &str| {
        let what = "view the script, its changes, output and pictures";
        (word == "rewind").then_some(Choice { word: "look", what })
    };
    let mut choices: Vec<Choice<'static>> = view::choices(question)
        .into_iter()
        .flat_map(|view::Choice { word, what, .. }| [Some(Choice { word, what }), more(word)])
        .flatten()
        .collect();
    if let Some(run) = choices.iter_mut().find(|choice| choice.word == "run") {
        let what = std::mem::replace(&mut run.what, "try it yourself, in the sandbox");
        choices.insert(choices.len() - 1, Choice { word: "rerun", what });
    }
    choices
}

/// The index of the preselected choice: the program's suggestion, or `run` if the version waits for
/// its user, so that it is tried before it is accepted.
fn preferred(question: &Question<'_>, choices: &[Choice<'_>]) -> usize {
    let waits =
        question.gate == Gate::Version && question.session.head().is_some_and(Version::waits);
    let run = choices.iter().position(|choice| choice.word == "run");
    run.filter(|_| waits).unwrap_or_else(|| view::preferred(question))
}
