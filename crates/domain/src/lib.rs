//! Plain types shared by all layers. No I/O, no clock, no decisions.

pub mod chat;
pub mod dialogue;
pub mod event;
pub mod example;
pub mod host;
pub mod name;
pub mod not_number;
pub mod origin;
pub mod packages;
pub mod permission;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod report;
pub mod review;
mod section;
pub mod session;
pub mod settings;
pub mod text;
pub mod writes;

/// Whether a field has its default value; for serde's `skip_serializing_if`.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
