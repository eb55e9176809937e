//! `redraft revoke`: revokes permissions of a session's scripts.

use super::{Context, code, work};
use crate::cli;
use crate::domain::event::{Artifact, Event};
use crate::domain::permission::Permission;
use crate::domain::text::one_line;
use crate::store;
use crate::workflow::permission;
use anyhow::{Result, bail};
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Revoke) -> Result<u8> {
    let place = context.find_whole(Some(&args.session))?;
    let (mut store, found) = store::open(&place.folder)?;
    work::take_up(context, &mut store, found)?;
    let open = permission::allowed(store.session());
    let revoked = match chosen(&open, &args.permissions) {
        Ok(revoked) => revoked,
        Err(unknown) if open.is_empty() => bail!("`{unknown}`: nothing is allowed to this session"),
        Err(unknown) => {
            let there: Vec<String> = open.iter().map(|p| format!("`{p}`")).collect();
            bail!("`{unknown}` is not allowed to this session; there is {}", there.join(", "))
        }
    };
    if !revoked.is_empty() {
        take_back(&mut store, &revoked)?;
        store.sync()?;
    }
    if context.terminal.json {
        context
            .terminal
            .json(&json!({ "revoked": revoked, "allowed": permission::allowed(store.session()) }));
    } else if revoked.is_empty() {
        context.terminal.say("nothing is allowed to this session");
    }
    for permission in &revoked {
        context.terminal.say(&one_line(&format!("taken back: {permission}"), 200));
    }
    Ok(code::DONE)
}

/// The named permissions, or all of them.
fn chosen(open: &[Permission], named: &[String]) -> Result<Vec<Permission>, String> {
    if named.is_empty() {
        return Ok(open.to_vec());
    }
    let find = |name: &String| {
        let found = open.iter().find(|permission| permission.to_string() == *name);
        found.cloned().ok_or_else(|| one_line(name, 100))
    };
    named.iter().map(find).collect()
}

fn take_back(store: &mut store::Store, revoked: &[Permission]) -> Result<()> {
    let before = store.session().settings.clone();
    let mut settings = before.clone();
    for permission in revoked {
        settings.close(permission);
    }
    store.record(Event::PermissionRevoked { permissions: revoked.to_vec() })?;
    if settings != before {
        // `session.yaml` must match the session's settings.
        let (request, artifact) = (None, Artifact::default());
        store.record(Event::SettingsChanged { request, settings: Box::new(settings), artifact })?;
    }
    Ok(())
}
