//! Progress display of a batch: a live table, or one line per task.

use super::super::code;
use crate::batch::results::Row;
use crate::batch::table::{self, Totals};
use crate::terminal::Terminal;
use crate::terminal::board::Board;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Shows the progress of a batch.
pub(super) struct Watch {
    board: Board,
    state: Mutex<State>,
    begun: Instant,
}

struct State {
    totals: Totals,
    /// Current activity of each running session.
    running: BTreeMap<String, String>,
}

impl Watch {
    /// A display for this number of tasks.
    pub(super) fn new(terminal: Terminal, tasks: usize) -> Self {
        let state = State { totals: Totals::of(tasks), running: BTreeMap::new() };
        let board = Board::new(terminal);
        Self { board, state: Mutex::new(state), begun: Instant::now() }
    }

    /// Sets the current activity of a session.
    pub(super) fn stage(&self, name: &str, words: &str) {
        if self.board.is_live() {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.running.insert(name.to_owned(), words.to_owned());
            self.show(&state);
        }
    }

    /// Records a finished task.
    pub(super) fn ended(&self, name: &str, row: &Row) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.remove(name);
        state.totals.add(row, code::MODEL);
        let (done, tasks) = (state.totals.done(), state.totals.tasks);
        self.board.say(&format!("[{done}/{tasks}] {}", table::line(row)));
        self.show(&state);
    }

    fn show(&self, state: &State) {
        let totals = &state.totals;
        let left =
            table::time_left(self.begun.elapsed(), totals.done(), totals.tasks - totals.done());
        let left = left.map_or_else(String::new, |left| format!("; {left}"));
        let head = format!("{}{left}", totals.words());
        let running = state.running.iter().map(|(name, words)| format!("{name}: {words}"));
        self.board.show(&std::iter::once(head).chain(running).collect::<Vec<_>>());
    }
}
