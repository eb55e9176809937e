//! Which packages may be installed for a version, by its needs, the session's settings and the
//! user's answers.

use crate::domain::packages::{Missing, Needs, Rules};
use crate::domain::session::{Session, Version};
use crate::domain::settings::Install;
use std::collections::BTreeMap;

/// Whether each package may be installed, by its name.
pub type Answers = BTreeMap<String, bool>;

/// The install policy of a session: a list of allowed packages turns `Auto` into `Ask` for the
/// others.
#[must_use]
pub fn policy(install: Install, rules: &Rules) -> Install {
    if install == Install::Auto && !rules.allow.is_empty() { Install::Ask } else { install }
}

/// The answers for packages: those from the gate, overridden by the user's settings.
#[must_use]
pub fn answers(given: &Answers, rules: &Rules) -> Answers {
    let rule = |names: &[String], may| -> Answers {
        names.iter().map(|name| (name.clone(), may)).collect()
    };
    let mut answers = given.clone();
    answers.extend(rule(&rules.allow, true));
    answers.extend(rule(&rules.deny, false));
    answers
}

/// Whether the packages that a version needs are still to be resolved.
#[must_use]
pub fn is_open(session: &Session, version: &Version) -> bool {
    let needs_some = version.checks.as_ref().is_some_and(|c| !c.dependencies.is_empty());
    session.settings.install != Install::Never
        && needs_some
        && version.needs.as_ref().is_none_or(|needs| is_named_otherwise(session, needs))
}

/// Whether a model named the package of a module that is still looked up by the module's name.
fn is_named_otherwise(session: &Session, needs: &Needs) -> bool {
    needs.missing.iter().any(|package| {
        names(session).any(|(module, name)| module == package.name && name != package.name)
    })
}

/// Modules of a version whose package a model has to name: the index has no package of that name,
/// and no name has reached a majority yet.
#[must_use]
pub fn unnamed<'v>(session: &Session, version: &'v Version) -> Vec<&'v str> {
    let missing = version.needs.iter().flat_map(|needs| &needs.missing);
    missing
        .filter(|package| package.exists == Some(false) && !package.known)
        // A requirement that the script declares with a version is not guessed from its imports.
        .filter(|package| package.requirement == package.name)
        .map(|package| package.name.as_str())
        .filter(|name| !names(session).any(|(_, named)| named == *name))
        .filter(|name| {
            let said = session.named.get(*name);
            let most = session.settings.dependency_samples as usize;
            majority(session, said).is_none() && said.map_or(0, Vec::len) < most
        })
        .collect()
}

/// The package names that models agreed on, by module.
pub fn names(session: &Session) -> impl Iterator<Item = (&str, &str)> {
    session
        .named
        .iter()
        .filter_map(|(module, said)| Some((module.as_str(), majority(session, Some(said))?)))
        .filter(|(_, name)| !name.is_empty())
}

/// The name that was given twice, or once if only one answer is requested. It is empty if the
/// module has no package.
fn majority<'s>(session: &Session, said: Option<&'s Vec<String>>) -> Option<&'s str> {
    let said = said?;
    let enough = session.settings.dependency_samples.min(2) as usize;
    let often = |name: &&String| said.iter().filter(|other| other == name).count() >= enough;
    said.iter().find(often).map(String::as_str)
}

/// Packages of a version that the user has to answer for.
#[must_use]
pub fn unanswered<'v>(session: &Session, version: &'v Version) -> Vec<&'v Missing> {
    let needs = version.needs.as_ref();
    let rules = &session.settings.packages;
    let install = policy(session.settings.install, rules);
    let open = needs.map(|needs| open(install, &answers(&session.installs, rules), needs));
    open.unwrap_or_default()
}

/// Packages that the user has to answer for: not answered, not in an existing environment and not
/// allowed by the settings. If one package does not exist, there is nothing to ask: the others
/// would not help.
#[must_use]
pub fn open<'n>(install: Install, answers: &Answers, needs: &'n Needs) -> Vec<&'n Missing> {
    let ask = |package: &&Missing| match install {
        Install::Ask => true,
        // Anybody can publish a package under an unknown name.
        Install::Auto => package.warning.is_some() || !package.known,
        Install::Never => false,
    };
    let refused = needs.missing.iter().any(|package| is_refused(answers, package));
    if is_impossible(needs) || (needs.ready && !refused) {
        return Vec::new();
    }
    let unanswered = |package: &&Missing| !answers.contains_key(&package.name);
    needs.missing.iter().filter(unanswered).filter(ask).collect()
}

/// Whether a required package does not exist.
#[must_use]
pub fn is_impossible(needs: &Needs) -> bool {
    needs.missing.iter().any(|package| package.exists == Some(false))
}

/// The packages to install in the environment, without the refused ones. Empty if the Python in use
/// is enough or nothing may be installed.
#[must_use]
pub fn wanted(install: Install, answers: &Answers, needs: &Needs) -> Vec<String> {
    let (refused, rest): (Vec<&Missing>, Vec<&Missing>) =
        needs.missing.iter().partition(|package| is_refused(answers, package));
    if install == Install::Never || rest.is_empty() {
        return Vec::new();
    }
    let kept = |text: &&String| !refused.iter().any(|package| package.requirement == **text);
    needs.requirements.iter().filter(kept).cloned().collect()
}

fn is_refused(answers: &Answers, package: &Missing) -> bool {
    answers.get(&package.name) == Some(&false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(name: &str, known: bool, exists: Option<bool>) -> Missing {
        let (name, warning) = (name.to_owned(), None);
        Missing { requirement: format!("{name}>=1"), name, known, exists, warning }
    }

    fn needs(missing: Vec<Missing>, ready: bool) -> Needs {
        let here = std::iter::once("here".to_owned());
        let requirements = here.chain(missing.iter().map(|m| m.requirement.clone())).collect();
        Needs { requirements, missing, ready }
    }

    #[test]
    fn only_packages_that_need_a_decision_are_asked_about() {
        let (numpy, odd) = (missing("numpy", true, Some(true)), missing("odd", false, Some(true)));
        let unheard = missing("unheard", true, None);
        let slip = Missing { warning: Some("a slip".into()), ..numpy.clone() };
        let none = missing("none", false, Some(false));
        for (install, packages, ready, asked) in [
            (Install::Ask, vec![&numpy, &odd], false, vec!["numpy", "odd"]),
            (Install::Ask, vec![&numpy], true, vec![]),
            (Install::Auto, vec![&numpy, &odd], false, vec!["odd"]),
            (Install::Auto, vec![&unheard], false, vec![]),
            (Install::Auto, vec![&slip], false, vec!["numpy"]),
            (Install::Auto, vec![&slip], true, vec![]),
            (Install::Ask, vec![&numpy, &none], false, vec![]),
            (Install::Never, vec![&numpy], false, vec![]),
        ] {
            let needs = needs(packages.into_iter().cloned().collect(), ready);
            let names = |answers: &Answers| -> Vec<String> {
                open(install, answers, &needs).iter().map(|m| m.name.clone()).collect()
            };
            assert_eq!(names(&Answers::new()), asked, "{install:?} {needs:?}");
            let answers = asked.iter().map(|name| ((*name).to_owned(), true)).collect();
            assert!(names(&answers).is_empty(), "it is asked twice");
        }
    }

    #[test]
    fn listed_packages_are_not_asked_about_and_an_allow_list_restricts_auto() {
        let all = [
            missing("numpy", true, Some(true)),
            missing("pandas", true, Some(true)),
            missing("odd", false, Some(true)),
        ];
        let needs = needs(all.to_vec(), false);
        let rules = |allow: &[&str], deny: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Rules { allow: own(allow), deny: own(deny) }
        };
        for (install, rules, asked, installed) in [
            (Install::Ask, rules(&["odd"], &[]), vec!["numpy", "pandas"], 4),
            (Install::Auto, rules(&["odd"], &[]), vec!["numpy", "pandas"], 4),
            (Install::Auto, rules(&[], &["numpy"]), vec!["odd"], 3),
            (Install::Auto, rules(&["numpy", "odd"], &["numpy", "pandas"]), vec![], 2),
            (Install::Never, rules(&["numpy"], &[]), vec![], 0),
        ] {
            let install = policy(install, &rules);
            let answers = answers(&Answers::from([("numpy".to_owned(), true)]), &rules);
            let asked: Vec<&str> = asked.into_iter().filter(|name| *name != "numpy").collect();
            let open = open(install, &answers, &needs);
            let names: Vec<&str> = open.iter().map(|m| m.name.as_str()).collect();
            assert_eq!(names, asked, "{install:?} {rules:?}");
            assert_eq!(wanted(install, &answers, &needs).len(), installed, "{install:?} {rules:?}");
        }
    }

    #[test]
    fn refused_packages_are_left_out_of_the_environment() {
        let packages = vec![missing("a", true, None), missing("b", true, None)];
        let (needs, ask) = (needs(packages, false), Install::Ask);
        let mut answers = Answers::new();
        assert_eq!(wanted(ask, &answers, &needs), ["here", "a>=1", "b>=1"]);
        assert!(wanted(Install::Never, &answers, &needs).is_empty());
        answers.insert("a".into(), false);
        assert_eq!(wanted(ask, &answers, &needs), ["here", "b>=1"]);
        answers.insert("b".into(), false);
        assert!(wanted(ask, &answers, &needs).is_empty());
    }
}
