//! What the tests share: a scripted model server, and the program in a world of its own.

pub mod model_server;
pub(crate) mod world;
