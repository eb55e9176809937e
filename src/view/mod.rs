//! Views of sessions: plain values, owned and serialisable, without references to the session.
//!
//! The terminal, pages, tools and `--json` all use the same values, so that they agree with each
//! other. Pure: nothing here reads the disk, the clock or the terminal. Text from models, scripts
//! and files is not escaped here: the code that displays a value does so.

mod dialogue;
mod gate;
mod matrix;
mod plan;
mod row;
mod session;
pub mod status;
mod version;
pub mod words;

pub use crate::findings::{Finding, Source};
pub use dialogue::{Piece, Question, questions};
pub use gate::{
    ANY_TEXT, Asked, Choice, Gate, Partial, asks_which, can_reopen, can_waive, choices, preferred,
    prompt,
};
pub use matrix::{Cell, Requirement, matrix};
pub use plan::{Plan, PlanRequirement};
pub use row::{Row, SessionRow};
pub use session::Session;
pub use version::{Judged, Run, Text, Version, left, pictures};
