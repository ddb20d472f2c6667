//! Logging in and out, and whether a session may call: sessions of the pool, and local ones of a slave.

use std::{sync::Arc, time::Duration};

use super::{Call, Refusal, void};
use crate::{
    datamodel::Type,
    failure::{Answer, Failure},
    pool::Pool,
    value::Value,
};

/// How many sessions one originator may have; more, and those that were used least lately are destroyed.
const SESSIONS_MAX: usize = 500;
/// How long a slave tries to ask its master, until its xapi gives up and restarts.
const SLAVE_GIVES_UP: Duration = Duration::from_secs(14);

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "login_with_password" => login(call),
        "slave_local_login_with_password" => local_login(call),
        "logout" => logout(call),
        "local_logout" => local_logout(call),
        "logout_subject_identifier" => void(),
        "get_all_subject_identifiers" => Ok(Value::Set(Vec::new())),
        _ => return None,
    })
}

/// The reference of a session that may call, or the refusal. On a slave it says where the master is.
pub(super) fn check(pool: &Arc<Pool>, host: &str, method: &str, session: &Value) -> Result<String, Refusal> {
    let session = Type::Text.unmarshal(session.clone())?.as_text().to_owned();
    let (is_pools, is_local, machine) = {
        let state = pool.lock();
        let is_local = state.local_sessions.contains(&session);
        (state.database.has("session", &session), is_local, state.machines.get(host).cloned())
    };
    if let Some(machine) = machine.filter(|machine| machine.slave_of.is_some()) {
        if is_local && (method == "session.local_logout" || method.starts_with("pool.emergency_")) {
            return Ok(session);
        }
        if !is_local && !machine.reaches_master {
            pool.sleep(pool.clock.scaled(SLAVE_GIVES_UP));
            return Err(Refusal::HangUp);
        }
        if is_pools {
            return Err(slave(&machine.slave_of.unwrap_or_default()).into());
        }
    }
    if !is_pools {
        return Err(Failure::new("SESSION_INVALID", [session]).into());
    }
    refresh(pool, &session);
    Ok(session)
}

/// What a host in emergency mode answers: the same to nearly everything.
pub(super) fn check_emergency(pool: &Arc<Pool>, host: &str, method: &str) -> Result<(), Failure> {
    const ANSWERED: &[&str] = &[
        "session.slave_local_login_with_password",
        "session.local_logout",
        "pool.emergency_transition_to_master",
        "pool.emergency_reset_master",
        "system.listMethods",
    ];
    let code = pool.lock().machines.get(host).and_then(|machine| machine.emergency.clone());
    match code {
        Some(code) if !ANSWERED.contains(&method) => Err(Failure::bare(&code)),
        Some(_) | None => Ok(()),
    }
}

fn slave(master: &str) -> Failure {
    Failure::new("HOST_IS_SLAVE", [master])
}

fn login(call: &Call<'_>) -> Answer {
    let master = call.pool.lock().machines.get(call.host).and_then(|machine| machine.slave_of.clone());
    if let Some(master) = master {
        return Err(slave(&master));
    }
    check_password(call)?;
    let originator = call.text(3).to_owned();
    let (date, this_host) = (call.pool.clock.date(), call.host.to_owned());
    let session = call.pool.write(|database| {
        database.create(
            "session",
            [
                ("this_host", Value::text(this_host)),
                ("last_active", Value::Date(date.clone())),
                ("validation_time", Value::Date(date)),
                ("is_local_superuser", Value::Bool(true)),
                ("auth_user_name", Value::text(call.text(0))),
                ("originator", Value::text(&originator)),
                ("this_user", Value::null_ref()),
            ],
        )
    });
    forget_oldest(call.pool, &originator);
    Ok(Value::text(session))
}

fn local_login(call: &Call<'_>) -> Answer {
    check_password(call)?;
    Ok(Value::text(call.pool.change(|state| {
        let session = state.database.ids().reference();
        state.local_sessions.push(session.clone());
        session
    })))
}

fn check_password(call: &Call<'_>) -> Result<(), Failure> {
    let (is_right, delay) = {
        let state = call.pool.lock();
        (state.user == call.text(0) && state.password == call.text(1), state.wrong_password_delay)
    };
    if is_right {
        return Ok(());
    }
    call.pool.sleep(delay);
    Err(Failure::new("SESSION_AUTHENTICATION_FAILED", [call.text(0), "Authentication failure"]))
}

fn logout(call: &Call<'_>) -> Answer {
    call.pool.change(|state| {
        state.database.destroy("session", &call.session);
        state.registered.remove(&call.session);
    });
    void()
}

/// A session of the pool is no local one; a local one never gets here on a master.
fn local_logout(call: &Call<'_>) -> Answer {
    call.pool.change(|state| state.local_sessions.retain(|session| *session != call.session));
    void()
}

/// Notes that a session is in use, at most once in ten minutes of the clock's face.
fn refresh(pool: &Pool, session: &str) {
    let date = pool.clock.date();
    // `20261122T13:1`: the hour, and the first digit of the minute.
    let ten_minutes = |date: &str| date.get(..13).map(ToOwned::to_owned);
    let last = pool.read(|database| database.text("session", session, "last_active").to_owned());
    if ten_minutes(&last) != ten_minutes(&date) {
        pool.write(|database| database.set("session", session, "last_active", Value::Date(date)));
    }
}

fn forget_oldest(pool: &Pool, originator: &str) {
    pool.write(|database| {
        let mut sessions: Vec<(String, u64)> = database
            .rows("session")
            .filter(|(_, row)| row.text("originator") == originator)
            .map(|(reference, row)| (reference.to_owned(), row.modified))
            .collect();
        sessions.sort_by_key(|(_, modified)| *modified);
        let excess = sessions.len().saturating_sub(SESSIONS_MAX);
        for (session, _) in &sessions[..excess] {
            database.destroy("session", session);
        }
    });
}
