//! Which packages may be installed for a version: what it needs, what the session's settings say,
//! and what the Manager answered.

use crate::domain::packages::Missing;
use crate::domain::session::{Session, Version};
use crate::domain::settings::Install;

/// Whether it has to be found out first which packages a version needs.
#[must_use]
pub fn is_open(session: &Session, version: &Version) -> bool {
    let needs_some = version.checks.as_ref().is_some_and(|c| !c.dependencies.is_empty());
    session.settings.install != Install::Never && needs_some && version.needs.is_none()
}

/// Packages of a version that somebody has to answer for: not answered before in this session, not
/// in an environment that is there, and not open by its settings. A package that does not exist is
/// nobody's to allow, nor are then the others that the version would need besides.
#[must_use]
pub fn unanswered<'v>(session: &Session, version: &'v Version) -> Vec<&'v Missing> {
    let ask = |package: &&Missing| match session.settings.install {
        Install::Ask => true,
        // What nobody knows by name may be anybody's.
        Install::Auto => package.warning.is_some() || !package.known,
        Install::Never => false,
    };
    let Some(needs) = &version.needs else { return Vec::new() };
    let refused = needs.missing.iter().any(|package| is_refused(session, package));
    if is_impossible(version) || (needs.ready && !refused) {
        return Vec::new();
    }
    let open = |package: &&Missing| !session.installs.contains_key(&package.name);
    needs.missing.iter().filter(open).filter(ask).collect()
}

/// Whether a version needs a package that does not exist.
#[must_use]
pub fn is_impossible(version: &Version) -> bool {
    let missing = version.needs.iter().flat_map(|needs| &needs.missing);
    missing.into_iter().any(|package| package.exists == Some(false))
}

/// What the environment of a version has to have, without what was refused. Nothing: it runs on the
/// Python in use as it is.
#[must_use]
pub fn wanted(session: &Session, version: &Version) -> Vec<String> {
    let Some(needs) = version.needs.as_ref() else { return Vec::new() };
    let (refused, rest): (Vec<&Missing>, Vec<&Missing>) =
        needs.missing.iter().partition(|package| is_refused(session, package));
    if session.settings.install == Install::Never || rest.is_empty() {
        return Vec::new();
    }
    let kept = |text: &&String| !refused.iter().any(|package| package.requirement == **text);
    needs.requirements.iter().filter(kept).cloned().collect()
}

fn is_refused(session: &Session, package: &Missing) -> bool {
    session.installs.get(&package.name) == Some(&false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::packages::Needs;

    fn missing(name: &str, known: bool, exists: Option<bool>) -> Missing {
        let (name, warning) = (name.to_owned(), None);
        Missing { requirement: format!("{name}>=1"), name, known, exists, warning }
    }

    fn version(missing: Vec<Missing>, ready: bool) -> Version {
        let here = std::iter::once("here".to_owned());
        let requirements = here.chain(missing.iter().map(|m| m.requirement.clone())).collect();
        Version {
            number: 1,
            cause: Cause::First,
            base: None,
            escalation: None,
            script: String::new(),
            notes: Vec::new(),
            checks: None,
            needs: Some(Needs { requirements, missing, ready }),
            run: None,
            stdout: String::new(),
            stderr: String::new(),
            review: None,
            feedback: None,
            at: String::new(),
        }
    }

    #[test]
    fn only_what_somebody_has_to_answer_for_is_asked() {
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
            let mut session = Session::default();
            session.settings.install = install;
            let version = version(packages.into_iter().cloned().collect(), ready);
            let names = |session: &Session| -> Vec<String> {
                unanswered(session, &version).iter().map(|m| m.name.clone()).collect()
            };
            assert_eq!(names(&session), asked, "{install:?} {version:?}");
            for name in &asked {
                session.installs.insert((*name).to_owned(), true);
            }
            assert!(names(&session).is_empty(), "it is asked twice");
        }
    }

    #[test]
    fn what_was_refused_is_left_out_of_the_environment() {
        let packages = vec![missing("a", true, None), missing("b", true, None)];
        let (version, mut session) = (version(packages, false), Session::default());
        assert_eq!(wanted(&session, &version), ["here", "a>=1", "b>=1"]);
        session.installs.insert("a".into(), false);
        assert_eq!(wanted(&session, &version), ["here", "b>=1"]);
        session.installs.insert("b".into(), false);
        assert!(wanted(&session, &version).is_empty());
        session.installs.clear();
        session.settings.install = Install::Never;
        assert!(wanted(&session, &version).is_empty());
    }
}
