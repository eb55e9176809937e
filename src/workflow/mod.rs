//! The workflow: a pure state machine, the driver that performs its steps, and the
//! [`manager::Manager`] trait.

pub mod convergence;
pub mod driver;
pub mod forecast;
pub mod install;
pub mod machine;
pub mod manager;
pub mod permission;
pub mod progress;
pub mod results;
pub mod samples;
pub mod schema;
pub mod session_socket;
pub mod session_task;
pub mod variations;
pub mod writes;
