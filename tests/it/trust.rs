//! What could open something to a script, and what holds it: each row says what an attacker would have
//! had.

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
