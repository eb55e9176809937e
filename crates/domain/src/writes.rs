//! The files that a plan says its script writes, a line each under `## Writes`.

use super::section;

/// Under this the files of a plan stand.
pub const HEADING: &str = "## Writes";
/// Files that a plan may name.
const MOST: usize = 20;
/// Characters of a name, which may have folders in front.
const WIDTH: usize = 200;

/// The names under `## Writes`: relative paths that stay below the run folder, without their
/// backticks. A line that is none is left out.
#[must_use]
pub fn of_plan(plan: &str) -> Vec<String> {
    section::items(plan, HEADING).filter_map(name).map(str::to_owned).take(MOST).collect()
}

/// A plan without this section.
#[must_use]
pub fn without_writes(plan: &str) -> String {
    section::without(plan, HEADING)
}

/// The section; empty without names.
#[must_use]
pub fn write_writes(names: &[String]) -> String {
    section::write(HEADING, names.iter().cloned())
}

/// The name in a line of the section; none where it is no path below the run folder.
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
    fn names_below_the_run_folder_are_read_under_their_heading_only() {
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
