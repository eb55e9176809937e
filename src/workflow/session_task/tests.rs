#![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

use super::*;
use std::time::Duration;

const QUIT: fn() -> Ended = || Ended { end: None, error: None, exit_code: 3 };

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Asks at a gate once, and returns the answer.
fn asks(task: &SessionTask, gate: Gate) -> JoinHandle<Result<Answer, Interrupted>> {
    let work = move |manager: &mut dyn Manager, _| {
        let session = Session { name: "clock".to_owned(), ..Session::default() };
        let question = manager::Question { gate, session: &session, trouble: None, partial: None };
        manager.tell(manager::News::Note("before"));
        let answer = block_on(manager.ask(&question));
        manager.tell(manager::News::Note("after"));
        (QUIT(), answer)
    };
    task.start(work).unwrap()
}

fn next(watcher: &mut Watcher) -> Option<Message> {
    block_on(watcher.next())
}

fn question(watcher: &mut Watcher) -> Question {
    loop {
        match next(watcher) {
            Some(Message::Question(question)) => return question,
            Some(_) => {}
            None => panic!("no question"),
        }
    }
}

/// A word for each remaining message, up to the end.
fn rest(watcher: &mut Watcher) -> Vec<String> {
    let word = |message| match message {
        Message::News(News::Note { text }) => text,
        Message::News(_) => "news".to_owned(),
        Message::Question(question) => format!("question {}", question.id),
        Message::Closed { question, answer } => {
            format!("closed {question}: {}", answer.unwrap_or("-"))
        }
        Message::Ended(ended) => format!("ended {}", ended.exit_code),
    };
    std::iter::from_fn(|| next(watcher)).map(word).collect()
}

#[test]
fn two_watchers_see_the_same_messages_and_the_first_answer_counts() {
    let task = SessionTask::new();
    let (mut one, mut two) = (task.watch(), task.watch());
    let thread = asks(&task, Gate::Version);
    let asked = [question(&mut one).id, question(&mut two).id];
    assert_eq!(asked, [1, 1]);
    assert_eq!(task.answer(1, Answer::Accept), Ok(()));
    assert_eq!(task.answer(1, Answer::Iterate), Err(AnswerError::Closed(1)));
    assert_eq!(thread.join().unwrap(), Ok(Answer::Accept));
    let expected = ["closed 1: accept", "after", "ended 3"];
    assert_eq!(rest(&mut one), expected);
    assert_eq!(rest(&mut two), expected);
    assert_eq!(task.join(), QUIT());
}

#[test]
fn exactly_one_of_two_racing_answers_is_taken() {
    for _ in 0..50 {
        let task = SessionTask::new();
        let mut watcher = task.watch();
        let thread = asks(&task, Gate::Plan);
        let id = question(&mut watcher).id;
        let other = task.clone();
        let said = Answer::Say("other".to_owned());
        let racer = std::thread::spawn(move || other.answer(id, said));
        let mine = task.answer(id, Answer::Approve);
        let theirs = racer.join().unwrap();
        let taken = thread.join().unwrap().unwrap();
        assert_eq!(mine.is_ok(), taken == Answer::Approve);
        assert_eq!(mine.is_ok(), theirs == Err(AnswerError::Closed(id)), "{mine:?} {theirs:?}");
    }
}

#[test]
fn a_late_watcher_gets_the_running_step_and_its_text_so_far() {
    use crate::domain::chat::{Agent, Outcome, Usage};
    let task = SessionTask::new();
    let calling = || manager::News::Calling { agent: Agent::Coder, model: "m", version: Some(1) };
    let retrying = || manager::News::Retrying { why: String::new(), wait: Duration::ZERO };
    let called = || manager::News::Called {
        outcome: Outcome::Whole,
        repeats: false,
        usage: Usage::default(),
        milliseconds: 1,
    };
    let text = manager::News::Text;
    for (news, expected) in [
        (vec![text("nobody's")], ""),
        (vec![calling(), text("a"), manager::News::Note("slow"), text("b")], "calling a slow b"),
        (vec![calling(), text("a"), retrying(), text("b")], "calling b"),
        (vec![calling(), text("a"), called()], ""),
        (vec![manager::News::Running { version: 1, seconds: 30 }], "running"),
        (vec![calling(), manager::News::Running { version: 1, seconds: 30 }], "running"),
    ] {
        let count = news.len();
        for news in news {
            Asking { task: &task }.tell(news);
        }
        let mut late = task.watch();
        task.state().tell(&Message::News(News::Note { text: "end".to_owned() }));
        let mut seen = Vec::new();
        loop {
            match next(&mut late) {
                Some(Message::News(News::Note { text })) if text == "end" => break,
                Some(Message::News(News::Calling { .. })) => seen.push("calling".to_owned()),
                Some(Message::News(News::Running { .. })) => seen.push("running".to_owned()),
                Some(Message::News(News::Note { text } | News::Text { text })) => seen.push(text),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen.join(" "), expected, "{count} news");
        // Ends the step.
        Asking { task: &task }.tell(called());
    }
}

#[test]
fn a_late_watcher_gets_the_open_question_or_the_end() {
    let task = SessionTask::new();
    let mut early = task.watch();
    let thread = asks(&task, Gate::Install);
    let seen = question(&mut early);
    let mut late = task.watch();
    let Some(Message::Question(again)) = next(&mut late) else { panic!("no question") };
    assert_eq!((again.id, &*again.session.name), (seen.id, "clock"));
    assert_eq!(task.question().map(|question| question.id), Some(again.id));
    task.answer(again.id, Answer::Deny).unwrap();
    drop(thread.join().unwrap());
    assert_eq!(rest(&mut task.watch()), ["ended 3"]);
    assert!(task.question().is_none());
}

#[test]
fn a_watcher_that_leaves_changes_nothing() {
    let task = SessionTask::new();
    let mut leaves = task.watch();
    let thread = asks(&task, Gate::Safety);
    let id = question(&mut leaves).id;
    drop(leaves);
    assert!(task.ended().is_none());
    let mut stays = task.watch();
    assert_eq!(question(&mut stays).id, id);
    task.answer(id, Answer::Allow).unwrap();
    assert_eq!(thread.join().unwrap(), Ok(Answer::Allow));
}

#[test]
fn cancelling_closes_the_open_question_without_an_answer() {
    let task = SessionTask::new();
    let mut watcher = task.watch();
    let thread = asks(&task, Gate::Plan);
    let id = question(&mut watcher).id;
    task.cancel();
    assert_eq!(thread.join().unwrap(), Err(Interrupted));
    assert_eq!(task.answer(id, Answer::Approve), Err(AnswerError::Closed(id)));
    assert_eq!(rest(&mut watcher), ["closed 1: -", "after", "ended 3"]);
}

#[test]
fn an_invalid_answer_leaves_the_question_open() {
    let task = SessionTask::new();
    let mut watcher = task.watch();
    let thread = asks(&task, Gate::Install);
    let id = question(&mut watcher).id;
    let refused = task.answer(id, Answer::Accept).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`accept` is no answer here; the answers are: allow, deny, quit"
    );
    assert_eq!(task.answer(id + 1, Answer::Allow), Err(AnswerError::Unknown(id + 1)));
    task.answer(id, Answer::Allow).unwrap();
    assert_eq!(thread.join().unwrap(), Ok(Answer::Allow));
}

#[test]
fn a_panic_ends_the_task_for_its_watchers() {
    let task = SessionTask::new();
    let mut watcher = task.watch();
    let work = |_: &mut dyn Manager, _| -> (Ended, ()) { panic!("a panic that is expected") };
    let thread = task.start(work).unwrap();
    assert_eq!(rest(&mut watcher), ["ended 101"]);
    assert!(thread.join().is_err());
}

#[test]
fn the_next_question_of_an_ask_session_is_given_like_an_answer() {
    let task = SessionTask::new();
    let mut watcher = task.watch();
    let work = |manager: &mut dyn Manager, _| {
        let first = block_on(manager.listen());
        (QUIT(), (first, block_on(manager.listen())))
    };
    let thread = task.start(work).unwrap();
    let id = question(&mut watcher).id;
    task.answer(id, Answer::Say("how many?".to_owned())).unwrap();
    let id = question(&mut watcher).id;
    task.answer(id, Answer::Quit).unwrap();
    assert_eq!(thread.join().unwrap(), (Ok(Some("how many?".to_owned())), Ok(None)));
}

#[test]
fn messages_are_json_with_plain_values() {
    let task = SessionTask::new();
    let mut watcher = task.watch();
    let work = |manager: &mut dyn Manager, _| {
        let version = crate::domain::session::Version::new(
            2,
            crate::domain::event::Cause::Repair,
            Some(1),
            "print(1)\n".to_owned(),
        );
        manager.tell(manager::News::Text("<b>"));
        manager.tell(manager::News::Ran(&version));
        (QUIT(), ())
    };
    let thread = task.start(work).unwrap();
    thread.join().unwrap();
    let json = std::iter::from_fn(|| next(&mut watcher));
    let json: Vec<String> = json.map(|m| serde_json::to_string(&m).unwrap()).collect();
    assert_eq!(
        json,
        [
            r#"{"message":"news","news":"text","text":"<b>"}"#,
            r#"{"message":"news","news":"ran","version":{"number":2,"cause":"repair","errors":[],"run":null,"tests":null}}"#,
            r#"{"message":"ended","end":null,"error":null,"exit_code":3}"#,
        ]
    );
}
