//! Integration tests: the real program with scripted models, real files and real Python, and table
//! tests of the libraries below it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a test may panic, writes its fixtures itself, and may take its time"
)]

mod acceptance;
mod acp;
mod agents;
#[cfg(target_os = "linux")]
mod agreement;
mod analyst;
mod answers;
mod ask;
mod batch;
mod commands;
mod completions;
mod data;
#[cfg(unix)]
mod disk;
#[cfg(feature = "embedded")]
mod embedded;
mod evidence;
#[cfg(unix)]
mod exports;
mod faults;
mod flags;
#[cfg(unix)]
mod fuzz;
mod index;
mod inputs;
#[cfg(unix)]
mod keys;
mod kill;
mod llm;
mod machine;
mod mcp;
mod mcp_http;
#[cfg(unix)]
mod models;
#[cfg(unix)]
mod package;
#[cfg(unix)]
mod packages;
#[cfg(unix)]
mod pictures;
#[cfg(target_os = "linux")]
mod planned;
mod python;
mod replay;
mod report;
mod results;
mod reviewers;
#[cfg(target_os = "linux")]
mod samples;
mod sandbox;
mod schemas;
#[cfg(unix)]
mod screens;
mod serve;
mod settings;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(unix)]
mod stopping;
mod store;
mod support;
#[cfg(unix)]
mod terminal;
mod traces;
mod trust;
#[cfg(unix)]
mod waiting;
mod wishes;
mod workflow;
