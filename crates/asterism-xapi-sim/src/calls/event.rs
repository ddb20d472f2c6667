//! Events: `event.from` and `event.inject`, and the older `event.register` and `event.next`.
//!
//! What changed is told by the database; here are tokens, subscriptions and waiting.

use std::time::Duration;

use super::{Call, void};
use crate::{
    database::{Changes, Subscription},
    failure::{Answer, Failure},
    pool::State,
    value::Value,
};

/// How long xapi waits after the first change for others that belong to it.
const BATCH: Duration = Duration::from_millis(50);
/// How often old versions look at the timeout.
const OVERSHOOT: Duration = Duration::from_secs(10);
/// How long a call waits at most; a real one waits as long as is asked, or for ever.
const LONGEST: Duration = Duration::from_secs(3600);

pub(super) fn perform(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "from" => from(call),
        "inject" => inject(call),
        "get_current_id" => Ok(Value::Int(0)),
        "register" => register(call),
        "unregister" => unregister(call),
        "next" => next(call),
        _ => return None,
    })
}

fn from(call: &Call<'_>) -> Answer {
    let subscriptions: Vec<_> =
        call.argument(0).as_texts().iter().map(|text| Subscription::parse(text)).collect();
    let since = parse_token(call.text(1))?;
    let look = |state: &State| look(state, &call.session, &subscriptions, since);
    let at_once = look(&call.pool.lock());
    let changes = match at_once {
        Some(changes) => changes?,
        None => {
            let woken = call.pool.wait(timeout(call), look);
            if woken.is_some() {
                call.pool.sleep(BATCH);
            }
            let state = call.pool.lock();
            // Time is over, or something changed: the answer is what is there in either case.
            look(&state).unwrap_or_else(|| Ok(Changes { events: Vec::new(), generation: since }))?
        }
    };
    let counts = call.pool.read(|database| database.counts());
    let count = |number: usize| Value::Int32(i32::try_from(number).unwrap_or(i32::MAX));
    Ok(Value::Map(vec![
        ("events".to_owned(), Value::Set(changes.events)),
        (
            "valid_ref_counts".to_owned(),
            Value::Map(counts.into_iter().map(|(class, number)| (class, count(number))).collect()),
        ),
        ("token".to_owned(), Value::text(token(changes.generation))),
    ]))
}

/// What there is to tell, if anything; or that the session is over.
fn look(
    state: &State,
    session: &str,
    subscriptions: &[Subscription],
    since: u64,
) -> Option<Result<Changes, Failure>> {
    if !state.database.has("session", session) {
        return Some(Err(Failure::new("SESSION_INVALID", [session])));
    }
    let changes = state.database.changes(subscriptions, since);
    (!changes.events.is_empty()).then_some(Ok(changes))
}

fn timeout(call: &Call<'_>) -> Duration {
    let asked = Duration::try_from_secs_f64(call.argument(2).as_float()).unwrap_or_default();
    let timeout = asked.min(LONGEST);
    if timeout.is_zero() || !call.pool.lock().overshoots {
        return timeout;
    }
    timeout.max(call.pool.clock.scaled(OVERSHOOT))
}

/// Two numbers, of the database and of messages; nothing is the beginning. Those before the beginning count as it.
fn parse_token(text: &str) -> Result<u64, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let numbers =
        text.split_once(',').and_then(|(database, messages)| number(database).zip(number(messages)));
    let (database, _) = numbers.ok_or_else(|| Failure::new("EVENT_FROM_TOKEN_PARSE_FAILURE", [text]))?;
    Ok(u64::try_from(database).unwrap_or(0))
}

/// Messages are not simulated: their generation is always 0.
fn token(generation: u64) -> String {
    format!("{generation:020},{:020}", 0)
}

/// The class must be written exactly.
fn inject(call: &Call<'_>) -> Answer {
    let (class, reference) = (call.text(0), call.text(1));
    call.pool.write(|database| {
        if !database.has(class, reference) {
            return Err(Failure::handle_invalid(class, reference));
        }
        let before = database.generation();
        database.touch(class, reference);
        Ok(Value::text(token(before)))
    })
}

fn register(call: &Call<'_>) -> Answer {
    let classes = call.argument(0).as_texts().iter().map(|class| class.to_ascii_lowercase()).collect();
    call.pool.change(|state| {
        let generation = state.database.generation();
        state.registered.insert(call.session.clone(), (classes, generation));
    });
    void()
}

fn unregister(call: &Call<'_>) -> Answer {
    call.pool.change(|state| state.registered.remove(&call.session));
    void()
}

/// The older way: changes since the last call, numbered from 0 in each answer, with a real timestamp.
fn next(call: &Call<'_>) -> Answer {
    let session = &call.session;
    let not_registered = || Failure::new("SESSION_NOT_REGISTERED", [format!("trackid={session}")]);
    let found = call.pool.wait(LONGEST, |state| {
        if !state.database.has("session", session) {
            return Some(Err(Failure::new("SESSION_INVALID", [session.as_str()])));
        }
        let Some((classes, since)) = state.registered.get(session) else {
            return Some(Err(not_registered()));
        };
        let subscriptions: Vec<_> = classes.iter().map(|class| Subscription::parse(class)).collect();
        let changes = state.database.changes(&subscriptions, *since);
        (!changes.events.is_empty()).then_some(Ok(changes))
    });
    let changes = found.unwrap_or(Ok(Changes { events: Vec::new(), generation: 0 }))?;
    call.pool.change(|state| {
        if let Some((_, since)) = state.registered.get_mut(session) {
            *since = changes.generation.max(*since);
        }
    });
    let timestamp = format!("{}.", call.pool.clock.seconds());
    let events = changes.events.into_iter().enumerate().map(|(number, event)| {
        let entries = event.entries().iter().map(|(key, value)| match key.as_str() {
            "id" => (key.clone(), Value::text(number.to_string())),
            "timestamp" => (key.clone(), Value::text(&timestamp)),
            _ => (key.clone(), value.clone()),
        });
        Value::Map(entries.collect())
    });
    Ok(Value::Set(events.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_xapi_reads_them() {
        assert_eq!(parse_token(""), Ok(0));
        assert_eq!(parse_token("00000000000000000317,00000000000000000000"), Ok(317));
        assert_eq!(parse_token("1,2"), Ok(1));
        assert_eq!(parse_token("-1,0"), Ok(0));
        for nonsense in ["xyz", "1", " ,", "1,2,3", "a,b"] {
            let failure = parse_token(nonsense).unwrap_err();
            assert_eq!(failure, Failure::new("EVENT_FROM_TOKEN_PARSE_FAILURE", [nonsense]));
        }
    }

    #[test]
    fn tokens_compare_as_texts() {
        assert!(token(9) < token(10) && token(99) < token(100));
        assert_eq!(token(317), "00000000000000000317,00000000000000000000");
    }
}
