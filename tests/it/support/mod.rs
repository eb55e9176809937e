//! What the tests share: a scripted model server, and the program in a world of its own.

pub mod model_server;
#[cfg(unix)]
pub(crate) mod pty;
pub(crate) mod world;
