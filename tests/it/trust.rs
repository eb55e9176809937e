//! Attempts to get permissions for a script, and their defences: each row names what an attacker
//! would have gained.

#[cfg(target_os = "linux")]
mod evidence;
#[cfg(unix)]
mod folders;
mod foreign;
#[cfg(target_os = "linux")]
mod hosts;
mod permissions;
#[cfg(target_os = "linux")]
mod sandbox;
mod sessions;
