//! The program: the library does the work, this picks the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(redraft::commands::main())
}
