//! Calls of somebody else: what an administrator or another tool does in the pool.

use std::sync::Arc;

use super::Simulator;
use crate::{
    calls::{Refusal, serve},
    failure::{Answer, Failure},
    value::Value,
};

impl Simulator {
    /// Carries out a call with these arguments on the master, in a session of its own.
    ///
    /// # Errors
    /// What the call answers.
    pub fn call(&self, method: &str, arguments: Vec<Value>) -> Answer {
        let pool = Arc::clone(&self.0.pool);
        let (master, user, password) = {
            let state = pool.lock();
            (state.database.master(), state.user.clone(), state.password.clone())
        };
        let login = vec![Value::text(user), Value::text(password)];
        let session = answered(serve(&pool, &master, "session.login_with_password", login))?;
        let parameters = std::iter::once(session.clone()).chain(arguments).collect();
        let answer = answered(serve(&pool, &master, method, parameters));
        answered(serve(&pool, &master, "session.logout", vec![session]))?;
        answer
    }
}

fn answered(answer: Result<Value, Refusal>) -> Answer {
    answer.map_err(|refusal| match refusal {
        Refusal::Failure(failure) | Refusal::BadCharacter(failure) => failure,
        Refusal::HangUp => Failure::new("CONNECTION_LOST", [""]),
    })
}
