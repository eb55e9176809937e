//! The program's entry point: the library does the work, and the result is the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(redraft::commands::main())
}
