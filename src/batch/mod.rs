//! Runs many tasks in one process: reads them from a file, works on them in parallel, and shows a
//! table of results.
//!
//! [`tasks`] reads the file, [`pool`] distributes the tasks to threads, [`work`] runs a task as a
//! session, [`results`] stores the results, [`table`] formats them. [`shard`] selects the part of a
//! batch for a process, [`engine`] submits shards to a cluster. No questions are asked: gates are
//! answered by the rules of `--auto`.

pub mod engine;
pub mod pool;
pub mod results;
pub mod shard;
pub mod table;
pub mod tasks;
pub mod work;
