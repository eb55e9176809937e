//! The queue of messages for one watcher. It never blocks the session, and its size is bounded.

use super::message::{Message, News};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Maximum size of queued model text, in bytes; further text is dropped.
const MOST_TEXT: usize = 4 << 20;
/// Maximum number of queued messages. The oldest news are dropped first, questions and ends never.
const MOST_MESSAGES: usize = 4096;
/// The marker for dropped text.
const LEFT_OUT: &str = "\n[...]\n";

/// The queued messages of a watcher.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

/// Queued messages, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    messages: VecDeque<Message>,
    /// The latest progress, delivered after the messages; earlier progress is replaced.
    progress: Option<Message>,
    /// Size of the queued text, in bytes.
    text: usize,
    /// Text was dropped since the last text that was queued.
    left_out: bool,
    /// No more messages will be added.
    closed: bool,
}

impl Mailbox {
    /// A mailbox that starts with these messages.
    pub(super) fn with(waiting: Waiting) -> Self {
        Self { waiting: Mutex::new(waiting), arrived: Notify::default() }
    }

    /// Adds a message.
    pub(super) fn put(&self, message: Message) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).put(message);
        self.arrived.notify_one();
    }

    async fn take(&self) -> Option<Message> {
        loop {
            // A message that arrives after the check leaves a permit, so it cannot be missed.
            let arrived = self.arrived.notified();
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(message) = waiting.take() {
                    return Some(message);
                }
                if waiting.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }
}

impl Waiting {
    /// Keeps the message if it describes the running step: its start and the model's text so far.
    /// Any other message ends the step and empties the queue.
    pub(super) fn follow(&mut self, message: &Message) {
        use News::{Calling, Installing, Running, Seeking, Testing, Trying};
        use News::{Note, Progress, Reasoning, Retrying, Sampled, Text};
        match message {
            Message::News(
                Calling { .. }
                | Trying { .. }
                | Seeking
                | Installing { .. }
                | Running { .. }
                | Testing { .. },
            ) => {
                *self = Self::default();
                self.put(message.clone());
            }
            Message::News(
                Text { .. } | Reasoning { .. } | Progress { .. } | Sampled { .. } | Note { .. },
            ) => {
                if !self.messages.is_empty() {
                    self.put(message.clone());
                }
            }
            Message::News(Retrying { .. }) => {
                let call = self.messages.pop_front();
                *self = Self::default();
                self.messages.extend(call);
            }
            _ => *self = Self::default(),
        }
    }

    fn put(&mut self, message: Message) {
        match message {
            Message::News(News::Text { text }) => self.put_text(text, false),
            Message::News(News::Reasoning { text }) => self.put_text(text, true),
            Message::News(News::Progress { .. } | News::Sampled { others: Some(_), .. }) => {
                self.progress = Some(message);
            }
            message => {
                self.progress = None;
                self.closed |= matches!(message, Message::Ended(_));
                if let Message::Closed { question, .. } = message {
                    // A closed question no longer needs to be delivered.
                    self.messages
                        .retain(|m| !matches!(m, Message::Question(q) if q.id == question));
                }
                self.messages.push_back(message);
            }
        }
        if self.messages.len() > MOST_MESSAGES {
            let old = self
                .messages
                .iter()
                .position(|message| matches!(message, Message::News(_) | Message::Closed { .. }));
            if let Some(message) = old.and_then(|old| self.messages.remove(old)) {
                self.text -= length(&message);
            }
        }
    }

    /// Appends a chunk to the queued text, as long as there is room.
    fn put_text(&mut self, text: String, thought: bool) {
        let full = self.text + text.len() > MOST_TEXT;
        if full && std::mem::replace(&mut self.left_out, true) {
            return;
        }
        self.left_out = full;
        let text = if full { LEFT_OUT.to_owned() } else { text };
        self.text += text.len();
        match (self.messages.back_mut(), thought) {
            (Some(Message::News(News::Text { text: before })), false)
            | (Some(Message::News(News::Reasoning { text: before })), true) => {
                before.push_str(&text);
            }
            (_, false) => self.messages.push_back(Message::News(News::Text { text })),
            (_, true) => self.messages.push_back(Message::News(News::Reasoning { text })),
        }
    }

    fn take(&mut self) -> Option<Message> {
        let Some(message) = self.messages.pop_front() else { return self.progress.take() };
        self.text -= length(&message);
        Some(message)
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::News(News::Text { text } | News::Reasoning { text }) => text.len(),
        _ => 0,
    }
}

/// Receives the messages of a session. Dropping it does not affect the session.
#[derive(Debug)]
pub struct Watcher {
    mailbox: Arc<Mailbox>,
}

impl Watcher {
    pub(super) const fn new(mailbox: Arc<Mailbox>) -> Self {
        Self { mailbox }
    }

    /// Waits for the next message; `None` after the end. Cancel-safe: no message is lost if the
    /// future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        self.mailbox.take().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Message {
        Message::News(News::Text { text: text.to_owned() })
    }

    fn all(waiting: &mut Waiting) -> Vec<Message> {
        std::iter::from_fn(|| waiting.take()).collect()
    }

    #[test]
    fn waiting_text_chunks_are_joined_and_thoughts_kept_apart() {
        let mut waiting = Waiting::default();
        let thought = Message::News(News::Reasoning { text: "hm".to_owned() });
        for message in [text("a"), text("b"), thought, text("c")] {
            waiting.put(message);
        }
        let [
            Message::News(News::Text { text: first }),
            _,
            Message::News(News::Text { text: last }),
        ] = &all(&mut waiting)[..]
        else {
            panic!("three messages")
        };
        assert_eq!((first.as_str(), last.as_str()), ("ab", "c"));
        assert_eq!(waiting.text, 0);
    }

    #[test]
    fn an_unread_mailbox_is_bounded_and_keeps_the_question() {
        let mut waiting = Waiting::default();
        let session = Arc::default();
        let question = super::super::Question {
            id: 1,
            gate: None,
            trouble: None,
            partial: None,
            choices: &[],
            session,
        };
        waiting.put(Message::Question(question));
        let long = "x".repeat(1 << 16);
        for _ in 0..2 * MOST_MESSAGES {
            waiting.put(text(&long));
            waiting.put(Message::News(News::Seeking));
        }
        assert!(waiting.messages.len() <= MOST_MESSAGES);
        assert!(waiting.text <= MOST_TEXT + LEFT_OUT.len());
        let left = all(&mut waiting);
        assert!(left.iter().any(|message| matches!(message, Message::Question(_))));
        waiting.put(text("again"));
        assert!(
            matches!(&all(&mut waiting)[..], [Message::News(News::Text { text })] if text == "again")
        );
    }
}
