//! Parts of a batch for several processes: which part this process works on, and which tasks belong
//! to it.

use super::tasks::{self, Task};
use std::str::FromStr;

/// One of several parts of a batch. Tasks are assigned round-robin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Index, from 1.
    pub index: u32,
    /// Number of shards.
    pub of: u32,
}

impl Shard {
    /// Whether the task at this index, from 0, belongs to the shard.
    #[must_use]
    pub const fn takes(self, place: usize) -> bool {
        place % self.of as usize == self.index as usize - 1
    }

    /// The name as used in file names: `2-of-8`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}-of-{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shard = text.split_once('/').and_then(|(index, of)| {
            Some(Self { index: index.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        shard
            .filter(|shard| (1..=shard.of).contains(&shard.index))
            .ok_or_else(|| "a shard is `i/n`, from `1/n` to `n/n`".to_owned())
    }
}

/// The tasks that a process works on.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// All tasks.
    All,
    /// The tasks of a shard.
    Shard(Shard),
    /// The task with this id.
    One(String),
}

impl Part {
    /// Determines the part for this process: the shard that was passed, otherwise the one that
    /// Slurm (a job array) or `HyperQueue` sets in the environment. `shards` is the number of
    /// shards, which `HyperQueue` does not pass to its tasks.
    ///
    /// # Errors
    /// The environment does not identify a part.
    pub fn find(
        told: Option<Shard>,
        shards: Option<u32>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        if let Some(shard) = told {
            return Ok(Self::Shard(shard));
        }
        let number = |name: &str| -> Result<Option<u32>, String> {
            let value = env(name);
            let wrong = |value: &String| format!("`{name}` is `{value}`, which is no number");
            value.map(|value| value.parse().map_err(|_| wrong(&value))).transpose()
        };
        if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
            return array(id, &number).map(Self::Shard);
        }
        if let Some(entry) = env("HQ_ENTRY") {
            let task =
                tasks::read_one(&entry).map_err(|why| format!("`HQ_ENTRY` is no task: {why}"))?;
            return Ok(Self::One(task.id));
        }
        let (Some(id), Some(of)) = (number("HQ_TASK_ID")?, shards) else { return Ok(Self::All) };
        if !(1..=of).contains(&id) {
            return Err(format!(
                "`HQ_TASK_ID` is {id}, and the shards are 1 to {of}; submit with `--array 1-{of}`"
            ));
        }
        Ok(Self::Shard(Shard { index: id, of }))
    }

    /// Whether a task belongs to the part; `place` is the task's index in the file, from 0.
    #[must_use]
    pub fn takes(&self, place: usize, task: &Task) -> bool {
        match self {
            Self::All => true,
            Self::Shard(shard) => shard.takes(place),
            Self::One(id) => task.id == *id,
        }
    }

    /// The name as used in file names; `None` for all tasks.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Shard(shard) => Some(shard.name()),
            Self::One(id) => Some(id.clone()),
        }
    }
}

/// The shard for a task of a Slurm array, whose indexes must be evenly spaced.
fn array(id: u32, number: &dyn Fn(&str) -> Result<Option<u32>, String>) -> Result<Shard, String> {
    let named = |name: &str| {
        let name = format!("SLURM_ARRAY_TASK_{name}");
        number(&name)?.ok_or_else(|| format!("`SLURM_ARRAY_TASK_ID` is set and `{name}` is not"))
    };
    let (min, max) = (named("MIN")?, named("MAX")?);
    let count = named("COUNT")?;
    let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
    let even = (min..=max).contains(&id)
        && (max - min) / step + 1 == count
        && (id - min).is_multiple_of(step);
    if !even {
        return Err(format!(
            "the array's indexes ({count} from {min} to {max}) are not evenly spaced: say which shard \
             this is with `--shard i/n`"
        ));
    }
    Ok(Shard { index: (id - min) / step + 1, of: count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_several_from_one_on() {
        for (text, shard) in [
            ("1/1", Some((1, 1))),
            ("2/8", Some((2, 8))),
            (" 8 / 8", Some((8, 8))),
            ("0/8", None),
            ("9/8", None),
            ("1", None),
            ("-1/2", None),
            ("a/b", None),
        ] {
            let read = text.parse::<Shard>().ok().map(|shard| (shard.index, shard.of));
            assert_eq!(read, shard, "{text}");
        }
    }

    #[test]
    fn each_task_has_one_shard() {
        for (tasks, of) in [(10, 3), (3, 8), (1, 1), (8, 8)] {
            let shards = || (1..=of).map(|index| Shard { index, of });
            for place in 0..tasks {
                assert_eq!(shards().filter(|shard| shard.takes(place)).count(), 1);
            }
        }
    }

    #[test]
    fn the_environment_says_which_part_this_is() {
        let slurm = |id: &str, min: &str, max: &str, count: &str, step: &str| {
            [("ID", id), ("MIN", min), ("MAX", max), ("COUNT", count), ("STEP", step)]
                .map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value.to_owned()))
                .to_vec()
        };
        let hq = |name: &str, value: &str| vec![(format!("HQ_{name}"), value.to_owned())];
        let entry = "{\"id\":\"b\",\"task\":\"print\"}";
        let shard = |index, of| Ok(Part::Shard(Shard { index, of }));
        let wrong = |words: &str| Err(words.to_owned());
        for (told, shards, env, expected) in [
            (None, None, vec![], Ok(Part::All)),
            (None, Some(4), vec![], Ok(Part::All)),
            (Some("2/3"), None, slurm("5", "1", "8", "8", "1"), shard(2, 3)),
            (None, None, slurm("1", "1", "8", "8", "1"), shard(1, 8)),
            (None, None, slurm("8", "1", "8", "8", "1"), shard(8, 8)),
            (None, None, slurm("0", "0", "7", "8", "1"), shard(1, 8)),
            (None, None, slurm("14", "10", "18", "5", "2"), shard(3, 5)),
            (None, None, slurm("5", "1", "9", "3", "1"), wrong("not evenly spaced")),
            (None, None, slurm("x", "1", "9", "3", "1"), wrong("`x`, which is no number")),
            (None, None, hq("ENTRY", entry), Ok(Part::One("b".to_owned()))),
            (None, None, hq("ENTRY", "5"), wrong("`HQ_ENTRY` is no task")),
            (None, None, hq("TASK_ID", "3"), Ok(Part::All)),
            (None, Some(4), hq("TASK_ID", "3"), shard(3, 4)),
            (None, Some(4), hq("TASK_ID", "0"), wrong("--array 1-4")),
        ] {
            let told = told.and_then(|text: &str| text.parse().ok());
            let look = |name: &str| {
                let found = env.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            match (Part::find(told, shards, &look), expected) {
                (Err(said), Err(words)) => assert!(said.contains(&words), "{said}"),
                (found, expected) => assert_eq!(found, expected, "{env:?}"),
            }
        }
    }
}
