//! What somebody would have had who can write a script, a folder, a session or a server's answer, and
//! does not get.

#[cfg(target_os = "linux")]
mod sandbox;
