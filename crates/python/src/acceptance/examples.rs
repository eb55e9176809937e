//! Runs a script with the user's examples and compares the results.

use std::path::PathBuf;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::agreement;
use crate::run::{self, Ask, RunFault};
use redraft_domain::example::Example;
use redraft_domain::report::{RunVerdict, Test, TestOutcome};
use redraft_domain::text::one_line;
use redraft_files as files;
use redraft_sandbox::{Runner, RunnerError};

/// Maximum number of characters of output quoted in a message.
const QUOTED: usize = 160;

/// Destination of files that the script writes, inside the folder of the example's input files.
const KEPT: &str = ".kept";

/// Runs all of the user's tests of a script: the test files, then the examples.
///
/// # Errors
/// The caller cancelled, or the child could not be run.
pub async fn with_tests(
    runner: &dyn Runner,
    ask: &Ask<'_>,
    tests: &[PathBuf],
    examples: &[Example],
    cancel: &CancellationToken,
) -> Result<Vec<Test>, RunFault> {
    let mut all = super::test(runner, ask, tests, cancel).await?;
    all.extend(test(runner, ask, examples, cancel).await?);
    Ok(all)
}

/// Runs the examples `E1`, `E2`, ... one by one.
///
/// # Errors
/// The caller cancelled, or the child could not be run.
async fn test(
    runner: &dyn Runner,
    ask: &Ask<'_>,
    examples: &[Example],
    cancel: &CancellationToken,
) -> Result<Vec<Test>, RunFault> {
    let mut tests = Vec::with_capacity(examples.len());
    for (number, example) in (1..).zip(examples) {
        let begun = Instant::now();
        let folder = files::temporary_folder().map_err(RunnerError::Folder)?;
        let mut data = ask.data.to_vec();
        for (name, content) in &example.files {
            let place = files::place(folder.path(), name).map_err(RunnerError::Folder)?;
            files::put(&place, content).map_err(RunnerError::Folder)?;
            data.retain(|path| path.file_name() != place.file_name());
            data.push(place);
        }
        // A run only lists files that are kept.
        let kept = folder.path().join(KEPT);
        let ask = Ask {
            data: &data,
            args: &example.args,
            stdin: example.stdin.clone().into_bytes(),
            keep_files_in: Some(&kept),
            picture: None,
            ..*ask
        };
        let ran = run::run(runner, ask, cancel).await?;
        let wrong = judge(example, &ran.run, &ran.stdout);
        tests.push(Test {
            name: format!("E{number}"),
            outcome: if wrong.is_none() { TestOutcome::Passed } else { TestOutcome::Failed },
            message: wrong
                .map(|wrong| format!("{}: {wrong}", one_line(&example.to_string(), QUOTED))),
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            passed_in: None,
        });
    }
    Ok(tests)
}

/// How a run differs from its example; `None` if it does not.
fn judge(example: &Example, run: &redraft_domain::report::Run, printed: &str) -> Option<String> {
    let ended = run.exit_code == Some(example.exit) || run.verdict == RunVerdict::Window;
    if !ended {
        let error = run.error.as_ref();
        let why = error.map_or(String::new(), |e| format!(": {}: {}", e.kind, e.message));
        let how = match run.exit_code {
            _ if run.verdict == RunVerdict::Waits => "it waits for input".to_owned(),
            Some(code) => format!("it ended with exit code {code}"),
            None => format!("it ended as `{}`", run.verdict.name()),
        };
        return Some(one_line(&(how + &why), 2 * QUOTED));
    }
    if let Some(missing) = example.writes.iter().find(|name| !run.files.contains(name)) {
        return Some(format!("it wrote no `{}`", one_line(missing, QUOTED)));
    }
    (!agreement::holds(printed, &example.prints))
        .then(|| format!("it printed `{}`", one_line(printed, QUOTED)))
}
