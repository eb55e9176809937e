//! The packages that a script needs: which they are, whether they are to be trusted, and the
//! environments that have them.

pub mod known;
pub mod requirement;
