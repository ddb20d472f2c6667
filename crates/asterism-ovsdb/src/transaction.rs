//! One OVSDB transaction (RFC 7047 §4.1.3), and what its answer means.
//!
//! Pure. All operations happen or none does. Each is noted with what it is for, so that the one that failed can be
//! named, and the guard on the fence told from other conditions by its place.

use serde_json::{Value, json};

use crate::schema::{DATABASE, Table};

/// Operations in order, each with its purpose in words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transaction {
    operations: Vec<Value>,
    purposes: Vec<Purpose>,
}

/// What an operation is for.
#[derive(Debug, Clone, PartialEq)]
enum Purpose {
    /// To refuse everything unless the fence is what we think.
    Guard,
    /// In words that "… failed" completes, or "… does not hold" for a `wait`.
    Other(String),
}

/// What the server says became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of it happened.
    Committed,
    /// The guard did not hold. Nothing happened.
    GuardFailed,
    /// Something else failed, named here. Nothing happened.
    Failed(String),
    /// The answer makes no sense, so that nobody can say what happened.
    Unintelligible(String),
}

impl Transaction {
    /// Begins with this guard, a `wait`.
    pub fn guarded_by(guard: Value) -> Self {
        let mut transaction = Self::default();
        transaction.push_guard(guard);
        transaction
    }

    /// Appends a `wait` that stands for "the fence is what we think".
    pub fn push_guard(&mut self, guard: Value) {
        self.operations.push(guard);
        self.purposes.push(Purpose::Guard);
    }

    /// Appends an operation. `purpose` is completed by "… failed" or, for a `wait`, by "… does not hold".
    pub fn push(&mut self, purpose: impl Into<String>, operation: Value) {
        self.operations.push(operation);
        self.purposes.push(Purpose::Other(purpose.into()));
    }

    /// The `params` of the `transact` request.
    pub fn params(&self) -> Value {
        let mut params = vec![json!(DATABASE)];
        params.extend(self.operations.iter().cloned());
        Value::Array(params)
    }

    /// Reads the `result` of the reply: one element for each operation, then one more if the commit failed.
    pub fn verdict(&self, result: &Value) -> Verdict {
        let Some(results) = result.as_array() else {
            return Verdict::Unintelligible("the result is no array".to_owned());
        };
        let failed = results
            .iter()
            .enumerate()
            .find_map(|(place, result)| Some((place, result.get("error")?, result)));
        if let Some((place, error, result)) = failed {
            return self.failure(place, error, result.get("details"));
        }
        if results.len() != self.operations.len() || results.iter().any(|result| !result.is_object()) {
            return Verdict::Unintelligible(format!(
                "{} results for {} operations, and no error",
                results.len(),
                self.operations.len()
            ));
        }
        Verdict::Committed
    }

    fn failure(&self, place: usize, error: &Value, details: Option<&Value>) -> Verdict {
        // `wait` has but this one error (RFC 7047 §5.2.6), and no other operation has it.
        let condition = error == "timed out";
        match (self.purposes.get(place), condition) {
            (Some(Purpose::Guard), true) => Verdict::GuardFailed,
            (Some(Purpose::Guard), false) => {
                Verdict::Failed(format!("the guard failed: {}", words(error, details)))
            }
            (Some(Purpose::Other(purpose)), true) => Verdict::Failed(format!("{purpose} does not hold")),
            (Some(Purpose::Other(purpose)), false) => {
                Verdict::Failed(format!("{purpose} failed: {}", words(error, details)))
            }
            (None, _) => Verdict::Failed(words(error, details)),
        }
    }
}

fn words(error: &Value, details: Option<&Value>) -> String {
    let text = |json: &Value| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    match details {
        Some(details) => format!("{}: {}", text(error), text(details)),
        None => text(error),
    }
}

/// A `wait` that fails at once unless exactly one row of `table` meets `conditions` and `row` holds in it.
///
/// `timeout` 0 is what makes it refuse instead of standing in the server's queue.
pub fn wait(table: Table, conditions: Value, row: Value) -> Value {
    let columns: Vec<&String> = row.as_object().into_iter().flat_map(|row| row.keys()).collect();
    json!({
        "op": "wait", "timeout": 0, "table": table.name(), "where": conditions,
        "columns": columns, "until": "==", "rows": [row],
    })
}

/// A `mutate` of the rows of `table` that meet `conditions`.
pub fn mutate(table: Table, conditions: Value, mutations: Value) -> Value {
    json!({ "op": "mutate", "table": table.name(), "where": conditions, "mutations": mutations })
}

/// An `update` of the rows of `table` that meet `conditions`.
pub fn update(table: Table, conditions: Value, row: Value) -> Value {
    json!({ "op": "update", "table": table.name(), "where": conditions, "row": row })
}

/// An `insert` into `table`, to which later operations refer by `name`.
pub fn insert(table: Table, name: &str, row: Value) -> Value {
    json!({ "op": "insert", "table": table.name(), "uuid-name": name, "row": row })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(result: Value) -> Verdict {
        let mut transaction = Transaction::guarded_by(json!({}));
        transaction.push("that bridge b is there", json!({}));
        transaction.push("adding port p", json!({}));
        transaction.verdict(&result)
    }

    #[test]
    fn a_failed_guard_is_told_from_another_failed_condition_by_its_place() {
        let timed_out = json!({"error": "timed out", "details": "\"where\" clause test failed"});
        assert_eq!(verdict(json!([timed_out, null, null])), Verdict::GuardFailed);
        assert_eq!(
            verdict(json!([{}, timed_out, null])),
            Verdict::Failed("that bridge b is there does not hold".to_owned())
        );
    }

    #[test]
    fn an_error_at_commit_stands_behind_the_last_operation() {
        let error = json!({"error": "constraint violation", "details": "twice"});
        assert_eq!(
            verdict(json!([{}, {}, {"count": 1}, error])),
            Verdict::Failed("constraint violation: twice".to_owned())
        );
        assert_eq!(
            verdict(json!([{}, {}, error])),
            Verdict::Failed("adding port p failed: constraint violation: twice".to_owned())
        );
    }

    #[test]
    fn only_a_whole_answer_means_committed() {
        assert_eq!(verdict(json!([{}, {}, {"count": 1}])), Verdict::Committed);
        for odd in [json!([{}, {}]), json!([{}, {}, null]), json!({}), json!([])] {
            assert!(matches!(verdict(odd.clone()), Verdict::Unintelligible(_)), "{odd}");
        }
    }
}
