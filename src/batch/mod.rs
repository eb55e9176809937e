//! Many tasks in one process: read from a file, worked on side by side, and told as a table.
//!
//! [`tasks`] reads the file, [`pool`] hands the tasks to threads, [`work`] does one of them as a
//! session, [`results`] is what came of each, [`table`] puts it into words. [`shard`] finds the part of
//! a batch that a process does, [`engine`] makes a cluster's job of them. Nothing here asks anybody:
//! gates are answered by the rules of `--auto`.

pub mod engine;
pub mod pool;
pub mod results;
pub mod shard;
pub mod table;
pub mod tasks;
pub mod work;
