//! What the functions of a script do with made-up arguments: of several scripts that should do the
//! same, those that do are told from the others without anybody knowing what is right.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::run::{self, Ask, RunFault};
use super::show::Show;
use redraft_domain::permission::Access;
use redraft_sandbox::{Content, End, Input, Runner};

/// Calls the functions; see there.
const CALLS: &str = include_str!("behaviour.py");
/// How long that may take.
const TIME: Duration = Duration::from_secs(20);
/// Functions that are told of, and characters of a name and of a hash.
const FUNCTIONS: usize = 40;
const LONGEST_NAME: usize = 80;
const HASH: usize = 64;

/// A hash of what each function and method does, by its name (`f`, `Class.method`), and of the errors of
/// each method (`Class.method!`); empty where nothing can be said. What tests
/// call a function with says what it takes, else its annotations do; methods are tried with what looks
/// like the texts that the user wrote (`said`), and with other kinds of values.
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
    // Nobody outside is called with what is made up.
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
    // Sets of texts come in the same order everywhere.
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

/// What was told, as far as it has its form: the script could have written there too.
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
    fn only_well_formed_lines_are_read_as_hashes() {
        let hash = "0123456789abcdef".repeat(4);
        let text =
            format!("hello\nf {hash}\ng {hash}0\n/h {hash}\n {hash}x\ni \u{1b}[2J\nj {hash}\n");
        let told = read(&text);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["f", "j"]);
        let many: Vec<String> = (0..90).map(|n| format!("f{n} {hash}")).collect();
        assert_eq!(read(&many.join("\n")).len(), FUNCTIONS);
    }
}
