//! Prints the news of a session as they happen.

use super::window::Window;
use super::{Terminal, flow, gate, sides};
use crate::diff;
use crate::domain::chat::{Agent, Outcome};
use crate::domain::event::Cause;
use crate::domain::report::RunVerdict;
use crate::domain::text::{count, one_line, printed_line, visible};
use crate::findings;
use crate::view::{self, words};
use crate::workflow::manager::Question;
use crate::workflow::progress;
use crate::workflow::session_task::News;
use std::path::PathBuf;

/// Maximum number of lines of a script's output shown.
const PRINTED: usize = 20;

/// Formats and prints news.
pub struct Reporter {
    pub(super) terminal: Terminal,
    /// The session's folder.
    pub(super) folder: PathBuf,
    window: Option<Window>,
    /// Whether a model's text is on the screen, and its line is not ended.
    streaming: bool,
    /// Whether text of the current call was shown.
    streamed: bool,
}

impl Reporter {
    /// Prints nothing yet.
    #[must_use]
    pub const fn new(terminal: Terminal) -> Self {
        Self { terminal, folder: PathBuf::new(), window: None, streaming: false, streamed: false }
    }

    /// Prints a gate's question.
    pub(super) fn question(&mut self, question: &Question<'_>) {
        self.calm();
        self.terminal.print(&gate::question(&self.terminal, question, &self.folder));
        if !self.terminal.interactive {
            let choices = view::choices(question);
            let (said, words): (Vec<&view::Choice>, Vec<&view::Choice>) =
                choices.iter().partition(|choice| choice.line == view::ANY_TEXT);
            let words: Vec<&str> = words.iter().map(|choice| choice.line).collect();
            let said = said.iter().map(|choice| format!("or {}", choice.what));
            let answers: Vec<String> = std::iter::once(words.join(", ")).chain(said).collect();
            let gate = question.gate.name();
            self.terminal.say(&format!("{gate} gate: {}", answers.join(", ")));
        }
    }

    /// Prints a piece of news.
    pub(super) fn tell(&mut self, news: &News) {
        if self.terminal.quiet {
            // The answer is the result; the questions of gates are printed separately.
            if matches!(news, News::Answered { .. }) {
                self.say(news);
            }
            return;
        }
        match news {
            News::Calling { agent, model, version } => self.calling(*agent, model, *version),
            News::Text { text } => self.stream(text),
            News::Reasoning { text } => {
                if self.terminal.verbose {
                    self.stream(text);
                } else if let Some(window) = &self.window {
                    window.name("thinking");
                }
            }
            News::Progress { progress } => {
                if let Some(window) = &self.window {
                    window.name(&progress.words());
                }
            }
            News::Retrying { why, wait } => {
                self.calm();
                let words = format!("{}; again in {:.1} s", one_line(why, 160), wait.as_secs_f64());
                let words = self.terminal.warm(&words);
                self.terminal.print(&flow::hang(&self.terminal, "  ", &words));
                self.wait("waiting to try again");
                self.streamed = false;
            }
            News::Called { outcome, repeats, usage, milliseconds } => {
                self.calm();
                let cut = match outcome {
                    _ if *repeats => ", cut off: it began to repeat itself",
                    Outcome::Whole => "",
                    Outcome::Cut => ", cut off",
                    Outcome::Refused => ", refused",
                };
                let words = format!(
                    "  {} tokens in, {} out, {}{cut}",
                    usage.prompt,
                    usage.answer,
                    words::seconds(*milliseconds)
                );
                self.terminal.say(&self.terminal.dim(&words));
            }
            News::Sampled { there, of, others } => {
                let words = progress::candidates(*there, *of, *others);
                match &self.window {
                    Some(window) => window.name(&words),
                    None => self.wait(&words),
                }
            }
            News::Trying { samples } => {
                self.wait(&format!("running {}", count(*samples, "candidate")));
            }
            News::Seeking => self.wait("looking up packages"),
            News::Installing { packages } => {
                self.wait(&format!("installing {}", one_line(&packages.join(", "), 60)));
            }
            News::Running { version, seconds } => {
                self.wait(&format!("running v{version} (stopped after {seconds} s)"));
            }
            News::Testing { version, seconds } => {
                self.wait(&format!("testing v{version} (stopped after {seconds} s)"));
            }
            _ => {
                self.calm();
                self.say(news);
            }
        }
    }

    fn say(&self, news: &News) {
        let terminal = &self.terminal;
        match news {
            News::Refused { agent, reason } => {
                let words = format!(
                    "the {}'s answer can't be used: {}",
                    name(*agent),
                    one_line(reason, 200)
                );
                terminal.print(&flow::hang(terminal, "  ", &terminal.warm(&words)));
            }
            News::Chosen { scores } => {
                for score in scores {
                    let mark = if score.chosen { "▸" } else { " " };
                    let tests = match score.tests_passed + score.tests_failed {
                        0 => String::new(),
                        all => format!("  tests {}/{all}", score.tests_passed),
                    };
                    let run = score.run.map_or("not run", RunVerdict::name);
                    let like = match score.agreeing {
                        0 => String::new(),
                        1 => "  1 other does the same".to_owned(),
                        others => format!("  {others} others do the same"),
                    };
                    let words = format!(
                        "{mark} candidate {:<3} run {run:<8}{tests}  lint {:>5.2}{like}",
                        score.sample, score.lint_score
                    );
                    terminal.say(&terminal.dim(&format!("  {words}")));
                }
            }
            News::Proposed { plan } => {
                let words = count(plan.requirements.len(), "requirement");
                terminal.say(&format!("  a plan with {words}"));
            }
            News::Written { version, base } => {
                let lines = count(version.script.lines().count(), "line");
                let change = base.as_ref().map_or_else(String::new, |base| {
                    let stat = diff::stat(&base.script, &version.script);
                    format!(", +{} −{} since v{}", stat.added, stat.removed, base.number)
                });
                let cause = if matches!(version.cause, Cause::First | Cause::Question) {
                    String::new()
                } else {
                    format!(" ({})", version.cause.name())
                };
                let title = terminal.bold(&format!("v{}", version.number));
                terminal.say(&format!("  {title}{cause}: {lines}{change}"));
                if version.cause == Cause::Question {
                    let code = sides::numbered(terminal, &version.script);
                    terminal.print(&flow::indented(terminal, "  ", &code));
                }
                for note in &version.notes {
                    let note = terminal.dim(&one_line(note, 200));
                    terminal.print(&flow::hang(terminal, "     ", &note));
                }
            }
            News::Checked { version } => {
                if let Some(checks) = version.checks.as_ref().filter(|c| !c.errors.is_empty()) {
                    for error in checks.errors.iter().take(5) {
                        let words = one_line(&error.message, 140);
                        terminal.say(&terminal.bad(&format!("  line {}: {words}", error.line)));
                    }
                }
            }
            News::Ran { version } => {
                let words = gate::run(terminal, version);
                terminal.print(&flow::hang(terminal, "  run: ", &words));
                match gate::error(terminal, version) {
                    Some(error) => {
                        terminal.print(&flow::hang(terminal, "       ", &error));
                    }
                    None => self.printed(&version.stdout),
                }
                for finding in findings::suspicions(version) {
                    let words = terminal.warm(&visible(&finding.text));
                    terminal.print(&flow::hang(terminal, "       ", &words));
                }
                // There is no gate that would show these files.
                if version.cause == Cause::Question {
                    let row = |label: &str, file: &str| {
                        let label = terminal.dim(&format!("{label:<7}"));
                        flow::hang(terminal, &format!("     {label} "), file)
                    };
                    terminal.print(&gate::left(terminal, version, &self.folder, row));
                }
            }
            News::Tested { version } => {
                if let Some(words) = gate::tests(terminal, version) {
                    terminal.print(&flow::hang(terminal, "  tests: ", &words));
                }
            }
            News::Reviewed { version, requirements: all, .. } => {
                let Some(review) = &version.review else { return };
                let met = version.requirements_met();
                // Before a run, requirements are not judged.
                let met = if review.before_run {
                    String::new()
                } else {
                    format!("{met} of {all} requirements met, ")
                };
                terminal.say(&format!(
                    "  review: {met}{} new, {} settled, {}",
                    count(review.new.len(), "finding"),
                    review.settled.len(),
                    count(review.blockers.len(), "open blocker"),
                ));
            }
            News::Auto { gate, answer, asked_for } => {
                let why = if *asked_for { "--auto" } else { "nobody is asked here" };
                terminal.say(&terminal.dim(&format!("  {} gate: {answer} ({why})", gate.name())));
            }
            News::Answered { answer, remark } => {
                if let Some(answer) = answer {
                    terminal.answer(&format!("{}\n", visible(answer.trim())));
                }
                if let Some(remark) = remark {
                    let remark = terminal.warm(&visible(remark));
                    terminal.print(&flow::indented(terminal, "  ", &remark));
                }
            }
            News::Note { text } => {
                terminal.print(&flow::hang(terminal, "  ", &terminal.warm(&visible(text))));
            }
            _ => {}
        }
    }

    fn calling(&mut self, agent: Agent, model: &str, version: Option<u32>) {
        self.calm();
        let what = match (agent, version) {
            (Agent::Planner, _) => "writes a plan".to_owned(),
            (Agent::Coder, Some(n)) => format!("writes v{n}"),
            (Agent::Repair, Some(n)) => format!("repairs the script: v{n}"),
            (Agent::Reviewer, Some(n)) => format!("reviews v{n}"),
            (Agent::Inspector, Some(n)) => format!("reviews v{n} before it runs"),
            (Agent::Analysis, Some(n)) => format!("explains why v{n} fails"),
            (Agent::Safety, Some(n)) => format!("judges whether v{n} is safe"),
            (Agent::Engineer, _) => "writes an answer".to_owned(),
            (Agent::Interpretation, Some(n)) => format!("reads what v{n} printed"),
            (Agent::Tries, _) => "looks for inputs in the request".to_owned(),
            (Agent::Dependencies, Some(n)) => format!("looks up the packages of v{n}"),
            _ => "works".to_owned(),
        };
        let model = one_line(model, 60);
        let words = format!("{} {what}", self.terminal.bold(&format!("The {}", name(agent))));
        self.terminal.say(&format!("{words} {}", self.terminal.dim(&format!("({model})"))));
        self.streamed = false;
        self.wait("waiting for the model");
    }

    /// Prints the first lines of a script's output.
    fn printed(&self, text: &str) {
        let terminal = &self.terminal;
        let width = terminal.width() - 8;
        for line in text.lines().take(PRINTED) {
            terminal.say(&terminal.dim(&format!("     │ {}", printed_line(line, width))));
        }
        let more = text.lines().count().saturating_sub(PRINTED);
        if more > 0 {
            terminal.say(&terminal.dim(&format!("     │ ... and {}", count(more, "more line"))));
        }
    }

    /// Shows a model's text as it arrives: all of it if `verbose`, else its last lines in the
    /// window, if there is one.
    fn stream(&mut self, text: &str) {
        let mut shown = visible(text);
        if !self.streamed {
            shown = shown.trim_start().to_owned();
        }
        if shown.is_empty() {
            return;
        }
        self.streamed = true;
        if !self.terminal.verbose {
            if let Some(window) = &mut self.window {
                window.write(&shown);
            }
            return;
        }
        self.window = None;
        let begin = if self.streaming { "" } else { "  " };
        let text = format!("{begin}{}", shown.replace('\n', "\n  "));
        self.terminal.print(&self.terminal.dim(&text));
        self.streaming = true;
    }

    /// Removes the window, and ends the line of streamed text.
    fn calm(&mut self) {
        self.window = None;
        if std::mem::take(&mut self.streaming) {
            self.terminal.print("\n");
        }
    }

    fn wait(&mut self, words: &str) {
        self.calm();
        if self.terminal.live {
            self.window = Some(Window::open(self.terminal, words));
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.calm();
    }
}

const fn name(agent: Agent) -> &'static str {
    match agent {
        Agent::Planner | Agent::Tries => "Planner",
        Agent::Coder | Agent::Repair => "Coder",
        Agent::Reviewer | Agent::Inspector | Agent::Analysis | Agent::Interpretation => "Reviewer",
        Agent::Safety => "Safety judge",
        Agent::Dependencies => "model",
        Agent::Engineer => "Engineer",
    }
}
