//! Where conda keeps its environments, without starting it: that takes a second.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that conda and its relatives are installed into, in a home.
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
/// And outside of it.
const SYSTEM_ROOTS: &[&str] =
    &["/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3"];
/// Bytes of conda's list of environments that are read.
const LONGEST_LIST: u64 = 1 << 20;

/// A variable of the environment.
pub(super) type Var<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The folder of the environment that is active.
pub(super) fn active(var: Var<'_>) -> Option<PathBuf> {
    var("CONDA_PREFIX").filter(|prefix| !prefix.is_empty()).map(PathBuf::from)
}

/// The folder of an environment by its name, as `conda activate` takes it, or by its path.
pub(super) fn folder(name: &str, var: Var<'_>) -> Option<PathBuf> {
    let with_python = |folder: &PathBuf| folder.join("bin/python").is_file();
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(with_python);
    }
    if name.is_empty() || name == ".." || name == "." {
        return None;
    }
    if var("CONDA_DEFAULT_ENV").is_some_and(|active| active == name)
        && let Some(folder) = active(var).filter(with_python)
    {
        return Some(folder);
    }
    let roots = roots(var);
    let lists = ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"].into_iter().filter_map(var);
    let folders: Vec<PathBuf> = lists
        .flat_map(|list| env::split_paths(&list).collect::<Vec<_>>())
        .chain(roots.iter().map(|root| root.join("envs")))
        .chain(home(var).map(|home| home.join(".conda/envs")))
        .collect();
    let base = roots.into_iter().filter(|_| name == "base");
    let named = folders.into_iter().map(|folder| folder.join(name));
    base.chain(named).chain(listed(name, var)).find(with_python)
}

fn home(var: Var<'_>) -> Option<PathBuf> {
    var("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Where conda may be installed: where it says itself first.
fn roots(var: Var<'_>) -> Vec<PathBuf> {
    let two_up = |program: PathBuf| Some(program.parent()?.parent()?.to_owned());
    let told = var("CONDA_EXE").map(PathBuf::from).and_then(two_up);
    let of_active = active(var).map(|prefix| match prefix.parent() {
        Some(envs) if envs.ends_with("envs") => envs.parent().unwrap_or(envs).to_owned(),
        _ => prefix,
    });
    let mamba = var("MAMBA_ROOT_PREFIX").map(PathBuf::from);
    let on_path = var("PATH").into_iter().flat_map(|path| {
        let folders: Vec<PathBuf> = env::split_paths(&path).collect();
        folders
            .into_iter()
            .filter(|folder| folder.is_absolute() && folder.join("conda").is_file())
            .filter_map(|folder| folder.parent().map(Path::to_owned))
    });
    let homes =
        home(var).into_iter().flat_map(|home| ROOTS.iter().map(move |root| home.join(root)));
    told.into_iter()
        .chain(of_active)
        .chain(mamba)
        .chain(on_path)
        .chain(homes)
        .chain(SYSTEM_ROOTS.iter().map(PathBuf::from))
        .collect()
}

/// Environments of this name that conda keeps a list of, wherever they are.
fn listed(name: &str, var: Var<'_>) -> Vec<PathBuf> {
    let Some(list) = home(var).map(|home| home.join(".conda/environments.txt")) else {
        return Vec::new();
    };
    let small = fs::metadata(&list).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST_LIST);
    let text = if small { fs::read_to_string(list).unwrap_or_default() } else { String::new() };
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
