//! The state machine of sessions that answer questions: the next step, and how an answer is judged.
//!
//! A piece of code becomes a version like any other, and the shared steps check it, ask for its
//! permissions and run it.

use super::{Step, call, run};
use crate::domain::chat::{Agent, Outcome};
use crate::domain::dialogue::{Dialogue, Ended, Piece, Question, Reply, Turn};
use crate::domain::event::{Artifact, Event, Replied};
use crate::domain::session::{Session, Version};
use crate::domain::text::same_code;

/// Default limit of pieces of code that are run for one question.
const STEPS: u32 = 8;
/// Number of answers without runnable code after which the model is asked one last time.
const WASTED: usize = 3;
/// Temperature added after each of these.
const WARMER: f64 = 0.3;
/// Maximum size of the last output that is shown in place of an answer, in bytes.
const OUTPUT: usize = 2000;

/// The note to a model that answered without running code.
const FROM_MEMORY: &str = "No code was run for this. Write code that prints what is needed. If no \
                           code can help here, give your answer again.";
/// The note to a model that gave up on failing code.
const UNSEEN: &str = "No program ran without an error yet. Write one that does, in another way. If \
                      it can't be done, give your answer again.";
/// The note to a model whose answer was cut off.
const CUT: &str = "Your answer was cut off at its limit of length. Answer in a few sentences, or \
                   write the code that is needed.";
/// The note of the last call.
pub const LAST: &str = "No more code can be run. Answer the question now in words, without code, \
                        from what was seen so far; say so if that is not enough.";

/// The next step of a session that answers questions. Pending answers have been handled before.
pub(super) fn next_step(session: &Session, dialogue: &Dialogue) -> Step {
    let Some(question) = dialogue.open() else { return Step::NextQuestion };
    // Versions are made one after the other, so only the last one can be unfinished.
    if let Some(version) = question.versions().last().and_then(|n| session.version(n)) {
        if version.checks.is_none() {
            return Step::Check(version.number);
        }
        if !version.check_failed() && version.run.is_none() {
            return run(session, version);
        }
    }
    if question.waiting().is_some() {
        return Step::Take;
    }
    call(session, Agent::Engineer, None)
}

/// Whether the question's next answer is the last one: no more code is run after it.
#[must_use]
pub fn is_last(session: &Session, question: &Question) -> bool {
    left(session, question) == 0 || wasted(question) >= WASTED
}

/// Temperature added to the Engineer's next call, by the number of latest answers without runnable
/// code.
#[must_use]
pub fn warmer(question: &Question) -> f64 {
    let in_vain = question.turns.iter().rev().take_while(|turn| is_wasted(turn)).count();
    WARMER * f64::from(u8::try_from(in_vain).unwrap_or(u8::MAX))
}

/// The number of pieces of code that may still be run for a question.
fn left(session: &Session, question: &Question) -> usize {
    let steps = session.settings.limits.steps.unwrap_or(STEPS) as usize;
    steps.saturating_sub(question.versions().count())
}

fn wasted(question: &Question) -> usize {
    question.turns.iter().filter(|turn| is_wasted(turn)).count()
}

fn is_wasted(turn: &Turn) -> bool {
    turn.pieces.iter().all(|piece| piece.version.is_none())
}

/// Judges an answer: it is another turn, or ends the question.
#[must_use]
pub fn judge(session: &Session, call: u32, outcome: Outcome, reply: Reply) -> Option<Event> {
    let dialogue = session.dialogue.as_ref()?;
    let question = dialogue.open()?;
    let number = u32::try_from(dialogue.questions.len()).unwrap_or(u32::MAX);
    let last = is_last(session, question);
    let turn = |said, pieces, note: Option<&str>| {
        let note = note.map(str::to_owned);
        Event::Replied(Box::new(Replied { call, said, pieces, note }))
    };
    let end = |ended: Ended| Event::QuestionAnswered {
        question: number,
        call,
        answer: ended.answer,
        remark: ended.remark,
        artifact: Artifact::default(),
    };
    Some(match reply {
        _ if outcome == Outcome::Refused => {
            end(Ended { answer: None, remark: Some("The model declined to answer.".to_owned()) })
        }
        Reply::Words(words) if last => end(answered(session, question, words, outcome)),
        Reply::Words(words) if outcome == Outcome::Cut => turn(words, Vec::new(), Some(CUT)),
        Reply::Words(words) if is_doubtful(session, question) => {
            let why = if question.turns.is_empty() { FROM_MEMORY } else { UNSEEN };
            turn(words, Vec::new(), Some(why))
        }
        Reply::Words(words) => end(answered(session, question, words, outcome)),
        Reply::Code { said, pieces } if tells_again(session, question, &said, &pieces) => {
            end(answered(session, question, said, outcome))
        }
        Reply::Code { .. } | Reply::Unusable { .. } if last => end(unanswered(session, question)),
        Reply::Code { said, pieces } => turn(said, with_problems(session, question, pieces), None),
        Reply::Unusable { said, reason } => turn(said, Vec::new(), Some(&reason)),
    })
}

/// Whether no code ran successfully for a question, and the model was not told so yet.
fn is_doubtful(session: &Session, question: &Question) -> bool {
    let notes = question.turns.iter().filter_map(|turn| turn.note.as_deref());
    let told = { notes }.any(|note| note == FROM_MEMORY || note == UNSEEN);
    !told && !versions(session, question).any(is_ok)
}

fn versions<'s>(session: &'s Session, question: &Question) -> impl Iterator<Item = &'s Version> {
    question.versions().filter_map(|number| session.version(number))
}

/// The last version of a question that ran successfully and printed something.
fn shown<'s>(session: &'s Session, question: &Question) -> Option<&'s Version> {
    let printed = |v: &&Version| is_ok(v) && !v.stdout.trim().is_empty();
    versions(session, question).filter(printed).last()
}

fn is_ok(version: &Version) -> bool {
    version.run.as_ref().is_some_and(|run| run.verdict.went_well())
}

/// Whether an answer only repeats code that ran and states its last output in words: weak models
/// show their work with the answer.
fn tells_again(session: &Session, question: &Question, said: &str, pieces: &[Piece]) -> bool {
    let again = |piece: &Piece| piece.call.is_none() && earlier(session, question, piece).is_some();
    let line =
        shown(session, question).and_then(|version| version.stdout.trim_end().lines().last());
    pieces.iter().all(again) && line.is_some_and(|line| said.contains(line.trim()))
}

/// The version of a question with the same code as a piece.
fn earlier<'s>(session: &'s Session, question: &Question, piece: &Piece) -> Option<&'s Version> {
    versions(session, question).find(|version| same_code(&version.script, &piece.code))
}

/// The pieces of an answer, with the reason on those that are not run: code that was run before, or
/// is past the limit.
fn with_problems(session: &Session, question: &Question, pieces: Vec<Piece>) -> Vec<Piece> {
    let mut left = left(session, question);
    let mut seen: Vec<String> = Vec::new();
    let mut judged = Vec::new();
    for mut piece in pieces {
        if piece.problem.is_none() {
            piece.problem = if let Some(version) = earlier(session, question, &piece) {
                Some(again(version))
            } else if seen.iter().any(|code| same_code(code, &piece.code)) {
                Some("It was not run: it is the code before it again.".to_owned())
            } else if left == 0 {
                Some("It was not run: the limit of runs for one question is reached.".to_owned())
            } else {
                None
            };
        }
        if piece.problem.is_none() {
            left -= 1;
            seen.push(piece.code.clone());
        }
        judged.push(piece);
    }
    judged
}

/// The note about code that was repeated.
fn again(version: &Version) -> String {
    let begin = "It was not run again: it is the same code as before, word by word.";
    if is_ok(version) {
        format!("{begin} You have its output. Answer the question now in words, without code.")
    } else {
        format!("{begin} Its problem is told above. Try another way.")
    }
}

fn answered(session: &Session, question: &Question, words: String, outcome: Outcome) -> Ended {
    let remark = if outcome == Outcome::Cut {
        Some("The answer was cut off at its limit of length.")
    } else if !versions(session, question).any(Version::ran) {
        Some("No code was run for this answer.")
    } else if !versions(session, question).any(is_ok) {
        Some("No code for this answer ran without an error.")
    } else {
        None
    };
    if words.trim().is_empty() {
        return unanswered(session, question);
    }
    Ended { answer: Some(words), remark: remark.map(str::to_owned) }
}

/// Ends a question without an answer in words, with the last output as the remark.
fn unanswered(session: &Session, question: &Question) -> Ended {
    let begin = "The model gave no answer in words.";
    let remark = match shown(session, question) {
        Some(version) => format!(
            "{begin} What its code printed last (v{}):\n\n{}",
            version.number,
            crate::domain::text::ends(version.stdout.trim_end(), OUTPUT)
        ),
        None => begin.to_owned(),
    };
    Ended { answer: None, remark: Some(remark) }
}
