//! Fingerprints the functions of a script by calling them with generated arguments: among several
//! scripts for the same task, those that behave alike are found without knowing the right result.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::run::{self, Ask, RunFault};
use super::show::Show;
use redraft_domain::permission::Access;
use redraft_sandbox::{Content, End, Input, Runner};

/// Python program that calls the functions.
const CALLS: &str = include_str!("behaviour.py");
/// Its time limit.
const TIME: Duration = Duration::from_secs(20);
/// Maximum number of functions to report, and lengths of a name and of a hash in characters.
const FUNCTIONS: usize = 40;
const LONGEST_NAME: usize = 80;
const HASH: usize = 64;

/// Hashes the behaviour of each function and method by its name (`f`, `Class.method`), and the
/// errors of each method (`Class.method!`); empty if nothing was observed. Argument types come from
/// the calls in tests, else from annotations; methods are also called with texts that look like the
/// user's (`said`), and with other kinds of values.
///
/// # Errors
/// The caller cancelled, or the child could not be run.
pub async fn of(
    runner: &dyn Runner,
    ask: &Ask<'_>,
    said: &[String],
    tests: &[PathBuf],
    cancel: &CancellationToken,
) -> Result<BTreeMap<String, String>, RunFault> {
    // No network or file access for calls with made-up arguments.
    let access = Access::default();
    let ask = Ask {
        access: &access,
        stdin: Vec::new(),
        keep_files_in: None,
        by_hand: false,
        imported: false,
        args: &[],
        ..*ask
    };
    let mut job = run::job(&ask, &Show::Nothing(None));
    job.limits.time = job.limits.time.min(TIME);
    // A fixed hash seed, so that sets of texts have the same order in every run.
    job.env.push(("PYTHONHASHSEED".into(), "0".into()));
    let python = tests.iter().filter(|path| path.extension().is_some_and(|end| end == "py"));
    let given: Vec<Input> = python
        .filter_map(|path| {
            Some(Input { name: path.file_name()?.into(), content: Content::Copy(path.clone()) })
        })
        .collect();
    let said = serde_json::to_string(said).unwrap_or_else(|_| "[]".to_owned());
    let own = ["-c", CALLS, ask.script_name, said.as_str()].map(OsString::from);
    job.args = own.into_iter().chain(given.iter().map(|input| input.name.clone().into())).collect();
    job.inputs.splice(1..1, given);
    let done = runner.run(job, cancel).await?;
    if done.end == End::Interrupted {
        return Err(RunFault::Interrupted);
    }
    Ok(read(&done.stdout.text))
}

/// Parses the report. Only well-formed lines count, since the script could print there too.
fn read(printed: &str) -> BTreeMap<String, String> {
    let is_name = |name: &str| {
        name.len() <= LONGEST_NAME
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '!'))
    };
    let is_hash = |hash: &str| hash.len() == HASH && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let lines = printed.lines().filter_map(|line| line.split_once(' '));
    let told = lines.filter(|(name, hash)| is_name(name) && is_hash(hash));
    told.take(FUNCTIONS).map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_prints_between_is_not_taken_for_a_hash() {
        let hash = "0123456789abcdef".repeat(4);
        let text =
            format!("hello\nf {hash}\ng {hash}0\n/h {hash}\n {hash}x\ni \u{1b}[2J\nj {hash}\n");
        let told = read(&text);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["f", "j"]);
        let many: Vec<String> = (0..90).map(|n| format!("f{n} {hash}")).collect();
        assert_eq!(read(&many.join("\n")).len(), FUNCTIONS);
    }
}
