//! The files that a plan's script writes, one per line under `## Writes`.

use super::section;

/// Heading of the file names in a plan.
pub const HEADING: &str = "## Writes";
/// Maximum number of files in a plan.
const MOST: usize = 20;
/// Maximum length of a name in characters, including folders.
const WIDTH: usize = 200;

/// Parses the names under `## Writes`: relative paths below the run folder, without their
/// backticks. Invalid lines are skipped.
#[must_use]
pub fn of_plan(plan: &str) -> Vec<String> {
    section::items(plan, HEADING).filter_map(name).map(str::to_owned).take(MOST).collect()
}

/// Removes this section from a plan.
#[must_use]
pub fn without_writes(plan: &str) -> String {
    section::without(plan, HEADING)
}

/// Formats the section; empty if there are no names.
#[must_use]
pub fn write_writes(names: &[String]) -> String {
    section::write(HEADING, names.iter().cloned())
}

/// The name in a line of the section; `None` if it is not a path below the run folder.
pub fn name(item: &str) -> Option<&str> {
    let name = item.trim_matches('`');
    let below = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_name = name.chars().count() <= WIDTH
        && !name.contains(['\\', '`'])
        && !name.chars().any(char::is_control)
        && name.split('/').all(below);
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_file_names_below_the_run_folder_are_read_from_the_writes_section() {
        let plan = "## Requirements\n\n- R1: Save it. Check: a.png\n\n## Writes\n\n- clock.png\n\
                    * `out/my table.csv`\n- ../b.png\n- /etc/x\n- \n- c/../d\nprose\n\n## Notes\n- e.png\n";
        let names = of_plan(plan);
        assert_eq!(names, ["clock.png", "out/my table.csv"]);
        assert_eq!(of_plan(&write_writes(&names)), names);
        assert_eq!(write_writes(&[]), "");
        assert!(!without_writes(plan).contains("clock.png"));
        assert!(without_writes(plan).contains("- e.png"));
    }
}
