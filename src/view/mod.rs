//! Sessions as plain values: owned, serialisable, without references into the session they show.
//!
//! A terminal, a page, a tool and `--json` draw the same values, so that all of them say the same of a
//! session. Pure: nothing here reads the disk, the clock or the terminal. Text that models, scripts and
//! files gave stands in the values as it is: who draws a value escapes it.

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
