//! Finds conda environments without starting conda, which takes a second.

use redraft_files::read_regular_text;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Folders in the home folder where conda and its variants are installed.
const ROOTS: &[&str] = &[
    "miniconda3",
    "anaconda3",
    "miniforge3",
    "mambaforge",
    "micromamba",
    ".micromamba",
    ".local/share/mamba",
    "opt/miniconda3",
    "opt/anaconda3",
    "opt/miniforge3",
];
/// The same outside of it.
const SYSTEM_ROOTS: &[&str] =
    &["/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3"];
/// Maximum number of bytes read of conda's list of environments.
const LONGEST_LIST: u64 = 1 << 20;

/// Looks up an environment variable.
pub(super) type Var<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The folder of the active environment and the variable that names it. Programs that start others
/// in an environment (`conda run`, an editor, a cluster job) may set only some of the variables.
pub(super) fn active(var: Var<'_>) -> Option<(PathBuf, &'static str)> {
    if let Some(prefix) = prefix(var) {
        return Some((prefix, "CONDA_PREFIX"));
    }
    let name = text("CONDA_DEFAULT_ENV", var);
    if let Some(folder) = name.and_then(|name| folder(&name, var)) {
        return Some((folder, "CONDA_DEFAULT_ENV"));
    }
    let project = path("PIXI_PROJECT_ROOT", var)?;
    let name = text("PIXI_ENVIRONMENT_NAME", var).unwrap_or_else(|| "default".to_owned());
    let plain = !name.contains('/') && !name.starts_with('.');
    let folder = project.join(".pixi/envs").join(name);
    Some((folder, "PIXI_PROJECT_ROOT")).filter(|(folder, _)| plain && has_python(folder))
}

fn prefix(var: Var<'_>) -> Option<PathBuf> {
    path("CONDA_PREFIX", var)
}

/// The path in a variable, unless it is unset or empty.
fn path(name: &str, var: Var<'_>) -> Option<PathBuf> {
    var(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn text(name: &str, var: Var<'_>) -> Option<String> {
    var(name).and_then(|text| text.into_string().ok()).filter(|text| !text.is_empty())
}

fn has_python(folder: &Path) -> bool {
    folder.join("bin/python").is_file()
}

/// The folder of an environment by name, as `conda activate` takes it, or by path.
pub(super) fn folder(name: &str, var: Var<'_>) -> Option<PathBuf> {
    let with_python = |folder: &PathBuf| has_python(folder);
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(with_python);
    }
    if name.is_empty() || name == ".." || name == "." {
        return None;
    }
    if var("CONDA_DEFAULT_ENV").is_some_and(|active| active == name)
        && let Some(folder) = prefix(var).filter(with_python)
    {
        return Some(folder);
    }
    let roots = roots(var);
    let lists = ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"].into_iter().filter_map(var);
    let folders: Vec<PathBuf> = lists
        .flat_map(|list| env::split_paths(&list).collect::<Vec<_>>())
        .chain(configured(&roots, var))
        .chain(roots.iter().map(|root| root.join("envs")))
        .chain(home(var).map(|home| home.join(".conda/envs")))
        .collect();
    let base = roots.into_iter().filter(|_| name == "base");
    let named = folders.into_iter().map(|folder| folder.join(name));
    base.chain(named).chain(listed(name, var)).find(with_python)
}

fn home(var: Var<'_>) -> Option<PathBuf> {
    path("HOME", var)
}

/// The environment folders in conda's configuration.
fn configured(roots: &[PathBuf], var: Var<'_>) -> Vec<PathBuf> {
    let home = home(var);
    let of_home = home
        .iter()
        .flat_map(|home| [".condarc", ".conda/condarc", ".mambarc"].map(|f| home.join(f)));
    let files = path("CONDARC", var).into_iter().chain(of_home);
    let files = files.chain(roots.iter().map(|root| root.join(".condarc")));
    files
        .flat_map(|file| folders_of(&text_of(&file)))
        .filter_map(|folder| match folder.strip_prefix("~/") {
            Some(rest) => home.as_ref().map(|home| home.join(rest)),
            None => Some(PathBuf::from(folder)),
        })
        .filter(|folder| folder.is_absolute())
        .collect()
}

/// The list under `envs_dirs` of a conda configuration, inline or with one item per line.
fn folders_of(condarc: &str) -> Vec<String> {
    let keys = ["envs_dirs:", "envs_path:"];
    let mut lines =
        condarc.lines().map(|line| line.split(" #").next().unwrap_or_default().trim_end());
    let Some(first) = lines.find_map(|line| keys.iter().find_map(|key| line.strip_prefix(key)))
    else {
        return Vec::new();
    };
    let inline = first.trim().trim_start_matches('[').trim_end_matches(']').split(',');
    let items = lines.map_while(|line| line.trim_start().strip_prefix("- "));
    let bare = |item: &str| item.trim().trim_matches(['"', '\'']).to_owned();
    inline.chain(items).map(bare).filter(|item| !item.is_empty()).collect()
}

/// The text of one of conda's files; empty if it is too large or can't be read.
fn text_of(file: &Path) -> String {
    read_regular_text(file, LONGEST_LIST).unwrap_or_default()
}

/// Where conda may be installed, starting with the locations from its own variables.
fn roots(var: Var<'_>) -> Vec<PathBuf> {
    let two_up = |program: PathBuf| Some(program.parent()?.parent()?.to_owned());
    let told = ["CONDA_EXE", "CONDA_PYTHON_EXE", "MAMBA_EXE"];
    let told = told.into_iter().filter_map(|name| path(name, var).and_then(two_up));
    let of_active = prefix(var).map(|prefix| match prefix.parent() {
        Some(envs) if envs.ends_with("envs") => envs.parent().unwrap_or(envs).to_owned(),
        _ => prefix,
    });
    let mamba = path("MAMBA_ROOT_PREFIX", var);
    let on_path = var("PATH").into_iter().flat_map(|path| {
        let folders: Vec<PathBuf> = env::split_paths(&path).collect();
        folders
            .into_iter()
            .filter(|folder| folder.is_absolute() && folder.join("conda").is_file())
            .filter_map(|folder| folder.parent().map(Path::to_owned))
    });
    let homes =
        home(var).into_iter().flat_map(|home| ROOTS.iter().map(move |root| home.join(root)));
    told.chain(of_active)
        .chain(mamba)
        .chain(on_path)
        .chain(homes)
        .chain(SYSTEM_ROOTS.iter().map(PathBuf::from))
        .collect()
}

/// Environments with this name in conda's list of environments.
fn listed(name: &str, var: Var<'_>) -> Vec<PathBuf> {
    let Some(list) = home(var).map(|home| home.join(".conda/environments.txt")) else {
        return Vec::new();
    };
    let text = text_of(&list);
    let folders = text.lines().map(|line| PathBuf::from(line.trim()));
    folders.filter(|folder| folder.is_absolute() && folder.ends_with(name)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "a test may panic, and writes its fixtures itself"
    )]

    use super::*;

    #[test]
    fn the_active_environment_is_found_by_whatever_says_which_it_is() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        for folder in [
            "conda",
            "conda/envs/work",
            "mamba/envs/work",
            "dirs/work",
            "home/own/work",
            "pixi/.pixi/envs/default",
            "pixi/.pixi/envs/test",
        ] {
            std::fs::create_dir_all(at(folder).join("bin")).unwrap();
            std::fs::write(at(folder).join("bin/python"), "").unwrap();
        }
        std::fs::write(at("home/.condarc"), "envs_dirs:\n  - ~/own  # mine\nchannels:\n  - x\n")
            .unwrap();
        let path = |path: &str| at(path).to_str().unwrap().to_owned();
        let exe = |program: &str| path(&format!("conda/{program}"));
        let work = || "work".to_owned();
        for (set, expected) in [
            (vec![], None),
            (
                vec![("CONDA_EXE", exe("bin/conda")), ("CONDA_DEFAULT_ENV", work())],
                Some("conda/envs/work"),
            ),
            (
                vec![("CONDA_EXE", exe("condabin/conda")), ("CONDA_DEFAULT_ENV", work())],
                Some("conda/envs/work"),
            ),
            (
                vec![("CONDA_EXE", exe("bin/conda")), ("CONDA_DEFAULT_ENV", "base".into())],
                Some("conda"),
            ),
            (vec![("CONDA_EXE", exe("bin/conda")), ("CONDA_DEFAULT_ENV", "gone".into())], None),
            (vec![("CONDA_EXE", exe("bin/conda"))], None),
            (vec![("CONDA_DEFAULT_ENV", path("dirs/work"))], Some("dirs/work")),
            (
                vec![("CONDA_ENVS_DIRS", path("dirs")), ("CONDA_DEFAULT_ENV", work())],
                Some("dirs/work"),
            ),
            (
                vec![("MAMBA_ROOT_PREFIX", path("mamba")), ("CONDA_DEFAULT_ENV", work())],
                Some("mamba/envs/work"),
            ),
            (vec![("HOME", path("home")), ("CONDA_DEFAULT_ENV", work())], Some("home/own/work")),
            (
                vec![
                    ("CONDA_PREFIX", path("mamba/envs/work")),
                    ("CONDA_DEFAULT_ENV", "base".into()),
                ],
                Some("mamba/envs/work"),
            ),
            (vec![("PIXI_PROJECT_ROOT", path("pixi"))], Some("pixi/.pixi/envs/default")),
            (
                vec![("PIXI_PROJECT_ROOT", path("pixi")), ("PIXI_ENVIRONMENT_NAME", "test".into())],
                Some("pixi/.pixi/envs/test"),
            ),
            (
                vec![("PIXI_PROJECT_ROOT", path("pixi")), ("PIXI_ENVIRONMENT_NAME", "../x".into())],
                None,
            ),
        ] {
            let var = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let found = active(&var).map(|(folder, _)| folder);
            assert_eq!(found, expected.map(at), "{set:?}");
        }
    }

    #[test]
    fn the_folders_of_a_condarc_are_read() {
        for (text, expected) in [
            ("", vec![]),
            ("channels:\n- a\n", vec![]),
            ("envs_dirs:\n- /a\n- '/b c'\nx: 1\n- /no\n", vec!["/a", "/b c"]),
            ("x: 1\nenvs_path: [/a, \"/b\"]\n", vec!["/a", "/b"]),
        ] {
            assert_eq!(folders_of(text), expected, "{text}");
        }
    }

    #[test]
    fn an_environment_is_found_wherever_conda_keeps_them() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        for folder in [
            "home/miniconda3",
            "home/miniconda3/envs/plain",
            "home/.conda/envs/own",
            "far/root/envs/told",
            "far/else/listed",
            "envs/somewhere",
            "active",
        ] {
            std::fs::create_dir_all(at(folder).join("bin")).unwrap();
            std::fs::write(at(folder).join("bin/python"), "").unwrap();
        }
        std::fs::create_dir_all(at("home/miniconda3/envs/empty")).unwrap();
        let list = format!("{}\n", at("far/else/listed").display());
        std::fs::write(at("home/.conda/environments.txt"), list).unwrap();
        let var = |name: &str| match name {
            "HOME" => Some(at("home").into()),
            "CONDA_EXE" => Some(at("far/root/bin/conda").into()),
            "CONDA_ENVS_PATH" => Some(at("envs").into()),
            "CONDA_PREFIX" => Some(at("active").into()),
            "CONDA_DEFAULT_ENV" => Some("now".into()),
            _ => None,
        };
        for (name, expected) in [
            ("plain", Some("home/miniconda3/envs/plain")),
            ("own", Some("home/.conda/envs/own")),
            ("told", Some("far/root/envs/told")),
            ("listed", Some("far/else/listed")),
            ("somewhere", Some("envs/somewhere")),
            ("now", Some("active")),
            ("empty", None),
            ("nowhere", None),
            ("..", None),
            ("", None),
        ] {
            assert_eq!(folder(name, &var), expected.map(at), "{name}");
        }
        let by_path = at("far/else/listed");
        assert_eq!(folder(by_path.to_str().unwrap(), &var), Some(by_path));
        let alone = |name: &str| (name == "HOME").then(|| at("home").into());
        assert_eq!(folder("base", &alone), Some(at("home/miniconda3")));
        assert_eq!(folder("plain", &|_| None), None);
    }
}
