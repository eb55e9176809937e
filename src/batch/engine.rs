//! Runs a batch as a job array of a cluster: the job script, and the commands that submit and
//! cancel it.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The scheduler that runs the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Slurm, with `sbatch`.
    Slurm,
    /// `HyperQueue`, with `hq submit`.
    Hq,
}

impl Engine {
    /// The program that submits jobs.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Slurm => "sbatch",
            Self::Hq => "hq",
        }
    }

    /// File name of the job script in the results folder.
    #[must_use]
    pub const fn script_file(self) -> &'static str {
        match self {
            Self::Slurm => "batch.sbatch",
            Self::Hq => "batch.hq.sh",
        }
    }
}

/// A submitted job, stored as `job.json` in the results folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The scheduler.
    pub engine: Engine,
    /// Job id of the scheduler.
    pub id: String,
    /// Number of shards.
    pub shards: u32,
}

impl Submitted {
    /// The command that cancels the job.
    #[must_use]
    pub fn cancel(&self) -> Vec<&str> {
        match self.engine {
            Engine::Slurm => vec!["scancel", &self.id],
            Engine::Hq => vec!["hq", "job", "cancel", &self.id],
        }
    }
}

/// Resource options for the cluster.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Slurm account.
    pub account: Option<String>,
    /// Slurm partition.
    pub partition: Option<String>,
    /// Time limit of a shard, in the syntax of the engine.
    pub time: Option<String>,
    /// Memory of a shard, in Slurm's syntax.
    pub mem: Option<String>,
    /// Maximum number of shards of a Slurm array that run at the same time.
    pub array_limit: Option<u32>,
}

/// A batch to submit.
pub struct Job<'a> {
    /// The scheduler.
    pub engine: Engine,
    /// Job name.
    pub name: &'a str,
    /// The program and its arguments, without the shard.
    pub command: &'a [String],
    /// Working folder.
    pub folder: &'a Path,
    /// The results folder, which also holds the logs.
    pub out: &'a Path,
    /// Number of shards, at least 1.
    pub shards: u32,
    /// Resource options.
    pub asked: &'a Asked,
}

impl Job<'_> {
    /// Path of the job script.
    #[must_use]
    pub fn script_path(&self) -> PathBuf {
        self.out.join(self.engine.script_file())
    }

    /// The script that runs one shard.
    ///
    /// # Errors
    /// A value that can't be quoted in the script, or an option that this engine does not have.
    pub fn script(&self) -> Result<String, String> {
        let mut script = "#!/bin/sh\n".to_owned();
        let index = match self.engine {
            Engine::Slurm => {
                script += &self.directives()?;
                "SLURM_ARRAY_TASK_ID"
            }
            Engine::Hq => {
                self.only_time()?;
                "HQ_TASK_ID"
            }
        };
        let command = shlex::try_join(self.command.iter().map(String::as_str))
            .map_err(|_| "an argument holds a NUL byte".to_owned())?;
        script +=
            "# What is done is found by its sessions: a shard that is started again goes on.\n";
        let _ = writeln!(script, "exec {command} --shard \"${{{index}:?}}/{}\"", self.shards);
        Ok(script)
    }

    fn directives(&self) -> Result<String, String> {
        let asked = self.asked;
        let limit = asked.array_limit.map_or_else(String::new, |limit| format!("%{limit}"));
        // Slurm replaces patterns that start with `%` in log names.
        let logs = quoted(&self.out.join("slurm"))?.replace('%', "%%");
        let mut lines = vec![
            format!("--job-name={}", word("name", self.name)?),
            format!("--array=1-{}{limit}", self.shards),
            format!("--output=\"{logs}-%A_%a.log\""),
            // Otherwise a requeued shard overwrites its log.
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
            format!("--chdir=\"{}\"", quoted(self.folder)?),
        ];
        for (name, value) in [
            ("account", &asked.account),
            ("partition", &asked.partition),
            ("time", &asked.time),
            ("mem", &asked.mem),
        ] {
            if let Some(value) = value {
                lines.push(format!("--{name}={}", word(name, value)?));
            }
        }
        Ok(format!("#SBATCH {}\n", lines.join("\n#SBATCH ")))
    }

    fn only_time(&self) -> Result<(), String> {
        let Asked { account, partition, time: _, mem, array_limit } = self.asked;
        for (name, given) in [
            ("--account", account.is_some()),
            ("--partition", partition.is_some()),
            ("--mem", mem.is_some()),
            ("--array-limit", array_limit.is_some()),
        ] {
            if given {
                return Err(format!(
                    "`{name}` is Slurm's: HyperQueue's workers have what they have"
                ));
            }
        }
        Ok(())
    }

    /// The command that submits the script and prints the job id.
    ///
    /// # Errors
    /// A value that can't be quoted in it.
    pub fn submit(&self) -> Result<Vec<String>, String> {
        let text = |path: &Path| quoted(path);
        let script = text(&self.script_path())?;
        let own = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        Ok(match self.engine {
            // The whole environment, since a list of names would be cut at a comma.
            Engine::Slurm => own(&["sbatch", "--parsable", "--export=ALL", &script]),
            Engine::Hq => {
                let log = format!("{}-%{{JOB_ID}}-%{{TASK_ID}}.log", text(&self.out.join("hq"))?);
                let mut args = own(&["hq", "--output-mode=quiet", "submit"]);
                args.push(format!("--name={}", word("name", self.name)?));
                args.push(format!("--array=1-{}", self.shards));
                args.push(format!("--cwd={}", text(self.folder)?));
                args.push(format!("--stdout={log}"));
                args.push("--stderr=none".to_owned());
                if let Some(time) = &self.asked.time {
                    args.push(format!("--time-limit={}", word("time", time)?));
                }
                args.extend(own(&["--", "/bin/sh", &script]));
                args
            }
        })
    }
}

/// Parses the job id from the output of the submit command: `ID`, or `ID;CLUSTER` from Slurm.
#[must_use]
pub fn job_id(engine: Engine, printed: &str) -> Option<String> {
    let last = printed.trim().lines().last()?.trim();
    let id = match engine {
        Engine::Slurm => last.split(';').next()?,
        Engine::Hq => last,
    };
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| id.to_owned())
}

/// The most shards that Slurm accepts, from `scontrol show config`: `MaxArraySize` is one more than
/// the highest index.
#[must_use]
pub fn most_shards(config: &str) -> Option<u32> {
    let line = config.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"))?;
    let size: u32 = line.trim_start_matches([' ', '=']).trim().parse().ok()?;
    size.checked_sub(1)
}

/// Checks that a value needs no quoting in a directive.
fn word<'a>(name: &str, value: &'a str) -> Result<&'a str, String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.,:+/@%=".contains(c);
    if value.is_empty() || !value.chars().all(plain) {
        return Err(format!("`{}` can't be the {name} of a job", value.escape_debug()));
    }
    Ok(value)
}

/// A path for use between double quotes.
fn quoted(path: &Path) -> Result<String, String> {
    let text = path.to_str().filter(|text| !text.contains(['"', '\\', '\n', '\r']));
    text.map(str::to_owned)
        .ok_or_else(|| format!("`{}` can't be a folder of a job: rename it", path.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn job<'a>(engine: Engine, out: &'a str, command: &'a [String], asked: &'a Asked) -> Job<'a> {
        let (folder, out) = (Path::new("/work dir"), Path::new(out));
        Job { engine, name: "batch-tasks", command, folder, out, shards: 8, asked }
    }

    fn command() -> Vec<String> {
        ["/bin/redraft", "batch", "my tasks.jsonl", "--jobs", "2"].map(str::to_owned).to_vec()
    }

    #[test]
    fn slurm_is_given_an_array_that_can_be_requeued() {
        let asked = Asked {
            account: Some("acc".to_owned()),
            partition: Some("cpu".to_owned()),
            time: Some("01:30:00".to_owned()),
            mem: Some("4G".to_owned()),
            array_limit: Some(3),
        };
        let command = command();
        let job = job(Engine::Slurm, "/out/100%", &command, &asked);
        assert_eq!(
            job.script().unwrap(),
            "#!/bin/sh\n\
             #SBATCH --job-name=batch-tasks\n\
             #SBATCH --array=1-8%3\n\
             #SBATCH --output=\"/out/100%%/slurm-%A_%a.log\"\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --requeue\n\
             #SBATCH --chdir=\"/work dir\"\n\
             #SBATCH --account=acc\n\
             #SBATCH --partition=cpu\n\
             #SBATCH --time=01:30:00\n\
             #SBATCH --mem=4G\n\
             # What is done is found by its sessions: a shard that is started again goes on.\n\
             exec /bin/redraft batch 'my tasks.jsonl' --jobs 2 --shard \"${SLURM_ARRAY_TASK_ID:?}/8\"\n"
        );
        assert_eq!(
            job.submit().unwrap(),
            ["sbatch", "--parsable", "--export=ALL", "/out/100%/batch.sbatch"]
        );
    }

    #[test]
    fn hyperqueue_is_given_an_array_of_the_same() {
        let (command, asked) =
            (command(), Asked { time: Some("1h".to_owned()), ..Asked::default() });
        let job = job(Engine::Hq, "/out", &command, &asked);
        let script = job.script().unwrap();
        assert!(script.ends_with("--jobs 2 --shard \"${HQ_TASK_ID:?}/8\"\n"), "{script}");
        let args = job.submit().unwrap();
        assert_eq!(args[..4], ["hq", "--output-mode=quiet", "submit", "--name=batch-tasks"]);
        assert!(args.contains(&"--array=1-8".to_owned()), "{args:?}");
        assert!(args.contains(&"--time-limit=1h".to_owned()), "{args:?}");
        assert_eq!(args[args.len() - 2..], ["/bin/sh", "/out/batch.hq.sh"]);
    }

    #[test]
    fn what_would_be_another_directive_is_refused() {
        let command = command();
        let given = |account: &str| Asked { account: Some(account.to_owned()), ..Asked::default() };
        for bad in ["a b", "a\n#SBATCH --uid=0", "", "a\"b", "a;b", "$(id)"] {
            let asked = given(bad);
            assert!(job(Engine::Slurm, "/out", &command, &asked).script().is_err(), "{bad:?}");
        }
        let asked = Asked::default();
        assert!(job(Engine::Slurm, "/o\"ut", &command, &asked).script().is_err());
        assert!(job(Engine::Hq, "/out", &command, &given("a")).script().is_err());
    }

    #[test]
    fn what_the_programs_print_is_read() {
        for (engine, printed, id) in [
            (Engine::Slurm, "123\n", Some("123")),
            (Engine::Slurm, "sbatch: a note\n123;cluster\n", Some("123")),
            (Engine::Slurm, "Submitted batch job\n", None),
            (Engine::Hq, "7\n", Some("7")),
            (Engine::Hq, "", None),
            (Engine::Hq, "7; rm", None),
        ] {
            assert_eq!(job_id(engine, printed).as_deref(), id, "{printed}");
        }
        assert_eq!(most_shards("A = 1\nMaxArraySize            = 1001\n"), Some(1000));
        assert_eq!(most_shards("A = 1\n"), None);
    }
}
